"""The text files of a bundle, each a function of its record.

The same functions write them and, when a bundle is verified, say what they must hold; so a text that was changed
afterwards, or a record that was, is found although all sums were put right. Their format belongs to the record's
schema_version: change one, and raise the other.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbcompare.bundle.names import (
    COMMANDS,
    ENVIRONMENT,
    GIT,
    NO_TEST_USES_DEVICE,
    SIZES,
    SUMS,
    TEMPLATE,
    TODO_FILE,
    VERSIONS,
    image_name,
)
from nbcompare.bundle.record import HARNESS_ROLE, Ancestor, Record
from nbcompare.bundle.summary import summary
from nbcompare.case.arguments.options import FLOAT_FILE, PREFIX, REFERENCE
from nbcompare.case.facts import CaseFacts
from nbcompare.case.inputs import StagedInput
from nbcompare.compare.pictures import Scale
from nbcompare.engine.adapter import AdaptedArguments, adapt, image_file
from nbcompare.engine.engine import PROCESS, Run
from nbcompare.engine.identity import EngineIdentity
from nbcompare.verdict.subjects import subject_lines
from nbcompare.verdict.verdict import Label

_LEFT_OUT = re.compile(r"\b\d+ (?:skipped|deselected)\b")


def texts_of(record: Record, image_bytes: Mapping[str, int]) -> dict[str, str]:
    """Text by file name, for every name in TEXT_FILES. ``image_bytes``: sizes of the images there are, by role."""
    rows = _sums([engine for engine, _ in record.programs], record.inputs, record.runs, image_bytes)
    return {
        COMMANDS: _commands(record),
        ENVIRONMENT: "".join(f"{key}={value}\n" for key, value in record.environment.items()),
        GIT: _git(record),
        VERSIONS: f"nb-compare {record.program.version}\n"
                              + "".join(f"{engine.role}: {engine.version}\n" for engine, _ in record.programs),
        SUMS: "".join(f"{digest}  {name}\n" for digest, _, name in rows),
        SIZES: "".join(f"{size:>12}  {name}\n" for _, size, name in rows),
        TEMPLATE: _template(record),
        TODO_FILE: todo_text(record),
    }


def summary_of(record: Record, scale: Scale | None) -> dict[str, Any]:
    """What the summary holds; ``scale`` is how the pictures were drawn, None where there are none."""
    binaries = {PREFIX[engine.role]: f"{engine.name} sha256:{engine.program_sha256}" for engine in record.engines}
    return summary(record.case.command, record.runs, binaries, record.comparison, record.verdict, scale,
                   record.further, resample=record.resample, notes=record.notes)


def _git(record: Record) -> str:
    """The project's commit, on two lines as scripts know it; every repository; and the sums of the contents."""
    dirty = {True: "dirty: uncommitted changes", False: "clean", None: "unknown"}[record.git.dirty]
    lines = [record.git.sha, dirty]
    for name, state in (record.repositories or {}).items():
        branch = f" on {state.branch}" if state.branch else ""
        lines.append(f"{name} {state}{branch if state.root else ''}")
        lines += [f"{name} in no commit: {file}" for file in state.untracked]
        lines += [f"{name} hidden from git: {file}" for file in state.hidden]
        lines += [f"{name} changed: {file}" for file in state.changed]
    lines += [f"content {name} {digest}" for name, digest in vars(record.content).items()]
    lines += [f"sources of the {engine.role} {engine.source_sha256}" for engine, _ in record.programs
              if engine.made_of]
    return "\n".join(lines) + "\n"


def _sums(engines: Sequence[EngineIdentity], inputs: Sequence[StagedInput], runs: Sequence[Run],
          image_bytes: Mapping[str, int]) -> list[tuple[str, int, str]]:
    """(sha256, bytes, name) of the programs that were run, the input files and the images."""
    rows = [(engine.program_sha256, engine.program_bytes, f"program of the {engine.role} ({engine.name})")
            for engine in engines]
    rows += [(entry.sha256, entry.bytes, f"data/{entry.name}") for entry in inputs]
    rows += [(run.image_sha256, image_bytes[run.role], image_name(run.role).rpartition("/")[2])
             for run in runs if run.role in image_bytes and run.image_sha256]
    return rows


