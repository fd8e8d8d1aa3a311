"""Findings: what was found out beside the plain comparison, and the verdict on all of it together."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nbcompare.case.claims import Claim
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison
from nbcompare.engine.engine import Run
from nbcompare.engine.trace.asking import ONE_THREAD
from nbcompare.verdict.ablation import Ablation
from nbcompare.verdict.divergence import judge_claims
from nbcompare.verdict.noise_floor import NoiseFloor, repetitions_asked
from nbcompare.verdict.on_device import DeviceRun, with_device
from nbcompare.verdict.proof import Proof
from nbcompare.verdict.subjects import SubjectRun, with_subjects
from nbcompare.verdict.verdict import Label, Verdict, engine_failed, judge, no_evidence, verdict

if TYPE_CHECKING:
    from nbcompare.case.case import Case

@dataclass(frozen=True)
class FurtherEvidence:
    """The reference's noise, signs of vacuity, probed arguments, the proof of claims, the likely cause of a difference,
    the subject's run on a device, further subjects, and those subjects whose image is nearly the reference's and was
    seen to be ``computed``. Whatever a case does not ask for is None or empty."""

    noise: NoiseFloor | None = None
    vacuous: tuple[str, ...] = ()
    ablation: Ablation | None = None
    proof: Proof | None = None
    cause: str | None = None
    device: DeviceRun | None = None
    subjects: tuple[SubjectRun, ...] = ()
    computed: tuple[str, ...] = ()

    @property
    def further_runs(self) -> Iterator[tuple[str, Run, Mapping[str, str]]]:
        """What every further run that was kept was for, the run, and the variables set for it alone."""
        for repetition in self.noise.repetitions if self.noise else ():
            yield f"the reference once more ({repetition.name})", repetition.run, repetition.environment
        for trial in self.proof.trials if self.proof else ():
            yield f"the {trial.run.role} once more ({trial.purpose})", trial.run, {}
        for trace in self.proof.traces if self.proof else ():
            for asked in trace.runs:
                yield f"the {asked.run.role} once more (trace of {trace.claim})", asked.run, ONE_THREAD
        if self.device:
            yield f"the subject once more (on {self.device.device})", self.device.run, {}
        for entry in self.subjects:
            yield f"the subject {entry.name}", entry.run, {}

    @property
    def held(self) -> Iterator[tuple[str, SubjectRun | DeviceRun]]:
        """Further runs of the subject that were held against the thresholds, by the name of subject or device."""
        yield from ((entry.name, entry) for entry in self.subjects)
        yield from ((entry.device, entry) for entry in [self.device] if entry)

    def as_dict(self) -> dict[str, Any]:
        return {"noise": self.noise.as_dict() if self.noise else None, "vacuous": list(self.vacuous),
                "probe": self.ablation.as_dict() if self.ablation else None,
                "proof": self.proof.as_dict() if self.proof else None, "cause": self.cause,
                **({"device": self.device.as_dict()} if self.device else {}),
                **({"subjects": [entry.as_dict() for entry in self.subjects]} if self.subjects else {}),
                **({"computed": list(self.computed)} if self.computed else {})}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> FurtherEvidence:
        noise, ablation, proof = stored["noise"], stored["probe"], stored["proof"]
        return cls(NoiseFloor.from_dict(noise) if noise else None, tuple(stored["vacuous"]),
                   Ablation.from_dict(ablation) if ablation else None, Proof.from_dict(proof) if proof else None,
                   stored["cause"], DeviceRun.from_dict(stored["device"]) if stored.get("device") else None,
                   tuple(map(SubjectRun.from_dict, stored.get("subjects", ()))), tuple(stored.get("computed", ())))


def as_asked_now(further: FurtherEvidence, case: Case, today: datetime.date) -> FurtherEvidence:
    """Findings of a stored run, for the case as it stands now and on this day.

    Claims are judged by what the case says of them now, if they were tried with the same arguments. What the case
    asks for and the run did not find out is a reason against a pass.
    """
    missing = []
    noise = further.noise
    names = [repetition.name for repetition in noise.repetitions] if noise else []
    lacking = [name for name in repetitions_asked(case.repeat, case.threads) if name not in names]
    if lacking:
        missing.append(f"the case asks for the reference's noise ({', '.join(lacking)}), which was not measured")
    probed = {entry.words[0]: entry for entry in further.ablation.arguments} if further.ablation else {}
    missing += [f"the case requires {word} to matter, which was not probed" for word in case.required_args
                if word not in probed]
    ablation = Ablation(tuple(replace(entry, required=entry.words[0] in case.required_args) for entry in
                           further.ablation.arguments)) if further.ablation else None
    return replace(further, vacuous=(*further.vacuous, *missing), ablation=ablation,
                   proof=_proof_now(further.proof, case.divergences, today))


def _proof_now(proof: Proof | None, claims: Sequence[Claim], today: datetime.date) -> Proof | None:
    """The trials stand for the claims of now when they were made with the same arguments; else none was made."""
    if not claims:
        return None

    def words(of: Sequence[Claim]) -> list[tuple[object, ...]]:
        return [(claim.id, claim.emulate, claim.control, claim.control_of_both) for claim in of]

    same = proof is not None and words(proof.claims) == words(claims)
    return Proof(tuple(claims), proof.trials if proof and same else (), today, proof.traces if proof and same else ())


def conclude(comparison: Comparison, thresholds: Sequence[Threshold], further: FurtherEvidence) -> Verdict:
    """The verdict on a comparison with everything that was found beside it."""
    if further.noise and further.noise.failures:
        return engine_failed(further.noise.failures)
    plain = plain_verdict(comparison, thresholds, further)
    found = judge_claims(plain, comparison, further.proof, thresholds) if further.proof else plain
    empty = no_evidence(comparison, thresholds, *_beside(further))
    if found.word is Label.PROVEN and empty:
        return verdict(Label.BLOCKED, empty, found.checks)
    return with_subjects(with_device(found, further.device, thresholds), further.subjects, thresholds)


def plain_verdict(comparison: Comparison, thresholds: Sequence[Threshold], further: FurtherEvidence) -> Verdict:
    """The verdict without any claim."""
    noise, vacuous = _beside(further)
    return judge(comparison, thresholds, noise=noise, vacuous=vacuous)


def _beside(further: FurtherEvidence) -> tuple[Mapping[tuple[str, str], float], list[str]]:
    """The reference's noise by (metric, region), and signs of vacuity that were found beside the comparison."""
    blockers = further.ablation.blockers if further.ablation else []
    return further.noise.values() if further.noise else {}, [*further.vacuous, *blockers]
