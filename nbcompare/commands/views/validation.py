"""What validate prints: a line for each fault, with its place as editors take it, and one for each valid file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbcompare.case.validate import ValidatedFile
from nbcompare.visible import visible


def validation_lines(found: Sequence[ValidatedFile]) -> Iterator[str]:
    """FILE:LINE:COLUMN: message, in the order of the files; last how many there are."""
    for entry in found:
        for fault in entry.faults:
            yield visible(fault.message)
            if fault.hint:
                yield visible(f"  next: {fault.hint}")
        if not entry.faults:
            yield visible(f"{entry.path}: valid {entry.kind}")
    faults, bad = sum(len(entry.faults) for entry in found), sum(bool(entry.faults) for entry in found)
    if faults and (faults > 1 or len(found) > 1):
        yield f"{faults} fault{'s' * (faults > 1)} in {bad} of {len(found)} file{'s' * (len(found) > 1)}"
