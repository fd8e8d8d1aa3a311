"""Divergence claims: a difference is excused only where its cause is shown to be the claimed one.

A claim says that one engine has a known defect and how to make the subject show it too (``emulate``). When the
plain comparison is outside a threshold, the claims of a case excuse that only if
  (a) the subject, run again with the emulation, meets every threshold, and agrees with the reference at every pixel
      of the frame (proof.RTOL, proof.OF_PEAK), however loose the thresholds are,
  (b) the emulation changed the subject's image in every region the claim names,
  (c) every figure outside its threshold lies within the claim's bounds, and the bounds hold,
  (d) the claim has not expired,
  (e) of a defect of the reference: where it is avoided, by the claim's control or one that follows from the
      emulation, the plain subject agrees with the reference in the same way; and the subject, given a control of the
      reference alone, keeps its image, as else that is another experiment in which its own defect is made up for,
  (f) of a claim that says what the factors of a pixel must show: both engines, traced there, show it.

Several claims of one case stand together: all emulations at once must close the gap, and none may be left out.
The verdict is then PROVEN. A claim that is not needed, or does not explain all, is an error of its own.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbcompare.case.arguments.emulations import EMULATE, derived_control, names_in
from nbcompare.case.arguments.options import REFERENCE, SUBJECT, option_of
from nbcompare.case.claims import Claim
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi
from nbcompare.compare.metrics import METRICS
from nbcompare.engine.engine import Run
from nbcompare.engine.rendering.runs import Job
from nbcompare.errors import ShapeError
from nbcompare.verdict.claimed_trace import ClaimTrace, Listen, trace_claim, trace_faults, trace_sentences
from nbcompare.verdict.folders import CLAIMS_FOLDER
from nbcompare.verdict.noise_floor import Rerun
from nbcompare.verdict.proof import CONTROL, CONTROL_SUBJECT, CONTROL_TRIED, EMULATED, Proof, Trial, apart
from nbcompare.verdict.verdict import Check, Label, Verdict, judge, verdict

# --- the trials -------------------------------------------------------------------------------------------


def try_claims(claims: Sequence[Claim], jobs: Mapping[str, Job], images: Mapping[str, np.ndarray], rerun: Rerun,
               rois: Sequence[Roi], thresholds: Sequence[Threshold], today: datetime.date,
               centre: tuple[float, float] | None = None, *, skip_nonfinite: bool = False,
               listen: Listen | None = None) -> Proof:
    """Run the engines again as the claims say. ``jobs`` and ``images`` are those of the plain comparison, by role."""
    asked = {(t.metric, t.roi) for t in (*thresholds, *(bound for claim in claims for bound in claim.bounds))}

    asked |= {("identity", roi.name) for roi in rois}

    def held(reference: np.ndarray | None, subject: np.ndarray | None) -> Comparison | None:
        with suppress(ShapeError):
            if reference is not None and subject is not None:
                return compare_images(reference, subject, rois, further=asked, centre=centre, with_peaks=False,
                                      skip_nonfinite=skip_nonfinite)
        return None

    wanted = {purpose: (role, words) for purpose, role, words in trials_asked(claims, jobs[REFERENCE].arguments)}

    def run(purpose: str) -> tuple[tuple[str, str, Run], np.ndarray | None]:
        role, words = wanted[purpose]
        job = replace(jobs[role], arguments=emulating(jobs[role].arguments, words), purpose=purpose)
        rendered = rerun(job, _place(claims, purpose), {})
        return (purpose, _place(claims, purpose), rendered.run), rendered.image

    named, together = run(EMULATED)
    trials = [Trial(*named, held(images[REFERENCE], together), held(images[SUBJECT], together),
                    apart(images[REFERENCE], together))]
    for left_out in claims if len(claims) > 1 else ():
        named, image = run(_without(left_out))
        trials.append(Trial(*named, held(images[REFERENCE], image), held(image, together)))
    subject: np.ndarray | None = images[SUBJECT]
    if CONTROL_SUBJECT in wanted:
        named, subject = run(CONTROL_SUBJECT)
        trials.append(Trial(*named, None, None))
    if CONTROL in wanted:
        named, image = run(CONTROL)
        trials.append(Trial(*named, held(image, subject), None, apart(image, subject)))
    if CONTROL_TRIED in wanted:
        named, image = run(CONTROL_TRIED)
        trials.append(Trial(*named, None, None, apart(subject, image)))
    return Proof(tuple(claims), tuple(trials), today, _traced(claims, jobs, images, listen) if listen else ())


def _traced(claims: Sequence[Claim], jobs: Mapping[str, Job], images: Mapping[str, np.ndarray],
            listen: Listen) -> tuple[ClaimTrace, ...]:
    """The trace of each claim that says what it must show, the other claims' emulations being on."""
    return tuple(trace_claim(claim, {REFERENCE: jobs[REFERENCE], SUBJECT: replace(
        jobs[SUBJECT], arguments=trace_arguments(claim, claims, jobs[SUBJECT].arguments), purpose=_without_others(
            claim, claims))}, trace_files(claim), images, listen) for claim in claims if claim.trace)


