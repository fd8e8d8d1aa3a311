"""What this program calls itself, and the commit it was taken from."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

PROGRAM_NAME = "nanobrag_torch"
VERSION = "0.1.0"
MOST_THREADS = 1024
"""Some thousands more than the system may hand out: torch ends with a segmentation fault there."""

DEFAULT_DTYPE, DEFAULT_DEVICE = "auto", "cpu"

COMMIT, NO_COMMIT = "# branch.oid ", "(initial)"
"""How git tells the commit that lies in the folder, and that there is none yet."""


def version_line(program, emulate, path=None) -> str:
    """One line: version, git SHA, torch, dtype, device, threads, emulations, and the path of rendering once known."""
    facts = {"git": git_sha(), "torch": _torch_version(), "dtype": program.dtype, "device": program.device,
             "threads": program.threads or default_threads(), "emulations": emulate}
    if path is not None:
        facts["path"] = path
    return f"{PROGRAM_NAME} {VERSION} " + " ".join(f"{key}={value}" for key, value in facts.items())


def print_version(tokens: Sequence[str] = ()) -> int:
    """What -version prints where it is all that is asked for, as before every comparison: half of the time would go
    into loading what reads other command lines."""
    print(version_line(SimpleNamespace(dtype=DEFAULT_DTYPE, device=DEFAULT_DEVICE, threads=None), "none"))
    return 0


@functools.cache
def git_sha() -> str:
    """The commit of the checkout this package lies in, "-dirty" behind it where the package was changed since."""
    told = _git(Path(__file__).resolve().parent, "status", "--porcelain=v2", "--branch", "--", ".")
    lines = (told or "").splitlines()
    commit = next((line.removeprefix(COMMIT) for line in lines if line.startswith(COMMIT)), NO_COMMIT)
    if commit == NO_COMMIT:
        return "unknown"
    return commit[:12] + ("-dirty" if any(not line.startswith("#") for line in lines) else "")


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


def _git(folder: Path, *words: str) -> str | None:
    """What git says of a folder; None where there is no git, or it takes long."""
    try:
        ran = subprocess.run(["git", "-C", str(folder), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout if ran.returncode == 0 else None
