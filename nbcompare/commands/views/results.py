"""What continuous integration is told of a case that was judged: the same whichever command judged it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbcompare.bundle.bundle import Bundle
from nbcompare.verdict.verdict import Verdict


@dataclass(frozen=True)
class Result:
    """One judged case.

    ``seconds`` is the wall time of its engines together, ``file`` and ``line`` where the case stands (None: it has no
    file), ``bundle`` the folder of the evidence, ``cause`` the likely cause of a difference, ``next_step`` the command
    to type next, ``properties`` further facts by name.
    """

    name: str
    verdict: Verdict
    seconds: float
    file: Path | None = None
    line: int | None = None
    bundle: Path | None = None
    cause: str | None = None
    next_step: str | None = None
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def tightness(self) -> float:
        """By which the worst are shown first: failures before passes, then the smallest margin of any threshold."""
        margins = [check.margin for check in self.verdict.checks if check.margin is not None]
        return min(margins, default=float("inf"))


def result_of(bundle: Bundle, file: Path | None, next_step: str | None = None) -> Result:
    """What is told of a published bundle; ``file`` is its case file as the user named it."""
    record = bundle.record
    engines = tuple((engine.role, f"{engine.name} sha256:{engine.program_sha256}") for engine in record.engines)
    return Result(record.case.name, record.verdict, sum(run.seconds for run in record.runs), file,
                  1 if file else None, bundle.folder, record.further.cause, next_step,
                  (("stamp", record.stamp), *engines))


def worst_first(results: list[Result]) -> list[Result]:
    """Failures first, then by the smallest margin; ties in the order of their names."""
    return sorted(results, key=lambda result: (result.verdict.accepted, result.tightness, result.name))
