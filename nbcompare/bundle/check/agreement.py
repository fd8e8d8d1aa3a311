"""Whether the files of a bundle say what its record says, and the record what it says itself.

A record that was edited, with all sums put right afterwards, still has to agree with every text that follows from
it, with the images' and inputs' own bytes, with the logs of the tests and with the case file beside it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

from nbcompare.bundle import strict_json
from nbcompare.bundle.check.evidence_again import further_faults
from nbcompare.bundle.fault import Fault
from nbcompare.bundle.layout import has_pictures, region_pictures, stray_files
from nbcompare.bundle.manifest import Inspection, read_text
from nbcompare.bundle.names import (
    CASE_FILE,
    DATA,
    PICTURES,
    RECORD,
    STAMP,
    SUMMARY,
    image_name,
    mask_name,
    tests_log,
)
from nbcompare.bundle.record import Record
from nbcompare.bundle.text_files import summary_of, texts_of
from nbcompare.case.arguments.command import rendered_region
from nbcompare.case.arguments.options import PREFIX, REFERENCE, SUBJECT
from nbcompare.case.facts import case_facts
from nbcompare.case.further_subject import FurtherSubject
from nbcompare.case.inputs import hash_inputs
from nbcompare.case.kept_copy import kept_cell
from nbcompare.compare.image import Roi
from nbcompare.compare.picture_settings import DEFAULT_PERCENTILE
from nbcompare.compare.pictures import METHODS, Scale
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.engine.trace.asking import questions
from nbcompare.errors import CaseError, FileError
from nbcompare.files import dump_json
from nbcompare.verdict.claimed_trace import ClaimTrace, TracedRun
from nbcompare.verdict.divergence import emulating, trace_arguments, trials_asked
from nbcompare.verdict.on_device import device_words

_MORE = 4096
"""Bytes beyond a text as it should be that are read of one that goes on."""


def agreement_faults(folder: Path, record: Record, files: Inspection) -> list[Fault]:
    """Every disagreement; of files that are already known to be damaged nothing more is said, and of a record that does
    not hold what every record does, that alone."""
    wanting = list(_whole_faults(record))
    if wanting:
        return wanting
    faults = [*_own_faults(record), *_stamp_faults(folder, record), *_image_faults(record, files.sums),
              *_mask_faults(record, files.sums),
              *further_faults(record, files.sums), *_stray_faults(record, files.sums),
              *_input_faults(folder, record, files.sums), *_picture_faults(folder, record),
              *_text_faults(folder, record), *_log_faults(folder, record), *_case_faults(folder, record, files.sums)]
    return [fault for fault in faults if fault.file == RECORD or fault.file not in files.doubtful]


def _whole_faults(record: Record) -> Iterator[Fault]:
    """Whether it holds both engines, and their runs or none: without them nothing else can be asked."""
    if [engine.role for engine in record.engines] != [REFERENCE, SUBJECT]:
        yield Fault("disagrees", RECORD, "it must name one reference and one subject, in this order")
    if [run.role for run in record.runs] not in ([], [REFERENCE, SUBJECT]):
        yield Fault("disagrees", RECORD, "it must hold a run of the reference and one of the subject, or none")
    elif not record.runs and (record.comparison or record.uncompared):
        yield Fault("disagrees", RECORD, "it speaks of images, and holds no run")


def _own_faults(record: Record) -> Iterator[Fault]:
    """What the record says about itself."""
    if record.content.inputs != hash_inputs(record.inputs):
        yield Fault("disagrees", RECORD, "content.inputs is not the sum over the inputs it lists")
    if record.content.case != record.case.sha256:
        yield Fault("disagrees", RECORD, "content.case is not the sum of the case")
    if record.inputs_as_pinned != all(entry.as_pinned for entry in record.inputs):
        yield Fault("disagrees", RECORD, "inputs_as_pinned does not follow from the inputs it lists")
    yield from _argv_faults(record)
    for run in record.runs:
        if run.failure is None and (run.exit_code != 0 or run.image_sha256 is None):
            image = "an image" if run.image_sha256 else "no image"
            yield Fault("disagrees", RECORD, f"the {run.role} is said to have worked, with exit code {run.exit_code} "
                                             f"and {image}")


def _argv_faults(record: Record) -> Iterator[Fault]:
    """Runs whose words do not follow from the engine that is named and the case; commands.txt offers them to paste."""
    engines = {engine.role: engine for engine in record.engines}
    plain = {role: engine.argv(record.case.arguments(role)) for role, engine in engines.items()}
    asked = [(run, plain.get(run.role)) for run in record.runs]
    asked += [(repetition.run, plain.get(REFERENCE)) for repetition in (
        record.further.noise.repetitions if record.further.noise and not record.reference_from else ())]
    words = {purpose: more for purpose, _, more in trials_asked(record.case.divergences,
                                                                record.case.arguments(REFERENCE))}
    for trial in record.further.proof.trials if record.further.proof else ():
        more = emulating(record.case.arguments(trial.run.role), words.get(trial.purpose, ()))
        asked.append((trial.run, engines[trial.run.role].argv(more)))
    for trace in record.further.proof.traces if record.further.proof else ():
        asked += [(entry.run, _question(record, trace, entry, engines[entry.run.role])) for entry in trace.runs]
    if record.further.device:
        there = (*record.case.arguments(SUBJECT), *device_words(record.further.device.device))
        asked.append((record.further.device.run, engines[SUBJECT].argv(there)))
    for entry in record.further.subjects:
        further = record.case.subjects.get(entry.name, FurtherSubject())
        own = (*record.case.command, *further.words(record.case.subject_args))
        asked.append((entry.run, (entry.engine or engines[SUBJECT]).argv(own)))
    for run, argv in asked:
        if run.argv != argv:
            yield Fault("disagrees", RECORD, f"the {run.role} is said to have been run as {shlex.join(run.argv)!r}, "
                                             "which does not follow from its engine and the case")


def _question(record: Record, trace: ClaimTrace, entry: TracedRun, engine: EngineIdentity) -> tuple[str, ...] | None:
    """What the engine was started with, if that is one of the ways to ask it about this pixel; None otherwise."""
    claims, words = record.case.divergences, record.case.arguments(entry.run.role)
    for claim in claims:
        if claim.id == trace.claim and entry.run.role == SUBJECT:
            words = trace_arguments(claim, claims, words)
    ways = questions(tuple(words), (trace.fast, trace.slow), rendered_region(words, entry.run.shape))
    return next((argv for argv in map(engine.argv, ways) if argv == entry.run.argv), None)


def _stamp_faults(folder: Path, record: Record) -> Iterator[Fault]:
    """A bundle that lies under the name of another stamp."""
    name = folder.absolute().name
    if STAMP.fullmatch(name) and name != record.stamp:
        yield Fault("disagrees", RECORD, f"the folder is called {name}, the record says {record.stamp}")


def _stray_faults(record: Record, sums: Mapping[str, str]) -> Iterator[Fault]:
    """Files that stand in the manifest, and that no run of this record leaves."""
    for name in stray_files(record, set(sums)):
        yield Fault("unexpected", name, "nothing in the record speaks of it")


def _image_faults(record: Record, sums: Mapping[str, str]) -> Iterator[Fault]:
    by_role = {run.role: run for run in record.runs}
    for role in PREFIX:
        name = image_name(role)
        expected = by_role[role].image_sha256 if role in by_role else None
        if expected is None and name in sums:
            yield Fault("disagrees", name, f"the record knows of no image of the {role}")
        elif expected is not None and name not in sums:
            yield Fault("missing", name, f"the record knows the image of the {role}")
        elif expected is not None and sums[name] != expected:
            yield Fault("disagrees", name, f"the record says its sha256 is {expected}")


def _mask_faults(record: Record, sums: Mapping[str, str]) -> Iterator[Fault]:
    for run in record.runs:
        name = mask_name(run.role)
        if run.mask_sha256 and name not in sums:
            yield Fault("missing", name, f"the record knows a mask of the {run.role}'s image")
        elif run.mask_sha256 and sums[name] != run.mask_sha256:
            yield Fault("disagrees", name, f"the record says its sha256 is {run.mask_sha256}")


def _input_faults(folder: Path, record: Record, sums: Mapping[str, str]) -> Iterator[Fault]:
    for entry in record.inputs:
        name = f"{DATA}/{entry.name}"
        if name not in sums:
            yield Fault("missing", name, "the record lists it as an input")
        elif (sums[name], (folder / name).stat().st_size) != (entry.sha256, entry.bytes):
            yield Fault("disagrees", name, f"the record says {entry.bytes} bytes, sha256 {entry.sha256}")


def _picture_faults(folder: Path, record: Record) -> Iterator[Fault]:
    for name in PICTURES.values() if has_pictures(record) else ():
        if not (folder / name).is_file():
            yield Fault("missing", name, "the images were compared, so they were drawn")
    for name in (*PICTURES.values(), *region_pictures(record)) if has_pictures(record) else ():
        path = folder / name
        if path.is_file() and _beginning(path, 8) != b"\x89PNG\r\n\x1a\n":
            yield Fault("disagrees", name, "it is no PNG image")


def _text_faults(folder: Path, record: Record) -> Iterator[Fault]:
    """Every text that follows from the record, line by line, and summary.json, value by value."""
    images = {role: folder / image_name(role) for role in PREFIX}
    expected = texts_of(record, {role: path.stat().st_size for role, path in images.items() if path.is_file()})
    for name, text in expected.items():
        path = folder / name
        wanted = text.encode()
        if path.is_file() and (found := _beginning(path, len(wanted) + _MORE)) != wanted:
            yield Fault("disagrees", name, _first_line_that_differs(found.decode("utf-8", errors="replace"), text))
    yield from _summary_faults(folder / SUMMARY, record)


def _beginning(path: Path, most: int) -> bytes:
    """The first bytes of a file, and no more of it: it may be of any size."""
    with open(path, "rb") as stream:
        return stream.read(most)


def _first_line_that_differs(found: str, expected: str) -> str:
    ours, theirs = found.splitlines(), expected.splitlines()
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    said, wanted = (lines[at][:100] if at < len(lines) else "nothing" for lines in (ours, theirs))
    return f"line {at + 1} says {said!r}; by the record it is {wanted!r}"


def _summary_faults(path: Path, record: Record) -> Iterator[Fault]:
    """The summary against what it may be: brightness is chosen in several ways and by a percentile of the user's, of
    which no record speaks."""
    if not path.is_file():
        return
    try:
        text = read_text(path)
        found = strict_json.loads(text)
    except (ValueError, FileError) as fault:
        yield Fault("malformed", SUMMARY, f"not JSON as nb-compare writes it: {fault}")
        return
    asked = found.get("png_scale_percentile") if isinstance(found, dict) else None
    percentile = asked if isinstance(asked, int | float) and 0 < asked <= 100 else DEFAULT_PERCENTILE
    scales = [Scale(method, percentile, 0.0, 0.0) for method in METHODS] if has_pictures(record) else [None]
    possible = [summary_of(record, scale) for scale in scales]
    if text in map(dump_json, possible):
        return
    expected = possible[0]
    wrong = sorted(key for key in {*expected, *found} if found.get(key, "-") != expected.get(key, "-")) if isinstance(
        found, dict) else []
    yield Fault("disagrees", SUMMARY, f"by the record it differs in {', '.join(wrong) or 'how it is written'}")


def _log_faults(folder: Path, record: Record) -> Iterator[Fault]:
    """The record's word on the mapped tests against the logs that pytest left."""
    for device, said in record.tests.items():
        name = tests_log(device)
        path = folder / name
        if not path.is_file():
            continue
        log = read_kept(path)
        if said.summary not in log:
            yield Fault("disagrees", name, f"it does not hold the summary of the record: {said.summary[:100]!r}")
        if said.nodes and not said.failure and not re.search(r"\b\d+ passed\b", log):
            yield Fault("disagrees", name, "the record says the tests passed, and here none did")


