"""Which files the bundle of a record holds, and which it may hold."""

from __future__ import annotations

from nbcompare.bundle.names import CASE_FILE, DATA, RADIAL_PROFILE, REQUIRED_FILES, image_name
from nbcompare.bundle.record import Record
from nbcompare.case.options import PREFIX
from nbcompare.compare.pictures import UNLESS_PASSED

PICTURES = tuple(f"results/{key}.png" for key in ("c", "py", "diff"))
FAILED = "failed/"
"""Where a failed engine's other files are kept."""

FURTHER = ("noise/", "divergences/")
"""Where the files of further runs are kept."""


def on_one_grid(record: Record) -> bool:
    """Whether two images of one shape were compared."""
    return record.comparison is not None and len({run.shape for run in record.runs}) == 1


def has_pictures(record: Record) -> bool:
    """Whether the images were drawn: they were compared on one grid, and it was not asked to draw none of what
    passes."""
    left_out = record.verdict.passed and record.pictures == UNLESS_PASSED
    return on_one_grid(record) and not left_out


def stray_files(record: Record, present: set[str]) -> list[str]:
    """The files that nothing in the record speaks of, in order of name."""
    found = record.further
    known = {*REQUIRED_FILES, CASE_FILE, RADIAL_PROFILE, *PICTURES, *map(image_name, PREFIX)}
    known |= {f"{DATA}/{entry.name}" for entry in record.inputs}
    known |= {f"tests/pytest_{device}_{end}" for device in record.tests
              for end in ("collect.log", "failure.txt")}
    further = [*(found.noise.repetitions if found.noise else ()), *(found.proof.trials if found.proof else ())]
    known |= {f"{entry.files}_{end}" for entry in further for end in ("float.bin", "stdout.txt", "stderr.txt")}
    folders = (FAILED,) if any(run.failure for run in (*record.runs, *(entry.run for entry in further))) else ()
    if record.runs and record.comparison is None:
        folders += FURTHER  # a protected file changed, and what was found until then was taken back
    return sorted(name for name in present - known if not name.startswith(folders))
