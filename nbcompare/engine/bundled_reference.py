"""The C reference that ships with the project: where it is, and building it when needed.

In a checkout it is built beside its sources; where they cannot be written (an installation that is read-only, or
somebody else's) or were installed from a wheel, in the user's cache, in a folder named after the sources' sum.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from nbcompare.engine.installation import REFERENCE_SOURCE
from nbcompare.engine.processes.process import run_program
from nbcompare.errors import FileError, UsageError
from nbcompare.files import hash_of_named, others_could_write, sha256_of, user_cache

BUILD_SECONDS = 600.0
NO_SOURCES = "the sources of the bundled C reference are not here"
PROGRAM = "nanobragg_reference"


def build_folder() -> Path:
    """Where the program is, or will be, built. A read-only folder that holds a current program is good enough."""
    beside = REFERENCE_SOURCE / "build"
    in_checkout = REFERENCE_SOURCE.parent.name == "simulator"
    if (in_checkout and os.access(beside if beside.is_dir() else REFERENCE_SOURCE, os.W_OK)) or _is_current(beside):
        return beside
    return user_cache() / "reference" / _sum_of_sources()[:16]


def _sources() -> list[Path]:
    return sorted(path for path in REFERENCE_SOURCE.iterdir() if path.suffix in (".c", ".h") or path.name == "Makefile")


def _sum_of_sources() -> str:
    return hash_of_named((path.name, sha256_of(path)) for path in _sources())


def _is_current(build: Path) -> bool:
    """Whether a program is there that is newer than all it is made from."""
    program = build / PROGRAM
    return program.is_file() and all(path.stat().st_mtime <= program.stat().st_mtime for path in _sources())


def _is_made(build: Path) -> bool:
    """Whether make would do nothing, by the same times: no source is newer than any object, no object newer than the
    program. Asked while nobody else builds, since a program is there before it is whole."""
    program, objects = build / PROGRAM, [build / f"{path.stem}.o" for path in _sources() if path.suffix == ".c"]
    if not objects or not all(path.is_file() for path in (program, *objects)):
        return False
    times = [path.stat().st_mtime_ns for path in objects]
    newest = max(path.stat().st_mtime_ns for path in _sources())
    return newest <= min(times) and max(times) <= program.stat().st_mtime_ns


def found_program() -> Path | None:
    """The program that is there already; in a checkout make may still have to renew it. Raises FileError for one in
    the cache that somebody else could have put there."""
    program = build_folder() / PROGRAM
    in_cache = program.parent.parent != REFERENCE_SOURCE
    return program if program.is_file() and not (in_cache and not _is_trusted(program)) else None


def build_reference() -> Path:
    """The reference program, built by make unless it is up to date.

    Raises UsageError when there is no source or no make, and FileError, with what the compiler said,
    when the build fails. Two builds at once wait for each other.
    """
    if not (REFERENCE_SOURCE / "Makefile").is_file():
        raise UsageError(NO_SOURCES,
                         hint="name a C program with --c-bin or $NB_C_BIN")
    build = build_folder()
    if _is_ready(build):
        return build / PROGRAM
    try:
        build.mkdir(parents=True, exist_ok=True, mode=0o755)
        with open(build / ".lock", "w") as lock, tempfile.TemporaryDirectory() as scratch:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if build.parent != REFERENCE_SOURCE:
                return _make_whole(build, Path(scratch))
            return build / PROGRAM if _is_made(build) else _make(build, Path(scratch))
    except OSError as fault:
        hint = "give $XDG_CACHE_HOME a folder that can be written, or name a program with --c-bin"
        raise FileError(f"{build}: cannot build the C reference there: {fault.strerror}", hint=hint) from None


def _is_ready(build: Path) -> bool:
    """Whether nothing has to be written. In the cache the folder bears the sum of its sources, and a program appears
    there when it is whole, so that it is current whenever its sources were installed."""
    if build.parent != REFERENCE_SOURCE:
        return (build / PROGRAM).is_file() and _is_trusted(build / PROGRAM)
    return not os.access(build, os.W_OK) and _is_current(build)


def _is_trusted(program: Path) -> bool:
    """Whether nobody but this user or the superuser could have put the program there. Raises FileError for any other,
    as it would be run."""
    for path in (program, program.parent):
        if doubt := others_could_write(path):
            raise FileError(f"{path} {doubt}, and it would be run",
                            hint="remove it, or give $XDG_CACHE_HOME a folder of your own")
    return True


def _make_whole(build: Path, scratch: Path) -> Path:
    """The program of a folder in the cache, made aside and put there in one step."""
    program = build / PROGRAM
    if not program.is_file():
        made = _make(scratch / "build", scratch)
        with tempfile.NamedTemporaryFile(dir=build, prefix=".part-", delete=False) as part:
            shutil.copyfile(made, part.name)
        os.chmod(part.name, 0o755)
        os.replace(part.name, program)
    return program


def _make(build: Path, scratch: Path) -> Path:
    out, err = scratch / "out", scratch / "err"
    ended = run_program(["make", "-s", "-C", str(REFERENCE_SOURCE), f"BUILD={build}"], folder=scratch, stdout=out,
                        stderr=err, seconds=BUILD_SECONDS)
    if ended.not_started:
        raise UsageError(f"cannot build the bundled C reference: {ended.not_started}",
                         hint="install make and a C compiler, or name a C program with --c-bin")
    program = build / PROGRAM
    if ended.exit_code or not program.is_file():
        said = (out.read_text(errors="replace") + err.read_text(errors="replace")).strip()
        raise FileError("building the C reference failed; make said:", faults=said.splitlines()[-12:])
    return program
