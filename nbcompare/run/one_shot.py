"""The one-shot form: one command line, both engines, one comparison, files in a plain folder.

It is the form scripts and CI have used for long. The command line becomes a case, which is run like any other; its
bundle lies in ``bundles`` of the folder, and the files that scripts look for are copies out of it.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbcompare.bundle.beside import overlooked
from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.names import FAILED, PICTURES, SUMMARY, image_name, output_name, region_picture_name
from nbcompare.case.arguments.options import PREFIX, REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.case_file import load_case
from nbcompare.case.from_arguments import (
    OneShotOptions,
    one_shot_case,
    refuse_near_options,
    require_options,
    stage_arguments,
    with_inputs,
)
from nbcompare.case.plain_text import plain_case_text
from nbcompare.case.project import project_above
from nbcompare.compare.image import read_float_image
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.progress import Progress
from nbcompare.engine.repository.git import repository_of
from nbcompare.errors import FileError
from nbcompare.files import dump_json
from nbcompare.run.one_case import run_case
from nbcompare.run.options import HandedOver, RunOptions
from nbcompare.verdict.ablation import MATTERS

BUNDLES = "bundles"
"""The folder beside the files in which the bundles lie."""

_COPIES = {**{f"{key}_float.bin": image_name(role) for role, key in PREFIX.items()},
           **{f"{key}_{stream}.txt": output_name(role, stream) for role, key in PREFIX.items()
              for stream in ("stdout", "stderr")},
           **{f"{key}.png": name for key, name in PICTURES.items()}}
"""What scripts look for, and where it lies in the bundle."""

REGION = "region.png"
"""The picture of the region at full resolution."""

_MADE = ("diff.bin", "summary.json", REGION)
_FOLDERS = {f"failed_{key}": f"{FAILED}/{key}" for key in PREFIX.values()}
"""The folders of what else a failed engine wrote."""


@dataclass(frozen=True)
class OneShot:
    """What came out: the folder it was written to, its bundle, ``judged``, the line on what was judged, and
    ``let_through``, a line on how large an effect the limits of a pass let through; empty where there is none."""

    folder: Path
    bundle: Bundle
    judged: str = ""
    let_through: str = ""


def run_one_shot(arguments: Sequence[str], options: OneShotOptions, progress: Progress,
                 invocation: Sequence[str] = ()) -> OneShot:
    """Run both engines on ``arguments``, publish the bundle, and write the files that scripts look for.

    Raises UsageError for arguments or a region that cannot be used, FileError for a folder that cannot
    be written.
    """
    require_options(arguments)
    refuse_near_options(arguments, options.py_args)
    folder = options.outdir or overlooked(Path("comparisons")) / _default_name(arguments)
    with _workshop(folder) as work:
        case, notes = _case_of(arguments, options, work)
        engines = choose_engines(options, progress, project_above(Path.cwd()).engines)
        asked = RunOptions(options.c_bin, options.py_bin, resample=options.resample, bundles=folder / BUNDLES,
                           invocation=tuple(invocation), trust_case=options.trust_case, fresh=True,
                           sandbox=options.sandbox, side_by_side=options.side_by_side, percentile=options.percentile)
        bundle = run_case(case, asked, progress,
                          HandedOver(engines, project=repository_of(Path.cwd()), notes=notes))
        judged, through = options.judged(case.thresholds), _let_through(bundle)
        _write_files(bundle, {"judged": judged, "let_through": through}, work, save_diff=options.save_diff)
        _replace_files(work, folder)
    return OneShot(folder, bundle, judged, through)


def _let_through(bundle: Bundle) -> str:
    """How much further than by rounding the images of a pass differ; empty where they do not. Limits that fit every
    command cannot tell a small effect that is left out, such as polarization near the beam, from other arithmetic."""
    record = bundle.record
    if record.comparison is None or not record.verdict.accepted:
        return ""
    region = record.comparison.regions[0]
    apart, brightest = region.figure("max_abs_diff").value, region.reference_max
    if not apart or not brightest or apart <= MATTERS * brightest:
        return ""
    return (f"a pixel differs by {apart / brightest:.1e} of the brightest, and rounding leaves less than {MATTERS:g}; "
            "an effect of that size passes these limits")


def _case_of(arguments: Sequence[str], options: OneShotOptions, work: Path) -> tuple[Case, tuple[str, ...]]:
    """The command line as a case with a file of its own, and what there is to say of it."""
    data = work / "data"
    staged = stage_arguments(arguments, options.c_args, options.py_args, data)
    text = plain_case_text(with_inputs(one_shot_case(staged, options, data), data))
    file = work / "case.yaml"
    file.write_text(text, encoding="utf-8")
    copies = (f"{name} is a copy of {source}" for name, source in staged.sources.items())
    return load_case(file), (*staged.notes, *copies)


def _write_files(bundle: Bundle, lines: Mapping[str, str], work: Path, *, save_diff: bool) -> None:
    """The files that scripts look for, of those that there are; ``lines`` stand in the summary by their names."""
    pictured = {REGION: region_picture_name(1, bundle.record.case.rois[0].name)}
    for name, kept in {**_COPIES, **pictured}.items():
        if (bundle.folder / kept).is_file():
            shutil.copyfile(bundle.folder / kept, work / name)
    for name, kept in _FOLDERS.items():
        if (bundle.folder / kept).is_dir():
            shutil.copytree(bundle.folder / kept, work / name)
    record = bundle.record
    said = json.loads((bundle.folder / SUMMARY).read_text(encoding="utf-8")) | {
        **lines, "bundle": bundle.folder.name,
        "engines": [engine.as_dict() for engine in record.engines],
        "repositories": {name: state.as_dict() for name, state in (record.repositories or {}).items()},
        "inputs": {entry.name: entry.sha256 for entry in record.inputs}}
    (work / "summary.json").write_text(dump_json(said), encoding="utf-8")
    runs = {run.role: run for run in record.runs}
    if save_diff and record.comparison and runs[REFERENCE].shape == runs[SUBJECT].shape:
        images = {role: read_float_image(bundle.folder / image_name(role), run.shape, run.dtype)
                  for role, run in runs.items()}
        (images[SUBJECT].astype(np.float64) - images[REFERENCE]).astype("<f4").tofile(work / "diff.bin")


# --- the folder -----------------------------------------------------------------------------------------


def _default_name(arguments: Sequence[str]) -> str:
    """YYYYMMDD-HHMMSS-<hash of args>, in UTC."""
    moment = datetime.datetime.fromtimestamp(time.time(), datetime.UTC).strftime("%Y%m%d-%H%M%S")
    return f"{moment}-{hashlib.sha256(chr(0).join(arguments).encode()).hexdigest()[:8]}"


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A hidden folder inside the output folder, gone afterwards whatever happens; so is the output folder where it was
    made for a call that wrote nothing."""
    found = folder.exists()
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
        if not found:
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def _replace_files(work: Path, folder: Path) -> None:
    """Put the new files in place; what an earlier comparison left under the same names goes first, so that no old image
    can be taken for a new one. Its bundle stays."""
    for name in (*_COPIES, *_MADE):
        (folder / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (*_COPIES, *_MADE, *_FOLDERS):
        if (work / name).exists():
            (work / name).replace(folder / name)
