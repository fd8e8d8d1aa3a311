"""Verdict: do the figures hold against the thresholds? One word, one exit code, every reason.

Every threshold must hold. A figure without a value never holds; a comparison judged against no threshold
at all is no pass, nor is one of images that show nothing; and a threshold that the reference does not meet
against itself judges nothing.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, constant_image
from nbcompare.compare.metrics import METRICS
from nbcompare.compare.metrics.region import NOTHING_LEFT
from nbcompare.engine.engine import Run
from nbcompare.engine.failure import ZERO_IMAGE
from nbcompare.errors import ExitCode
from nbcompare.verdict.blind import blind
from nbcompare.verdict.left_out import unanswered


class Label(enum.StrEnum):
    """What a verdict is called. PROVEN is no PASS: the images differ, by a defect whose effect was proven."""

    PASS = "PASS"
    PROVEN = "PROVEN"
    FAIL = "FAIL"
    NOT_PROVEN = "NOT PROVEN"
    NOT_NEEDED = "CLAIM NOT NEEDED"
    ENGINE_FAILED = "ENGINE FAILED"
    NOT_COMPARABLE = "NOT COMPARABLE"
    BLOCKED = "BLOCKED"
    CASE_ERROR = "CASE ERROR"


EXIT_OF = {
    Label.PASS: ExitCode.PASS,
    Label.PROVEN: ExitCode.PASS,
    Label.FAIL: ExitCode.DIFFERS,
    Label.NOT_PROVEN: ExitCode.CLAIM,
    Label.NOT_NEEDED: ExitCode.CLAIM,
    Label.ENGINE_FAILED: ExitCode.ENGINE_FAILED,
    Label.NOT_COMPARABLE: ExitCode.SHAPE,
    Label.BLOCKED: ExitCode.BLOCKED,
    Label.CASE_ERROR: ExitCode.USAGE,
}


@dataclass(frozen=True)
class Check:
    """One threshold with the value it met. ``noise`` is the value at which the reference met itself (the worst
    of its repetitions), None when it was not repeated."""

    threshold: Threshold
    value: float | None
    holds: bool
    undefined: str | None = None
    noise: float | None = None

    @property
    def sentence(self) -> str:
        t = self.threshold
        got = f"undefined ({self.undefined})" if self.value is None else f"{self.value:.10g}"
        return f"{t.metric} on {t.roi}: {got}, allowed {t.allowed}"

    @property
    def margin(self) -> float | None:
        """How many times wider the threshold is than the noise of the reference; inf for no noise at all."""
        if self.noise is None:
            return None
        distance = METRICS[self.threshold.metric].distance(self.noise)
        return self.threshold.width(self.noise) / distance if distance else math.inf

    @property
    def below_noise(self) -> bool:
        """Whether the reference itself does not meet the threshold when it is run again."""
        return self.noise is not None and not self.threshold.admits(self.noise)

    def as_dict(self) -> dict[str, Any]:
        return {"threshold": asdict(self.threshold), "value": self.value, "holds": self.holds,
                "undefined": self.undefined, "noise": self.noise}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Check:
        return cls(**{**stored, "threshold": Threshold(**stored["threshold"])})


@dataclass(frozen=True)
class Verdict:
    """The answer: a word, the exit code, every check made and every reason against a pass."""

    word: Label
    exit_code: ExitCode
    checks: tuple[Check, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every threshold holds. A PROVEN verdict is accepted and did not pass."""
        return self.word is Label.PASS

    @property
    def accepted(self) -> bool:
        """Whether the process may end with success."""
        return self.exit_code is ExitCode.PASS

    def as_dict(self) -> dict[str, Any]:
        return {"word": str(self.word), "exit_code": int(self.exit_code), "reasons": list(self.reasons),
                "checks": [check.as_dict() for check in self.checks]}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Verdict:
        return cls(Label(stored["word"]), ExitCode(stored["exit_code"]), tuple(map(Check.from_dict, stored["checks"])),
                   tuple(stored["reasons"]))


def verdict(word: Label, reasons: Sequence[str] = (), checks: Sequence[Check] = ()) -> Verdict:
    """A verdict of that word with its exit code."""
    return Verdict(word, EXIT_OF[word], tuple(checks), tuple(reasons))


BOTH_ZERO = ("every pixel of both images is zero: nothing was compared that could differ; look at the beam, the "
             "structure factors and the region rendered")
_DARK = {constant_image(name, 0.0) for name in (REFERENCE, SUBJECT)}
"""What a comparison says of two such images."""


