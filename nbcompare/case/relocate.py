"""A command line as somebody typed it, made fit for a case: files by plain names, no float file, a seed where one is
missing. What was changed is said."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbcompare.case.arguments.command import WrittenOption, parse_command, unseeded_orientation
from nbcompare.case.arguments.named_files import FLOAT_OPTION, leads_out
from nbcompare.case.arguments.option_faults import option_faults
from nbcompare.case.arguments.options import FLOAT_FILE
from nbcompare.case.from_arguments import require_options
from nbcompare.case.parts import NAME
from nbcompare.errors import UsageError

SEED = "1"
"""Of a random orientation that was given none: any will do, as long as both engines draw the same."""

SHOWN_AND_VOID = ("-hdiv", "-vdiv", "-dispstep")
"""Options of nanoBragg's own README that nanoBragg passes over, with the value after them; the bundled engines refuse
them, as they may be meant for -hdivrange and the like."""


@dataclass(frozen=True)
class Relocated:
    """The arguments as a case has them; ``files`` are the inputs by their plain names, ``notes`` what was changed."""

    command: tuple[str, ...]
    files: dict[str, Path]
    notes: tuple[str, ...]


def relocated(arguments: Sequence[str]) -> Relocated:
    """The command for a case. Raises UsageError for words that are no nanoBragg command line, with every mistyped
    option, and for a file that is not there."""
    require_options(arguments)
    arguments, notes = _without_void(arguments)
    faults = list(option_faults(arguments))
    if faults:
        raise UsageError("the arguments are no command line that the bundled engines take", faults=faults)
    if unseeded_orientation(arguments):
        arguments = ("-misset_seed", SEED, *arguments)
        notes.append(f"-misset random had no seed; -misset_seed {SEED} was added, so that both engines draw the same")
    command = parse_command(arguments)
    reading, writing = command.reading(), command.writing()
    files: dict[str, Path] = {}
    words: list[str] = []
    for item in command.items:
        if item.name == FLOAT_OPTION:
            notes.append(f"{item} was left out: the runner adds it for each engine")
        elif item in writing and leads_out(item.values[0]):
            notes.append(f"{item} was left out: an output stays in the folder of the run")
        elif item in reading:
            words += [item.word, _entered(item, files)]
        else:
            words += item.tokens
    return Relocated(tuple(words), files, tuple(notes))


def _without_void(arguments: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """The arguments without what nanoBragg's README shows and nanoBragg passes over, and a word on each."""
    kept, notes = list(arguments), []
    for word in SHOWN_AND_VOID:
        while word in kept:
            at = kept.index(word)
            left = kept[at:at + 2]
            del kept[at:at + 2]
            notes.append(f"{' '.join(left)} was left out: nanoBragg passes over it, whatever its README shows")
    return kept, notes


def _entered(item: WrittenOption, files: dict[str, Path]) -> str:
    """The plain name of the file that an option reads, entered among ``files``."""
    source = Path(item.values[0]).absolute()
    if not os.path.isfile(source):
        raise UsageError(f"{item}: there is no such file in {Path.cwd()}")
    known = next((name for name, path in files.items() if path == source), None)
    if known:
        return known
    name = source.name
    if not NAME.fullmatch(name):
        raise UsageError(f"{item}: an input of a case is called by letters, digits, '.', '_' and '-'",
                         hint="rename the file")
    while name in files or name == FLOAT_FILE:
        name = f"copy-{name}"
    files[name] = source
    return name
