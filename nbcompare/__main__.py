"""``nb-compare`` and ``python -m nbcompare``."""

import atexit
import gc
import os
import sys
import threading

_OBJECTS = 50_000
"""So many more objects than were freed, Python's own 700 being for programs that run for days, before cycles are looked
for: while modules are imported and records read there are none, and each look goes through all that there is."""


def main() -> int:
    open_streams()
    gc.set_threshold(_OBJECTS)
    let_threads_sleep()
    watch_soon(sys.argv[1:])
    from nbcompare.cli import run
    from nbcompare.engine.processes.stopping import obey_signals

    obey_signals()
    code = run(sys.argv[1:])
    leave(code)
    return code


def watch_soon(argv: list[str]) -> None:
    """Start the process that watches engines (watcher.py) where a line is likely to run some, before all else is
    loaded: another core, which has nothing to do, starts it meanwhile. Where no engine is run it ends with this one.
    A line of options before a -- is a one-shot."""
    is_likely = argv[:1] in (["run"], ["oneshot"]) or (argv[:1] and argv[0].startswith("-") and "--" in argv)
    if is_likely and not {"--help", "-h", "--dry-run"}.intersection(argv):
        from nbcompare.engine.processes.watcher import begin

        begin()


def leave(code: int) -> None:
    """End this process without taking modules apart that go with it: a twentieth of a second. What is to be done at the
    end is done. Where something else still goes on, or cannot be printed, this returns, and Python ends it."""
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


def let_threads_sleep() -> None:
    """Let the threads that NumPy's OpenBLAS starts, one for each further core, wait for work without using their core:
    they look for it for a tenth of a second before they sleep, which engines and git could use. Not in os.environ,
    which the record speaks of."""
    if "OPENBLAS_THREAD_TIMEOUT" not in os.environ:
        os.putenv("OPENBLAS_THREAD_TIMEOUT", "16")


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
