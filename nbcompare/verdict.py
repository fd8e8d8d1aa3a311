"""Verdict: do the figures hold against the thresholds? One word, one exit code, every reason.

Every threshold must hold. A figure without a value never holds, and a comparison judged against no
threshold at all is no pass.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from nbcompare.compare import Comparison
from nbcompare.errors import ExitCode, worst


class Word(enum.StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    ENGINE_FAILED = "ENGINE FAILED"
    NOT_COMPARABLE = "NOT COMPARABLE"
    BLOCKED = "BLOCKED"


@dataclass(frozen=True)
class Threshold:
    """What one metric must be on one region, and why that number was chosen."""

    metric: str
    roi: str
    min: float | None
    max: float | None
    why: str

    @property
    def allowed(self) -> str:
        if self.min is None:
            return f"<= {self.max:.10g}"
        if self.max is None:
            return f">= {self.min:.10g}"
        return f"{self.min:.10g} .. {self.max:.10g}"


@dataclass(frozen=True)
class Check:
    """One threshold with the value it met."""

    threshold: Threshold
    value: float | None
    holds: bool
    undefined: str | None = None

    @property
    def sentence(self) -> str:
        t = self.threshold
        got = f"undefined ({self.undefined})" if self.value is None else f"{self.value:.10g}"
        return f"{t.metric} on {t.roi}: {got}, allowed {t.allowed}"


@dataclass(frozen=True)
class Verdict:
    """The answer: a word, the exit code, every check made and every reason against a pass."""

    word: Word
    exit_code: ExitCode
    checks: tuple[Check, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.exit_code is ExitCode.PASS

    def as_dict(self) -> dict:
        return {"word": str(self.word), "exit_code": int(self.exit_code), "reasons": list(self.reasons),
                "checks": [{**vars(c), "threshold": vars(c.threshold)} for c in self.checks]}

    @classmethod
    def from_dict(cls, stored: dict) -> Verdict:
        checks = (Check(Threshold(**c["threshold"]), c["value"], c["holds"], c["undefined"])
                  for c in stored["checks"])
        return cls(Word(stored["word"]), ExitCode(stored["exit_code"]), tuple(checks), tuple(stored["reasons"]))


def judge(comparison: Comparison, thresholds: Sequence[Threshold]) -> Verdict:
    """Hold every threshold against its figure."""
    if not thresholds:
        return Verdict(Word.BLOCKED, ExitCode.BLOCKED, (), ("no threshold was given: nothing was judged",))
    checks = tuple(_check(comparison, threshold) for threshold in thresholds)
    failed = tuple(check.sentence for check in checks if not check.holds)
    if failed:
        return Verdict(Word.FAIL, ExitCode.DIFFERS, checks, failed)
    return Verdict(Word.PASS, ExitCode.PASS, checks)


def _check(comparison: Comparison, threshold: Threshold) -> Check:
    figure = comparison.figure(threshold.metric, threshold.roi)
    if figure.value is None:
        return Check(threshold, None, False, figure.undefined)
    above = threshold.min is None or figure.value >= threshold.min
    below = threshold.max is None or figure.value <= threshold.max
    return Check(threshold, figure.value, above and below)


def engine_failed(failures: Sequence[str]) -> Verdict:
    return Verdict(Word.ENGINE_FAILED, ExitCode.ENGINE_FAILED, (), tuple(failures))


def not_comparable(reason: str) -> Verdict:
    return Verdict(Word.NOT_COMPARABLE, ExitCode.SHAPE, (), (reason,))


def blocked(reasons: Sequence[str]) -> Verdict:
    return Verdict(Word.BLOCKED, ExitCode.BLOCKED, (), tuple(reasons))


def worst_exit(verdicts: Sequence[Verdict]) -> ExitCode:
    """The exit code of several verdicts together."""
    return worst(verdict.exit_code for verdict in verdicts)
