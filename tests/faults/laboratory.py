"""A place to try faults: a small case with fake engines, and nb-compare called in a forked process that may be hurt.

Forking is quick, as everything is imported once, and gives each trial a process of its own that can be
killed, starved of disk or given a false clock without harm to the others.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

FAKES = Path(__file__).resolve().parent.parent / "fakes"
CASE = """\
name: small
title: a 60 x 50 image of fake engines
command: -detpixels_x 60 -detpixels_y 50 -flux 1e18
image: {fast: 60, slow: 50}
inputs: {A.mat: {file: own.mat}}
rois:
  full: full
  middle: [20, 40, 20, 40]
thresholds:
  - {metric: correlation, min: 0.9995, why: same pattern}
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}
"""
PLAN = """\
title: a plan of two phases
phases:
  - {name: N1, title: the evidence is there, cases: [small.yaml], requires: {files_complete: true}}
  - {name: N2, title: the images agree, cases: [small.yaml], requires: {verdict: [PASS], signed: [N1]}}
"""
SECONDS = 300.0


@dataclass(frozen=True)
class Said:
    """How one call ended. ``code`` is negative for a signal and None when it had to be stopped."""

    code: int | None
    out: str
    err: str


@dataclass(frozen=True)
class Begun:
    """A call on its way: its process, and our ends of its standard output and error."""

    process: int
    out: int
    err: int


@dataclass(frozen=True)
class Row:
    """One line of the table: a fault, how often it was tried, what happened, and whether it was always noticed.

    ``counted`` is how many trials held, where that was counted; ``shown_codes`` stands for the exit codes, where those
    of single trials are not known.
    """

    fault: str
    tried: int
    happened: str
    detected: bool
    codes: tuple[int | None, ...]
    counted: int | None = None
    shown_codes: str | None = None

    @property
    def held(self) -> int:
        """Trials that held: all, or as many as were counted; none where one did not and nobody counted."""
        return self.tried if self.detected else self.counted or 0

    @property
    def exit_codes(self) -> str:
        if self.shown_codes is not None:
            return self.shown_codes
        return ", ".join("SIGKILL" if code == -signal.SIGKILL else "no end" if code is None else str(code)
                         for code in sorted(set(self.codes), key=lambda code: (code is None, code or 0)))


def row_of(fault: str, trials: Iterable[Said], happened: str, noticed: Callable[[Said], bool]) -> Row:
    """A row over trials that all must be noticed."""
    trials = list(trials)
    return Row(fault, len(trials), happened, bool(trials) and all(map(noticed, trials)),
               tuple(said.code for said in trials))


class Laboratory:
    """An empty folder with a case, a plan and an input. ``quick``: pictures without axes, and no question for CUDA."""

    def __init__(self, folder: Path, *, quick: bool = False):
        self.folder, self.quick = folder, quick
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "small.yaml").write_text(CASE)
        (folder / "phases.yaml").write_text(PLAN)
        (folder / "own.mat").write_text("1 0 0 0 1 0 0 0 1\n")
        _warm_up()

    @property
    def home(self) -> Path:
        return self.folder / "bundles" / "small"

    def another(self, name: str) -> Laboratory:
        """A laboratory beside this one, with the bundles and sign-offs of this one copied."""
        folder = self.folder.parent / name
        shutil.rmtree(folder, ignore_errors=True)
        made = Laboratory(folder, quick=self.quick)
        if (self.folder / "bundles").exists():
            shutil.copytree(self.folder / "bundles", folder / "bundles", symlinks=True)
        return made

    def call(self, *words, hurt: Callable[[], None] = lambda: None) -> Said:
        """nb-compare WORDS in a forked process, which is ``hurt`` first."""
        child = self.begin(*words, hurt=hurt)
        return self.end(child)

    def begin(self, *words, hurt: Callable[[], None] = lambda: None) -> Begun:
        """Begin a call, and go on."""
        out, err = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            if self.quick:
                _leave_out_what_takes_long()
            _be_nb_compare([str(word) for word in words], self.folder, out[1], err[1], hurt)
        for ours, theirs in (out, err):
            os.close(theirs)
            os.set_blocking(ours, False)
        return Begun(child, out[0], err[0])

    def end(self, begun: Begun) -> Said:
        """Wait for a call that was begun; one that takes too long is stopped."""
        until, texts, status = time.monotonic() + SECONDS, {begun.out: b"", begun.err: b""}, 0
        while True:
            ended, status = os.waitpid(begun.process, os.WNOHANG)
            for pipe in texts:
                texts[pipe] += _read(pipe)
            if ended:
                break
            if time.monotonic() > until:
                os.kill(begun.process, signal.SIGKILL)
                os.waitpid(begun.process, 0)
                status = None
                break
            time.sleep(0.005)
        for pipe in texts:
            os.close(pipe)
        out, err = (text.decode(errors="replace") for text in texts.values())
        return Said(None if status is None else os.waitstatus_to_exitcode(status), out, err)

    def run(self, reference="good", subject="twin", *more, hurt: Callable[[], None] = lambda: None) -> Said:
        """nb-compare run of the small case."""
        return self.call(*self.run_words(reference, subject, *more), hurt=hurt)

    def run_words(self, reference="good", subject="twin", *more) -> list:
        return ["run", "small.yaml", "--c-bin", FAKES / f"{reference}.py", "--py-bin", FAKES / f"{subject}.py", "-q",
                "--fresh", *more]

    def stamps(self) -> list[Path]:
        """The bundles that can be seen."""
        return sorted(path for path in self.home.glob("2*Z")) if self.home.exists() else []

    def bundle(self) -> Path:
        """A good bundle; made when there is none."""
        if not self.stamps():
            said = self.run()
            assert said.code == 0, said
        return self.stamps()[-1]

    def verify(self, folder: Path | None = None) -> Said:
        return self.call("verify", folder or self.stamps()[-1])

    def gate(self, phase="N2") -> Said:
        return self.call("gate", phase, "--phases", "phases.yaml")

    def all_whole(self) -> bool:
        """Whether every bundle that can be seen is whole."""
        return all(self.verify(folder).code == 0 for folder in self.stamps())

    def leftovers(self) -> list[dict]:
        """What doctor names as left behind below this folder."""
        said = self.call("doctor", "--json")
        assert said.code in (0, 8), said
        return [entry for entry in json.loads(said.out)["leftovers"] if entry["folder"].startswith("bundles")]


@functools.cache
def _warm_up() -> None:
    """Import, before any fork, what a call imports, and have every library loaded that a comparison uses."""
    import numpy as np

    import nbcompare.bundle.keep.leftovers
    import nbcompare.commands.views.bundles
    import nbcompare.commands.views.gate
    import nbcompare.plan.ledger_entry
    import nbcompare.plan.signing
    import nbcompare.run.one_case  # noqa: F401
    from nbcompare.bundle.names import moment_of
    from nbcompare.bundle.schema import record_schema
    from nbcompare.case.case_file import load_case
    from nbcompare.cli import COMMANDS, main
    from nbcompare.compare.compare import compare_images
    from nbcompare.compare.image import Roi, Shape
    from nbcompare.compare.metrics import METRICS
    from nbcompare.compare.pictures import write_pictures

    image = np.arange(400, dtype=np.float32).reshape(20, 20)
    roi = Roi.full(Shape(20, 20))
    compare_images(image, image + 1, [roi], further={(metric, roi.name) for metric in METRICS})
    moment_of("20010101T000000Z"), record_schema()
    for name in COMMANDS:
        main.get_command(None, name)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_pictures(image, image + 1, roi, [roi], {key: place / f"{key}.png" for key in ("c", "py", "diff")})
        (place / "own.mat").write_text("1 0 0 0 1 0 0 0 1\n")
        (place / "small.yaml").write_text(CASE)
        load_case(place / "small.yaml")


def _leave_out_what_takes_long() -> None:
    from PIL import Image

    import nbcompare.compare.pictures
    import nbcompare.run.one_case

    nbcompare.run.one_case.cuda_is_available = lambda folder: False
    nbcompare.compare.pictures.draw_all = lambda view, boxes, scale, pictures: [
        Image.new("L", (4, 4), 128).save(path, format="png") for path, *_ in pictures]


def _read(pipe: int) -> bytes:
    """What is in a pipe now."""
    found = b""
    with contextlib.suppress(BlockingIOError):
        while piece := os.read(pipe, 1 << 16):
            found += piece
    return found


def _be_nb_compare(words: list[str], folder: Path, out: int, err: int, hurt: Callable[[], None]) -> None:
    """The forked process: never returns."""
    code = 99
    try:
        os.chdir(folder)
        (folder / ".tmp").mkdir(exist_ok=True)
        os.environ["TMPDIR"], tempfile.tempdir = str(folder / ".tmp"), None
        os.environ.pop("NB_C_BIN", None)
        os.environ.pop("NB_PY_BIN", None)
        for number, handle in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)):
            os.dup2(handle, number)
        import sys

        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
        from nbcompare.cli import run

        hurt()
        code = run(words)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def rewrite(path: Path, content: bytes) -> None:
    """Change a file that is read-only."""
    os.chmod(path, 0o644)
    path.write_bytes(content)


def put_sums_right(folder: Path) -> None:
    """Write the manifest of a bundle anew, as a forger would."""
    from nbcompare.bundle.bundle import write_manifest

    os.chmod(folder / "manifest-sha256.txt", 0o644)
    write_manifest(folder)
