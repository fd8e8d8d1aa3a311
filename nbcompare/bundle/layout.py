"""Which files the bundle of a record holds, and which it may hold."""

from __future__ import annotations

from nbcompare.bundle.names import (
    CASE_FILE,
    DATA,
    FAILED,
    FURTHER,
    PICTURES,
    RADIAL_PROFILE,
    REQUIRED_FILES,
    failed_tests_names,
    further_mask_name,
    further_names,
    image_name,
    mask_name,
    region_picture_name,
)
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import PREFIX
from nbcompare.compare.picture_settings import UNLESS_PASSED
from nbcompare.compare.region_pictures import MOST_REGIONS
from nbcompare.verdict.noise_floor import Repetition
from nbcompare.verdict.on_device import DeviceRun
from nbcompare.verdict.proof import Trial
from nbcompare.verdict.subjects import SubjectRun


def on_one_grid(record: Record) -> bool:
    """Whether two images of one shape were compared."""
    return record.comparison is not None and len({run.shape for run in record.runs}) == 1


def has_pictures(record: Record) -> bool:
    """Whether the images were drawn: they were compared on one grid, and it was not asked to draw none of what
    passes."""
    left_out = record.verdict.passed and record.pictures == UNLESS_PASSED
    return on_one_grid(record) and not left_out


def region_pictures(record: Record) -> list[str]:
    """The pictures of regions that the bundle of a record may hold; those of before there were any hold none."""
    return _names_of_pictures(record) if has_pictures(record) else []


def _names_of_pictures(record: Record) -> list[str]:
    names = [roi.name for roi in record.case.rois[:MOST_REGIONS]]
    return [region_picture_name(at, name) for at, name in enumerate(names, start=1)]


def stray_files(record: Record, present: set[str]) -> list[str]:
    """The files that nothing in the record speaks of, in order of name."""
    found = record.further
    known = {*REQUIRED_FILES, CASE_FILE, RADIAL_PROFILE, *PICTURES.values(), *region_pictures(record),
             *map(image_name, PREFIX)}
    known |= {mask_name(run.role) for run in record.runs if run.mask_sha256}
    known |= {f"{DATA}/{entry.name}" for entry in record.inputs}
    known |= {name for device in record.tests for name in failed_tests_names(device)}
    further: list[Repetition | Trial | DeviceRun | SubjectRun] = [*(found.noise.repetitions if found.noise else ()),
        *(found.proof.trials if found.proof else ()), *found.subjects, *([found.device] if found.device else [])]
    known |= {name for entry in further for name in further_names(entry.files)}
    known |= {further_mask_name(entry.files) for entry in further if entry.run.mask_sha256}
    traced = [entry for trace in (found.proof.traces if found.proof else ()) for entry in trace.runs]
    known |= {name for entry in traced for name in further_names(entry.files)[1:]}
    runs = (*record.runs, *(entry.run for entry in further), *(entry.run for entry in traced))
    folders: tuple[str, ...] = (FAILED,) if any(run.failure for run in runs) else ()
    if record.runs and record.comparison is None:  # a protected file changed, and what was found was taken back
        folders += FURTHER
        known |= set(_names_of_pictures(record))
    return sorted(name for name in present - known if name.partition("/")[0] not in folders)
