"""An engine that kills whoever started it: -kill-when WHEN, or so many milliseconds after it has ended itself."""
import os
import signal
import sys
import time

from _image import option, pixels, write


def kill():
    os.kill(os.getppid(), signal.SIGKILL)


def kill_later(milliseconds):
    """From a process of its own session, which nb-compare does not end with the engine."""
    victim = os.getppid()
    if os.fork() == 0:
        os.setsid()
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        time.sleep(milliseconds / 1000)
        os.kill(victim, signal.SIGKILL)
        os._exit(0)


if "-version" in sys.argv:
    print("assassin")
else:
    when = option("-kill-when")
    if when == "before":
        kill()
    elif when == "half":
        values = pixels()
        write(values[:len(values) // 2])
        kill()
    elif when != "after":
        kill_later(float(when))
    write(pixels())
    if when == "after":
        kill()
