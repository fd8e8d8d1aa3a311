"""What this program calls itself, and the commit it was taken from."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
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
    commit, changes = _git(folder, "rev-parse", "--short=12", "HEAD"), _git(folder, "status", "--porcelain", "--", ".")
    sha, changed = commit(), changes()
    return sha + ("-dirty" if changed else "") if sha else "unknown"


def default_threads() -> int:
    """The cores this process may use, or OMP_NUM_THREADS, where that is a number of them there can be."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    given = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    return given if 0 < given <= MOST_THREADS else len(os.sched_getaffinity(0))


@functools.cache
def _torch_version() -> str:
    """By the name of the folder in which an installer describes it; importlib.metadata, which takes longer to load than
    all else here, is asked where there is none."""
    for place in filter(os.path.isdir, sys.path):
        found = [name for name in os.listdir(place) if name.startswith("torch-") and name.endswith(".dist-info")]
        if len(found) == 1:
            return found[0].removeprefix("torch-").removesuffix(".dist-info")
    from importlib import metadata

    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "missing"


def _git(folder: Path, *words: str) -> Callable[[], str | None]:
    """Begin to ask git; what is given waits for its answer, None where there is none."""
    try:
        asked = subprocess.Popen(["git", "-C", str(folder), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return lambda: None

    def answer() -> str | None:
        try:
            said, _ = asked.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            asked.kill()
            asked.communicate()
            return None
        return said.strip() if asked.returncode == 0 else None

    return answer
