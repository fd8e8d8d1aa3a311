"""What ended a command, as a sentence and an exit code: the same on standard error and in every form of results."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from nbcompare.engine.processes.stopping import Stopped
from nbcompare.errors import CaseError, ExitCode, FileError, NbCompareError
from nbcompare.visible import visible

ENDS = (Exception, Stopped, KeyboardInterrupt)
"""What can end a command; ``said_of`` knows each."""


@dataclass(frozen=True)
class EndMessage:
    """What is told of an end. ``code`` is 128 and the signal's number where a signal ended it; ``trace`` is whether the
    fault is ours, and shown with its trace."""

    text: str
    code: int
    trace: bool = False


def said_of(fault: BaseException, argv: Sequence[str] = ()) -> EndMessage:
    """What is to be told of what ended a command, whose words are ``argv``."""
    if isinstance(fault, click.exceptions.NoArgsIsHelpError):
        return EndMessage("nothing was named to be done", ExitCode.USAGE)
    if isinstance(fault, click.ClickException):
        context = fault.ctx if isinstance(fault, click.UsageError) else None
        # click names no command where an option lacks its value
        where = context.command_path if context else " ".join(("nb-compare", *(w for w in argv[:1] if w.isalpha())))
        return EndMessage(f"{visible(fault.format_message())}{_of_nanobragg(fault, argv)}\n  next: {where} --help",
                          ExitCode.USAGE)
    if isinstance(fault, (click.exceptions.Abort, KeyboardInterrupt)):
        return EndMessage(f"stopped; what was being run left no bundle{_goes_on(argv)}", ExitCode.ENGINE_FAILED)
    if isinstance(fault, Stopped):
        return EndMessage(f"stopped by {fault}; what was being run left no bundle, and no engine is left running"
                          f"{_goes_on(argv)}", 128 + fault.number)
    if isinstance(fault, NbCompareError):
        return EndMessage(f"{fault}{_further(fault)}", fault.exit_code)
    if isinstance(fault, MemoryError):
        return EndMessage("there is not enough memory for this (see ulimit -v)", ExitCode.IO)
    if isinstance(fault, OSError):
        return EndMessage(visible(f"{_place(fault)}: {fault.strerror or fault}"), ExitCode.IO)
    if _is_starved(fault):
        last = (str(fault).strip() or type(fault).__name__).splitlines()[-1]
        return EndMessage(f"there is not enough memory for this (see ulimit -v): {visible(last)}", ExitCode.IO)
    return EndMessage("this is a defect of nb-compare itself; please report it with the lines above", ExitCode.DEFECT,
                      True)


def _goes_on(argv: Sequence[str]) -> str:
    """What to do when a sweep was stopped: what it finished by then is kept."""
    if not argv or argv[0] != "sweep":
        return ""
    same = "the same command without --force" if "--force" in argv else "the same command"
    return f"\n  next: {same} again: it goes on from what is finished"


def _further(fault: NbCompareError) -> str:
    """A line for each other fault of a file that is written by hand, as ``validate`` lists them: whoever mends the
    first one is not to meet the next by running again."""
    if not isinstance(fault, CaseError) or fault.path is None:
        return ""
    from pathlib import Path

    from nbcompare.case.validate import validate

    try:
        others = [str(other) for other in validate(Path(str(fault.path))).faults]
    except (NbCompareError, OSError):
        return ""
    return "".join(f"\nand {line}" for line in others if line != str(fault)) if str(fault) in others else ""


def _of_nanobragg(fault: click.ClickException, argv: Sequence[str]) -> str:
    """Where an option belongs that a command does not have, but nanoBragg has."""
    from nbcompare.case.arguments.options import option_named

    if not isinstance(fault, click.NoSuchOption) or fault.option_name.startswith("--"):
        return ""
    before = argv[:argv.index("--")] if "--" in argv else argv
    letter = fault.option_name[1:]  # click reads -phi as -p, -h and -i
    named = next((word for word in before if letter in word and option_named(word)), None)
    return f" {named} is an option of nanoBragg: it belongs in the command of a case (nb-compare init -- ARGS writes " \
           "one), or after -- (nb-compare -- ARGS)." if named else ""


def tell(fault: BaseException, said: EndMessage) -> None:
    """On standard error. A reader of standard output who went away is told nothing, as he wanted no more."""
    if isinstance(fault, click.exceptions.NoArgsIsHelpError):
        click.echo(fault.format_message(), err=True)
        return
    if said.trace:
        import traceback

        traceback.print_exception(fault)
    if isinstance(fault, OSError):
        _let_go()
    if not isinstance(fault, BrokenPipeError):
        with contextlib.suppress(OSError) if isinstance(fault, OSError) else contextlib.nullcontext():
            click.echo(f"nb-compare: error: {said.text}", err=True)


def check_memory() -> None:
    """Raise FileError where this process may hold less memory than the libraries reserve while they are loaded: some of
    them, short of it, try again for ever, or end without a word.

    Measured: a run reserves 480 MB, and 82 more for each further core that may be used; much less is ever touched.
    """
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return
    threads = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS", "")
    cores = int(threads) if threads.isdecimal() and int(threads) else os.cpu_count() or 1
    needed = (500 + 90 * min(cores, 64)) << 20
    if limit < needed:
        raise FileError(f"memory is limited to {limit >> 20} MiB (see ulimit -v), and the libraries in use reserve "
                        f"up to {needed >> 20} MiB; least with OPENBLAS_NUM_THREADS=1 (now {cores})")


def _is_starved(fault: BaseException) -> bool:
    """Whether a library failed because memory is limited: each says so in its own way, some in none."""
    import resource

    limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    chain: BaseException | None = fault
    while chain is not None:
        said = str(chain)
        if any(words in said for words in ("map segment", "llocate memory", "start new thread")):
            return True
        if limited and said and isinstance(chain, (MemoryError, ImportError, SystemError)):
            return True
        chain = chain.__cause__ or chain.__context__
    return False


def _place(fault: OSError) -> str:
    """What a fault of the system that nothing caught before is about: mostly what is printed finds no room, or the
    working folder is gone."""
    return str(fault.filename or ("the working folder" if isinstance(fault, FileNotFoundError) else "standard output"))


def _let_go() -> None:
    """What is still to be printed is let go, as it would fail again when the program ends."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
