"""Both layers together: the quick one looks, the tested one runs the simulator; the causes come out ranked.

Equal images have no cause, and what reproduces nothing is never more than a guess.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbcompare.engine.describe import DescriptionRefused
from nbcompare.errors import NbCompareError
from nbcompare.explain.diagnose.cause import (
    NOT_FOUND,
    PERHAPS,
    Cause,
    Diagnosis,
    build,
    failed,
    guess,
    not_described,
)
from nbcompare.explain.diagnose.causes import STALE_IMAGE
from nbcompare.explain.diagnose.finders.echo import question_differences, speaks_for
from nbcompare.explain.diagnose.image_only import image_only_causes, settled
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search.limits import BUDGET_S
from nbcompare.explain.diagnose.standing import FEWEST_PIXELS, Resolution, ranked

if TYPE_CHECKING:
    from nbcompare.explain.diagnose.question_source import QuestionSource
    from nbcompare.explain.diagnose.search.search_result import SearchResult
    from nbcompare.explain.diagnose.search.simulator import Simulator

MOST_CAUSES = 8
_TRIED_IN_VAIN = 0.5
"""So much of its confidence keeps a guess that was carried out and came nowhere near the subject."""

_PRINTED = 0.12
"""A guess is so much surer where both engines print another value of what it is about."""

_LEAST_TOP = 0.3
"""Confidence below which ``top_cause`` says nothing."""


@dataclass(frozen=True)
class DiagnosisOptions:
    """``quick`` leaves the simulator out; ``budget_s`` are the processor seconds it may take, and on a busy machine
    ``waits`` times as many may pass."""

    quick: bool = False
    budget_s: float = BUDGET_S
    waits: float = 1.0


def diagnose(question: Question, options: DiagnosisOptions, simulator: Simulator | None = None) -> Diagnosis:
    """Why the two images of the question differ. What fails inside is told in a note, and the rest stands.

    ``simulator`` (a ``Simulator``) may be passed to be used again for many questions; without one, a process is
    started and ended here.
    """
    pair = question.pair
    if pair.agree:
        return Diagnosis(True, (), figures(question))
    causes, notes = image_only_causes(question)
    tested = None
    if not question.argv and not options.quick:
        notes = [*notes, "told from the images alone: no trial can be run without arguments of nanoBragg"]
    elif not options.quick:
        outcome = _searched(question, causes, options, simulator)
        tested = outcome.as_dict() or None
        causes = [*_less_sure(causes, outcome.ruled_out), *outcome.causes]
        notes += outcome.notes
    causes, more = _with_echoes(question, causes)
    found = _worth_telling(ranked(causes, resolution_of(question)))
    return Diagnosis(False, found, figures(question), (*notes, *more), tested)


def _searched(question: Question, causes: Sequence[Cause], options: DiagnosisOptions,
              simulator: Simulator | None) -> SearchResult:
    """What trial runs say. Where a look at the images settled the question, only what looks like its answer is tried. A
    search that fails inside leaves what was seen in the images, and a note."""
    from nbcompare.explain.diagnose.search.look_alikes import has_look_alikes, look_alikes
    from nbcompare.explain.diagnose.search.search import search
    from nbcompare.explain.diagnose.search.search_result import SearchResult

    if not question.pair.finite.any():
        return SearchResult((), ("not tested: nothing of the subject is a number that a trial could give",))
    look = search
    if settled(causes, question.pair.rounding_floor):
        if not has_look_alikes(causes):
            return SearchResult(())
        look = look_alikes
    try:
        return look(question, causes, options.budget_s, simulator, options.waits)
    except DescriptionRefused as fault:
        return SearchResult((), (not_described(fault),))
    except Exception as fault:
        return SearchResult((), (failed("trial runs", fault),))


def _less_sure(causes: Sequence[Cause], ruled_out: Sequence[str]) -> list[Cause]:
    """The causes, of which a guess of the images is less sure where trial runs of it left most of the difference."""
    return [replace(cause, confidence=_TRIED_IN_VAIN * cause.confidence, evidence=(
                *cause.evidence, "tried: as tried, it leaves most of the difference"))
            if not cause.proven and cause.id in ruled_out else cause for cause in causes]


def _worth_telling(causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """The first few; beside a proven cause no guess is worth a line, except what the engines themselves print."""
    if causes and causes[0].proven:
        causes = [cause for cause in causes if cause.proven or cause.kind == "echo"]
    return tuple(causes[:MOST_CAUSES])


def answer(asked: QuestionSource, options: DiagnosisOptions,
           told: Callable[[float, float], None] | None = None) -> Diagnosis:
    """The diagnosis of what the user asked about. Renders are kept in the user's cache, so that asking again with a
    larger budget goes on where this one ended. ``told`` hears after each trial the seconds used and the budget."""
    if asked.question is None:
        from nbcompare.explain.diagnose.finders.filesize import diagnose_size

        return diagnose_size(asked.reference, asked.subject_file)
    with contextlib.ExitStack() as ended:
        simulator, note = _opened(options, ended)
        if simulator is not None:
            simulator.told = told
        found = diagnose(asked.question, replace(options, quick=simulator is None), simulator)
    found = replace(found, notes=(*found.notes, *note))
    if found.agree or not asked.stale:
        return found
    stale = build(STALE_IMAGE, f"the subject's image is, byte for byte, one of another experiment: {asked.stale[0]}",
                  tuple(f"the same sha256 in bundle {name}" for name in asked.stale[:4]), proven=True, residual=0.0,
                  left=0.0, confidence=0.99, prior=0.99)
    return replace(found, causes=(stale, *found.causes)[:MOST_CAUSES])


def _opened(options: DiagnosisOptions, ended: contextlib.ExitStack) -> tuple[Simulator | None, list[str]]:
    """(simulator, notes): the means for trial runs, none where the user wants none, or where no process or folder for
    them can be had. It is closed with the stack; what fails in that is said, and takes nothing back."""
    if options.quick:
        return None, []
    from nbcompare.engine.rendering.render_cache import RenderCache, default_cache
    from nbcompare.explain.diagnose.search.simulator import Simulator

    notes: list[str] = []
    try:
        simulator = Simulator(RenderCache(default_cache()))
    except (OSError, RuntimeError, NbCompareError) as fault:
        return None, [failed("beginning trial runs", fault)]

    def close() -> None:
        try:
            simulator.close()
        except (OSError, RuntimeError, NbCompareError) as fault:
            notes.append(failed("ending trial runs", fault))

    ended.callback(close)
    return simulator, notes


def _with_echoes(question: Question, causes: Sequence[Cause]) -> tuple[list[Cause], list[str]]:
    """Causes that an echo speaks for get it as evidence; a note where what the engines printed cannot be read."""
    try:
        told = question_differences(question)
    except Exception as fault:  # any text may stand there: the causes hold without it
        return list(causes), [failed("what the engines printed", fault)]
    out = []
    for cause in causes:
        lines = tuple(f"echo: {d.sentence}" for d in speaks_for(told, cause.id)[:1])
        sure = guess(cause.confidence + _PRINTED) if lines and not cause.proven else cause.confidence
        out.append(replace(cause, evidence=cause.evidence + lines, confidence=sure))
    return out, []


def resolution_of(question: Question) -> Resolution:
    """What the images of a question can tell one cause from another by."""
    pair = question.pair
    lit = int(np.count_nonzero((pair.reference != 0) | (pair.subject != 0)))
    return Resolution(pair.rounding_floor, min(FEWEST_PIXELS, pair.told_apart), min(FEWEST_PIXELS, lit))


def figures(question: Question) -> dict[str, float | int | None]:
    """The figures that a diagnosis starts from."""
    pair = question.pair
    return {"max_abs_diff_of_peak": pair.worst, "sum_ratio": pair.sum_ratio, "correlation": pair.correlation,
            "not_finite": int(pair.finite.size - np.count_nonzero(pair.finite)),
            "reference_peak": float(pair.reference.max()), "subject_peak": float(pair.y.max())}


def top_cause(reference: np.ndarray, subject: np.ndarray, argv: Sequence[str], folder: Path, *,
              echoes: tuple[str, str] | None = None, subject_argv: Sequence[str] | None = None,
              gaps: np.ndarray | None = None) -> str | None:
    """The first cause that the quick layer sees, in one sentence, or None. ``gaps`` are pixels without a measurement.

    It serves verdicts on any two images, so it never raises: images of different shapes and references that are not
    finite have no cause here, and of a diagnosis that fails it is said that it did.
    """
    if reference.shape != subject.shape or reference.size == 0 or not np.isfinite(reference).all():
        return None
    try:
        question = Question(reference, subject, argv, folder, echoes=echoes, subject_argv=subject_argv,
                            gaps=gaps)
        return top_sentence(diagnose(question, DiagnosisOptions(quick=True)))
    except Exception as fault:
        return NOT_FOUND + failed("the images and arguments", fault)


def top_sentence(found: Diagnosis) -> str | None:
    """The first cause of a diagnosis in one sentence, which says where it is a guess; None where there is none."""
    causes = found.causes
    if not causes or causes[0].confidence < _LEAST_TOP:
        return NOT_FOUND + found.notes[0] if found.notes else None
    return causes[0].sentence if causes[0].proven else PERHAPS + causes[0].sentence