def _commands(record: Record) -> str:
    """A text that can be pasted into a shell standing in the bundle, and re-runs each engine."""
    case = record.case
    if record.images is not None:
        lines = [f"# {case.name} {record.stamp}: no engine was run; two image files were read."]
        lines += [f"# {role}: {facts.file} ({facts.format}, {facts.dtype}), sha256 "
                  f"{engine.program_sha256}" for (role, facts), engine in zip(record.images.items(), record.engines,
                                                                           strict=True)]
        return "\n".join([*lines, shlex.join(["nb-compare", *record.program.invocation])]) + "\n"
    by_role = {run.role: run for run in record.runs}
    lines = [f"# {case.name} {record.stamp}: paste a block into a shell whose current folder is this bundle.",
             "# Each engine ran in an empty scratch folder with copies of inputs/data, as below."]
    for engine in record.engines:
        run = by_role.get(engine.role)
        made = adapt(engine.adapter, case.arguments(engine.role))
        own = {**engine.variables, **case.environment}
        lines += ["", _how_it_ran(engine, run, record.reference_from), *_adapter_lines(engine, made),
                  _block(_argv(engine, run, case), own, has_inputs=bool(record.inputs),
                         image=image_file(engine.adapter), config=_config(engine, made))]
    others = {f"the subject {entry.name}": entry.engine for entry in record.further.subjects}
    for purpose, run, variables in record.further.further_runs:
        who = others.get(purpose) or record.engine_of(run.role)
        lines += ["", f"# {purpose}: exit code {run.exit_code}, {run.seconds:.3f} s wall"
                  + (f"; {run.failure.sentence}" if run.failure else ""),
                  _block(run.argv, {**who.variables, **case.environment, **variables},
                         has_inputs=bool(record.inputs), image=image_file(who.adapter))]
    return "\n".join(lines) + "\n"


def _how_it_ran(engine: EngineIdentity, run: Run | None, source: Ancestor | None) -> str:
    if run is None:
        return f"# {engine.role}: not run"
    if engine.role == REFERENCE and source:
        return (f"# {engine.role} ({engine.name}): not run; its image is that of bundle {source.name}, "
                f"whose manifest has sha256 {source.manifest_sha256}")
    how = "" if run.how == PROCESS else f" (here by itself; it was run as {run.how})"
    return (f"# {engine.role} ({engine.name}): working directory scratch-{PREFIX[engine.role]}, exit code "
            f"{run.exit_code}, {run.seconds:.3f} s wall{how}" + (f"; {run.failure.sentence}" if run.failure else ""))


def _argv(engine: EngineIdentity, run: Run | None, case: CaseFacts) -> Sequence[str]:
    return run.argv if run else engine.argv(case.arguments(engine.role))


def _adapter_lines(engine: EngineIdentity, made: AdaptedArguments) -> list[str]:
    """Everything that was done between the case's arguments and the engine, and how its image is read."""
    lines = [f"# adapter: {change}" for change in made.changes]
    lines += [f"# adapter: NOT GIVEN: {lost}" for lost in made.dropped]
    if engine.adapter and engine.adapter.output:
        lines.append("# adapter: the image is read as " + ", ".join(
            f"{key}={value}" for key, value in engine.adapter.output.as_dict().items()))
    return [" ".join(line.split()) for line in lines]


def _config(engine: EngineIdentity, made: AdaptedArguments) -> tuple[str, str] | None:
    """(name, text) of the file that an adapter writes for its engine."""
    if engine.adapter and engine.adapter.config and made.config is not None:
        return engine.adapter.config.file, made.config
    return None


def _block(argv: Sequence[str], environment: Mapping[str, str], *, has_inputs: bool, image: str = FLOAT_FILE,
           config: tuple[str, str] | None = None) -> str:
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    data = " && cp inputs/data/* \"$work\"" if has_inputs else ""
    setting = f"env {variables} " if variables else ""
    if config:
        folder = f"mkdir -p {shlex.quote(config[0].rpartition('/')[0])} && " if "/" in config[0] else ""
        setting = f"{folder}printf %s {shlex.quote(config[1])} > {shlex.quote(config[0])} && {setting}"
    return (f"(work=$(mktemp -d) && trap 'rm -rf \"$work\"' EXIT{data} && cd \"$work\" && "
            f"{setting}{shlex.join(argv)} && sha256sum "
            f"\"$work\"/{shlex.quote(image)})")


