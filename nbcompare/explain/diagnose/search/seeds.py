"""Another seed: it cannot be guessed, but its difference can be recognised.

Images of other seeds are as far from the reference as the subject is, and as far from the subject as from one
another; nothing else about them is different.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbcompare.case.arguments.command import unseeded_orientation
from nbcompare.explain.diagnose.cause import Cause, build
from nbcompare.explain.diagnose.causes import mistake_id
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search.trials import CauseTrials

_SEEDS = (1009, 20011, 300007)
_ALIKE = 0.1
"""The subject correlates with the reference as images of other seeds do, to this beside their scatter."""


def seed_guesses(trials: CauseTrials) -> Iterator[Cause]:
    """A guess that the mosaic domains, or the random orientation, were drawn from another seed."""
    question = trials.question
    if question.setting.mosaic_spread > 0:
        yield from _like_other_seeds(trials, "-mosaic_seed", mistake_id("mosaic-seed", "value"),
                                     "the mosaic domains were")
    misset = question.command.find("-misset")
    if misset and len(misset.values) == 1:
        yield from _like_other_seeds(trials, "-misset_seed", mistake_id("misset-seed", "value"), "the orientation was")


def clock_guesses(question: Question) -> Iterator[Cause]:
    """Where no trial can be made, as the command does not give the reference: an orientation that the C program drew
    by the clock is one reason for that."""
    misset = question.command.find("-misset")
    if misset and misset.values[:1] == ("random",) and not question.command.has("-misset_seed"):
        yield build(mistake_id("misset-seed", "value"),
                    "the orientation was drawn from another seed: without -misset_seed the C program takes it from the "
                    "clock", ("the command asks for -misset random and gives no -misset_seed, so that two runs of the "
                              "C program differ as much", "add -misset_seed to both commands to compare them"),
                    confidence=0.7)


def drawn_anew(question: Question) -> Iterator[Cause]:
    """The same where the images alone are looked at: what they differ by is no place or distance then."""
    if not question.pair.agree and unseeded_orientation(question.argv):
        yield from clock_guesses(question)


FINDERS = (drawn_anew,)


def _like_other_seeds(trials: CauseTrials, option: str, id: str, words: str) -> Iterator[Cause]:
    command = trials.question.command.without(option)
    base, subject = _flat(trials.base), _flat(trials.subject)
    found = [trials.images(Candidate(id, "another seed", command.starting(option, str(seed)))) for seed in _SEEDS]
    others = [_flat(parts) for parts in found if parts is not None]
    if len(others) < len(found):
        return
    usual = [float(np.linalg.norm(other - base)) for other in others]
    here = float(np.linalg.norm(subject - base))
    across = float(np.median([np.linalg.norm(subject - other) for other in others]))
    if min(usual) == 0 or base.sum() == 0:
        return
    alike = [_correlation(other, base) for other in others]
    if abs(_correlation(subject, base) - float(np.median(alike))) > _ALIKE + 2 * float(np.std(alike)):
        return
    scatter = float(np.std([other.sum() / base.sum() for other in others]))
    sums = abs(float(subject.sum() / base.sum()) - 1)
    if 0.5 * min(usual) < here < 2 * max(usual) and 0.4 < across / here < 2.5 and sums < 4 * scatter + 0.02:
        yield build(id, f"{words} drawn from another seed", (
            f"the subject is {here / float(np.median(usual)):.2f} times as far from the reference as images of other "
            f"seeds are, and {across / float(np.median(usual)):.2f} times as far from those",), tested=True,
            confidence=0.72)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    spread = float(np.std(a)) * float(np.std(b))
    return float(np.mean((a - a.mean()) * (b - b.mean()))) / spread if spread > 0 else 0.0


def _flat(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([part.ravel() for part in parts])
