"""The files that a command line names: what it reads must be among the inputs, which are copied for each engine and
hashed; what it writes must stay in the folder of the run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

from nbcompare.case.arguments.command import WrittenOption, parse_command
from nbcompare.case.arguments.options import FLOAT_FILE
from nbcompare.errors import nearest

FLOAT_OPTION = "-floatfile"
ADDED_BY_THE_RUNNER = "is added by the runner, for each engine its own; leave it out"


def file_faults(argv: Sequence[str], inputs: Collection[str]) -> Iterator[str]:
    """What is wrong with the files that a whole command line names; ``inputs`` are the names of those that are there.

    The float image is no option of the user's: the runner adds it for each engine.
    """
    command = parse_command(argv)
    for item in command.items:
        if item.name == FLOAT_OPTION:
            yield f"{item.word} {ADDED_BY_THE_RUNNER}"
    for item in command.reading():
        if plain(item.values[0]) not in inputs:
            yield f"{item} is not among the inputs; {nearest(item.values[0], inputs)}"
    for item in command.writing():
        fault = _output_fault(item, inputs)
        if fault and item.name != FLOAT_OPTION:
            yield fault


def files_of(folder: Path) -> frozenset[str]:
    """The names of all files in a folder and below it."""
    return frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def plain(name: str) -> str:
    """A file's name without ./ and doubled slashes."""
    return PurePosixPath(name).as_posix()


def leads_out(name: str) -> bool:
    """Whether a name leads out of the folder it is looked up in."""
    return PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts


def _output_fault(item: WrittenOption, inputs: Collection[str]) -> str | None:
    name = item.values[0]
    if leads_out(name) or not PurePosixPath(name).name:
        return f"{item} leads out of the folder of the run; give a plain file name"
    if plain(name) == FLOAT_FILE:
        return f"{item} would replace the float image; give it another name"
    if plain(name) in inputs:
        return f"{item} would replace an input; give it another name"
    return None
