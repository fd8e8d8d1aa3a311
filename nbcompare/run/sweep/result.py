"""What became of one cell, as it is shown and as it travels between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbcompare.bundle.bundle import Bundle
from nbcompare.errors import ExitCode

RAN, STORED, FAILED = "ran", "stored", "failed"
"""How a result came to be: the cell was run, its bundle was there already, or no bundle could be made."""


@dataclass(frozen=True)
class CellResult:
    """One cell: its verdict, and where its bundle lies (None: there is none, and ``why`` says why)."""

    cell: str
    places: Mapping[str, str]
    word: str
    exit_code: ExitCode
    how: str
    seconds: float = 0.0
    bundle: str | None = None
    why: str = ""
    figures: Mapping[str, float | None] = field(default_factory=dict)
    file: str | None = None
    """The case file, as the user named it."""
    reference_from: str | None = None
    """The bundle whose reference image stands in that of this cell; None: the reference was run."""

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "places": dict(self.places), "exit_code": int(self.exit_code),
                "figures": dict(self.figures)}


def result_of(bundle: Bundle, how: str, seconds: float) -> CellResult:
    """The result that a bundle holds."""
    record = bundle.record
    figures = {}
    if record.comparison:
        region = record.comparison.regions[0]
        figures = {name: region.figure(name).value for name in ("correlation", "sum_ratio", "max_abs_diff_of_peak")}
    return CellResult(record.case.name, record.case.cell, str(record.verdict.word),
                  record.verdict.exit_code, how, seconds, str(bundle.folder),
                  record.verdict.reasons[0] if record.verdict.reasons else "", figures,
                  reference_from=record.reference_from.name if record.reference_from else None)


def no_result(cell: str, places: Mapping[str, str], exit_code: ExitCode, why: str, seconds: float = 0.0) -> CellResult:
    """A cell that left no bundle."""
    return CellResult(cell, dict(places), "ERROR", exit_code, FAILED, seconds, None, why.splitlines()[0] if why else "")
