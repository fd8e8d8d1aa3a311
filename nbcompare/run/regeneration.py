"""A bundle run again from its own record, into a new stamp; then new against old, engine by engine.

The case, its inputs and the programs are those of the record. A program that is not here, or an input that is no
longer in the bundle, is named, and that engine is graded "cannot run"; where it is the reference, its stored image
stands in, so that the subject is still run. The old bundle stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nbcompare.bundle.bundle import Bundle, load_bundle
from nbcompare.bundle.check.recheck import case_file_here
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.imported import is_imported
from nbcompare.bundle.names import CASE_FILE, DATA, image_name
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cell_named
from nbcompare.case.project import project_above, refuse_code_variables
from nbcompare.compare.image import read_float_image
from nbcompare.engine.again import engine_again
from nbcompare.engine.engine import Engine, Run
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.progress import Progress
from nbcompare.engine.sandbox import confine_all, require_sandbox
from nbcompare.engine.sources.made_of import look_at
from nbcompare.errors import CaseError, EvidenceError, ExitCode, FileError, UsageError, to_type, worst
from nbcompare.files import sha256_of
from nbcompare.run.grading import Grade, GradedEngine, grade_runs
from nbcompare.run.one_case import run_case
from nbcompare.run.options import HandedOver, RunOptions
from nbcompare.run.stored_reference import ancestor_of
from nbcompare.visible import some_of

_MOST_NAMES = 4
SOURCES = {REFERENCE: "reference", SUBJECT: "simulator"}
"""The folder of the checkout from which each role's own program is made, as content hashes name it."""


@dataclass(frozen=True)
class RegenerationOptions:
    """What the user said. ``exact`` refuses a program that is not, byte for byte, the one of the record."""

    c_bin: str | None = None
    py_bin: str | None = None
    bundles: Path = Path("bundles")
    exact: bool = False
    invocation: tuple[str, ...] = ()
    trust_case: bool = False
    sandbox: bool = False


