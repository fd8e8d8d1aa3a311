"""The bundled simulator as a process, for many small renders: edited commands in, parts of images out.

It is started once in batch mode and never imported. Every render has a deadline; what was rendered is kept, so
that the same hypothesis about the same command costs nothing the second time.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nbcompare.case.command import Command, Item, parse_command
from nbcompare.case.options import FLOAT_FILE
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.batch import BatchEngine, BatchFault
from nbcompare.engine.choose import subject_engine
from nbcompare.engine.engine import Engine
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, FileEdit

_NOT_OF_THE_IMAGE = ("output", "run")
"""Kinds of options that have no part in the float image."""

_DUMP = "Fdump.bin"
_PATIENCE_S = 15.0
"""A render that was begun may take so long, even when the budget is used up: starting anew costs more."""

_KEPT_PIXELS = 30_000_000

RegionKey = tuple[tuple[str, ...], tuple[int, int, int, int]]
"""Arguments and the bounds of a region."""


class Simulator:
    """A process of ``python -m nanobrag_torch -batch``, or of the engine given; to be closed after use."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = BatchEngine(engine or subject_engine(None, {}))
        self.folder = Path(tempfile.mkdtemp(prefix="nbcompare-diagnosis-"))
        self.kept: dict[RegionKey, np.ndarray | None] = {}
        self.kept_pixels = 0
        self.dumps: dict[tuple[str, str], str | None] = {}
        self.renders = 0
        self.last_words = ""

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.engine.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def emulations(self, seconds: float) -> tuple[str, ...]:
        """The names of all emulations it offers; none when it knows no -emulate."""
        try:
            answer = self.engine.ask(["-emulate", "list"], self.folder, max(_PATIENCE_S, seconds))
        except BatchFault:
            self.engine.close()
            return ()
        return tuple(re.findall(r"^([a-z0-9-]+)$", answer["stdout"], re.MULTILINE)) if not answer["exit_code"] else ()

    def render(self, candidate: Candidate, files: Mapping[str, Path], region: Roi, shape: Shape, seconds: float,
               emulate: frozenset[str] = frozenset()) -> np.ndarray | None:
        """The region [slow, fast] of the image that a candidate gives, or None when it gives none.

        ``files`` are the input files by the option that names them; ``emulate`` holds unless the candidate says
        otherwise.
        """
        names = emulate if candidate.emulate is None else candidate.emulate
        argv = self._arguments(candidate, files, names)
        key = (argv, region.bounds)
        if key not in self.kept:
            self._keep(key, self._run_faster(argv, region, shape, seconds))
        return self.kept[key]

    def _arguments(self, candidate: Candidate, files: Mapping[str, Path], emulate: frozenset[str]) -> tuple[str, ...]:
        """The command as the process gets it: input files by staged names, no outputs of its own."""
        edits = {edit.option: edit for edit in candidate.files}
        staged = {name: self._staged(path, edits.get(name)) for name, path in files.items()}
        items, written = [], candidate.command.writing()
        for item in candidate.command.items:
            if item in written or item.option and item.option.kind in _NOT_OF_THE_IMAGE:
                continue
            if item.name == "-emulate" and (emulate or candidate.emulate is not None):
                continue
            items.append(Item(item.word, (staged[item.name],), item.option) if item.name in staged else item)
        words = Command(tuple(items)).argv
        return (*words, *(("-emulate", ",".join(sorted(emulate))) if emulate else ()))

    def _staged(self, path: Path, edit: FileEdit | None) -> str:
        """The name, in the process's folder, of a file as it is or as edited; named by its content."""
        text = path.read_bytes()
        if edit is not None:
            text = edit.make(text.decode("latin-1")).encode("latin-1")
        name = f"{hashlib.sha256(text).hexdigest()[:16]}{path.suffix}"
        if not (self.folder / name).exists():
            (self.folder / name).write_bytes(text)
        return name

    def _run_faster(self, argv: Sequence[str], region: Roi, shape: Shape, seconds: float) -> np.ndarray | None:
        """As ``_run``; a long list of F is read from the dump that its first run left, once that is found to give
        the same image."""
        command = parse_command(argv)
        listed = command.find("-hkl")
        if listed is None or command.has("-dump", "-emulate"):
            return self._run(argv, region, shape, seconds)
        named = (listed.values[0], str(command.number("-default_F")))
        dump = self.dumps.get(named)
        if dump:
            return self._run(command.without("-hkl").ending("-dump", dump).argv, region, shape, seconds)
        fresh = self.folder / _DUMP
        fresh.unlink(missing_ok=True)
        part = self._run(argv, region, shape, seconds)
        if named not in self.dumps and part is not None and part.any() and fresh.is_file():
            name = f"{listed.values[0]}-{len(self.dumps)}.dump"
            fresh.rename(self.folder / name)
            again = self._run(command.without("-hkl").ending("-dump", name).argv, region, shape, seconds)
            self.dumps[named] = name if again is not None and np.array_equal(part, again) else None
        return part

    def _run(self, argv: Sequence[str], region: Roi, shape: Shape, seconds: float) -> np.ndarray | None:
        command = parse_command(argv)
        own = command.find("-roi")
        bounds = _within(region, own.numbers if own and len(own.values) == 4 else None)
        if bounds is None:
            return np.zeros((region.ymax - region.ymin + 1, region.xmax - region.xmin + 1), np.float32)
        image = self.folder / FLOAT_FILE
        image.unlink(missing_ok=True)
        words = (*command.without("-roi").argv, "-roi", *map(str, bounds), "-nonoise", "-nopgm", "-noprogress",
                 "-threads", "1", "-floatfile", FLOAT_FILE, "-intfile", "int.img")
        self.renders += 1
        try:
            answer = self.engine.ask(words, self.folder, max(_PATIENCE_S, seconds))
        except BatchFault as fault:
            self.engine.close()
            self.last_words = str(fault)
            return None
        self.last_words = answer["stderr"]
        if answer["exit_code"] or not image.is_file() or image.stat().st_size != shape.bytes:
            return None
        pixels = np.memmap(image, "<f4", "r", shape=(shape.slow, shape.fast))
        part = np.array(pixels[region.slices])
        del pixels
        return part if np.isfinite(part).all() else None

    def _keep(self, key: RegionKey, part: np.ndarray | None) -> None:
        if self.kept_pixels > _KEPT_PIXELS:
            self.kept.clear()
            self.kept_pixels = 0
        self.kept[key] = part
        self.kept_pixels += part.size if part is not None else 0


def _within(region: Roi, own: Sequence[float] | None) -> tuple[int, int, int, int] | None:
    """The region, cut by a -roi of the command itself; None when nothing is left."""
    if own is None:
        return region.bounds
    low_x, high_x, low_y, high_y = (int(v) for v in own)
    xmin, ymin = max(region.xmin, low_x), max(region.ymin, low_y)
    xmax = min(region.xmax, high_x) if high_x >= 0 else region.xmax
    ymax = min(region.ymax, high_y) if high_y >= 0 else region.ymax
    return (xmin, xmax, ymin, ymax) if xmin <= xmax and ymin <= ymax else None
