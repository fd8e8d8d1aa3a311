"""The formulas of the compiled path as machine code, built once on request and kept in the user's cache folder.

    python -m nanobrag_torch -compile

makes ``$XDG_CACHE_HOME/nanobrag_torch/compiled-<key>/`` (``~/.cache`` by default) with a library for each formula of
``KERNELS`` and ``facts.json``. The key stands for everything the code depends on: these sources, torch, Python's
platform and the instructions of the processor. The libraries are used only when their facts are exactly those of today
and their bytes those that were checked when they were built; otherwise there is none, and the fast path renders.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import torch

from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.render import lattice_step, lattice_sum, ray_step

FACTS = "facts.json"
LARGEST_ERROR = 1e-6
"""Of the largest value: what a library may differ from its formula when it is built."""

UNLIKE = 1e-3
"""Share of the pixels that a library may give another sign, which marks those whose reflection may change."""

_BUILD = {"cpp.threads": 1, "assert_indirect_indexing": False, "cpp.enable_floating_point_contract_flag": "fast",
          "realize_opcount_threshold": 100_000, "realize_reads_threshold": 100_000}
"""One thread, everything in one loop, and fused multiply-add."""


# --- what is compiled ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kernel:
    """A formula, arguments to try it on, and which of their sizes are free: one letter per axis, n rows, m columns,
    t reflections, and - for what is fixed."""

    name: str
    formula: Callable
    example: Callable
    axes: str

    @property
    def library(self) -> str:
        return f"{self.name}.so"


KERNELS = (
    Kernel("ray_factors", ray_step.ray_factors, ray_step.example, "-n- --m - -"),
    Kernel("add_step", lattice_step.add_step, lattice_step.example, "nm -n- --m nm - -- t - - -"),
    Kernel("add_block", lattice_step.add_block, lattice_step.example_of_block, "nm -n- --m nm - -- - -- t - - -"),
    Kernel("add_block_at", lattice_step.add_block_at, lattice_step.example_of_block_at, "m -m m -- --- -- -- t - - -"),
    Kernel("weighted", ray_step.weighted, ray_step.example_of_weighted, "nm nm -"),
)
FORMULAS = SimpleNamespace(**{kernel.name: kernel.formula for kernel in KERNELS})
"""All of them as they are written, in place of libraries."""


# --- the cache ------------------------------------------------------------------------------------------


def facts() -> dict[str, str]:
    """All that the machine code depends on."""
    sources = b"".join(Path(path).read_bytes() for path in (lattice_step.__file__, lattice_sum.__file__,
                                                            ray_step.__file__, __file__))
    return {"source": hashlib.sha256(sources).hexdigest(), "torch": torch.__version__,
            "capability": torch.backends.cpu.get_cpu_capability(), "machine": platform.machine(),
            "libc": "-".join(platform.libc_ver()), "instructions": _instructions()}


def _instructions() -> str:
    """What the processor can do, as a digest: code for one must never run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    words = sorted({word for line in lines if line.startswith(("flags", "Features")) for word in line.split()})
    return hashlib.sha256(" ".join(words).encode()).hexdigest()


