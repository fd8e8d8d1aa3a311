"""PastRun: what the history of a case keeps of one bundle, taken from its record alone."""

from __future__ import annotations

import functools
import math
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from nbcompare.bundle.listing import ListedBundle
from nbcompare.bundle.record import SIDE_BY_SIDE, Record
from nbcompare.case.arguments.options import REFERENCE
from nbcompare.case.claims import Claim
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison
from nbcompare.compare.image import Roi
from nbcompare.engine.repository.git import RepositoryState
from nbcompare.verdict.divergence import proof_rows
from nbcompare.verdict.proof import EMULATED
from nbcompare.verdict.verdict import Label

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_SHOWN = 12
"""Digits of a sum or a commit that tell it from others."""

COMMIT_OF = "commit of the "
"""How the fact of a repository's commit is called."""

_OF_THE_MACHINE = ("cpu", "cpus_usable", "platform", "python", "numpy", "scipy", "torch", "torch_threads",
                   "torch_device", "torch_dtype")


@dataclass(frozen=True)
class PastThreshold:
    """A threshold as it was, with the value it met. ``emulated`` is that of the run which proved a claim, where the
    verdict was PROVEN: what was accepted is judged by it. ``of`` names a further subject or a device whose image met
    it; empty for the subject itself."""

    threshold: Threshold
    value: float | None
    undefined: str | None
    holds: bool
    emulated: float | None = None
    of: str = ""

    @functools.cached_property
    def key(self) -> tuple[str, str]:
        """Metric and region, and whose, where it is not that of the subject itself."""
        return self.threshold.metric, region_of(self.threshold.roi, self.of)

    @property
    def words(self) -> str:
        """What it is about."""
        return " on ".join(self.key)

    @property
    def judged(self) -> float | None:
        """The value that the verdict rests on."""
        return self.value if self.emulated is None else self.emulated

    @functools.cached_property
    def margin(self) -> float | None:
        """How many times further from equal images it could be; see Threshold.margin."""
        return self.threshold.margin(self.judged)

    def as_dict(self) -> dict[str, Any]:
        return {**_fields(self), "threshold": dict(vars(self.threshold))}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> PastThreshold:
        return cls(**{**stored, "threshold": Threshold(**stored["threshold"])})


def _fields(entry: DataclassInstance) -> dict[str, Any]:
    """What it was made of, without what was worked out from that."""
    return {field.name: getattr(entry, field.name) for field in fields(entry)}


def region_of(roi: str, of: str) -> str:
    """What a region is called in the image of a further subject or on a device."""
    return f"{roi} of {of}" if of else roi


