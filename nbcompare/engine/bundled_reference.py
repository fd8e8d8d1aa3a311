"""The C reference that ships with the project: where it is, and building it when needed."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

from nbcompare.engine.process import run_program
from nbcompare.errors import FileError, UsageError

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCE = CHECKOUT / "simulator" / "reference"
BUILD_SECONDS = 600.0


def build_reference() -> Path:
    """The reference program, built by make unless it is up to date.

    Raises UsageError when there is no source or no make, and FileError, with what the compiler said,
    when the build fails. Two builds at once wait for each other.
    """
    if not (SOURCE / "Makefile").is_file():
        raise UsageError("the bundled C reference is not here (nb-compare was installed without its checkout)",
                         hint="name a C program with --c-bin or $NB_C_BIN")
    build = SOURCE / "build"
    try:
        build.mkdir(exist_ok=True)
        with open(build / ".lock", "w") as lock, tempfile.TemporaryDirectory() as scratch:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _make(build, Path(scratch))
    except OSError as fault:
        raise FileError(f"{build}: cannot build the C reference there: {fault.strerror}") from None


def _make(build: Path, scratch: Path) -> Path:
    out, err = scratch / "out", scratch / "err"
    ended = run_program(["make", "-s", "-C", str(SOURCE)], folder=scratch, stdout=out, stderr=err,
                        seconds=BUILD_SECONDS)
    if ended.not_started:
        raise UsageError(f"cannot build the bundled C reference: {ended.not_started}",
                         hint="install make and a C compiler, or name a C program with --c-bin")
    program = build / "nanobragg_reference"
    if ended.exit_code or not program.is_file():
        said = (out.read_text(errors="replace") + err.read_text(errors="replace")).strip()
        raise FileError("building the C reference failed; make said:\n" + "\n".join(said.splitlines()[-12:]))
    return program