def cache_folder() -> Path:
    """Where the libraries for the facts of today belong."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    key = hashlib.sha256(json.dumps(facts(), sort_keys=True).encode()).hexdigest()[:16]
    return Path(home) / "nanobrag_torch" / f"compiled-{key}"


def obstacle() -> str:
    """Why there are no libraries that may be used; empty when there are."""
    folder = cache_folder()
    libraries = [folder / kernel.library for kernel in KERNELS]
    try:
        kept = json.loads((folder / FACTS).read_text())
        sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in libraries}
        states = [path.stat() for path in (folder, *libraries)]
    except (OSError, ValueError):
        return "no compiled step; -compile makes one"
    if not isinstance(kept, dict) or {**kept, "libraries": None} != {**facts(), "libraries": None}:
        return "the compiled step is stale; -compile makes it anew"
    if kept.get("libraries") != sums:
        return "the compiled step is damaged; -compile makes it anew"
    if {state.st_uid for state in states} != {os.getuid()} or any(state.st_mode & 0o022 for state in states):
        return "others could have changed the compiled step; -compile makes it anew"
    return ""


# --- building -------------------------------------------------------------------------------------------


def build() -> tuple[Path, float]:
    """Compile everything, check it against the formulas, and put it into the cache; (folder, largest error found).

    Raises UsageError where it cannot be built or does not compute the same.
    """
    folder = cache_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as name:
        made = Path(name) / "made"
        made.mkdir(mode=0o755)
        error = 0.0
        for count, kernel in enumerate(KERNELS, 1):
            print(f"compiling {kernel.name} ({count} of {len(KERNELS)})", file=sys.stderr, flush=True)
            _compile(kernel, Path(name), made / kernel.library)
            error = max(error, _largest_error(kernel, made / kernel.library))
            if not error <= LARGEST_ERROR:
                raise ArgumentError(f"-compile: {kernel.name} differs from the formula by {error:g}; it is not kept")
        sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in made.iterdir()}
        (made / FACTS).write_text(json.dumps({**facts(), "libraries": sums}, indent=1) + "\n")
        for path in (made, *made.iterdir()):
            path.chmod(path.stat().st_mode & ~0o022)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.replace(made, folder)
        except OSError:
            if obstacle():
                raise
    return folder, error


def _compile(kernel: Kernel, scratch: Path, library: Path) -> None:
    """AOTInductor's code for a formula, for any numbers of rows, columns and reflections."""
    if not any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "g++", "clang++")):
        raise ArgumentError("-compile: there is no C++ compiler here (g++ or clang++)")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(scratch / "inductor")
    from torch.export import Dim, export

    class Module(torch.nn.Module):
        def forward(self, *arguments):
            return kernel.formula(*arguments)

    free = {"n": Dim("rows", min=2), "m": Dim("columns", min=2), "t": Dim("reflections", min=2)}
    shapes = tuple({axis: free[letter] for axis, letter in enumerate(word) if letter in free} or None
                   for word in kernel.axes.split())
    exported = export(Module(), kernel.example(), dynamic_shapes=(shapes,))
    package = torch._inductor.aoti_compile_and_package(exported, package_path=str(scratch / f"{kernel.name}.pt2"),
                                                       inductor_configs=_BUILD)
    with zipfile.ZipFile(package) as archive:
        code, = (entry for entry in archive.namelist() if entry.endswith(".so"))
        library.write_bytes(archive.read(code))


def _largest_error(kernel: Kernel, library: Path) -> float:
    """The largest difference over the largest value; infinite where one is undefined, or other signs are found."""
    run, errors = load(library), [0.0]
    for shape in ((8, 64), (3, 96), (33, 2464)):
        arguments = kernel.example(*shape, seed=sum(shape))
        for got, wanted in zip(_listed(run(*arguments)), _listed(kernel.formula(*arguments)), strict=True):
            if float((got.signbit() != wanted.signbit()).double().mean()) > UNLIKE:
                return math.inf
            apart = (got.abs() - wanted.abs())[got.signbit() == wanted.signbit()]
            errors.append(float(apart.abs().max() / wanted.abs().max()))
    return math.inf if any(math.isnan(error) for error in errors) else max(errors)


def _listed(results) -> list:
    return [results] if isinstance(results, torch.Tensor) else list(results)


def load(library: Path) -> Callable:
    """The function in a library."""
    runner = torch._C._aoti.AOTIModelContainerRunnerCpu(str(library), 1)

    def run(*arguments):
        results = runner.run(list(arguments))
        return results[0] if len(results) == 1 else results

    return run


def libraries() -> SimpleNamespace:
    """All functions of the cache by name."""
    folder = cache_folder()
    return SimpleNamespace(**{kernel.name: load(folder / kernel.library) for kernel in KERNELS})
