"""Inquiry: what a run finds out beside the plain comparison, by running the engines again.

In this order: is it one program compared with itself, how far is the reference from itself, does every required
option matter, and is a difference what the case claims it to be.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.further_subject import known_as
from nbcompare.case.masking import COMPARE
from nbcompare.compare.compare import Comparison
from nbcompare.engine.engine import Run
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.rendering.runs import Job
from nbcompare.engine.rendering.self_comparison import near_copy, same_program
from nbcompare.verdict.ablation import Ablation, QuietRun, ablate
from nbcompare.verdict.claimed_trace import Listen
from nbcompare.verdict.copies import WhyCopied, not_seen
from nbcompare.verdict.divergence import try_claims
from nbcompare.verdict.further_evidence import FurtherEvidence, as_asked_now, plain_verdict
from nbcompare.verdict.held_run import ComparisonTerms
from nbcompare.verdict.noise_floor import NoiseFloor, Rerun, measure
from nbcompare.verdict.on_device import run_on_device
from nbcompare.verdict.proof import Proof
from nbcompare.verdict.subjects import run_subjects, same_as_reference
from nbcompare.verdict.verdict import Label

NOISE_FLOOR_THREADS = (1, 2)
"""The numbers of threads that --noise-floor adds to a case that names none."""


@dataclass(frozen=True)
class FurtherRuns:
    """Two runs that gave images, and the means to run more. ``images`` are float32 [slow, fast] by role.

    ``rerun`` keeps what it makes in the bundle, ``run_quietly`` keeps nothing, ``listen`` only what is
    printed. ``inputs`` is the folder of input
    files, ``today`` the day of the bundle's stamp, by which claims expire. ``stored`` are the findings of the
    bundle that the reference's image was taken from, when its program is not to be run. ``others`` are the engines of
    further subjects that are other programs, by the name of the subject. ``why_copied`` tells of each subject, by what
    it is called, why its image may be a copy.
    """

    case: Case
    jobs: Mapping[str, Job]
    identities: Sequence[EngineIdentity]
    runs: Sequence[Run]
    images: Mapping[str, np.ndarray]
    rerun: Rerun
    run_quietly: QuietRun
    listen: Listen
    inputs: Path
    today: datetime.date
    stored: FurtherEvidence | None = None
    resample: bool = False
    others: Mapping[str, tuple[Job, EngineIdentity]] = field(default_factory=dict)
    why_copied: WhyCopied = not_seen


def run_further(bench: FurtherRuns, comparison: Comparison, *, noise_floor: bool, probe_args: bool,
                device: str | None = None) -> FurtherEvidence:
    """Everything there is to find out. The flags ask for more than the case does; ``device`` is where the mapped tests
    were run too.

    What a case asks to know of the reference, and its stored bundle does not know, is a reason against a pass.
    """
    sums = [who.program_sha256 for who in bench.identities]
    signs = (same_program([who.started_as for who in bench.identities], sums, bench.runs),
             near_copy(sums, bench.images[REFERENCE], bench.images[SUBJECT], stored=bench.identities[0].is_stored))
    further = FurtherEvidence(noise=_noise(bench, comparison.centre, noise_floor), vacuous=tuple(filter(None, signs)),
                               ablation=_ablation(bench, probe_args))
    further = replace(further, proof=_proof(bench, comparison, further))
    against = ComparisonTerms(bench.images[REFERENCE], bench.case.rois, bench.case.thresholds, comparison.centre,
                              bench.resample, bench.case.nan == COMPARE)
    found = list(run_subjects(bench.case.subjects, bench.jobs[SUBJECT], bench.others, bench.rerun, against,
                              bench.identities))
    subjects = tuple(entry for entry, _ in found)
    same = (signs[0], *same_as_reference(bench.identities[0], bench.runs[0], subjects))
    near = [(SUBJECT, signs[1]), *((known_as(entry.name) if entry.engine else SUBJECT, said) for entry, said in found)]
    why = {name: bench.why_copied(name) for name, said in near if said}
    told = [f"{said}, and {why[name]}" for name, said in near if said and why[name]]
    further = replace(further, subjects=subjects, vacuous=tuple(filter(None, (*same, *told))),
                      computed=tuple(name for name, reason in why.items() if reason is None))
    if device:
        further = replace(further, device=run_on_device(device, bench.jobs[SUBJECT], bench.rerun, against))
    return as_asked_now(further, bench.case, bench.today) if bench.stored else further


def run_uncompared(bench: FurtherRuns, centre: tuple[float, float] | None, *, noise_floor: bool,
                   device: str | None = None) -> FurtherEvidence:
    """The runs that a comparison of later may ask for, and no figure of any of them. Trials of claims are among them
    whether or not the images differ, as nobody has looked."""
    noise = _noise(bench, centre, noise_floor)
    found = FurtherEvidence(noise=noise and noise.without_figures)
    if bench.case.divergences:
        alike = bench.images[REFERENCE].shape == bench.images[SUBJECT].shape
        proof = _trials(bench, centre) if alike else Proof(bench.case.divergences, (), bench.today)
        found = replace(found, proof=proof.without_figures)
    if device:
        against = ComparisonTerms(bench.images[REFERENCE], bench.case.rois, bench.case.thresholds, centre,
                                  bench.resample, bench.case.nan == COMPARE)
        found = replace(found, device=replace(run_on_device(device, bench.jobs[SUBJECT], bench.rerun, against),
                                              comparison=None))
    return as_asked_now(found, bench.case, bench.today) if bench.stored else found


def _noise(bench: FurtherRuns, centre: tuple[float, float] | None, asked: bool) -> NoiseFloor | None:
    repeat, threads = bench.case.repeat, bench.case.threads
    if asked:
        repeat, threads = repeat or 1, threads or NOISE_FLOOR_THREADS
    if not repeat and not threads:
        return None
    if bench.stored:
        return bench.stored.noise
    return measure(bench.images[REFERENCE], bench.runs[0], bench.jobs[REFERENCE], bench.rerun, bench.case.rois,
                   bench.case.thresholds, repeat=repeat, threads=threads, centre=centre,
                   skip_nonfinite=bench.case.nan == COMPARE)


def _ablation(bench: FurtherRuns, asked: bool) -> Ablation | None:
    required = bench.case.required_args
    if not asked and not required:
        return None
    return ablate(bench.case.command, bench.jobs, bench.images[REFERENCE], bench.run_quietly, bench.inputs,
                  required=required, only_required=not asked, known=bench.stored.ablation if bench.stored else None,
                  may_run=(SUBJECT,) if bench.stored else (REFERENCE, SUBJECT))


def _proof(bench: FurtherRuns, comparison: Comparison, further: FurtherEvidence) -> Proof | None:
    claims = bench.case.divergences
    if not claims:
        return None
    if plain_verdict(comparison, bench.case.thresholds, further).word is not Label.FAIL:
        return Proof(claims, (), bench.today)
    return _trials(bench, comparison.centre)


def _trials(bench: FurtherRuns, centre: tuple[float, float] | None) -> Proof:
    return try_claims(bench.case.divergences, bench.jobs, bench.images, bench.rerun, bench.case.rois,
                      bench.case.thresholds, bench.today, centre, skip_nonfinite=bench.case.nan == COMPARE,
                      listen=bench.listen)




