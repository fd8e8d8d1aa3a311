"""The bundled simulators on many edited commands: a candidate goes in, parts of its image come out.

The C reference renders where it is built or can be, as it starts in milliseconds; the torch simulator what only it
can, which are emulations and other precisions. Both are run as processes by the renderer. What was rendered is kept in
a cache: the same hypothesis about the same command costs nothing the second time, nor in a later diagnosis where the
cache is that of the user.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.command import Command, WrittenOption, parse_command
from nbcompare.case.arguments.options import REFERENCE
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.bundled_reference import build_reference
from nbcompare.engine.choose import subject_engine
from nbcompare.engine.engine import Engine, Rendering
from nbcompare.engine.rendering.render_cache import RenderCache, key_of
from nbcompare.engine.rendering.renderer import Batches, Renderer
from nbcompare.engine.rendering.runs import Job
from nbcompare.errors import NbCompareError
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, FileEdit
from nbcompare.explain.diagnose.search import limits

_NOT_OF_THE_IMAGE = ("output", "run")
"""Kinds of options that have no part in the float image."""

_TORCH_ALONE = ("emulation", "precision")
"""Kinds of options that the C reference has not."""

_QUIET = ("-nonoise", "-nopgm", "-noprogress")
_DUMP = "Fdump.bin"
_THREADS = {"OMP_WAIT_POLICY": "passive"}
"""A thread that has nothing to do sleeps: most renders are of few pixels, and threads of the C reference that spin
while they wait would take more processor time than all the rest of such a run."""


class Simulator:
    """Renders candidates; to be closed after use, as it may keep a process of the torch simulator.

    ``cache`` is where renders are kept, in a scratch folder of its own without one.
    """

    def __init__(self, cache: RenderCache | None = None) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="nbcompare-diagnosis-")
        self.folder = Path(self._scratch.name)
        self.cache = cache or RenderCache(self.folder / "cache")
        self.renderer = Renderer(batches=Batches.BUNDLED)
        self.renders = 0
        self.told: Callable[[float, float], None] | None = None
        """Who wants to hear, after each trial, how many seconds of how many are used."""
        self.last_words = ""
        self._stopped = False
        self._too_long: set[str] = set()
        self._inputs: dict[tuple[str, ...], Path] = {}
        self._dumps: dict[str, bytes] = {}

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.renderer.close()
        self._scratch.cleanup()

    @cached_property
    def torch(self) -> Engine:
        return replace(subject_engine(None, {}), trial=True)

    @cached_property
    def reference(self) -> Engine:
        """The C reference; the torch simulator where that cannot be built."""
        try:
            return Engine(REFERENCE, "bundled C reference", (str(build_reference()),), "default", trial=True)
        except NbCompareError:
            return self.torch

    def render(self, candidate: Candidate, files: Mapping[str, Path], region: Roi, shape: Shape, seconds: float,
               emulate: frozenset[str] = frozenset()) -> np.ndarray | None:
        """The region [slow, fast] of the image that a candidate gives, or None when it gives none.

        ``files`` are the input files by the option that names them; ``emulate`` holds unless the candidate says
        otherwise.
        """
        try:
            staged = self._texts(files, candidate.files)
        except (ArithmeticError, LookupError, ValueError):
            return None  # the file is not what the edit takes it for
        argv = arguments_of(candidate, {option: name for option, (name, _) in staged.items()}, emulate)
        bounds = _within(region, parse_command(argv).find("-roi"))
        if bounds is None:
            return np.zeros((region.ymax - region.ymin + 1, region.xmax - region.xmin + 1), np.float32)
        command = parse_command(argv)
        alone = any(item.option and item.option.kind in _TORCH_ALONE for item in command.items)
        engine = self.torch if alone else self.reference
        key = key_of((self.renderer.identity(engine), *argv, shape, region.bounds))
        if key in self._too_long:
            return None
        if self.cache.answer(key) is None:
            pixels = self._rendered(engine, command, bounds, staged, shape, seconds)
            if self._stopped:  # with more time it may well give an image, so that nothing is kept of it
                self._too_long.add(key)
                return None
            self._keep(key, pixels, region)
        return self.cache.image(key, Shape(slow=region.ymax - region.ymin + 1, fast=region.xmax - region.xmin + 1))

    # --- one run -------------------------------------------------------------------------------------------

    def _rendered(self, engine: Engine, command: Command, bounds: Sequence[int],
                  staged: Mapping[str, tuple[str, bytes]], shape: Shape, seconds: float) -> np.ndarray | None:
        """The whole image, of which only the bounds are rendered."""
        roi = ("-roi", *map(str, bounds), *_QUIET)
        words, inputs = self._with_dump(engine, command.without("-roi"), dict(staged.values()), shape)
        found = self._run(engine, (*words.argv, *roi), inputs, shape, seconds)
        self.renders += 1
        failure = found.run.failure
        self._stopped = failure is not None and failure.kind == "timed-out"
        self.last_words = "\n".join(failure.said) or failure.sentence if failure else ""
        return found.pixels if failure is None or failure.kind == "zero-image" else None

    def _run(self, engine: Engine, argv: Sequence[str], inputs: Path, shape: Shape, seconds: float) -> Rendering:
        return self.renderer.render(Job(engine, tuple(argv), shape, seconds, inputs, _THREADS))

    def _keep(self, key: str, image: np.ndarray | None, region: Roi) -> None:
        if image is not None:
            self.cache.keep_image(key, image[region.slices])
        self.cache.keep(key, {"image": image is not None})

    # --- input files ----------------------------------------------------------------------------------------

    @staticmethod
    def _texts(files: Mapping[str, Path], edits: Sequence[FileEdit]) -> dict[str, tuple[str, bytes]]:
        """(name, content) of each file by its option, as it is or as edited; named by its content."""
        found = {}
        for option, path in files.items():
            content = path.read_bytes()
            for edit in edits:
                if edit.option == option:
                    content = edit.make(content.decode("latin-1")).encode("latin-1")
            found[option] = f"{hashlib.sha256(content).hexdigest()[:16]}{path.suffix}", content
        return found

    def _staged(self, contents: Mapping[str, bytes]) -> Path:
        """A folder of these files."""
        names = tuple(sorted(contents))
        if names not in self._inputs:
            self._inputs[names] = Path(tempfile.mkdtemp(dir=self.folder))
            for name, content in contents.items():
                (self._inputs[names] / name).write_bytes(content)
        return self._inputs[names]

    def _with_dump(self, engine: Engine, command: Command, contents: dict[str, bytes],
                   shape: Shape) -> tuple[Command, Path]:
        """The command and its files; a long list of F is read from the dump that a run left of it."""
        item = command.find("-hkl")
        if item is None or command.has("-dump", "-emulate") or len(contents[item.values[0]]) < limits.LONG_LIST_BYTES:
            return command, self._staged(contents)
        name = f"{item.values[0]}-{command.number('-default_F'):g}.dump"
        if name not in self._dumps:
            self._dumps[name] = self._dumped(engine, command, self._staged(contents), shape)
        del contents[item.values[0]]
        return (command.without("-hkl").ending("-dump", name),
                self._staged({**contents, name: self._dumps[name]}))

    def _dumped(self, engine: Engine, command: Command, inputs: Path, shape: Shape) -> bytes:
        """The dump that a run of one pixel leaves."""
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            home = Path(scratch)
            job = Job(engine, (*command.argv, "-roi", "0", "0", "0", "0", *_QUIET), shape, limits.LIST_SECONDS, inputs,
                      _THREADS)
            self.renderer.run(job, folder=home / "run", stdout=home / "out", stderr=home / "err")
            return (home / "run" / _DUMP).read_bytes()


def arguments_of(candidate: Candidate, staged: Mapping[str, str], emulate: frozenset[str] = frozenset()
                 ) -> tuple[str, ...]:
    """A candidate's command as a simulator gets it: input files by the names they are staged under, no outputs."""
    names = emulate if candidate.emulate is None else candidate.emulate
    items, written = [], candidate.command.writing()
    for item in candidate.command.items:
        if item in written or item.option and item.option.kind in _NOT_OF_THE_IMAGE:
            continue
        if item.name == "-emulate" and (names or candidate.emulate is not None):
            continue
        items.append(WrittenOption(item.word, (staged[item.name],), item.option) if item.name in staged else item)
    return (*Command(tuple(items)).argv, *(("-emulate", ",".join(sorted(names))) if names else ()))


def _within(region: Roi, own: WrittenOption | None) -> tuple[int, int, int, int] | None:
    """The region, cut by a -roi of the command itself; None when nothing is left."""
    if own is None or len(own.values) != 4:
        return region.bounds
    low_x, high_x, low_y, high_y = (int(v) for v in own.numbers)
    xmin, ymin = max(region.xmin, low_x), max(region.ymin, low_y)
    xmax = min(region.xmax, high_x) if high_x >= 0 else region.xmax
    ymax = min(region.ymax, high_y) if high_y >= 0 else region.ymax
    return (xmin, xmax, ymin, ymax) if xmin <= xmax and ymin <= ymax else None
