"""Claims, and runs in memory that try them: images of 12 x 15 pixels, and what engines print of a pixel."""

import datetime
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.claims import Claim
from nbcompare.case.expected_trace import ExpectedFactor, ExpectedTrace
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.engine import Engine, Rendering, Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.rendering.runs import Job
from nbcompare.verdict.divergence import judge_claims, try_claims
from nbcompare.verdict.verdict import judge

TODAY = datetime.date(2026, 11, 25)
SHAPE = Shape(12, 15)
ROIS = (Roi.full(SHAPE), Roi("corner", 0, 4, 0, 4), Roi("middle", 5, 9, 4, 8))
STRICT = tuple(Threshold("sum_ratio", roi.name, 1 - 1e-6, 1 + 1e-6, "same physics") for roi in ROIS)
TRUTH = np.random.default_rng(3).exponential(size=(12, 15)).astype("f4") + 1
PHI, LAST, CELL = "phi-carryover", "last-layer-capture", "cell-triclinic"


def defect(*pixels, size=0.25, scale=1.0):
    """The truth, these pixels (slow, fast) too bright."""
    image = TRUTH.copy()
    for pixel in pixels:
        image[pixel] *= 1 + size
    return image * np.float32(scale)


MIDDLE, CORNER = (6, 7), (2, 2)


def claim(id=PHI, rois=("full", "middle"), **changes):
    bounds = tuple(Threshold("sum_ratio", roi, 0.9, 1.1, "why") for roi in rois)
    return replace(Claim(id, "t", REFERENCE, ("-emulate", id), bounds, "why", "docs/x.md", "me",
                         datetime.date(2027, 1, 1)), **changes)


class Trials:
    """Runs that answer by role and words, as (role, words behind the plain ones): image; and what was asked."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def __call__(self, job, files, environment):
        words = " ".join(job.arguments[1:])
        self.asked.append((files, job.engine.role, words, job.purpose))
        image = self.answers[job.engine.role, words]
        failure = None if image is not None else Failure("exit-code", "ended with exit code 3")
        return Rendering(Run(job.engine.role, job.arguments, SHAPE, 0, 0.1, failure, "x"), image)


def jobs_of(*arguments):
    return {role: Job(Engine(role, role, (role,), "test"), ("plain", *arguments), SHAPE, 1.0, Path("inputs"))
            for role in (REFERENCE, SUBJECT)}


def tried(claims, reference, subject, answers, thresholds=STRICT, **more):
    trials = Trials(answers)
    asked = {(bound.metric, bound.roi) for one in claims for bound in one.bounds} | {
        (one.metric, one.roi) for one in thresholds}
    comparison = compare_images(reference, subject, ROIS, further=asked, with_peaks=False)
    proof = try_claims(claims, jobs_of(), {REFERENCE: reference, SUBJECT: subject}, trials, ROIS, thresholds, TODAY,
                       **more)
    return judge(comparison, thresholds), comparison, proof, trials.asked


def told(claims, reference, subject, answers, thresholds=STRICT):
    plain, comparison, proof, _ = tried(claims, reference, subject, answers, thresholds)
    return list(judge_claims(plain, comparison, proof, thresholds).reasons)


EMULATED, CONTROLLED = (SUBJECT, f"-emulate {PHI}"), (REFERENCE, "-phi 1e-12")
RIGHT = {EMULATED: defect(MIDDLE), CONTROLLED: TRUTH}


LINES = {"steps": 2, "I_before_scaling": 100.0, "r_e_squared_m2": 8e-30, "fluence_per_m2": 1e24, "polarization": 0.5,
         "solid_angle_sr": 1e-6, "capture_fraction": 1}
TRACED = claim(trace=ExpectedTrace((ExpectedFactor("I_before_scaling", 50.0, 1.0),), 1e-3, 3, 2))


def printed(**changes):
    lines = {**LINES, **changes}
    product = math.prod(lines[name] for name in LINES if name != "steps") / lines["steps"]
    return "\n".join(f"TRACE {name}={value!r}" for name, value in {"intensity": product, **lines}.items())


def rendering(job, said, kind=None):
    failure = Failure(kind, f"failed by {kind}") if kind else None
    return Rendering(Run(job.engine.role, job.arguments, SHAPE, 0, 0.1, failure, None), None, said)
