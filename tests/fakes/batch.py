"""An engine that takes many commands with -batch; it dies when told to -die, and sleeps when told to -sleep."""
import json
import os
import signal
import sys
import time

from _image import pixels, write


def answer(argv, folder):
    sys.argv = ["batch.py", *argv]
    os.chdir(folder)
    if "-die" in argv:
        os.kill(os.getpid(), signal.SIGKILL)
    if "-sleep" in argv:
        time.sleep(60)
    if "-version" in argv:
        return 0, f"batch engine 1.0 process={os.getpid()}\n"
    if "-refuse" in argv:
        return 2, ""
    write(pixels())
    return 0, f"process={os.getpid()}\n"


if "-batch" not in sys.argv:
    print(answer(sys.argv[1:], ".")[1], end="")
else:
    for line in sys.stdin:
        request = json.loads(line)
        code, said = answer(request["argv"], request["folder"])
        print(json.dumps({"exit_code": code, "folder": request["folder"], "stdout": said, "stderr": "",
                          "seconds": 0.001}), flush=True)