@dataclass(frozen=True)
class Regeneration:
    """The old bundle, the new one (None when nothing could be run) and a grade for each engine."""

    old: Bundle
    new: Bundle | None
    graded: tuple[GradedEngine, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        return worst(graded.exit_code for graded in self.graded)

    def as_dict(self) -> dict[str, Any]:
        return {"schema_version": 1, "exit_code": int(self.exit_code), "old": str(self.old.folder),
                "new": str(self.new.folder) if self.new else None, "notes": list(self.notes),
                "grades": [graded.as_dict() for graded in self.graded],
                "verdict": self.new.record.verdict.as_dict() if self.new else None}


def regenerate(folder: Path, wanted: RegenerationOptions, progress: Progress) -> Regeneration:
    """Run the record of a bundle again and grade what comes out.

    Raises EvidenceError for a bundle that is damaged in more than its inputs.
    """
    if wanted.sandbox:
        require_sandbox()
    lost = _lost_inputs(folder)
    old = load_bundle(folder)
    if lost:
        return Regeneration(old, None, _nobody(", ".join(lost)), ())
    if old.record.images is not None:
        return Regeneration(old, None, _nobody("two image files were read and no engine was run; nb-compare images "
                                               "reads them again"), ())
    engines, refused = _programs(old.record, wanted, progress)
    if SUBJECT in refused:
        graded = [GradedEngine(role, Grade.CANNOT_RUN, refused.get(role, "the subject cannot run, so nothing was run"))
                  for role in (REFERENCE, SUBJECT)]
        return Regeneration(old, None, tuple(graded), ())
    options = RunOptions(
        inputs=_inputs_of_the_user(folder, old.record), resample=old.record.resample, bundles=wanted.bundles,
        invocation=wanted.invocation, reference=folder if REFERENCE in refused else None, sandbox=wanted.sandbox,
        no_compare=old.record.uncompared)
    handed = HandedOver(engines, regenerates=ancestor_of(folder, old.record))
    try:
        case = _case_again(folder, old.record)
        _refuse_tests_of_strangers(case, folder, wanted)
        refuse_code_variables(case, project_above(Path.cwd()), trusted=wanted.trust_case)
        new = run_case(case, options, progress, handed)
    except CaseError as fault:
        return Regeneration(old, None, _nobody(fault.message), ())
    return Regeneration(old, new, tuple(_grades(old, new, refused)), tuple(_notes(old.record, new.record)))


def _nobody(reason: str) -> tuple[GradedEngine, ...]:
    return tuple(GradedEngine(role, Grade.CANNOT_RUN, reason) for role in (REFERENCE, SUBJECT))


def _lost_inputs(folder: Path) -> list[str]:
    """What is wrong with the inputs of a bundle. Raises EvidenceError when anything else is wrong."""
    faults = verify_bundle(folder).faults
    others = [str(fault) for fault in faults if not fault.file.startswith(f"{DATA}/")]
    if others:
        raise EvidenceError(f"{folder}: damaged, cannot be regenerated", faults=others,
                            hint=to_type("nb-compare", "verify", folder))
    return [f"the input {fault.file.removeprefix(DATA + '/')} is {fault.kind} in the bundle" for fault in faults]


# --- what is run ---------------------------------------------------------------------------------------------


def _case_again(folder: Path, record: Record) -> Case:
    """The case as the bundle keeps it, its files taken from the bundle, with what was added for one side alone."""
    said = record.case
    path = folder / CASE_FILE
    if not path.is_file():
        raise CaseError("cannot be run again: the bundle keeps no case file", path=folder)
    case = cell_named(load_case(path, files_are_there=False), said.name)
    inputs = tuple(replace(entry, file=str((folder / DATA / entry.name).absolute())) if entry.file else entry
                   for entry in case.inputs)
    here = case_file_here(said.file)
    original = here if here and sha256_of(here) == said.sha256 else None  # beside it lie the files it protects
    return replace(case, inputs=inputs, reference_args=said.reference_args,
                   subject_args=said.subject_args, path=original or path,
                   protected=case.protected if original else ())


def _refuse_tests_of_strangers(case: Case, folder: Path, wanted: RegenerationOptions) -> None:
    """Mapped tests are programs: of a bundle that was imported, or whose case file is not where it was, they are those
    of whoever made the bundle, and may lie among its inputs."""
    if case.tests and not wanted.trust_case and (is_imported(folder) or case.path == folder / CASE_FILE):
        raise CaseError("cannot be run again: its case maps tests, which are programs of whoever made the bundle; "
                        "--trust-case runs them", path=folder / CASE_FILE)


def _inputs_of_the_user(folder: Path, record: Record) -> dict[str, Path]:
    return {entry.name: folder / DATA / entry.name for entry in record.inputs if entry.origin == "user"}


def _programs(record: Record, wanted: RegenerationOptions,
              progress: Progress) -> tuple[dict[str, Engine], dict[str, str]]:
    """(the engines to run, by role why an engine cannot run)."""
    engines, refused = {}, {}
    for identity in record.engines:
        try:
            engine = engine_again(identity, wanted, progress)
            engine = confine_all({identity.role: engine})[identity.role] if wanted.sandbox else engine
        except (UsageError, FileError) as fault:
            refused[identity.role] = f"{fault.message.splitlines()[-1]} (it had sha256 " \
                                     f"{identity.program_sha256[:16]}, {identity.version_told})" \
                                     + (f"; {fault.hint}" if fault.hint else "")
            continue
        other = _another(engine, identity) if wanted.exact else None
        if other:
            refused[identity.role] = other
        else:
            engines[identity.role] = engine
    return engines, refused


def _another(engine: Engine, identity: EngineIdentity) -> str | None:
    """How a program is not, byte for byte with all that it is made of, the one of a record; None when it is."""
    found = sha256_of(engine.program)
    if found != identity.program_sha256:
        return (f"the program {engine.program} is another one: sha256 {found[:16]}, in the record "
                f"{identity.program_sha256[:16]} ({identity.version_told})")
    if identity.made_of is None:
        return None  # a record of before it was kept
    now = look_at(engine)
    before = {entry.name: entry.sha256 for entry in identity.made_of.files}
    after = {entry.name: entry.sha256 for entry in now.files}
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    if names:
        return f"the {identity.role} is made of other files: {some_of(names, _MOST_NAMES)}"
    opened = identity.opened_since()
    if opened:
        return f"the {identity.role} opened other files: {', '.join(opened[:_MOST_NAMES])}"
    if now.unknown:
        return f"not all that the {identity.role} is made of is known ({now.unknown[0]})"
    return None


# --- what came out ------------------------------------------------------------------------------------------


def _grades(old: Bundle, new: Bundle, refused: dict[str, str]) -> Iterator[GradedEngine]:
    noise = old.record.further.noise
    floor = noise.values() if noise and not noise.deterministic else None
    before, after = ({run.role: run for run in bundle.record.runs} for bundle in (old, new))
    for role in (REFERENCE, SUBJECT):
        if role in refused:
            yield GradedEngine(role, Grade.CANNOT_RUN, refused[role])
        elif role not in after:
            yield GradedEngine(role, Grade.CANNOT_RUN, "; ".join(new.record.verdict.reasons) or "it was not run")
        elif role not in before:
            yield GradedEngine(role, Grade.DIFFERENT, "it was not run before, and now it was")
        else:
            images = tuple(_image(bundle, run) for bundle, run in ((old, before[role]), (new, after[role])))
            yield grade_runs(before[role], after[role], images, old.record, floor if role == REFERENCE else None,
                             as_expected=new.record.verdict.accepted)


def _image(bundle: Bundle, run: Run) -> np.ndarray | None:
    return None if run.failure else read_float_image(bundle.folder / image_name(run.role), run.shape, run.dtype)


def _notes(old: Record, new: Record) -> Iterator[str]:
    """What is not as it was, engine by engine and machine by machine."""
    for before, after in zip(old.engines, new.engines, strict=True):
        if before.program_sha256 != after.program_sha256:
            sums = f"sha256 {before.program_sha256[:16]}, now {after.program_sha256[:16]}"
            yield f"{after.role}: another program ({sums})"
        elif before.source_sha256 != after.source_sha256 and before.made_of:
            yield f"{after.role}: made of other files than before"
        elif before.opened and before.opened_since():
            yield f"{after.role}: opened other files than before: {', '.join(before.opened_since()[:_MOST_NAMES])}"
        if before.version != after.version:
            yield f"{after.role}: it calls itself {after.version}, and did {before.version}"
    for role, key in SOURCES.items():
        if getattr(old.content, key) != getattr(new.content, key):
            yield f"{role}: the source files of the project's own {key} changed"
    for key in ("cpu", "platform", "numpy", "torch", "torch_threads", "torch_device", "torch_dtype"):
        was, is_now = (record.environment.get(key) for record in (old, new))
        if was != is_now:
            yield f"{key}: {was}, now {is_now}"
