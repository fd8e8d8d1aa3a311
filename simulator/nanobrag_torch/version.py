"""What this program calls itself, and the commit it was taken from."""

from __future__ import annotations

import functools
import os
import subprocess
from importlib import metadata
from pathlib import Path

PROGRAM_NAME = "nanobrag_torch"
VERSION = "0.1.0"
MOST_THREADS = 1024
"""Some thousands more than the system may hand out: torch ends with a segmentation fault there."""


def version_line(program, emulate, path=None) -> str:
    """One line: version, git SHA, torch, dtype, device, threads, emulations, and the path of rendering once known."""
    facts = {"git": git_sha(), "torch": _torch_version(), "dtype": program.dtype, "device": program.device,
             "threads": program.threads or default_threads(), "emulations": emulate}
    if path is not None:
        facts["path"] = path
    return f"{PROGRAM_NAME} {VERSION} " + " ".join(f"{key}={value}" for key, value in facts.items())


@functools.cache
def git_sha() -> str:
    """The commit of the checkout this package lies in, "-dirty" behind it where the package was changed since."""
    folder = Path(__file__).resolve().parent
    sha = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not sha:
        return "unknown"
    return sha + ("-dirty" if _git(folder, "status", "--porcelain", "--", ".") else "")


def default_threads() -> int:
    """The cores this process may use, or OMP_NUM_THREADS, where that is a number of them there can be."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    given = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    return given if 0 < given <= MOST_THREADS else len(os.sched_getaffinity(0))


@functools.cache
def _torch_version() -> str:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "missing"


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10,
                              stdin=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
