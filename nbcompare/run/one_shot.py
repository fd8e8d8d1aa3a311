"""The one-shot form: one command line, both engines, one comparison, files in a plain folder.

It is the form scripts and CI have used for long. It keeps no bundle and asks for no case; everything else (engines, who
they are before and after, repositories, comparison, verdict) is the same.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nbcompare.bundle.summary import summary
from nbcompare.case.case import Case
from nbcompare.case.from_arguments import OneShotOptions, one_shot_case, require_options, stage_arguments
from nbcompare.case.named_files import files_of
from nbcompare.case.options import PREFIX, REFERENCE, SUBJECT
from nbcompare.case.project import project_above
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.pictures import Scale, write_pictures
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.engine import Engine, Run
from nbcompare.engine.evidence_folder import EvidenceFolder
from nbcompare.engine.identity import identify
from nbcompare.engine.progress import Progress
from nbcompare.engine.redact import redacted
from nbcompare.engine.renderer import Renderer
from nbcompare.engine.runs import RunFiles, jobs_of
from nbcompare.engine.sandbox import confine_all
from nbcompare.engine.self_comparison import near_copy, same_program
from nbcompare.engine.watch import EngineWatch, faults_of
from nbcompare.errors import FileError, ShapeError
from nbcompare.files import dump_json, sha256_of
from nbcompare.run.engine_runs import with_changed
from nbcompare.run.likely_cause import likely_cause
from nbcompare.run.provenance import notes_of, repositories_of, surroundings_of
from nbcompare.verdict.further_evidence import FurtherEvidence, conclude
from nbcompare.verdict.verdict import Label, Verdict, failures_verdict, not_comparable
from nbcompare.visible import each_text

FILES = ("c_stdout.txt", "c_stderr.txt", "py_stdout.txt", "py_stderr.txt", "c_float.bin", "py_float.bin",
         "diff.bin", "c.png", "py.png", "diff.png", "summary.json")
FAILED = tuple(f"failed_{key}" for key in PREFIX.values())
"""The folders of what else a failed engine wrote."""


@dataclass(frozen=True)
class OneShot:
    """What came out: the folder it was written to and everything summary.json says; ``judged`` is the line on what was
    judged."""

    folder: Path
    runs: tuple[Run, ...]
    comparison: Comparison | None
    verdict: Verdict
    notes: tuple[str, ...] = field(default=())
    further: FurtherEvidence = FurtherEvidence()
    judged: str = ""


def run_one_shot(arguments: Sequence[str], options: OneShotOptions, progress: Progress) -> OneShot:
    """Run both engines on ``arguments`` and write the files of FILES.

    Raises UsageError for arguments or a region that cannot be used, FileError for a folder that cannot
    be written.
    """
    require_options(arguments)
    engines = choose_engines(options, progress, project_above(Path.cwd()).engines)
    engines = confine_all(engines) if options.sandbox else engines
    folder = options.outdir or Path("comparisons") / _default_name(arguments)
    with _workshop(folder) as work:
        staged = stage_arguments(arguments, options.c_args, options.py_args, work / "data")
        case = one_shot_case(staged, options, work / "data")
        jobs = jobs_of(case, engines, work / "data")
        identities = {role: identify(engine) for role, engine in engines.items()}
        watches = {role: EngineWatch(engine, identities[role]) for role, engine in engines.items()}
        places = {role: RunFiles(work / f"{key}_float.bin", work / f"{key}_stdout.txt", work / f"{key}_stderr.txt",
                                 work / f"failed_{key}") for role, key in PREFIX.items()}
        with Renderer() as renderer:
            place = EvidenceFolder(work, renderer, progress)
            found = place.run_pair(jobs, places)
        place.write_images()
        runs = with_changed(tuple(rendering.run for rendering in found.values()), faults_of(watches))
        images = {role: rendering.pixels for role, rendering in found.items() if rendering.pixels is not None}
        sums = {role: identity.program_sha256 for role, identity in identities.items()}
        further = FurtherEvidence(vacuous=tuple(_signs(engines, list(sums.values()), runs, images)))
        comparison, verdict, scale = _compare(case, images, runs, options, further, work)
        if verdict.word is Label.FAIL:
            cause = likely_cause(images, jobs, work / "data",
                                 {role: places[role].stdout for role in places})
            further = replace(further, cause=cause)
        binaries = {PREFIX[role]: f"{engine.name} sha256:{sums[role]}" for role, engine in engines.items()}
        said = summary(staged.command, runs, binaries, comparison, verdict, scale, further, resample=options.resample)
        notes = notes_of(case, engines, identities, runs, surroundings_of(engines, case))
        said["judged"] = options.judged(case.thresholds)
        said["notes"] = [*staged.notes, *notes, *said["notes"]]
        said["engines"] = [identity.as_dict() for identity in identities.values()]
        said["repositories"] = {name: state.as_dict() for name, state in
                                repositories_of(case, engines, identities).items()}
        said["inputs"] = {name: sha256_of(work / "data" / name) for name in sorted(files_of(work / "data"))}
        (work / "summary.json").write_text(dump_json(each_text(said, redacted)), encoding="utf-8")
        _replace_files(work, folder)
    return OneShot(folder, runs, comparison, verdict, tuple(said["notes"]), further, said["judged"])


def _signs(engines: Mapping[str, Engine], sums: Sequence[str], runs: Sequence[Run],
           images: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Signs that the images are no evidence; ``images`` are those there are, by role."""
    same = same_program([engine.start for engine in engines.values()], sums, runs)
    if same:
        yield same
    reference, subject = images.get(REFERENCE), images.get(SUBJECT)
    if reference is not None and subject is not None:
        near = near_copy(sums, reference, subject, stored=engines[REFERENCE].is_stored)
        if near:
            yield near


