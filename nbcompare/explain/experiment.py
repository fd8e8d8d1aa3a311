"""Experiment: what a later question (trace, reduce) is asked about: a case, the engines, and the files they read.

It is named by a case file, by a bundle, or by a bare command line. A bundle also brings its images, and its engines
are those that made it.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nbcompare.bundle.find import find_bundle
from nbcompare.bundle.names import CASE_FILE, DATA, image_name
from nbcompare.case.arguments.named_files import files_of
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cell_named
from nbcompare.case.from_arguments import OneShotOptions, one_shot_case, require_options, stage_arguments
from nbcompare.case.inputs import parse_input_override, stage_inputs
from nbcompare.case.project import project_above, refuse_code_variables
from nbcompare.compare.image import read_float_image
from nbcompare.engine.again import engine_again
from nbcompare.engine.choose import engines_of
from nbcompare.engine.engine import Engine, Rendering, Run
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.rendering.runs import jobs_of
from nbcompare.engine.sandbox import confine_all
from nbcompare.errors import UsageError
from nbcompare.files import sha256_of
from nbcompare.verdict.verdict import failures_verdict


@dataclass(frozen=True)
class ExperimentSource:
    """What the user said: the words that name the experiment, and the engines' options."""

    words: tuple[str, ...]
    c_bin: str | None = None
    py_bin: str | None = None
    c_args: tuple[str, ...] = ()
    py_args: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    trust_case: bool = False
    sandbox: bool = False


@dataclass(frozen=True)
class Experiment:
    """A case with the engines to run it and the folder of its input files.

    ``images`` are those of a bundle, float32 [slow, fast] by role, else None; ``named`` says what it was made from;
    ``sources`` are the user's own files that the inputs were copied from, by the name of the input. ``bundle`` is the
    folder of a bundle that this is the experiment of, with its own engines and arguments.
    """

    named: str
    case: Case
    engines: Mapping[str, Engine]
    inputs: Path
    images: Mapping[str, np.ndarray] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    bundle: Path | None = None

    def arguments(self, role: str) -> tuple[str, ...]:
        """The whole command line of a role, without the float file."""
        return (*self.case.command, *{REFERENCE: self.case.reference_args, SUBJECT: self.case.subject_args}[role])


@contextlib.contextmanager
def experiment(asked: ExperimentSource, progress: Progress) -> Iterator[Experiment]:
    """The experiment that the words name; its folder of inputs is gone afterwards, unless a bundle holds it.

    Raises UsageError, CaseError, FileError or EvidenceError for words that name nothing usable.
    """
    with _any_experiment(asked, progress) as found:
        if found.case.own_options:
            raise UsageError(f"{found.named}: its command is written in options of its engines' own, and only those of "
                             "nanoBragg are understood here", hint="diagnose BUNDLE tells what the images say")
        yield replace(found, engines=confine_all(found.engines)) if asked.sandbox else found


@contextlib.contextmanager
def _any_experiment(asked: ExperimentSource, progress: Progress) -> Iterator[Experiment]:
    first = asked.words[0]
    if len(asked.words) > 1 or first.startswith("-"):
        with _scratch() as data:
            yield _from_arguments(asked, data, progress)
    elif not (Path(first).is_file() or first.endswith((".yaml", ".yml"))):
        yield _from_bundle(asked, find_bundle(first), progress)
    else:
        with _scratch() as data:
            yield _from_case(asked, Path(first), data, progress)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder:
        yield Path(folder) / "data"


def _from_arguments(asked: ExperimentSource, data: Path, progress: Progress) -> Experiment:
    require_options(asked.words)
    arguments = stage_arguments(asked.words, asked.c_args, asked.py_args, data)
    for note in arguments.notes:
        progress.say(f"note: {note}")
    case = one_shot_case(arguments, OneShotOptions(), data)
    return Experiment("the command line", case, engines_of(case, asked, progress), data, sources=arguments.sources)


def _from_case(asked: ExperimentSource, path: Path, data: Path, progress: Progress) -> Experiment:
    case = _with_more(load_case(path), asked)
    data.mkdir()
    overrides = dict(parse_input_override(text, case) for text in asked.inputs)
    stage_inputs(case, overrides, data)
    own = {entry.name: case.folder / entry.file for entry in case.inputs if entry.file}
    sources = {name: str(source) for name, source in {**own, **overrides}.items()}
    return Experiment(f"case {case.name}", case, engines_of(case, asked, progress), data, sources=sources)


def _from_bundle(asked: ExperimentSource, folder: Path, progress: Progress) -> Experiment:
    from nbcompare.bundle.check.verify import verified

    if asked.inputs:
        raise UsageError("--input replaces an input of a case; a bundle holds its own")
    record = verified(folder).record
    said = record.case
    case = cell_named(load_case(folder / CASE_FILE, files_are_there=False), said.name)
    case = replace(case, reference_args=said.reference_args, subject_args=said.subject_args)
    refuse_code_variables(case, project_above(Path.cwd()), trusted=asked.trust_case)
    engines = {identity.role: engine_again(identity, asked, progress) for identity in record.engines}
    for identity in record.engines:
        if sha256_of(engines[identity.role].program) != identity.program_sha256:
            progress.say(f"note: the {identity.role} is another program than the one that made the bundle")
    images = None
    if record.runs and not any(run.failure for run in record.runs):
        images = {run.role: read_float_image(folder / image_name(run.role), run.shape, run.dtype)
                  for run in record.runs}
    return Experiment(f"bundle {case.name}/{record.stamp}", _with_more(case, asked), engines, folder / DATA, images,
                      {name: str(folder / DATA / name) for name in files_of(folder / DATA)},
                      None if asked.c_bin or asked.py_bin or asked.c_args or asked.py_args else folder)


def _with_more(case: Case, asked: ExperimentSource) -> Case:
    return replace(case, reference_args=(*case.reference_args, *asked.c_args),
                   subject_args=(*case.subject_args, *asked.py_args))


def render(experiment: Experiment, progress: Progress) -> tuple[tuple[Run, ...], Mapping[str, np.ndarray] | None]:
    """Both engines run on the whole command, and their images; these are None when a run failed."""
    found: dict[str, Rendering] = {}
    with Renderer() as renderer:
        for role, job in jobs_of(experiment.case, experiment.engines, experiment.inputs).items():
            progress.begin(job.name)
            found[role] = renderer.render(job)
            progress.end(found[role].failure or f"{found[role].run.seconds:.3f} s")
    runs = tuple(rendered.run for rendered in found.values())
    images = {role: rendered.image for role, rendered in found.items() if rendered.image is not None}
    return runs, None if failures_verdict(runs) else images