def _template(record: Record) -> str:
    invocation = shlex.join(["nb-compare", *record.program.invocation])
    return (f"# How this bundle was made:\n{invocation}\n\n# The case command, as both engines got it:\n"
            f"{shlex.join(record.case.command)}\n")


# --- what is still open -------------------------------------------------------------------------------------


def not_run(record: Record) -> list[str]:
    """What could have been run and was not, a sentence each."""
    return list(_not_run(record))


def _not_run(record: Record) -> Iterator[str]:
    tests = record.tests
    if not tests["cpu"].nodes:
        yield "mapped tests: the case names none"
    elif "cuda" not in tests:
        yield "mapped tests on CUDA: " + ("they failed on the CPU" if tests["cpu"].failure else
                                          "no CUDA device was available")
    if tests["cpu"].taken_from:
        yield f"mapped tests: they passed for the same content in bundle {tests['cpu'].taken_from}"
    if "cuda" in tests and not tests["cuda"].failure and not tests["cuda"].on_device:
        yield f"any test on CUDA: {NO_TEST_USES_DEVICE}"
    for device, outcome in tests.items():
        left_out = _LEFT_OUT.findall(outcome.summary) if outcome.nodes else []
        if left_out:
            yield f"some mapped tests ({device}): {', '.join(left_out)}"
    if not record.runs:
        yield "the engines"
    if record.comparison is None:
        yield "the comparison of the images"
    elif all(check.noise is None for check in record.verdict.checks):
        yield "a repetition of the reference: how far it reproduces itself is not known"


def open_points(record: Record) -> list[str]:
    """Everything still open: reasons against a pass, what was not run, and doubts about the surroundings."""
    return [*(f"{record.verdict.word}: {reason}" for reason in record.verdict.reasons),
            *(f"not run: {sentence}" for sentence in not_run(record)), *_doubts(record)]


def _doubts(record: Record) -> Iterator[str]:
    if record.git.dirty is None:
        yield "git could not tell which commit of the project was run"
    yield from _uncommitted(record)
    yield from record.notes
    device = record.further.device
    if device and device.faults(record.case.thresholds):
        yield device.sentence(record.case.thresholds)
    yield from subject_lines([entry for entry in record.further.subjects if entry.faults(record.case.thresholds)],
                             record.case.thresholds)
    for entry in record.inputs:
        if not entry.as_pinned:
            yield f"the input {entry.name} is the user's own, not the one the case pins"
    if record.comparison:
        yield from record.comparison.notes
    if record.verdict.word is Label.PROVEN:
        yield "the images differ; the verdict rests on the proof of a known divergence"


def _uncommitted(record: Record) -> Iterator[str]:
    """A line for each repository with changes: whose it is, which files, and what to type."""
    if record.repositories is None:
        if record.git.dirty:
            yield "the project had uncommitted changes; commit them and run again"
        return
    own = {name: state for name, state in record.repositories.items() if name != HARNESS_ROLE}
    states = {state.root: state for state in own.values() if state.dirty}
    for root, state in states.items():
        whose = [name for name, other in own.items() if other.root == root]
        files = f" ({state.shown_names})" if state.names else ""
        folder = shlex.quote(root or ".")
        add = f"git -C {folder} add -A, " if state.untracked else ""
        yield (f"the repository of {' and '.join(whose)} had uncommitted changes{files}; commit them ({add}git -C "
               f"{folder} commit -a) and run again")


def todo_text(record: Record) -> str:
    """A list to tick off."""
    lines = [f"- [ ] {' '.join(point.split())}" for point in open_points(record)] or ["Nothing is open."]
    return "\n".join([f"# Still open: {record.case.name} {record.stamp}", "", *lines, *_detector_note(record)]) + "\n"


def _detector_note(record: Record) -> list[str]:
    """Where the detector summary is to be had; two images without a command line have none."""
    if record.images is not None:
        return []
    asked = f"nb-compare show --detector {record.name}"
    return ["", f"Detector summary (beam, distance, resolution of the corners): {asked}"]