def _compare(case: Case, images: Mapping[str, np.ndarray], runs: tuple[Run, ...], options: OneShotOptions,
             further: FurtherEvidence, work: Path) -> tuple[Comparison | None, Verdict, Scale | None]:
    failed = failures_verdict(runs)
    if failed:
        return None, failed, None
    reference, subject = images[REFERENCE], images[SUBJECT]
    try:
        comparison = compare_images(reference, subject, case.rois, resample=options.resample)
    except ShapeError as fault:
        return None, not_comparable(str(fault)), None
    if reference.shape != subject.shape:
        return comparison, conclude(comparison, case.thresholds, further), None
    if options.save_diff:
        (subject.astype(np.float64) - reference).astype("<f4").tofile(work / "diff.bin")
    files = {key: work / f"{key}.png" for key in ("c", "py", "diff")}
    scale = write_pictures(reference, subject, case.rois[0], (), files, options.percentile)
    return comparison, conclude(comparison, case.thresholds, further), scale


# --- the folder -----------------------------------------------------------------------------------------


def _default_name(arguments: Sequence[str]) -> str:
    """YYYYMMDD-HHMMSS-<hash of args>, in UTC."""
    return f"{_moment(time.time())}-{hashlib.sha256(chr(0).join(arguments).encode()).hexdigest()[:8]}"


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y%m%d-%H%M%S")


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A hidden folder inside the output folder, gone afterwards whatever happens."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".work-", dir=folder))
    except OSError as fault:
        raise FileError(f"{folder}: cannot write the results there: {fault.strerror}") from None
    try:
        yield work
    except OSError as fault:
        raise FileError(f"{fault.filename or folder}: {fault.strerror}") from fault
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _replace_files(work: Path, folder: Path) -> None:
    """Put the new files in place; what an earlier comparison left under the same names is kept in a folder of its own,
    so that no old image can be taken for a new one and no old verdict is lost."""
    there = [name for name in (*FILES, *FAILED) if (folder / name).exists()]
    kept = _new_folder(folder / f"earlier-{_moment((folder / there[-1]).stat().st_mtime)}") if there else folder
    for name in there:
        (folder / name).replace(kept / name)
    for name in (*FILES, *FAILED):
        if (work / name).exists():
            (work / name).replace(folder / name)


def _new_folder(wanted: Path) -> Path:
    """A new folder of that name, or of the name with a number."""
    for number in itertools.count(1):
        place = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            place.mkdir()
        except FileExistsError:
            continue
        return place
    raise AssertionError
