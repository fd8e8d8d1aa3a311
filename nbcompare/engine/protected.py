"""Files that must stay as they are while a case runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbcompare.case.case import Case
from nbcompare.case.phases import PLANS, load_phases
from nbcompare.files import sha256_of


@dataclass(frozen=True)
class Protected:
    """Protected files by name, with their sha256 before and after; None where the file was missing."""

    before: Mapping[str, str | None]
    after: Mapping[str, str | None]

    @property
    def faults(self) -> list[str]:
        """A sentence for each file that changed."""
        return [f"the protected file {name} {_what_happened(before, self.after[name])} during the run"
                for name, before in self.before.items() if before is None or before != self.after[name]]

    def as_dict(self) -> dict[str, dict[str, str | None]]:
        return {name: {"before": self.before[name], "after": self.after[name]} for name in self.before}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Mapping[str, str | None]]) -> Protected:
        return cls({name: sums["before"] for name, sums in stored.items()},
                   {name: sums["after"] for name, sums in stored.items()})


def protected_files(case: Case) -> dict[str, Path]:
    """The files that the case protects, and those of each plan beside it (phases*.yaml) that looks at this case.

    Names are as written, from the folder of the case file. Raises CaseError for a plan that cannot be read.
    """
    if case.path is None:
        return {}
    names = list(case.protected)
    for plan in sorted(case.folder.glob(PLANS)):
        phases = load_phases(plan)
        if any(file.resolve() == case.path.resolve() for phase in phases.phases for file in phase.cases):
            names += phases.protected
    return {name: case.place_of(name) for name in names}


def sums_of(files: Mapping[str, Path]) -> dict[str, str | None]:
    """The sha256 of each file, None where there is none."""
    return {name: sha256_of(path) if path.is_file() else None for name, path in files.items()}


def _what_happened(before: str | None, after: str | None) -> str:
    if before is None:
        return "was missing"
    return "vanished" if after is None else "changed"