def trace_arguments(claim: Claim, claims: Sequence[Claim], arguments: Sequence[str]) -> tuple[str, ...]:
    """The subject's arguments when a claim is traced, but for those that ask for the trace."""
    return emulating(arguments, [word for other in claims if other is not claim for word in other.emulate])


def _without_others(claim: Claim, claims: Sequence[Claim]) -> str:
    return "others emulated" if len(claims) > 1 else ""


def trace_files(claim: Claim) -> str:
    """How the names of the files of a claim's trace begin in the bundle, before _reference and _subject."""
    return f"{CLAIMS_FOLDER}/{claim.id}/trace"


def trials_asked(claims: Sequence[Claim], arguments: Sequence[str]) -> list[tuple[str, str, tuple[str, ...]]]:
    """(purpose, role, words behind its arguments) of every trial that the claims ask for, in their order;
    ``arguments`` are those of the reference."""
    asked = [(EMULATED, SUBJECT, tuple(word for claim in claims for word in claim.emulate))]
    for left_out in claims if len(claims) > 1 else ():
        others = (claim for claim in claims if claim is not left_out)
        asked.append((_without(left_out), SUBJECT, tuple(word for claim in others for word in claim.emulate)))
    of_reference, of_both = controls(claims, arguments)
    if of_both:
        asked.append((CONTROL_SUBJECT, SUBJECT, tuple(of_both)))
    if of_reference or of_both:
        asked.append((CONTROL, REFERENCE, (*of_reference, *of_both)))
    tried = _experiments(claims, arguments)
    if tried:
        asked.append((CONTROL_TRIED, SUBJECT, (*tried, *of_both)))
    return asked


def _experiments(claims: Sequence[Claim], arguments: Sequence[str]) -> list[str]:
    """Controls of the reference alone that are options of the experiment, and do not follow from the emulation. A
    switch of the reference's own is none: the subject would not know it."""
    given = (claim.control for claim in claims
             if claim.control and claim.control != derived_control(claim.emulate, arguments))
    return [word for words in given if any(map(option_of, words)) for word in words]