def judge(comparison: Comparison, thresholds: Sequence[Threshold], *,
          noise: Mapping[tuple[str, str], float] | None = None, vacuous: Sequence[str] = ()) -> Verdict:
    """Hold every threshold against its figure.

    ``noise`` gives by (metric, region) how the reference met itself; ``vacuous`` are reasons found elsewhere
    why the images show nothing. Those the comparison itself found are heeded too.
    """
    if not thresholds:
        return verdict(Label.BLOCKED, ["no threshold was given: nothing was judged"])
    checks = tuple(_check(comparison, threshold, noise or {}) for threshold in thresholds)
    outside = [check.sentence for check in checks if not check.holds]
    too_tight = [_below_noise(check) for check in checks if check.below_noise]
    if {*comparison.vacuous} >= _DARK:
        return verdict(Label.BLOCKED, [BOTH_ZERO], checks)
    empty = no_evidence(comparison, thresholds, noise or {}, vacuous)
    if too_tight:
        return verdict(Label.CASE_ERROR, [*too_tight, *outside, *empty], checks)
    if outside and not all(_all_masked(check) for check in checks if not check.holds):
        return verdict(Label.FAIL, [*outside, *empty], checks)
    if empty or outside:
        return verdict(Label.BLOCKED, empty or outside, checks)
    return verdict(Label.PASS, (), checks)


def _check(comparison: Comparison, threshold: Threshold, noise: Mapping[tuple[str, str], float]) -> Check:
    figure = comparison.figure(threshold.metric, threshold.roi)
    own = noise.get((threshold.metric, threshold.roi))
    if figure.value is None:
        return Check(threshold, None, False, figure.undefined, own)
    return Check(threshold, figure.value, threshold.admits(figure.value), None, own)


def _all_masked(check: Check) -> bool:
    """Whether a figure has no value because no pixel is left to compare: that is no difference."""
    return check.value is None and (check.undefined or "").startswith(NOTHING_LEFT)


def no_evidence(comparison: Comparison, thresholds: Sequence[Threshold], noise: Mapping[tuple[str, str], float],
                vacuous: Sequence[str] = ()) -> list[str]:
    """Every reason why the images, or a region of them, show nothing, however well they agree."""
    return [*vacuous, *comparison.vacuous, *_too_weak(comparison, noise), *blind(comparison, thresholds),
            *unanswered(comparison, thresholds)]


def _too_weak(comparison: Comparison, noise: Mapping[tuple[str, str], float]) -> list[str]:
    """Weak regions in which nothing can be told, and which nobody allowed."""
    weak = [(region.roi.name, region.weak) for region in comparison.regions if region.weak and not region.weak.allowed]
    found = [(name, region, region.unresolved(noise.get(("max_abs_diff", name)))) for name, region in weak]
    return [f"region {name} is too weak to judge: {why} ({region.peak_share:.2g} of the frame's peak, {region.pixels} "
            f"pixels); where that is meant, allow it with a reason (--allow-weak, weak in a case, Roi(weak_allowed=))"
            for name, region, why in found if why]


def _below_noise(check: Check) -> str:
    t = check.threshold
    return (f"the threshold {t.metric} {t.allowed} on {t.roi} is below the reference's own noise: run again, the "
            f"reference gives {check.noise:.10g} against itself")


def engine_failed(failures: Sequence[str]) -> Verdict:
    return verdict(Label.ENGINE_FAILED, failures)


def not_comparable(reason: str) -> Verdict:
    return verdict(Label.NOT_COMPARABLE, [reason])


def blocked(reasons: Sequence[str]) -> Verdict:
    return verdict(Label.BLOCKED, reasons)


def uncompared() -> Verdict:
    """BLOCKED: both images are there, and were left uncompared on request."""
    return blocked(["N2 pending: the images were left uncompared (--no-compare); nb-compare check judges them"])


def failures_verdict(runs: tuple[Run, ...]) -> Verdict | None:
    """ENGINE FAILED with a sentence for each failed run, its last words, and what may be the reason; or None.

    Two images of zeros are what was asked for, perhaps, by both engines alike: BLOCKED, as they are no evidence.
    """
    failures = [(run.role, run.failure) for run in runs if run.failure]
    if len(failures) > 1 and all(failure.kind == ZERO_IMAGE for _, failure in failures):
        return blocked([BOTH_ZERO])
    sentences = [f"{role} {failure.sentence}" for role, failure in failures]
    said = [f"{role} said: {line}" for role, failure in failures for line in failure.said]
    hints = [hint for _, failure in failures for hint in failure.hints]
    return engine_failed([*sentences, *said, *dict.fromkeys(hints)]) if failures else None
