"""The likely cause of a difference, asked of the diagnosis after a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nbcompare.bundle.names import further_names
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.compare.masks import gaps_of, plain_images
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.engine.rendering.evidence_folder import EvidenceFolder
from nbcompare.engine.rendering.runs import Job
from nbcompare.verdict.further_runs import FurtherRuns
from nbcompare.verdict.proof import EMULATED, Proof


def likely_cause(images: Mapping[str, np.ndarray], jobs: Mapping[str, Job], inputs: Path,
                 outputs: Mapping[str, Path]) -> str | None:
    """The first line of the diagnosis of a difference, or None when nothing is found.

    All by role but ``inputs``, the folder where the arguments find their files; ``outputs`` are the files of what
    the engines printed.
    """
    from nbcompare.explain.diagnose import top_cause

    echoes = read_kept(outputs[REFERENCE]), read_kept(outputs[SUBJECT])
    words = {role: () if job.own_options else job.arguments for role, job in jobs.items()}
    shown = plain_images(images[REFERENCE], images[SUBJECT])
    return top_cause(*shown, words[REFERENCE], inputs, echoes=echoes, subject_argv=words[SUBJECT],
                     gaps=gaps_of(images[REFERENCE], images[SUBJECT]))


def cause_beside(bench: FurtherRuns, proof: Proof, place: EvidenceFolder, outputs: Mapping[str, Path]) -> str | None:
    """What causes the difference that claims leave: the cause between the reference and the emulated subject; that
    of the plain difference where there is no such image."""
    from nbcompare.explain.diagnose.cause import BESIDE

    trial = proof.trial(EMULATED)
    image = place.held(place.folder / further_names(trial.files)[0]) if trial else None
    if trial is None or image is None:
        return likely_cause(bench.images, bench.jobs, bench.inputs, outputs)
    said = place.folder / further_names(trial.files)[1]
    found = likely_cause({**bench.images, SUBJECT: image}, bench.jobs, bench.inputs, {**outputs, SUBJECT: said})
    return BESIDE + found if found else None
