"""Where things stand in a case file, for those who point at them: annotations, reports of tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbcompare.case.parts import thresholds_of
from nbcompare.case.reading.strict_yaml import load
from nbcompare.case.threshold import Threshold
from nbcompare.errors import NbCompareError


@dataclass(frozen=True)
class CaseLines:
    """Lines of a case file, counted from 1: that of its name, and by (metric, region) those of its thresholds."""

    name: int = 1
    thresholds: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def of(self, threshold: Threshold) -> int:
        """The line of a threshold; that of the name for one that does not stand in the file."""
        return self.thresholds.get((threshold.metric, threshold.roi), self.name)


def lines_of(path: Path | None) -> CaseLines:
    """The lines of a case file as it is now; all is line 1 where there is none, or it can no longer be read."""
    if path is None:
        return CaseLines()
    try:
        entries = load(path, "a case")[0].mapping()
        names = list(entries["rois"].mapping())
        found = {(threshold.metric, threshold.roi): entry.line for entry in entries["thresholds"].items()
                 for threshold in thresholds_of(entry, names)}
        return CaseLines(entries["name"].line, found)
    except (NbCompareError, KeyError):
        return CaseLines()
