"""A command line rendered by the reference, and how far the reference is from itself: what a first case is made of."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.command import declared_shape
from nbcompare.case.arguments.options import option_named
from nbcompare.case.case import Case
from nbcompare.case.inputs import copy_input
from nbcompare.case.relocate import Relocated
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import METRICS
from nbcompare.compare.places import quiet_corner, spot_places
from nbcompare.engine.engine import Engine, Rendering
from nbcompare.engine.progress import Progress, time_left
from nbcompare.engine.rendering.renderer import OnProgress, Renderer
from nbcompare.engine.rendering.runs import Job, job_of
from nbcompare.errors import ExitCode, NbCompareError
from nbcompare.files import sha256_of
from nbcompare.verdict.noise_floor import NoiseFloor, Rerun, measure

_WITH_SPOTS = "ask for an image with spots in it; nothing was written"
REPEAT = 1
THREADS = (1, 2)
LONG = 10.0
"""Seconds after which somebody who waits wants to know for how long."""

JUDGED = ("sum_ratio", "max_abs_diff_of_peak", "correlation")
"""What every region of a first case is judged by: scale, single pixels, pattern."""


class ReferenceFailed(NbCompareError):
    """The reference gave no image that a case could be made of."""

    exit_code = ExitCode.ENGINE_FAILED


@dataclass(frozen=True)
class MeasuredCommand:
    """What is known of a command line once the reference has rendered it.

    ``rois`` are the whole image, its strongest spots and a quiet corner; ``itself`` by (metric, region) is how far the
    reference was from itself, and ``rounding`` what one unit in the last place of every pixel makes of the figure,
    both as distances from the figure of equal images. ``sums`` are the sha256 of the inputs by name.
    """

    command: Relocated
    engine: Engine
    shape: Shape
    rois: tuple[Roi, ...]
    noise: NoiseFloor
    itself: Mapping[tuple[str, str], float]
    rounding: Mapping[tuple[str, str], float]
    sums: Mapping[str, str]
    zeros: int


def measured(command: Relocated, engine: Engine, progress: Progress) -> MeasuredCommand:
    """Render the command with the reference, find its places, and measure its noise.

    Raises ReferenceFailed where there is no usable image, UsageError for arguments that cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder, Renderer() as renderer:
        data = Path(folder) / "inputs"
        data.mkdir()
        for name, source in command.files.items():
            copy_input(source, data / name)
        shape = declared_shape(command.command, data)
        case = Case("first", "first", command.command, shape, (Roi.full(shape),), ())
        job = job_of(case, engine, command.command, data)
        threads = () if engine.capabilities.get("threads") is False else THREADS
        first = _rendered(renderer, job, progress, Patience(progress, REPEAT + len(threads), command.command))
        image = _usable(first, command.command)
        rois = places_of(image)
        noise = measure(image, first.run, job, _rerun(renderer, progress), rois, _asked(rois),
                        repeat=REPEAT, threads=threads,
                        skip_nonfinite=False)
        if noise.failures:
            raise ReferenceFailed(noise.failures[0], hint="a program that fails at times cannot be a reference")
        itself = {key: METRICS[key[0]].distance(value) for key, value in noise.values().items()}
        return MeasuredCommand(command, engine, shape, rois, noise, itself, rounding_of(image, rois),
                               {name: sha256_of(data / name) for name in command.files},
                               int(np.count_nonzero(image == 0)))


def places_of(image: np.ndarray) -> tuple[Roi, ...]:
    """The whole image [slow, fast], its strongest spots, and a quiet corner where there is one; none in which a run
    could judge nothing. Raises ReferenceFailed where that is so of the whole."""
    spots = spot_places(image)
    corner = quiet_corner(image, spots)
    rois = (Roi.full(Shape(*image.shape)), *spots, *([corner] if corner else []))
    itself = compare_images(image, image.copy(), rois, with_peaks=False)
    weak = {region.roi.name: region.weak.unresolved() for region in itself.regions if region.weak}
    if weak.get(rois[0].name):
        raise ReferenceFailed(f"the reference's image shows too little to judge by: {weak[rois[0].name]}",
                              hint=_WITH_SPOTS)
    return tuple(roi for roi in rois if not weak.get(roi.name))


