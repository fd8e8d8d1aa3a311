"""Findings: what was found out beside the plain comparison, and the verdict on all of it together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbcompare.claim import Proof
from nbcompare.compare import Comparison
from nbcompare.divergence import judge_claims
from nbcompare.engine import Run
from nbcompare.noise_floor import NoiseFloor
from nbcompare.probe import Probe
from nbcompare.verdict import Threshold, Verdict, engine_failed, judge

FACT = "findings"
"""The key of a record under which they are kept."""


@dataclass(frozen=True)
class Findings:
    """The reference's noise, signs of vacuity, probed arguments, the proof of claims, and the likely cause of a
    difference. Whatever a case does not ask for is None or empty."""

    noise: NoiseFloor | None = None
    vacuous: tuple[str, ...] = ()
    probe: Probe | None = None
    proof: Proof | None = None
    cause: str | None = None

    @property
    def further_runs(self) -> Iterator[tuple[str, Run, Mapping[str, str]]]:
        """What every further run that was kept was for, the run, and the variables set for it alone."""
        for repetition in self.noise.repetitions if self.noise else ():
            yield f"the reference once more ({repetition.name})", repetition.run, repetition.environment
        for trial in self.proof.trials if self.proof else ():
            yield f"the {trial.run.role} once more ({trial.purpose})", trial.run, {}

    def as_dict(self) -> dict:
        return {"noise": self.noise.as_dict() if self.noise else None, "vacuous": list(self.vacuous),
                "probe": self.probe.as_dict() if self.probe else None,
                "proof": self.proof.as_dict() if self.proof else None, "cause": self.cause}

    @classmethod
    def from_dict(cls, stored: dict) -> Findings:
        noise, probe, proof = (kind.from_dict(stored[key]) if stored[key] else None for key, kind in
                               (("noise", NoiseFloor), ("probe", Probe), ("proof", Proof)))
        return cls(noise, tuple(stored["vacuous"]), probe, proof, stored["cause"])

    @classmethod
    def of(cls, facts) -> Findings:
        """Those that a record keeps; none in a record of before they were kept."""
        return cls.from_dict(facts[FACT]) if facts.get(FACT) else cls()


def conclude(comparison: Comparison, thresholds: Sequence[Threshold], findings: Findings) -> Verdict:
    """The verdict on a comparison with everything that was found beside it."""
    if findings.noise and findings.noise.failures:
        return engine_failed(findings.noise.failures)
    plain = plain_verdict(comparison, thresholds, findings)
    return judge_claims(plain, comparison, findings.proof, thresholds) if findings.proof else plain


def plain_verdict(comparison: Comparison, thresholds: Sequence[Threshold], findings: Findings) -> Verdict:
    """The verdict without any claim."""
    blockers = findings.probe.blockers if findings.probe else []
    return judge(comparison, thresholds, noise=findings.noise.values() if findings.noise else None,
                 vacuous=[*findings.vacuous, *blockers])