def controls(claims: Sequence[Claim], arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """(what only the reference gets, what both engines get) to avoid all the defects at once."""
    own = [word for claim in claims for word in claim.control or (
        () if claim.control_of_both or claim.engine == SUBJECT else derived_control(claim.emulate, arguments))]
    return own, [word for claim in claims for word in claim.control_of_both]


def emulating(arguments: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """Arguments with the words of claims behind them.

    Of several ``-emulate`` the last one counts, so that all their names, those of the arguments themselves among
    them, go into one comma list. Every other word stands as the claims have it.
    """
    own, names = names_in(arguments)
    more, added = names_in(words)
    if not added:
        return (*arguments, *words)
    return (*own, *more, EMULATE, ",".join(dict.fromkeys([*names, *added])))


def _without(claim: Claim) -> str:
    return f"without {claim.id}"


def _place(claims: Sequence[Claim], purpose: str) -> str:
    """Where in the bundle the files of a trial lie: divergences/ID/PURPOSE, or divergences/together/PURPOSE."""
    folder = claims[0].id if len(claims) == 1 else "together"
    return f"{CLAIMS_FOLDER}/{folder}/{purpose.replace(' ', '-')}"


# --- the verdict ------------------------------------------------------------------------------------------


def judge_claims(plain: Verdict, comparison: Comparison, proof: Proof, thresholds: Sequence[Threshold]) -> Verdict:
    """The verdict on a case with claims, from what the plain comparison said and what the trials showed.

    A case that claims something and passes without it is told so. A plain verdict that is neither PASS nor FAIL
    stays: there is nothing to excuse in an engine that failed.
    """
    if plain.word is Label.PASS:
        return verdict(Label.NOT_NEEDED, [f"{claim.id} is no longer needed: the plain comparison meets every threshold"
                                          for claim in proof.claims], plain.checks)
    if plain.word is not Label.FAIL:
        return plain
    against = [*_expired(proof), *_gap(plain, comparison, proof, thresholds), *_unchanged(proof),
               *_out_of_bounds(plain, comparison, proof.claims), *_control(proof, thresholds), *_not_traced(proof)]
    if against:
        return verdict(Label.NOT_PROVEN, against, plain.checks)
    names = " and ".join(claim.id for claim in proof.claims)
    return verdict(Label.PROVEN, [f"{check.sentence}; explained by {names}" for check in plain.checks
                                  if not check.holds] + [f"traced, {said}" for said in traced_of(proof)], plain.checks)


def traced_of(proof: Proof | None) -> list[str]:
    """What the traces of a proof show, beside what its claims say of them."""
    return trace_sentences(proof.claims, proof.traces) if proof else []


@dataclass(frozen=True)
class RuleOutcome:
    """One of the rules above, in words, and what speaks against it; nothing where it holds."""

    rule: str
    against: tuple[str, ...]


def rules_of(judged: Verdict, comparison: Comparison, proof: Proof,
             thresholds: Sequence[Threshold]) -> list[RuleOutcome]:
    """How a proof fares by each rule, in their order; ``judged`` is the verdict with the checks of the plain pair."""
    return [
        RuleOutcome("emulated, the subject meets every threshold and agrees with the reference at every pixel",
                    tuple(_gap(judged, comparison, proof, thresholds))),
        RuleOutcome("the emulation changes the subject's image in every region that the claim names",
                    tuple(_unchanged(proof))),
        RuleOutcome("every figure that does not hold lies within the claim's bounds",
                    tuple(_out_of_bounds(judged, comparison, proof.claims))),
        RuleOutcome("the claim has not expired", tuple(_expired(proof))),
        RuleOutcome("where the defect is avoided, the plain subject agrees with the reference in the same way",
                    tuple(_control(proof, thresholds))),
        *([RuleOutcome(": ".join(["traced, the factors of a pixel are what the claim says", *traced_of(proof)]),
                       tuple(_not_traced(proof)))] if any(claim.trace for claim in proof.claims) else [])]


def _expired(proof: Proof) -> list[str]:
    """(d)"""
    return [f"{claim.id} expired on {claim.expires}; {claim.owner} has to renew or remove it"
            for claim in proof.claims if proof.judged_on > claim.expires]


def _gap(plain: Verdict, comparison: Comparison, proof: Proof, thresholds: Sequence[Threshold]) -> list[str]:
    """(a), and that none of several claims can be left out."""
    trial = proof.trial(EMULATED)
    if trial is None or trial.comparison is None:
        return [f"the subject gave no image to compare with the emulation: {_why(trial)}"]
    found = judge(trial.comparison, thresholds)
    if not found.passed:
        still = [f"emulated, {reason}" for reason in found.reasons]
        beyond, names = _beyond(proof, found), " and ".join(claim.id for claim in proof.claims)
        reach = [f"{names} cannot reach {', '.join(beyond)}: the emulation changes no pixel there, so that what "
                 "differs there has another cause"] if beyond else []
        if all(check.holds or check.threshold.roi in beyond for check in found.checks):
            return [*reach, *still]
        return [_share(plain, comparison, proof, trial.comparison, found), *reach, *still]
    if trial.apart is None or trial.apart.pixels:
        return ["emulated, the images do not agree everywhere: " +
                (trial.apart.sentence if trial.apart else "their shapes are not the same")]
    idle = []
    for claim in proof.claims if len(proof.claims) > 1 else ():
        without = proof.trial(_without(claim))
        if without is None or without.comparison is None:
            idle.append(f"whether {claim.id} is needed is not known: {_why(without)}")
        elif judge(without.comparison, thresholds).passed:
            idle.append(f"{claim.id} is not needed: without it the other claims explain all")
    return idle


def _unchanged(proof: Proof) -> list[str]:
    """(b). Of several claims, each must change what the others leave."""
    said = []
    for claim in proof.claims:
        trial = proof.trial(_without(claim)) or proof.trial(EMULATED)
        if trial is None or trial.change is None:
            said.append(f"{claim.id}: whether the emulation changed the subject's image is not known: {_why(trial)}")
            continue
        still = [roi for roi in claim.rois if trial.change.figure("identity", roi).value != 0]
        if still:
            said.append(f"{claim.id}: the emulation did not change the subject's image on {', '.join(still)}")
    return said


def _out_of_bounds(plain: Verdict, comparison: Comparison, claims: Sequence[Claim]) -> list[str]:
    """(c)"""
    said = []
    for claim in claims:
        for bound in claim.bounds:
            figure = comparison.figure(bound.metric, bound.roi)
            if figure.value is None or not bound.admits(figure.value):
                got = f"undefined ({figure.undefined})" if figure.value is None else f"{figure.value:.10g}"
                said.append(f"{claim.id}: {bound.metric} on {bound.roi} is {got}, outside the claim's bounds "
                            f"{bound.allowed}")
    covered = {(bound.metric, bound.roi) for claim in claims for bound in claim.bounds}
    said += [f"no claim gives bounds for what is outside: {check.sentence}" for check in plain.checks
             if not check.holds and (check.threshold.metric, check.threshold.roi) not in covered]
    return said


def _control(proof: Proof, thresholds: Sequence[Threshold]) -> list[str]:
    """(e)"""
    if all(claim.engine == SUBJECT for claim in proof.claims):
        return []
    trial = proof.trial(CONTROL)
    failed = [entry for entry in (proof.trial(CONTROL_SUBJECT), trial) if entry and entry.run.failure]
    if trial is None or trial.comparison is None:
        return [f"there is no image with the control: {_why(failed[0] if failed else trial)}"]
    found = judge(trial.comparison, thresholds)
    said = [*_another_experiment(proof), *(f"against the control, {reason}" for reason in found.reasons)]
    if not said and (trial.apart is None or trial.apart.pixels):
        said = ["against the control, the images do not agree everywhere: " +
                (trial.apart.sentence if trial.apart else "their shapes are not the same")]
    return said


def _another_experiment(proof: Proof) -> list[str]:
    """What the control changes in the image of the subject, which has no defect to be avoided."""
    trial = proof.trial(CONTROL_TRIED)
    arguments = next(iter(proof.trials)).run.argv
    if trial is None:
        asked = _experiments(proof.claims, arguments)
        return ["whether the control is the same experiment is not known: it was not tried on the subject"] \
            if asked else []
    if trial.apart is None:
        return [f"whether the control is the same experiment is not known: {_why(trial)}"]
    return [f"the control is another experiment: with it the subject's own image changes ({trial.apart.sentence})"] \
        if trial.apart.pixels else []


def _not_traced(proof: Proof) -> list[str]:
    """(f)"""
    return [fault for claim in proof.claims for fault in trace_faults(claim, proof.trace(claim.id))]


def _why(trial: Trial | None) -> str:
    if trial is None:
        return "it was not run"
    if trial.run.failure:
        return f"the {trial.run.role} {trial.run.failure.sentence}"
    return "its image has another shape"


def _share(plain: Verdict, comparison: Comparison, proof: Proof, emulated: Comparison, found: Verdict) -> str:
    """How much of the difference the emulation explains, and what remains.

    In the sum of the first region, as a factor, when more of it is left than explained; else as the share of the
    gap that is closed, of the figure where that is least.
    """
    names = " and ".join(claim.id for claim in proof.claims)
    roi = comparison.regions[0].roi.name
    before, after = (c.figure("sum_ratio", roi).value for c in (comparison, emulated))
    if before is not None and after and abs(after - 1) > abs(before / after - 1):
        return (f"{names} explains {share(abs(before / after - 1))} of the sum; a factor of {factor(after)} remains")
    closed = [(part, new) for old, new in zip(plain.checks, found.checks, strict=True)
              if not new.holds and (part := closing(old, new)) is not None]
    if not closed:
        return f"{names} explains nothing that could be put in a number"
    least, check = min(closed, key=lambda pair: pair[0])
    return f"{names} closes {share(least)} of the gap of {check.threshold.metric} on {check.threshold.roi}"


def _beyond(proof: Proof, found: Verdict) -> list[str]:
    """Regions outside a threshold that the emulations leave as they were, although they change others."""
    trial = proof.trial(EMULATED)
    if trial is None or trial.change is None:
        return []
    same = {region.roi.name: region.figure("identity").value == 1 for region in trial.change.regions}
    outside = dict.fromkeys(check.threshold.roi for check in found.checks if not check.holds)
    return [roi for roi in outside if same.get(roi)] if not all(same.values()) else []


def closing(plain: Check, emulated: Check) -> float | None:
    """The share of a figure's distance from that of equal images that the emulation takes away (0 to 1)."""
    metric = METRICS[plain.threshold.metric]
    if plain.value is None or emulated.value is None or metric.best is None or not metric.distance(plain.value):
        return None
    return max(0.0, 1 - metric.distance(emulated.value) / metric.distance(plain.value))


def share(part: float) -> str:
    """A share as a percentage that is never rounded to none or to all."""
    percent = 100 * part
    return "none" if part == 0 else f"{percent:.2g} %" if percent < 99 else f"{percent:.6g} %"


def factor(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= value < 1e9 else f"{value:.6g}"


def proof_rows(plain: Verdict, proof: Proof) -> list[dict[str, Any]]:
    """The table plain to emulated to control, one row of plain values for each threshold."""
    trials = {purpose: proof.trial(purpose) for purpose in (EMULATED, CONTROL)}

    def value(purpose: str, threshold: Threshold) -> float | None:
        trial = trials[purpose]
        return trial.comparison.figure(threshold.metric, threshold.roi).value if trial and trial.comparison else None

    return [{"metric": check.threshold.metric, "roi": check.threshold.roi, "allowed": check.threshold.allowed,
             "plain": check.value, EMULATED: value(EMULATED, check.threshold), CONTROL: value(CONTROL, check.threshold)}
            for check in plain.checks]