def rounding_of(image: np.ndarray, rois: Sequence[Roi]) -> dict[tuple[str, str], float]:
    """What a figure is off by where every pixel of an image [slow, fast] is one unit in the last place of float32 off:
    all of them upwards, or up and down in turn, whichever is worse."""
    up = np.where(image != 0, np.nextafter(image, np.inf, dtype=image.dtype), image)
    down = np.where(image != 0, np.nextafter(image, -np.inf, dtype=image.dtype), image)
    chequered = np.where(np.indices(image.shape).sum(axis=0) % 2 == 0, up, down)
    found: dict[tuple[str, str], float] = {}
    for touched in (up, chequered):
        comparison = compare_images(image, touched, rois, with_peaks=False)
        for metric in JUDGED:
            for roi in rois:
                value = comparison.figure(metric, roi.name).value
                distance = METRICS[metric].distance(value) if value is not None else 0.0
                found[metric, roi.name] = max(distance, found.get((metric, roi.name), 0.0))
    return found


def _asked(rois: Sequence[Roi]) -> list[Threshold]:
    return [Threshold(metric, roi.name, None, None, "measured") for metric in JUDGED for roi in rois]


def _rerun(renderer: Renderer, progress: Progress) -> Rerun:
    def rerun(job: Job, name: str, environment: Mapping[str, str]) -> Rendering:
        return _rendered(renderer, replace(job, environment={**job.environment, **environment}), progress)

    return rerun


class Patience:
    """What is told, once, of a first image that takes long: how far it is, how many follow, what makes it shorter.

    ``more`` is the number of images after it, ``words`` the command.
    """

    def __init__(self, progress: Progress, more: int, words: Sequence[str]):
        self.progress, self.more, self.words, self.told = progress, more, words, False

    def __call__(self, elapsed: float, percent: int | None) -> None:
        self.progress.tick(elapsed, percent)
        if elapsed < LONG or self.told:
            return
        self.told = True
        how_far = f"{percent} % done{time_left(elapsed, percent)}" if percent else "it has not said how far it is"
        self.progress.clear()
        self.progress.say(f"note: the image is not there after {elapsed:.0f} s ({how_far}), and {self.more} more "
                          f"follow it for the noise; {shorter(self.words)}. Ctrl-C stops it, and nothing is written")


def shorter(words: Sequence[str]) -> str:
    """What to add to a command or change in it, so that its image is there sooner."""
    named = {option.names[0] for word in words if (option := option_named(word))}
    if "-oversample" in named:
        return "a smaller -oversample or fewer pixels (-detpixels) take less"
    return ("-oversample 1 takes one sample in each pixel, where a large crystal asks for hundreds; fewer pixels "
            "(-detpixels) take less")


def _rendered(renderer: Renderer, job: Job, progress: Progress, told: OnProgress | None = None) -> Rendering:
    progress.begin(job.name)
    found = renderer.render(job, told or progress.tick)
    progress.end(f"failed: {found.run.failure.sentence}" if found.run.failure else f"{found.run.seconds:.3f} s")
    return found


def _usable(found: Rendering, words: Sequence[str]) -> np.ndarray:
    """The image, where something can be seen in it."""
    failure = found.run.failure
    if failure:
        missing = shorter(words) if failure.kind == "timed-out" else _what_nothing_is_rendered_without(words)
        raise ReferenceFailed(f"{found.failure}", faults=[*(() if missing else failure.said), *failure.hints],
                              hint=f"{missing or 'mend the arguments'}; nothing was written")
    image = found.image
    assert image is not None
    image = np.ma.getdata(image)
    if not image.max() > image.min():
        raise ReferenceFailed(f"every pixel of the reference's image is {image.flat[0]:g}: nothing could be judged",
                              hint=_WITH_SPOTS)
    return image


def _what_nothing_is_rendered_without(words: Sequence[str]) -> str:
    """What a command line lacks without which nanoBragg prints its usage and leaves: a crystal, or amplitudes."""
    named = {option.names[0] for word in words if (option := option_named(word))}
    missing = [said for options, said in _NEEDED if not named & options]
    return f"nanoBragg renders nothing without {' and '.join(missing)}" if missing else ""


_NEEDED = (({"-mat", "-cell"}, "a crystal (-mat FILE, or -cell a b c alpha beta gamma)"),
           ({"-hkl", "-default_F", "-dump"}, "structure factors (-hkl FILE, or -default_F 100)"))
"""Options of which one has to be there, and how they are told."""