def _weak_aside(rois: Sequence[Roi]) -> list[Roi]:
    """Regions without the reason to judge weak ones, which a command line may give too (--allow-weak)."""
    return [replace(roi, weak_allowed=None) for roi in rois]


def _case_faults(folder: Path, record: Record, sums: Mapping[str, str]) -> Iterator[Fault]:
    """The case file that was kept against what the record says was asked for."""
    said = record.case
    if CASE_FILE not in sums:
        if said.file is not None:
            yield Fault("missing", CASE_FILE, f"the record says it was {said.file}")
        return
    if sums[CASE_FILE] != said.sha256:
        yield Fault("disagrees", CASE_FILE, f"the record says its sha256 is {said.sha256}")
        return
    try:
        kept = case_facts(kept_cell(folder / CASE_FILE, said.name))
    except (CaseError, FileError) as fault:
        yield Fault("disagrees", CASE_FILE, f"it cannot be read as a case: {fault.message}")
        return
    for key in (field.name for field in fields(kept) if field.name != "file"):
        ours, theirs = getattr(said, key), getattr(kept, key)
        more = key in ("reference_args", "subject_args") and ours[:len(theirs)] == theirs
        excused = key == "rois" and _weak_aside(said.rois) == _weak_aside(kept.rois)
        if ours != theirs and not more and not excused:
            yield Fault("disagrees", RECORD, f"case.{key} is not what {CASE_FILE} says")
