"""The names of everything in a bundle; they stand nowhere else."""

from __future__ import annotations

from nbcompare.case.options import PREFIX

SCHEMA_VERSION = 1

STAMP_FORMAT = "%Y%m%dT%H%M%SZ"

MANIFEST = "manifest-sha256.txt"

RECORD = "record.json"

STAGING_PREFIX = ".staging-"

DATA = "inputs/data"
"""Where a bundle keeps the files that the engines read; an empty folder when they read none."""

CASE_FILE = "inputs/case.yaml"

SIGNOFFS = "signoffs"
"""The folder beside those of the cases that holds sign-offs; no case can be called so."""

REQUIRED_FILES = (
    *(f"inputs/{name}" for name in (
        "c_cli_stdout.txt", "py_cli_stdout.txt", "c_cli_stderr.txt", "py_cli_stderr.txt", "commands.txt", "env.txt",
        "git_sha.txt", "version.txt", "sha256.txt", "file_sizes.txt")),
    "tests/pytest_cpu.log", "tests/pytest_cuda.log", "notes/template_command.txt",
    "notes/todo_nb_compare.md", "results/summary.json", RECORD,
)
"""What every bundle holds, whatever happened; a bundle of two good runs also holds the images."""

SUMMARY = "results/summary.json"

RADIAL_PROFILE = "results/radial_profile.json"

TODO_FILE = "notes/todo_nb_compare.md"


def image_name(role: str) -> str:
    """The file of a role's float image in a bundle."""
    return f"inputs/{PREFIX[role]}_roi_float.bin"