@dataclass(frozen=True)
class PastRun:
    """One bundle of a case. Where its record cannot be read, ``damage`` says why and all else is empty.

    ``figures`` are values by region and metric, ``seconds`` wall seconds by role, ``commits`` those of project,
    subject, reference and harness, ``facts`` everything whose change may explain that of a figure, in words.
    """

    case: str
    stamp: str
    damage: str | None = None
    imported: bool = False
    signed: tuple[str, ...] = ()
    title: str = ""
    verdict: str | None = None
    exit_code: int | None = None
    reasons: tuple[str, ...] = ()
    held: tuple[PastThreshold, ...] = ()
    figures: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    identical: bool = False
    """Whether both images were the same to the last bit."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    reference_from: str | None = None
    """The bundle that the reference's image was taken from."""
    commits: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    cell: Mapping[str, str] = field(default_factory=dict)
    rois: tuple[Roi, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    divergences: tuple[Claim, ...] = ()

    @property
    def name(self) -> str:
        """CASE/STAMP."""
        return f"{self.case}/{self.stamp}"

    @property
    def accepted(self) -> bool:
        return self.exit_code == 0

    @functools.cached_property
    def smallest(self) -> PastThreshold | None:
        """The threshold with the smallest margin; None where no threshold has one."""
        with_margin = [held for held in self.held if held.margin is not None]
        return min(with_margin, key=lambda held: held.margin or 0.0, default=None)

    @property
    def smallest_margin(self) -> float | None:
        return self.smallest.margin if self.smallest else None

    @functools.cached_property
    def _by_key(self) -> Mapping[tuple[str, str], PastThreshold]:
        return {held.key: held for held in reversed(self.held)}

    def value(self, metric: str, roi: str) -> float | None:
        """What a figure was, also where no threshold asked for it; None where it has no value."""
        held = self._by_key.get((metric, roi))
        return held.judged if held else self.figures.get(roi, {}).get(metric)

    def as_dict(self) -> dict[str, Any]:
        """As plain values, from which ``from_dict`` makes it again."""
        said = {**_fields(self), "signed": list(self.signed), "reasons": list(self.reasons),
                "held": [held.as_dict() for held in self.held], "rois": [roi.as_dict() for roi in self.rois],
                "thresholds": [dict(vars(threshold)) for threshold in self.thresholds],
                "divergences": [claim.as_dict() for claim in self.divergences]}
        return {key: dict(value) if isinstance(value, Mapping) else value for key, value in said.items()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> PastRun:
        """What ``as_dict`` gave. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(**{
            **stored, "signed": tuple(stored["signed"]), "reasons": tuple(stored["reasons"]),
            "held": tuple(map(PastThreshold.from_dict, stored["held"])),
            "rois": tuple(map(Roi.from_dict, stored["rois"])),
            "thresholds": tuple(Threshold(**threshold) for threshold in stored["thresholds"]),
            "divergences": tuple(map(Claim.from_dict, stored["divergences"]))})


def past_run(entry: ListedBundle) -> PastRun:
    """What the history keeps of a listed bundle."""
    if entry.record is None:
        return PastRun(entry.case, entry.stamp, entry.damage or "its record cannot be read", entry.imported,
                       entry.signed)
    record = entry.record
    case, verdict = record.case, record.verdict
    sums = {run.image_sha256 for run in record.runs}
    return PastRun(
        entry.case, entry.stamp, None, entry.imported, entry.signed, case.title, str(verdict.word),
        int(verdict.exit_code), verdict.reasons, tuple(_held(record)),
        dict(_figures(record)),
        len(record.runs) > 1 and len(sums) == 1 and None not in sums,
        {run.role: run.seconds for run in record.runs if not (run.role == REFERENCE and record.reference_from)
         and SIDE_BY_SIDE not in record.environment},
        record.reference_from.name if record.reference_from else None, commits_of(record), dict(_facts(record)),
        case.cell, case.rois, case.thresholds, case.divergences)


def _held(record: Record) -> Iterator[PastThreshold]:
    """Every check of the verdict, and each threshold with what further subjects and devices gave."""
    proof = record.further.proof if record.verdict.word is Label.PROVEN else None
    emulated = [row[EMULATED] for row in proof_rows(record.verdict, proof)] if proof else []
    for at, check in enumerate(record.verdict.checks):
        yield PastThreshold(check.threshold, check.value, check.undefined, check.holds,
                            emulated[at] if emulated else None)
    for of, comparison in _further(record) if record.verdict.checks else ():
        for threshold in record.case.thresholds:
            figure = comparison.figure(threshold.metric, threshold.roi)
            yield PastThreshold(threshold, figure.value, figure.undefined, figure.value is not None
                                and threshold.admits(figure.value), None, of)


def _further(record: Record) -> Iterator[tuple[str, Comparison]]:
    yield from ((of, held.comparison) for of, held in record.further.held if held.comparison is not None)


def _figures(record: Record) -> Iterator[tuple[str, dict[str, float | None]]]:
    """Values by metric, for each region of each comparison with the reference."""
    plain = [("", record.comparison)] if record.comparison else []
    for of, comparison in (*plain, *_further(record)):
        for region in comparison.regions:
            yield region_of(region.roi.name, of), {figure.metric: figure.value for figure in region.figures}


def commits_of(record: Record) -> dict[str, str]:
    """The commit of each repository in short; + where something was not committed."""
    if record.repositories is None:
        return {"project": _commit(record.git.sha, record.git.dirty, None)}
    return {name: _state(state) for name, state in record.repositories.items()}


def _state(state: RepositoryState) -> str:
    return _commit(state.sha, state.dirty, state.diff_sha256) if state.root else "in no repository"


def _commit(sha: str, dirty: bool | None, diff: str | None) -> str:
    return sha[:_SHOWN] + ("+" + (diff or "")[:6] if dirty else "")


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    """What a figure may depend on."""
    yield from ((f"{COMMIT_OF}{name}", commit) for name, commit in commits_of(record).items())
    for engine in record.engines:
        yield f"{engine.role} engine", f"{engine.name}, {engine.version}"
        yield f"{engine.role} program", engine.program_sha256[:_SHOWN]
        yield f"{engine.role} files", engine.source_sha256[:_SHOWN] or "not kept"
    case = record.case
    yield "case file", (case.sha256 or "none")[:_SHOWN]
    yield "command", shlex.join(case.command)
    yield "arguments of the reference alone", shlex.join(case.reference_args)
    yield "arguments of the subject alone", shlex.join(case.subject_args)
    yield "inputs", record.content.inputs[:_SHOWN]
    yield "size of the image", str(case.shape)
    yield from ((name, record.environment[name]) for name in _OF_THE_MACHINE if name in record.environment)


def finite_or_word(margin: float | None) -> float | str | None:
    """A margin as JSON holds it: a number, "unlimited", or null."""
    return "unlimited" if margin is not None and math.isinf(margin) else margin
