"""Input files of a case: made by the project itself, or taken from a path, always with their sha256.

The generators write the same bytes on every platform: all arithmetic that reaches a file is decimal
(libmpdec rounds correctly everywhere) and the random numbers are an integer hash, so no maths library
or processor has a say.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from nbcompare.case.case import Case, CaseInput
from nbcompare.case.lysozyme import amplitudes_text, orientation_text
from nbcompare.errors import CaseError, FileError, UsageError, nearest
from nbcompare.files import hash_of_named, sha256_of, user_cache, write_whole

NOT_AS_PINNED = "restore the file, or pin the new sum and say why in the commit"
"""What to do about an input file that has not the sum that its case pins."""

GENERATORS = {
    "lysozyme-orientation": orientation_text,
    "lysozyme-amplitudes": amplitudes_text,
}


@dataclass(frozen=True)
class StagedInput:
    """An input file as the engines will read it. ``origin`` is generated, case or user."""

    name: str
    origin: str
    sha256: str
    bytes: int
    pinned_sha256: str | None

    @property
    def as_pinned(self) -> bool:
        """Whether these are bytes that the case was written for."""
        return (self.pinned_sha256 is None and self.origin != "user") or self.sha256 == self.pinned_sha256


def stage_inputs(case: Case, overrides: Mapping[str, Path], folder: Path) -> tuple[StagedInput, ...]:
    """Put every input of the case into ``folder`` under its own name.

    ``overrides`` maps input names to the user's files. Raises CaseError when an input that was not
    overridden is not what the case pins, and UsageError for another file in the place of one that a region is made of:
    the region was read from the case's own.
    """
    for entry in case.inputs:
        given = overrides.get(entry.name)
        if given and entry.name in case.region_files and sha256_of(given) != sha256_of(case.place_of(str(entry.file))):
            raise UsageError(f"--input {entry.name}: a region of the case is made of {entry.file}, so another file in "
                             "its place would judge other pixels than the case says",
                             hint="change the file of the case, or give the region an input of its own")
    return tuple(_stage(entry, case, overrides.get(entry.name), folder / entry.name) for entry in case.inputs)


def _stage(entry: CaseInput, case: Case, override: Path | None, target: Path) -> StagedInput:
    if override is not None:
        origin = "user"
        copy_input(override, target)
    elif entry.made_by:
        origin = "generated"
        target.write_bytes(_made(entry.made_by, entry.sha256))
    else:
        origin = "case"
        copy_input(case.place_of(str(entry.file)), target)
    found = sha256_of(target)
    if origin != "user" and entry.sha256 and found != entry.sha256:
        raise CaseError(f"input {entry.name} has sha256 {found}, but the case pins {entry.sha256}", path=case.path,
                        hint=NOT_AS_PINNED)
    pinned = found if origin == "user" and found in entry.stands_in else entry.sha256
    return StagedInput(entry.name, origin, found, target.stat().st_size, pinned)


def _made(made_by: str, pinned: str | None) -> bytes:
    """What a generator writes. Bytes of the sum that the case pins are kept in the user's cache, as the arithmetic
    takes seconds; kept bytes of another sum are no such bytes, and are made anew."""
    kept = user_cache() / "inputs" / pinned if pinned else None
    with suppress(OSError):
        if kept and sha256(found := kept.read_bytes()).hexdigest() == pinned:
            return found
    made = GENERATORS[made_by]().encode("ascii")
    if kept and sha256(made).hexdigest() == pinned:
        with suppress(OSError, FileError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_whole(kept, made.decode("ascii"))
    return made


def copy_input(source: Path, target: Path) -> None:
    """Copy an input file. Raises FileError where that is impossible."""
    try:
        shutil.copyfile(source, target)
    except OSError as fault:
        raise FileError(f"{source}: cannot copy the input: {fault.strerror}") from None


def hash_inputs(inputs: Iterable[StagedInput]) -> str:
    """One sha256 over the names and bytes of all staged inputs."""
    return hash_of_named(sorted((entry.name, entry.sha256) for entry in inputs))


def parse_input_override(text: str, case: Case) -> tuple[str, Path]:
    """``NAME=PATH`` of --input: which input of the case is replaced, and by what."""
    name, equals, path = text.partition("=")
    if not equals or not path:
        raise UsageError(f"--input {text!r} must read NAME=PATH")
    names = [entry.name for entry in case.inputs]
    if name not in names:
        raise UsageError(f"--input {text!r}: the case has no input {name!r}; {nearest(name, names)}")
    if not os.path.isfile(path):
        raise UsageError(f"--input {text!r}: there is no file {path}")
    return name, Path(path)
