"""``nb-compare`` and ``python -m nbcompare``."""

import os
import sys


def main() -> int:
    open_streams()
    from nbcompare.cli import run
    from nbcompare.engine.processes.stopping import obey_signals

    obey_signals()
    return run(sys.argv[1:])


def open_streams() -> None:
    """Give a program that was started without them a standard input, output and error, which lead nowhere: the next
    file to be opened would take their place, and evidence be printed into."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", closefd=False))


if __name__ == "__main__":
    sys.exit(main())
