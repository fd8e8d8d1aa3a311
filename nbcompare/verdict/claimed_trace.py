"""What a claim says of a pixel's factors, held against what both engines print of it.

The trace is of the plain engines, the subject with the emulations of the case's other claims, so that what is left is
what this one is about. Each engine's words are kept in the bundle; the numbers follow from them again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nbcompare.case.arguments.command import rendered_region
from nbcompare.case.arguments.factors import OF_THE_VALUE
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.claims import Claim
from nbcompare.engine.engine import Rendering, Run
from nbcompare.engine.rendering.runs import Job
from nbcompare.engine.trace.asking import ONE_THREAD, USABLE_FAILURES, ask
from nbcompare.engine.trace.dialects import EngineTrace, read_trace
from nbcompare.engine.trace.lineup import FactorPair, line_up
from nbcompare.engine.trace.shares import share_out

Listen = Callable[[Job, str], Rendering]
"""Runs a job once more, keeps what it prints (and no image) in the bundle under names that begin with the given one,
and gives what it printed beside."""

IMAGE_TOLERANCE = 1e-6
"""By how much a traced value may differ from the pixel it is of: the image is of float32."""


@dataclass(frozen=True)
class TracedFactor:
    """One number of both engines; ``open`` is what the digits printed leave open of their ratio."""

    name: str
    reference: float
    subject: float
    open: float

    @property
    def percent(self) -> float:
        """100 (subject / reference - 1)"""
        if self.reference == self.subject:
            return 0.0
        return 100 * (self.subject / self.reference - 1) if self.reference else math.inf


@dataclass(frozen=True)
class TracedRun:
    """One engine asked about the pixel; ``files`` is how the names of what it printed begin in the bundle. ``image`` is
    the pixel of its image, None where that is another experiment's (with emulations of other claims)."""

    files: str
    run: Run
    image: float | None

    def as_dict(self) -> dict[str, Any]:
        return {"files": self.files, "run": self.run.as_dict(), "image": self.image}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> TracedRun:
        return cls(stored["files"], Run.from_dict(stored["run"]), stored["image"])


