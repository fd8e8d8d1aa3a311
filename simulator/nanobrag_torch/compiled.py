"""The compiled path: one term of the sum as machine code, built once on request and kept in the user's cache folder.

    python -m nanobrag_torch -compile

makes ``$XDG_CACHE_HOME/nanobrag_torch/add_step-<key>/`` (``~/.cache`` by default) with ``add_step.so`` and
``facts.json``. The key stands for everything the code depends on: this source, torch, Python's platform and the
instructions of the processor. A library is used only when its facts are exactly those of today and its bytes those
that were checked when it was built; otherwise there is none, and the fast path renders.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
import zipfile
from pathlib import Path

import torch

from nanobrag_torch import lattice_step
from nanobrag_torch.arithmetic import number
from nanobrag_torch.errors import UsageError
from nanobrag_torch.fast import FastRenderer
from nanobrag_torch.rays import Rays
from nanobrag_torch.scene import Scene
from nanobrag_torch.vectors import dot

LIBRARY, FACTS = "add_step.so", "facts.json"
LARGEST_ERROR = 1e-6
"""Of the largest value: what the compiled step may differ from the formula when it is built."""

TILE_PIXELS = 100_000
STEPS = 32
"""Steps whose rows and columns are worked out together."""

_BUILD = {"cpp.threads": 1, "assert_indirect_indexing": False, "cpp.enable_floating_point_contract_flag": "fast",
          "realize_opcount_threshold": 100_000, "realize_reads_threshold": 100_000}
"""One thread, everything in one loop, and fused multiply-add."""


# --- the cache ------------------------------------------------------------------------------------------


def facts() -> dict[str, str]:
    """All that the machine code depends on."""
    sources = b"".join(Path(path).read_bytes() for path in (lattice_step.__file__, __file__))
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
    """Where the library for the facts of today belongs."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    key = hashlib.sha256(json.dumps(facts(), sort_keys=True).encode()).hexdigest()[:16]
    return Path(home) / "nanobrag_torch" / f"add_step-{key}"


def obstacle() -> str:
    """Why there is no library that may be used; empty when there is one."""
    folder = cache_folder()
    try:
        kept = json.loads((folder / FACTS).read_text())
        code = (folder / LIBRARY).read_bytes()
        owners = {path.stat().st_uid for path in (folder, folder / LIBRARY)}
        open_to_others = any(path.stat().st_mode & 0o022 for path in (folder, folder / LIBRARY))
    except (OSError, ValueError):
        return "no compiled step; -compile makes one"
    if not isinstance(kept, dict) or {**kept, "library": None} != {**facts(), "library": None}:
        return "the compiled step is stale; -compile makes it anew"
    if kept.get("library") != hashlib.sha256(code).hexdigest():
        return "the compiled step is damaged; -compile makes it anew"
    if owners != {os.getuid()} or open_to_others:
        return "others could have changed the compiled step; -compile makes it anew"
    return ""


# --- building -------------------------------------------------------------------------------------------


def build() -> tuple[Path, float]:
    """Compile, check against the formula, and put into the cache; (folder, largest error found).

    Raises UsageError where it cannot be built or does not compute the same.
    """
    folder = cache_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as name:
        made = Path(name) / "made"
        made.mkdir(mode=0o755)
        _compile(Path(name), made / LIBRARY)
        error = _largest_error(made / LIBRARY)
        if not error <= LARGEST_ERROR:
            raise UsageError(f"-compile: the compiled step differs from the formula by {error:g}; it is not kept")
        code = (made / LIBRARY).read_bytes()
        (made / FACTS).write_text(json.dumps({**facts(), "library": hashlib.sha256(code).hexdigest()}, indent=1) + "\n")
        for path in (made, made / LIBRARY, made / FACTS):
            path.chmod(path.stat().st_mode & ~0o022)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.replace(made, folder)
        except OSError:
            if obstacle():
                raise
    return folder, error


def _compile(scratch: Path, library: Path) -> None:
    """AOTInductor's code for ``add_step``, any numbers of rows, columns and reflections."""
    if not any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "g++", "clang++")):
        raise UsageError("-compile: there is no C++ compiler here (g++ or clang++)")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(scratch / "inductor")
    from torch.export import Dim, export

    rows, columns, reflections = Dim("rows", min=2), Dim("columns", min=2), Dim("reflections", min=2)
    pixels = {0: rows, 1: columns}
    shapes = (pixels, {1: rows}, {2: columns}, pixels, None, None, {0: reflections}, None, None, None)
    exported = export(lattice_step.AddStep(), lattice_step.example(), dynamic_shapes=shapes)
    package = torch._inductor.aoti_compile_and_package(exported, package_path=str(scratch / "add_step.pt2"),
                                                       inductor_configs=_BUILD)
    with zipfile.ZipFile(package) as archive:
        code, = (entry for entry in archive.namelist() if entry.endswith(".so"))
        library.write_bytes(archive.read(code))


def _largest_error(library: Path) -> float:
    step = load(library)
    worst = 0.0
    for shape in ((8, 64), (3, 96), (33, 2464)):
        arguments = lattice_step.example(*shape, seed=sum(shape))
        expected = lattice_step.add_step(*arguments)
        worst = max(worst, float((step(*arguments) - expected).abs().max() / expected.abs().max()))
    return worst


def load(library: Path):
    """``add_step`` from a library."""
    runner = torch._C._aoti.AOTIModelContainerRunnerCpu(str(library), 1)
    return lambda *arguments: runner.run(list(arguments))[0]


# --- rendering ------------------------------------------------------------------------------------------


class CompiledRenderer(FastRenderer):
    """The fast renderer with its innermost sum as machine code."""

    def __init__(self, scene: Scene, step=None):
        super().__init__(scene, torch.float32, TILE_PIXELS)
        self.step = step or load(cache_folder() / LIBRARY)

    def _prepare(self) -> None:
        sizes = [top - bottom + 3 for bottom, top in zip(self.low, self.high, strict=True)]
        strides = [float(sizes[1] * sizes[2]), float(sizes[2]), 1.0]
        first = [float(bottom - 1) for bottom in self.low]
        offset = -sum(stride * index for stride, index in zip(strides, first, strict=True))
        last = [float(top + 1) for top in self.high]
        self.constants = tuple(torch.tensor(x, dtype=torch.float64) for x in (first, last, [*strides, offset]))
        self.cells = torch.tensor(self.scene.lattice.cells, dtype=torch.float64)

    def _sum_of_steps(self, rays: Rays, source):
        """sum F_cell^2 F_latt^2 over phi steps and mosaic domains, float64."""
        cells = [cell for domains in self.scene.cells for cell in domains]
        incident = [number(x) for x in source.incident]
        total = torch.zeros(rays.inverse.shape, dtype=torch.float64)
        for start in range(0, len(cells), STEPS):
            some = torch.tensor(cells[start : start + STEPS], dtype=torch.float64) / number(source.wavelength)
            slow, fast = (part.unflatten(0, (-1, 3)) for part in rays.parts(some.flatten(0, 1)))
            straight_on = dot(some.movedim(2, 0), incident)
            for rows, columns, on in zip(slow, fast, straight_on, strict=True):
                total = self.step(total, rows, columns, rays.inverse, on, self.cells, self.table, *self.constants)
        return total
