"""The compiled path: the innermost formulas as machine code, built once on request and kept in the user's cache folder.

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

import numpy as np
import torch

from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.render import lattice_step, lattice_sum, ray_step
from nanobrag_torch.render.fast import COLUMNS, FastRenderer
from nanobrag_torch.render.phi_groups import PhiGroup, cells_of, groups_of_domains, phi_groups
from nanobrag_torch.render.rays import Rays
from nanobrag_torch.render.scene import Scene

FACTS = "facts.json"
LARGEST_ERROR = 1e-6
"""Of the largest value: what a library may differ from its formula when it is built."""

UNLIKE = 1e-3
"""Share of the pixels that a library may give another sign, which marks those whose reflection may change."""

TILE_PIXELS = 200_000
TOGETHER = 32
"""Steps whose rows and columns are worked out together."""

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


# --- rendering ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """Neighbouring steps of one mosaic domain: the vectors and weights of ``add_block``, and the cells of every
    step [STEPS, 3, 3] for pixels whose nearest reflection changes."""

    vectors: torch.Tensor
    weights: torch.Tensor
    reach: torch.Tensor
    cells: torch.Tensor


class CompiledRenderer(FastRenderer):
    """The fast renderer with its innermost formulas as machine code."""

    def __init__(self, scene: Scene, functions: SimpleNamespace | None = None):
        super().__init__(scene, torch.float32, TILE_PIXELS)
        self.run = functions or libraries()
        self.ray_factors, self.weighted = self.run.ray_factors, self.run.weighted

    def _prepare(self) -> None:
        """What the sum over steps needs for all tiles: single steps and blocks of steps."""
        sizes = [top - bottom + 3 for bottom, top in zip(self.low, self.high, strict=True)]
        strides = [float(sizes[1] * sizes[2]), float(sizes[2]), 1.0]
        first = [float(bottom - 1) for bottom in self.low]
        offset = -sum(stride * index for stride, index in zip(strides, first, strict=True))
        last = [float(top + 1) for top in self.high]
        limits = tuple(torch.tensor(x, dtype=torch.float64) for x in (first, last, [*strides, offset]))
        cells = torch.tensor(self.scene.lattice.cells, dtype=torch.float64)
        self.constants = (torch.stack([cells, 1.0 / cells]), self.table, *limits)
        self.zeros = torch.zeros(0, dtype=torch.float64)
        singles, self.blocks = [], []
        for domain, group in groups_of_domains(self.scene, phi_groups(self.scene, lattice_step.STEPS)):
            cells = cells_of(self.scene, group.steps, domain)
            if len(group.planes):
                self.blocks.append(_block(group, cells))
            else:
                singles += list(cells)
        self.singles = torch.tensor(np.array(singles).reshape(-1, 3, 3))

    def _sum_of_steps(self, rays: Rays, source):
        """sum F_cell^2 F_latt^2 over phi steps and mosaic domains, float64."""
        incident = torch.tensor([number(x) for x in source.incident], dtype=torch.float64)
        wavelength = number(source.wavelength)
        total = self._zeros(rays.inverse.shape)
        for start in range(0, len(self.singles), TOGETHER):
            some = self.singles[start : start + TOGETHER] / wavelength
            slow, fast = (part.unflatten(0, (-1, 3)) for part in rays.parts(some.flatten(0, 1)))
            for rows, columns, on in zip(slow, fast, some @ incident, strict=True):
                total = self.run.add_step(total, rows, columns, rays.inverse, on, *self.constants)
        for place, block in enumerate(self.blocks):
            vectors = block.vectors / wavelength
            total = self.run.add_block(total, *rays.parts(vectors, (place, id(source))), rays.inverse,
                                       vectors @ incident, block.weights, block.reach, *self.constants)
            sums = total.numpy().reshape(-1)
            leaving = np.flatnonzero(np.signbit(sums))  # NumPy finds them five times as fast as torch
            if len(leaving):
                sums[leaving] = self._at(rays, leaving, -sums[leaving], block, wavelength, incident)
        return total

    def _zeros(self, shape):
        """The same ones for all tiles of a shape; nobody writes into them."""
        if self.zeros.shape != shape:
            self.zeros = torch.zeros(shape, dtype=torch.float64)
        return self.zeros

    def _at(self, rays: Rays, pixels: np.ndarray, sums: np.ndarray, block: Block, wavelength, incident) -> np.ndarray:
        """``sums`` of some pixels (flat numbers) with those of a block added, float64: every step with its own h0."""
        count = len(pixels)
        pixels, sums = (np.append(array, np.repeat(array[-1], -count % COLUMNS)) for array in (pixels, sums))
        row, column = np.divmod(pixels, rays.inverse.shape[1])
        slow, fast = (torch.stack(along).numpy().reshape(3, -1) for along in (rays.along_slow, rays.along_fast))
        places = slow.take(row, axis=1) + fast.take(column, axis=1)
        cells = block.cells / wavelength
        some = (torch.from_numpy(array) for array in (sums, places, rays.inverse.numpy().take(pixels)))
        return self.run.add_block_at(*some, block.weights, cells, cells @ incident, *self.constants)[:count].numpy()


def _block(group: PhiGroup, cells: np.ndarray) -> Block:
    """A group of up to STEPS steps; there are as many changes of the cell as it has planes, the rest are 0."""
    rank = len(group.planes)
    vectors, weights = np.zeros((3, 3, 3)), np.zeros((lattice_step.STEPS, 3))
    vectors[0], vectors[1 : 1 + rank] = group.cell, group.planes
    weights[: len(group.steps), :rank], weights[: len(group.steps), 2] = group.weights, 1.0
    cells = np.concatenate([cells, np.repeat(cells[-1:], lattice_step.STEPS - len(cells), axis=0)])
    return Block(torch.tensor(vectors.reshape(9, 3)), torch.tensor(weights, dtype=torch.float32),
                 torch.tensor(abs(weights[:, :2]).max(axis=0), dtype=torch.float32), torch.tensor(cells))
