"""An engine that takes any nanoBragg command, alone or many with -batch: its image has the size that the command
asks for, and what ``defects`` do to it. They get the words and the values, and may end the run with a number."""
import json
import os
import re
import sys
from array import array


def size(argv, folder):
    """Pixels along fast and slow, as the options say them; a header is read as options in its place."""
    mm, pixels, pixel = [102.4, 102.4], [0, 0], 0.1
    for word, value in zip(argv, [*argv[1:], ""], strict=True):
        axes = (0,) if word.endswith(("_f", "_x")) else (1,) if word.endswith(("_s", "_y")) else (0, 1)
        if word in ("-img", "-mask"):
            with open(os.path.join(folder, value), "rb") as stream:
                said = dict(re.findall(r"(\w+)=([^;]*);", stream.read(512).decode("latin-1")))
            pixels, pixel = [int(said["SIZE1"]), int(said["SIZE2"])], float(said["PIXEL_SIZE"])
        for axis in axes:
            if word.startswith("-detpixels"):
                pixels[axis] = int(value)
            elif word.startswith("-detsize"):
                mm[axis], pixels[axis] = float(value), 0
        pixel = float(value) if word == "-pixel" else pixel
    return [count or int(-(-(length / pixel - 0.5) // 1)) for count, length in zip(pixels, mm, strict=True)]


def answer(argv, folder, defects):
    if "-version" in argv:
        return 0
    fast, slow = size(argv, folder)
    count = fast * slow
    values = [float(i * 7919 % 101 + 1) for i in range(count)]
    values[count // 2] = 1000.0
    code = defects(argv, values)
    if not code:
        name = argv[len(argv) - argv[::-1].index("-floatfile")]
        with open(os.path.join(folder, name), "wb") as stream:
            stream.write(array("f", values).tobytes())
    return code or 0


def main(defects):
    if "-batch" not in sys.argv:
        if "-version" in sys.argv:
            print("any command 1.0")
        sys.exit(answer(sys.argv[1:], os.getcwd(), defects))
    for line in sys.stdin:
        request = json.loads(line)
        code = answer(request["argv"], request["folder"], defects)
        said = "any command 1.0\n" if "-version" in request["argv"] else ""
        print(json.dumps({"exit_code": code, "folder": request["folder"], "stdout": said, "stderr": "",
                          "seconds": 0.001}), flush=True)
