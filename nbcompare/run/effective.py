"""What a case amounts to: every effective value and where it comes from, and the commands that a run would start.

Nothing is run or built for it, and no program is asked anything.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.case.arguments.options import FLOAT_FILE, REFERENCE, SUBJECT
from nbcompare.case.case import NANOBRAGG, Case, Limits
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.case.lines import lines_of
from nbcompare.case.masking import FAIL
from nbcompare.case.project import declared_engines, project_above, refuse_code_variables
from nbcompare.case.reading.strict_yaml import Cursor, load
from nbcompare.engine.adapter import adapt
from nbcompare.engine.choose import named_engine, other_subjects
from nbcompare.engine.engine import Engine
from nbcompare.engine.safety.safe_start import BUNDLED_SUBJECT
from nbcompare.errors import NbCompareError
from nbcompare.run.options import RunOptions
from nbcompare.run.staged_case import with_arguments
from nbcompare.verdict.noise_floor import repetitions_asked

DEFAULT = "default"
_BUNDLED_REFERENCE = Engine(REFERENCE, "bundled C reference", ("nanobragg_reference",), DEFAULT)


@dataclass(frozen=True)
class EffectiveValue:
    """One value: what it is, the value as text, and where it comes from."""

    what: str
    value: str
    source: str


def planned_engines(case: Case, options: RunOptions) -> dict[str, Engine]:
    """The engines that a run would use. Raises UsageError and CaseError as a run does, before it builds or asks."""
    project = project_above(case.folder)
    refuse_code_variables(case, project, trusted=options.trust_case)
    declared = declared_engines(case, project)
    bundled = {REFERENCE: _BUNDLED_REFERENCE, SUBJECT: Engine(SUBJECT, "nanobrag_torch", BUNDLED_SUBJECT, DEFAULT)}
    named = {REFERENCE: options.c_bin, SUBJECT: options.py_bin}
    return {role: named_engine(role, named[role], os.environ, declared) or bundled[role] for role in bundled}


# --- the commands -------------------------------------------------------------------------------------------


def planned_commands(case: Case, options: RunOptions) -> Iterator[str]:
    """A line of the shell for each process that a run of the case, or of each of its cells, would start, in order."""
    for cell in cells_of(case):
        yield from _commands_of(with_arguments(cell, options), options)


def _commands_of(case: Case, options: RunOptions) -> Iterator[str]:
    engines = planned_engines(case, options)
    yield f"# {case.name}, in {_folder(case, options)}"
    if case.tests:
        yield shlex.join(("python", "-m", "pytest", *case.tests))
    settings = [f"{name}={value}" for name, value in case.environment.items()]
    words = {role: _words(engine, case, settings) for role, engine in engines.items()}
    others = other_subjects(case)
    for name, more in case.subjects.items():
        one = replace(case, subject_args=more.words(case.subject_args))
        yield f"{_words(others.get(name, engines[SUBJECT]), one, settings)}    # subject {name}"
    for role in (SUBJECT, REFERENCE):
        if role == REFERENCE and options.reference:
            yield f"# the reference image is that of {options.reference}"
        else:
            yield f"{words[role]}    # {role}, {engines[role].name} ({engines[role].chosen_by})"
    threads = case.threads or ((1, 2) if options.noise_floor else ())
    for name, given in repetitions_asked(case.repeat or int(options.noise_floor), threads).items():
        yield " ".join([*(f"{key}={value}" for key, value in given.items()), words[REFERENCE]]) + f"    # {name}"


def _words(engine: Engine, case: Case, settings: list[str]) -> str:
    own = {REFERENCE: case.reference_args, SUBJECT: case.subject_args}[engine.role]
    made = adapt(engine.adapter, (*case.command, *own))
    words = shlex.join((*engine.start, *made.words))
    return " ".join([*map(shlex.quote, settings), words])


def _folder(case: Case, options: RunOptions) -> str:
    return f"{options.bundles / case.name}/STAMP"


# --- the values ---------------------------------------------------------------------------------------------


def effective_values(case: Case, options: RunOptions) -> list[EffectiveValue]:
    """Every value that a run of the case rests on. ``case.path`` must be its file."""
    assert case.path is not None
    entries = load(case.path, "a case")[0].mapping()
    return [*_text(case, entries), *_engines(case, options), *_inputs(case, entries, options),
            *_judged(case, entries), *_limits(case, entries), *_further(case, entries, options)]


def _source(entries: Mapping[str, Cursor], key: str) -> str:
    return f"{entries[key].path.name}:{entries[key].line}" if key in entries else DEFAULT


def _text(case: Case, entries: Mapping[str, Cursor]) -> Iterator[EffectiveValue]:
    for key, value in (("name", case.name), ("title", case.title), ("command", shlex.join(case.command)),
                       ("image", str(case.shape))):
        yield EffectiveValue(key, value, _source(entries, key))
    read = "" if case.options == NANOBRAGG else ": nothing is read into them"
    yield EffectiveValue("options", f"{case.options}{read}", _source(entries, "options"))
    if case.matrix:
        yield EffectiveValue("cells", ", ".join(cell.name for cell in cells_of(case)), _source(entries, "matrix"))


def _engines(case: Case, options: RunOptions) -> Iterator[EffectiveValue]:
    more = {REFERENCE: options.c_args, SUBJECT: options.py_args}
    own = {REFERENCE: case.reference_args, SUBJECT: case.subject_args}
    for role, engine in planned_engines(case, options).items():
        yield EffectiveValue(role, shlex.join(engine.start), engine.chosen_by)
        if engine.declaration:
            yield from _declared(role, engine.declaration)
        for words, source in ((own[role], f"{role}_args"), (more[role], "the command line")):
            if words:
                yield EffectiveValue(f"{role} alone gets", shlex.join(words), source)
    for name, further in case.subjects.items():
        if further.engine:
            yield EffectiveValue(f"subject {name} is", f"the engine {further.engine}", "subjects of the case")
        if further.arguments:
            yield EffectiveValue(f"subject {name} gets", shlex.join(further.arguments), "subjects of the case")
    for name, value in case.environment.items():
        yield EffectiveValue(f"variable {name}", value, "environment of the case")
    project = project_above(case.folder)
    yield EffectiveValue("project file", str(project.path or "none"), "the case's folder upwards")


def _declared(role: str, declaration: EngineDeclaration) -> Iterator[EffectiveValue]:
    source = declaration.file.name
    if declaration.cwd:
        yield EffectiveValue(f"{role} is started in", str(declaration.cwd), source)
    for name, value in declaration.set_variables:
        yield EffectiveValue(f"{role}, variable {name}", value, source)
    if declaration.pass_variables:
        yield EffectiveValue(f"{role} is passed", ", ".join(declaration.pass_variables), source)


def _inputs(case: Case, entries: Mapping[str, Cursor], options: RunOptions) -> Iterator[EffectiveValue]:
    for entry in case.inputs:
        if entry.name in options.inputs:
            yield EffectiveValue(f"input {entry.name}", str(options.inputs[entry.name]), "--input")
            continue
        pinned = f"sha256 {entry.sha256[:12]}... pinned" if entry.sha256 else "its sum is not pinned"
        made = f"made by {entry.made_by}" if entry.made_by else str(case.folder / str(entry.file))
        yield EffectiveValue(f"input {entry.name}", f"{made}, {pinned}", _source(entries, "inputs"))


def _judged(case: Case, entries: Mapping[str, Cursor]) -> Iterator[EffectiveValue]:
    places, lines = entries["rois"].mapping(), lines_of(case.path)
    for roi in case.rois:
        kind = "" if roi.is_box else " (those of a polygon)" if roi.polygon else " (those of a ring)" if roi.ring else \
            " (those of a mask file)"
        yield EffectiveValue(f"region {roi.name}", f"{list(roi.bounds)}{kind}", _source(places, roi.name))
    for threshold in case.thresholds:
        line = lines.thresholds.get((threshold.metric, threshold.roi))
        yield EffectiveValue(f"{threshold.metric} of {threshold.roi}", threshold.allowed,
                             f"{case.path.name}:{line}" if case.path and line else _source(entries, "thresholds"))
    for claim in case.divergences:
        yield EffectiveValue(f"claim {claim.id}", f"on the {claim.engine}, until {claim.expires}",
                             _source(entries, "divergences"))
    for role, refusal in case.expect.items():
        yield EffectiveValue(f"{role} must refuse", f"exit code {refusal.exit_code}, saying {refusal.stderr}",
                             _source(entries, "expect"))
    yield EffectiveValue("pixels that are no number", "an engine with one has failed" if case.nan == FAIL else
                         "left out and counted", _source(entries, "nan"))
    yield EffectiveValue("mask", "as the case says" if "mask" in entries else "none", _source(entries, "mask"))


def _limits(case: Case, entries: Mapping[str, Cursor]) -> Iterator[EffectiveValue]:
    given = entries["limits"].mapping() if "limits" in entries else {}
    for key in Limits.__dataclass_fields__:
        yield EffectiveValue(key.replace("_", " "), f"{getattr(case.limits, key):g}",
                             f"{given[key].path.name}:{given[key].line}" if key in given else DEFAULT)


def _further(case: Case, entries: Mapping[str, Cursor], options: RunOptions) -> Iterator[EffectiveValue]:
    for what, key, value in (("tests that must pass first", "tests", ", ".join(case.tests)),
                             ("files that may not change", "protected", ", ".join(case.protected)),
                             ("arguments that must matter", "required_args", shlex.join(case.required_args)),
                             ("runs of the reference for its noise", "repeat", str(case.repeat)),
                             ("numbers of threads for its noise", "threads", ", ".join(map(str, case.threads)))):
        yield EffectiveValue(what, value or "none", _source(entries, key))
    yield EffectiveValue("float image", f"-floatfile {FLOAT_FILE}, added for each engine", DEFAULT)
    yield EffectiveValue("bundle", _folder(case, options),
                         DEFAULT if options.bundles == Path("bundles") else "--bundles")


MOST_NEIGHBOURS = 50


def case_with_claims(case: Case) -> Path | None:
    """A case beside this one that runs the same command and claims known divergences, where this one claims none: so
    stands supervisor-nanobragg.yaml beside supervisor.yaml, for the original C program."""
    if case.path is None or case.divergences:
        return None
    for path in sorted(case.path.parent.glob("*.yaml"))[:MOST_NEIGHBOURS]:
        with suppress(NbCompareError):
            other = load_case(path)
            if other.divergences and other.command == case.command:
                return path
    return None


def claims_in(path: Path) -> list[str]:
    """What the claims of a case say, and of which engine."""
    return [f"{claim.engine}: {claim.title}" for claim in load_case(path).divergences]
