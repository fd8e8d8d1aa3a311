"""Probing arguments: does leaving an option out of the command change the images?

An option that changes neither image says nothing about either engine, and one that changes only one image is ignored
by the other engine. Every probe is a run of its own, on a small region about the brightest pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nbcompare.case.arguments.command import declared_shape, parse_command
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.engine.engine import Rendering
from nbcompare.engine.rendering.runs import Job
from nbcompare.errors import UsageError

BOX_PX = 64
MATTERS = 1e-6
"""An image is changed when a pixel moves by more than this share of the brightest one; less is rounding."""


CHANGED, SAME, FAILED, SHAPE, UNKNOWN = "changed", "same", "failed", "another shape", "not known"
"""What leaving an option out did to an engine: changed its image, nothing, the engine gave none, changed the image's
size; not known where the engine gave none either with nothing left out."""


@dataclass(frozen=True)
class AblatedArgument:
    """One option with its values, and what each engine did without it."""

    words: tuple[str, ...]
    reference: str
    subject: str
    required: bool

    @property
    def inert(self) -> bool:
        return self.reference == self.subject == SAME

    @property
    def sentence(self) -> str | None:
        """What is wrong with it, or None."""
        said = " ".join(self.words)
        if UNKNOWN in (self.reference, self.subject):
            return f"{said}: what it changes is not known, as an engine gave no image in the probe"
        if self.inert:
            return f"{said} changes neither image"
        found = {REFERENCE: self.reference, SUBJECT: self.subject}
        for deaf, other in ((REFERENCE, SUBJECT), (SUBJECT, REFERENCE)):
            if found[deaf] == SAME:
                what = "is lost" if found[other] == FAILED else "changes"
                return f"{said} is ignored by the {deaf}: without it only the image of the {other} {what}"
        return None


@dataclass(frozen=True)
class Ablation:
    """Every option that was probed."""

    arguments: tuple[AblatedArgument, ...]

    @property
    def blockers(self) -> list[str]:
        """Reasons why the case is no pass: a required option that does not change both images."""
        return [f"required: {entry.sentence}" for entry in self.arguments if entry.required and entry.sentence]

    @property
    def remarks(self) -> list[str]:
        return [entry.sentence for entry in self.arguments if not entry.required and entry.sentence]

    def as_dict(self) -> dict[str, Any]:
        return {"arguments": [{**asdict(entry), "words": list(entry.words)} for entry in self.arguments]}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Ablation:
        return cls(tuple(AblatedArgument(**{**entry, "words": tuple(entry["words"])}) for entry in stored["arguments"]))


QuietRun = Callable[[Job], Rendering]
"""Runs a job and keeps nothing of it."""


def ablate(command: Sequence[str], jobs: Mapping[str, Job], image: np.ndarray, run_quietly: QuietRun,
           inputs: Path, *, required: Collection[str], only_required: bool,
           may_run: Collection[str] = (REFERENCE, SUBJECT), known: Ablation | None = None) -> Ablation:
    """Leave each option of the command out in turn, for both engines.

    ``image`` is the reference's, by which the small region is chosen; ``run_quietly`` runs a job on the files in
    ``inputs`` and keeps nothing. Of an engine that ``may_run`` does not name, what an earlier probe found is taken.
    """
    box = [] if parse_command(command).has("-roi") else _box(image)
    baselines = {role: _baseline(job, box, run_quietly) for role, job in jobs.items() if role in may_run}
    found = []
    for first, last in parse_command(command).spans():
        words = tuple(command[first:last])
        if only_required and words[0] not in required:
            continue
        said = {role: _without(job, first, last, *baselines[role], run_quietly, inputs) if role in baselines
                else _known(known, words, role) for role, job in jobs.items()}
        found.append(AblatedArgument(words, said[REFERENCE], said[SUBJECT], words[0] in required))
    return Ablation(tuple(found))


def _known(ablation: Ablation | None, words: tuple[str, ...], role: str) -> str:
    found = [getattr(entry, role) for entry in ablation.arguments if entry.words == words] if ablation else []
    return found[0] if found else UNKNOWN


def _box(image: np.ndarray) -> list[str]:
    """-roi about the brightest pixel."""
    y, x = np.unravel_index(int(image.argmax()), image.shape)
    bounds = []
    for at, size in ((int(x), image.shape[1]), (int(y), image.shape[0])):
        low = max(0, min(at - BOX_PX // 2, size - BOX_PX))
        bounds += [low, min(size, low + BOX_PX) - 1]
    return ["-roi", *map(str, bounds)]


def _baseline(job: Job, box: list[str], run_quietly: QuietRun) -> tuple[list[str], np.ndarray | None]:
    """(words to add, the image with nothing left out); without the box where the engine fails with it."""
    for more in (box, []):
        probed = replace(job, arguments=(*job.arguments, *more), purpose="probe, nothing left out")
        image = run_quietly(probed).image
        if image is not None:
            return more, image
    return [], None


def _without(job: Job, first: int, last: int, more: list[str], baseline: np.ndarray | None, run_quietly: QuietRun,
             inputs: Path) -> str:
    if baseline is None:
        return UNKNOWN
    arguments = (*job.arguments[:first], *job.arguments[last:], *more)
    try:
        if not job.own_options and declared_shape(arguments, inputs) != job.shape:
            return SHAPE
    except UsageError:
        return SHAPE
    image = run_quietly(replace(job, arguments=arguments, purpose=f"probe without {job.arguments[first]}")).image
    if image is None:
        return FAILED
    moved = float(np.abs(image - baseline).max())
    return CHANGED if moved > MATTERS * float(np.abs(baseline).max()) else SAME
