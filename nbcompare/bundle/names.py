"""The names of everything in a bundle, and how stamps are written; they stand nowhere else.

All names are relative to the bundle's folder. Those of further runs begin as the evidence calls them (noise/..., see
verdict/noise_floor.py, and divergences/..., see verdict/divergence.py); what follows is said here.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from pathlib import Path

from nbcompare.case.arguments.options import PREFIX
from nbcompare.verdict.folders import CLAIMS_FOLDER, DEVICE_FOLDER, NOISE_FOLDER, SUBJECTS_FOLDER

SCHEMA_VERSION = 1

# --- stamps and folders beside bundles --------------------------------------------------------------------

STAMP_FORMAT = "%Y%m%dT%H%M%SZ"
STAMP_PATTERN = "[0-9]{8}T[0-9]{6}Z"
STAMP = re.compile(STAMP_PATTERN)

STAGING_PREFIX = ".staging-"

ARCHIVE = re.compile(rf"({STAMP_PATTERN})-[0-9]{{4,}}\.zip")
"""The name of a sealed archive among the bundles of a case: the stamp of all bundles in it, and which of those of that
sweep it is."""

IMPORTED = ".imported"
"""The folder beside the bundles of a case that says which of them came from elsewhere."""

FOUND = ".found"
"""The folder beside the bundles of a case that holds what was found out about them later (found.py)."""

PAGES = "pages"
"""The folder beside the bundles of a case that holds their report pages."""

SIGNOFFS = "signoffs"
"""The folder beside those of the cases that holds sign-offs; no case can be called so."""

# --- one file each ----------------------------------------------------------------------------------------

MANIFEST = "manifest-sha256.txt"
RECORD = "record.json"
SUMMARY = "results/summary.json"
RADIAL_PROFILE = "results/radial_profile.json"
CASE_FILE = "inputs/case.yaml"
DATA = "inputs/data"
"""Where a bundle keeps the files that the engines read; an empty folder when they read none."""

COMMANDS = "inputs/commands.txt"
ENVIRONMENT = "inputs/env.txt"
GIT = "inputs/git_sha.txt"
VERSIONS = "inputs/version.txt"
SUMS = "inputs/sha256.txt"
SIZES = "inputs/file_sizes.txt"
TEMPLATE = "notes/template_command.txt"
TODO_FILE = "notes/todo_nb_compare.md"
TEXT_FILES = (COMMANDS, ENVIRONMENT, GIT, VERSIONS, SUMS, SIZES, TEMPLATE, TODO_FILE)
"""The texts that follow from the record (text_files.py)."""

# --- files by engine, device or kind ----------------------------------------------------------------------

PICTURES = {key: f"results/{key}.png" for key in ("c", "py", "diff")}
"""The pictures of reference, subject and difference."""

REGION_PICTURES = "results/region_"
"""How the names of the pictures of regions begin."""

CUDA = "cuda"
DEVICES = ("cpu", CUDA)
"""On what the mapped tests may run."""

IMAGE_ENDING = "_float.bin"
MASK_ENDING = "_mask.bin"
"""How the name of every float image in a bundle ends, those of further runs included."""

FAILED = "failed"
"""The folder of the other files that a failed engine left."""

FURTHER = (NOISE_FOLDER, CLAIMS_FOLDER, DEVICE_FOLDER, SUBJECTS_FOLDER)
"""The folders of the files of further runs."""


def image_name(role: str) -> str:
    """The file of a role's float image in a bundle."""
    return f"inputs/{PREFIX[role]}_roi{IMAGE_ENDING}"


def mask_name(role: str) -> str:
    """The file of the mask that the image file of a role stated, where it did: one byte for each pixel."""
    return f"inputs/{PREFIX[role]}_mask.bin"


def output_name(role: str, stream: str) -> str:
    """The file of what a role's engine printed; ``stream`` is stdout or stderr."""
    return f"inputs/{PREFIX[role]}_cli_{stream}.txt"


def region_picture_name(at: int, region: str) -> str:
    """The picture of a region, by its place in the case (from 1) and its name."""
    return f"{REGION_PICTURES}{at}_{region}.png"


NO_TEST_USES_DEVICE = "no mapped test uses the device"
"""What the log on CUDA says where no test took the fixture nb_device."""


def tests_log(device: str) -> str:
    """The log of the mapped tests on a device."""
    return f"tests/pytest_{device}.log"


def failed_tests_names(device: str) -> tuple[str, str]:
    """Beside the log of tests that failed: what pytest collects, and the signature of the failure."""
    stem = tests_log(device).removesuffix(".log")
    return f"{stem}_collect.log", f"{stem}_failure.txt"


def further_names(files: str) -> tuple[str, str, str]:
    """Image, standard output and standard error of a further run; ``files`` is how their names begin."""
    return f"{files}{IMAGE_ENDING}", f"{files}_stdout.txt", f"{files}_stderr.txt"


def further_mask_name(files: str) -> str:
    """The mask that the image file of a further run states, where it states one."""
    return f"{files}{MASK_ENDING}"


REQUIRED_FILES = (*(output_name(role, stream) for stream in ("stdout", "stderr") for role in PREFIX), *TEXT_FILES,
                  *map(tests_log, DEVICES), SUMMARY, RECORD)
"""What every bundle holds, whatever happened; a bundle of two good runs also holds the images."""


# --- stamps -----------------------------------------------------------------------------------------------


def moment_of(stamp: str) -> datetime.datetime | None:
    """The UTC second that a stamp names, or None when it names none."""
    with contextlib.suppress(ValueError):
        return moment_named(stamp)
    return None


def moment_named(stamp: str) -> datetime.datetime:
    """The UTC second that a stamp names. Raises ValueError when it names none."""
    if not STAMP.fullmatch(stamp):
        raise ValueError(f"{stamp!r} is no stamp")
    return datetime.datetime.strptime(stamp, STAMP_FORMAT).replace(tzinfo=datetime.UTC)


def newest_stamp(home: Path) -> str | None:
    """The newest stamp below the folder of a case, None when there is none. Stamps sort as their moments do."""
    return max((path.name for path in home.iterdir() if moment_of(path.name)), default=None)


def archives_about(root: Path, case: str) -> list[Path]:
    """The sealed archives below ``root`` that may hold bundles of a cell, newest first: those of the case whose matrix
    it is of. They are not opened."""
    parts = case.split(".")
    homes = [root / ".".join(parts[:count]) for count in range(1, len(parts))]
    found = [path for home in homes if home.is_dir() for path in home.iterdir() if ARCHIVE.fullmatch(path.name)]
    return sorted(found, key=lambda path: path.name, reverse=True)


def reserved_about(root: Path, case: str) -> str | None:
    """The newest stamp that archives about a case have, or one that is being made for a matrix that the cell is of."""
    found = [path.name[:len("20260101T000000Z")] for path in archives_about(root, case)]
    parts = case.split(".")
    for count in range(1, len(parts)):
        home = root / ".".join(parts[:count])
        found += [path.name.removeprefix(STAGING_PREFIX) for path in
                  (home.glob(f"{STAGING_PREFIX}*") if home.is_dir() else ())]
    return max((stamp for stamp in found if moment_of(stamp)), default=None)