@dataclass(frozen=True)
class ClaimTrace:
    """The pixel (fast, slow from 0) that a claim asks about, the numbers that its value is the product of, and the
    relative difference that these do not explain (``rest``). ``unknown`` says why there are none."""

    claim: str
    fast: int
    slow: int
    runs: tuple[TracedRun, ...]
    factors: tuple[TracedFactor, ...] = ()
    rest: float | None = None
    unknown: str | None = None

    def factor(self, name: str) -> TracedFactor | None:
        return next((factor for factor in self.factors if factor.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        return {"claim": self.claim, "fast": self.fast, "slow": self.slow,
                "runs": [entry.as_dict() for entry in self.runs], "factors": [asdict(entry) for entry in self.factors],
                "rest": self.rest, "unknown": self.unknown}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> ClaimTrace:
        return cls(**{**stored, "runs": tuple(map(TracedRun.from_dict, stored["runs"])),
                      "factors": tuple(TracedFactor(**entry) for entry in stored["factors"])})


# --- asking both engines ----------------------------------------------------------------------------------


def trace_claim(claim: Claim, jobs: Mapping[str, Job], files: str, images: Mapping[str, np.ndarray],
                listen: Listen) -> ClaimTrace:
    """Ask both engines about the pixel of a claim. The subject's job has the emulations of all other claims."""
    assert claim.trace is not None, "only such claims are traced"
    fast, slow = pixel = claim.trace.pixel or worst_pixel(images)
    runs, said = [], {}
    for role in (REFERENCE, SUBJECT):
        job, name = jobs[role], f"{files}_{role}"
        region = rendered_region(job.arguments, job.shape)
        if not (region.xmin <= fast <= region.xmax and region.ymin <= slow <= region.ymax):
            return ClaimTrace(claim.id, fast, slow, (), unknown=f"the {role}'s command does not render this pixel")

        def run(words: tuple[str, ...], job: Job = job, name: str = name) -> Rendering:
            asked = replace(job, arguments=words, purpose=f"trace of {claim.id}",
                            environment={**job.environment, **ONE_THREAD})
            return listen(asked, name)

        found, _, _ = ask(run, job.arguments, pixel, region)
        runs.append(TracedRun(name, found.run, _in_image(images[role], pixel, job.purpose)))
        said[role] = found.stdout
    return read_claim_trace(ClaimTrace(claim.id, fast, slow, tuple(runs)), said)


def worst_pixel(images: Mapping[str, np.ndarray]) -> tuple[int, int]:
    """The pixel (fast, slow) of the largest difference in two images of one shape."""
    difference = np.abs(images[SUBJECT].astype(np.float64) - images[REFERENCE])
    slow, fast = np.unravel_index(np.argmax(np.where(np.isnan(difference), np.inf, difference)), difference.shape)
    return int(fast), int(slow)


def _in_image(image: np.ndarray, pixel: tuple[int, int], purpose: str) -> float | None:
    return None if purpose else float(image[pixel[1], pixel[0]])


def read_claim_trace(found: ClaimTrace, said: Mapping[str, str]) -> ClaimTrace:
    """The numbers of a trace from what each engine printed, by role."""
    traces: dict[str, EngineTrace] = {}
    for entry in found.runs:
        run = entry.run
        trace = read_trace(said[run.role], frozenset(run.argv))
        if run.failure and run.failure.kind not in USABLE_FAILURES:
            return _unknown(found, f"the {run.role} {run.failure.sentence}")
        if trace is None:
            return _unknown(found, f"the {run.role} printed no trace of the pixel")
        fault = _not_of_the_image(trace, entry)
        if fault:
            return _unknown(found, fault)
        traces[run.role] = trace
    pairs = {pair.name: pair for pair in line_up(traces[REFERENCE], traces[SUBJECT]).pairs if pair.index == ()}
    shares = share_out(traces[REFERENCE], traces[SUBJECT])
    if shares.ratio is None:
        return _unknown(found, f"{shares.unknown}")
    factors = tuple(factor for name in OF_THE_VALUE if (factor := _factor(pairs.get(name))))
    return replace(found, factors=factors, rest=shares.shares[-1].ratio - 1, unknown=None)


def _unknown(found: ClaimTrace, why: str) -> ClaimTrace:
    return replace(found, factors=(), rest=None, unknown=why)


def _not_of_the_image(trace: EngineTrace, entry: TracedRun) -> str | None:
    value = trace.number("intensity")
    if entry.image is None or value is None or math.isclose(value, entry.image, rel_tol=IMAGE_TOLERANCE):
        return None
    return (f"the {entry.run.role} traces {value:.10g} for the pixel and its image holds {entry.image:.10g}, so that "
            "the trace does not explain the image")


def _factor(pair: FactorPair | None) -> TracedFactor | None:
    if pair is None or pair.reference is None or pair.subject is None:
        return None
    x, y = pair.reference, pair.subject
    scale = max(abs(x.numbers[0]), abs(y.numbers[0]))
    left = (x.resolution + y.resolution) / scale if scale else 0.0
    return TracedFactor(pair.name, x.numbers[0], y.numbers[0], left)


# --- what a claim says of it ------------------------------------------------------------------------------


def trace_faults(claim: Claim, trace: ClaimTrace | None) -> list[str]:
    """What a trace shows otherwise than its claim says."""
    if claim.trace is None:
        return []
    if trace is None or (claim.trace.pixel and claim.trace.pixel != (trace.fast, trace.slow)):
        return [f"{claim.id}: what the trace must show is not known to hold: this pixel was not traced"]
    place = f"at fast {trace.fast} slow {trace.slow}"
    if trace.unknown or trace.rest is None:
        return [f"{claim.id}: what the trace must show {place} is not known to hold: {trace.unknown}"]
    return [f"{claim.id}: {fault}" for fault in _differences(claim, trace, place, trace.rest)]


def _differences(claim: Claim, trace: ClaimTrace, place: str, rest: float) -> Iterator[str]:
    assert claim.trace is not None
    for expected in claim.trace.factors:
        factor = trace.factor(expected.name)
        if factor is None:
            yield f"{expected.name} {place} is not printed by both engines; the claim says {expected.allowed}"
        elif not expected.admits(factor.percent):
            yield (f"{expected.name} {place} is {factor.percent:+.4g} % ({factor.reference:.9g}, subject "
                   f"{factor.subject:.9g}); the claim says {expected.allowed}")
    for factor in _others(claim, trace):
        if not abs(factor.percent) / 100 <= claim.trace.later + factor.open:
            yield (f"{factor.name} {place} differs by {factor.percent / 100:.2g} ({factor.reference:.9g}, subject "
                   f"{factor.subject:.9g}); the claim says that every other factor agrees within {claim.trace.later:g}")
    if not abs(rest) <= claim.trace.later + sum(factor.open for factor in trace.factors):
        yield (f"the factors printed leave {rest:.2g} of the ratio of the pixels {place} unexplained, more than "
               f"{claim.trace.later:g}")


def _others(claim: Claim, trace: ClaimTrace) -> list[TracedFactor]:
    """Factors that the claim does not name. The final value is what they make, and is judged by what they leave."""
    named = {expected.name for expected in claim.trace.factors} if claim.trace else set()
    return [factor for factor in trace.factors if factor.name not in named and factor.name != "intensity"]


def trace_sentences(claims: Sequence[Claim], traces: Sequence[ClaimTrace]) -> list[str]:
    """What was traced beside what each claim says of it, one sentence each; nothing of claims that say nothing."""
    by_claim = {trace.claim: trace for trace in traces}
    return [_sentence(claim, by_claim[claim.id]) for claim in claims if claim.trace and claim.id in by_claim]


def _sentence(claim: Claim, trace: ClaimTrace) -> str:
    assert claim.trace is not None
    place = f"{claim.id} at fast {trace.fast} slow {trace.slow}"
    if trace.unknown or trace.rest is None:
        return f"{place}: {trace.unknown}"
    parts = []
    for expected in claim.trace.factors:
        factor = trace.factor(expected.name)
        traced = "not printed by both" if factor is None else f"{factor.percent:+.4g} %"
        parts.append(f"{expected.name} {traced} (claimed {expected.allowed})")
    others = _others(claim, trace)
    largest = max((abs(factor.percent) / 100 for factor in others), default=0.0)
    return (f"{place}: {', '.join(parts)}; {len(others)} other factors within {largest:.2g}, unexplained "
            f"{abs(trace.rest):.2g} (allowed {claim.trace.later:g})")
