"""The machine code of the compiled path: where it is kept, and whether it may be used.

    python -m nanobrag_torch -compile

makes ``$XDG_CACHE_HOME/nanobrag_torch/compiled-<key>/`` (``~/.cache`` by default) with the library of the sources in
machine/ and ``facts.json`` (compile_build.py). The key stands for everything the code depends on: these sources, the
platform and the instructions of the processor. The library is used only when its facts are exactly those of today and
its bytes those that were checked when it was built; otherwise there is none, and the fast path renders.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import os
import platform
from pathlib import Path

from nanobrag_torch.errors import ArgumentError

SOURCES = Path(__file__).with_name("machine")
PYTHON = ("compiled.py", "sticky_renderer.py", "compile_build.py", "compile_check.py")
LIBRARY, FACTS = "renderer.so", "facts.json"


# --- the cache ------------------------------------------------------------------------------------------


def facts() -> dict[str, str]:
    """All that the machine code depends on."""
    sources = [*sorted(SOURCES.iterdir()), *(Path(__file__).with_name(name) for name in PYTHON)]
    return {"source": hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest(),
            "machine": platform.machine(), "libc": "-".join(platform.libc_ver()), "instructions": _instructions()}


def _instructions() -> str:
    """What the processor can do, as a digest: code for one must never run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    words = sorted({word for line in lines if line.startswith(("flags", "Features")) for word in line.split()})
    return hashlib.sha256(" ".join(words).encode()).hexdigest()


def cache_folder() -> Path:
    """Where the library for the facts of today belongs."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    key = hashlib.sha256(json.dumps(facts(), sort_keys=True).encode()).hexdigest()[:16]
    return Path(home) / "nanobrag_torch" / f"compiled-{key}"


def obstacle() -> str:
    """Why there is no library that may be used; empty when there is one."""
    folder = cache_folder()
    library = folder / LIBRARY
    try:
        kept = json.loads((folder / FACTS).read_text())
        found = hashlib.sha256(library.read_bytes()).hexdigest()
        parent, *states = [path.stat() for path in (folder.parent, folder, library)]
    except (OSError, ValueError):
        return "no compiled step; -compile makes one"
    if not isinstance(kept, dict) or {**kept, "library": None} != {**facts(), "library": None}:
        return "the compiled step is stale; -compile makes it anew"
    if kept.get("library") != found:
        return "the compiled step is damaged; -compile makes it anew"
    if {state.st_uid for state in states} != {os.getuid()} or any(state.st_mode & 0o022 for state in states) or (
            parent.st_uid not in (os.getuid(), 0) or parent.st_mode & 0o002):  # they could put another in its place
        return "others could have changed the compiled step; -compile makes it anew"
    return ""


def library() -> ctypes.CDLL:
    """The library of the cache, which has no obstacle. Raises ArgumentError where the system does not take it, as from
    a file system without programs, or where another -compile has just put it away."""
    path = cache_folder() / LIBRARY
    try:
        return load(path)
    except OSError as fault:
        raise ArgumentError(f"the compiled step cannot be loaded ({fault}); -compile makes it anew, -render fast does "
                            "without") from None


@functools.cache
def load(path: Path) -> ctypes.CDLL:
    """The functions of a library: scene_bytes() and render_rows(scene, first row, rows, threads, target)."""
    found = ctypes.CDLL(str(path))
    found.scene_bytes.restype, found.render_rows.restype = ctypes.c_int64, ctypes.c_int
    found.render_rows.argtypes = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
    return found
