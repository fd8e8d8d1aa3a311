"""Building the machine code of the compiled path: ``python -m nanobrag_torch -compile``.

The sources in machine/ are compiled by the C++ compiler of this machine, for its own instructions; what comes of it is
held against the plain path (compile_check.py) and put into the cache (compile_cache.py).
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import torch

from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.render.compile_cache import FACTS, LIBRARY, SOURCES, cache_folder, facts, load, obstacle
from nanobrag_torch.render.compile_check import LARGEST_ERROR, largest_error

MAIN = "renderer.cpp"

OPTIONS = ("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-pthread", "-ffp-contract=fast", "-fwrapv",
           "-fno-math-errno", "-fno-trapping-math", "-w")
"""Fused multiply-add, whole numbers that overflow, and nothing that takes numbers for finite or in another order."""

SECONDS = 300


def build() -> tuple[Path, float]:
    """Compile it, hold it against the plain path, and put it into the cache; (folder, largest error found).

    Raises ArgumentError where it cannot be built or kept, or does not compute the same.
    """
    folder = cache_folder()
    try:
        return folder, _build_into(folder)
    except OSError as fault:
        raise ArgumentError(f"-compile: {fault}; $XDG_CACHE_HOME can name another folder than "
                            f"{folder.parent}") from None


def _build_into(folder: Path) -> float:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as name:
        made = Path(name) / "made"
        made.mkdir(mode=0o755)
        compile_sources(made / LIBRARY)
        error, command = _checked(made / LIBRARY, Path(name))
        if not error <= LARGEST_ERROR:
            raise ArgumentError(f"-compile: differs from the plain path by {error:g} of the peak; it is not kept "
                                f"({command})")
        found = hashlib.sha256((made / LIBRARY).read_bytes()).hexdigest()
        (made / FACTS).write_text(json.dumps({**facts(), "library": found}, indent=1) + "\n")
        for path in (made, *made.iterdir()):
            path.chmod(path.stat().st_mode & ~0o022)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.replace(made, folder)
        except OSError:
            if obstacle():
                raise
    return error


def _checked(path: Path, scratch: Path) -> tuple[float, str]:
    """What ``largest_error`` finds of a library, in a child process, as machine code that crashes ends its process."""
    beside = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, beside, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            return pool.submit(_error_of, path, scratch).result()
        except BrokenProcessPool:
            raise ArgumentError("-compile: the library crashed while it was checked; it is not kept ($CXX can name "
                                "another compiler)") from None


def _error_of(path: Path, scratch: Path) -> tuple[float, str]:
    return largest_error(load(path), scratch)


def compiler() -> str:
    """The C++ compiler: $CXX, g++ or clang++. Raises ArgumentError where there is none."""
    for name in (os.environ.get("CXX", ""), "g++", "clang++"):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise ArgumentError("-compile: there is no C++ compiler here (g++ or clang++)")


def compile_sources(target: Path) -> None:
    """The library from its sources. Raises ArgumentError with what the compiler said last."""
    program = compiler()
    wide = ["-mprefer-vector-width=512"] if platform.machine() in ("x86_64", "AMD64") else []
    print(f"compiling {SOURCES.name}/{MAIN} with {program}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run([program, *OPTIONS, *wide, str(SOURCES / MAIN), "-o", str(target)], capture_output=True,
                              text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise ArgumentError(f"-compile: {program}: {fault}") from None
    if done.returncode != 0:
        lines = done.stderr.splitlines() or ["without a word"]
        said = [line for line in lines if "error" in line] or lines
        ended = f"ended with {done.returncode}" if done.returncode > 0 else f"was killed by signal {-done.returncode}"
        raise ArgumentError(f"-compile: {program} {ended}: {said[0][:300]}; $CXX can name another compiler")
    if not target.exists():
        raise ArgumentError(f"-compile: {program} made no library; $CXX can name another compiler")
