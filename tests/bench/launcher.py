"""Runs the programs it is asked to on standard input, and answers what they took: one JSON line each.

It imports nothing large, because the most memory that the kernel counts for a child begins with what its parent held.
"""

import json
import os
import subprocess
import sys
import time


def main():
    for line in sys.stdin:
        asked = json.loads(line)
        started = time.perf_counter()
        process = subprocess.Popen(asked["argv"], cwd=asked["folder"], env=asked["environment"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        print(json.dumps({"seconds": time.perf_counter() - started, "cpu": usage.ru_utime + usage.ru_stime,
                          "peak_mb": usage.ru_maxrss / 1024, "status": process.returncode,
                          "stderr": said.decode(errors="replace")}), flush=True)


if __name__ == "__main__":
    main()
