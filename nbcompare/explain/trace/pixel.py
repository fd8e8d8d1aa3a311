"""Both engines asked about one pixel: each renders it alone and prints what it is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nbcompare.case.arguments.command import declared_shape, rendered_region
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.compare.image import Roi
from nbcompare.engine.engine import Rendering
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.rendering.runs import job_of
from nbcompare.engine.trace.asking import ONE_THREAD, ask
from nbcompare.engine.trace.dialects import EngineTrace
from nbcompare.engine.trace.lineup import Lineup, line_up
from nbcompare.engine.trace.shares import Shares, share_out
from nbcompare.errors import ExitCode, UsageError
from nbcompare.explain.experiment import Experiment
from nbcompare.explain.trace.bundled import completed
from nbcompare.verdict.claimed_trace import IMAGE_TOLERANCE


@dataclass(frozen=True)
class Pixel:
    """A pixel and why it is looked at."""

    fast: int
    slow: int
    why: str


@dataclass(frozen=True)
class PixelTrace:
    """What came out for one pixel. ``failures`` says in words which engine gave no trace; then there is no lineup."""

    pixel: Pixel
    failures: tuple[str, ...]
    lineup: Lineup | None = None
    shares: Shares | None = None
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        if self.lineup is None:
            return ExitCode.ENGINE_FAILED
        if not any(pair.name == "intensity" for pair in self.lineup.pairs):
            return ExitCode.BLOCKED
        return ExitCode.DIFFERS if self.lineup.first else ExitCode.PASS


def pixels_to_trace(images: Mapping[str, np.ndarray]) -> list[Pixel]:
    """The pixel of the largest difference and the brightest of the reference; one, where they are the same."""
    reference, subject = images[REFERENCE].astype(np.float64), images[SUBJECT].astype(np.float64)
    if reference.shape != subject.shape:
        raise UsageError("the images have two shapes, so no pixel is the same in both", hint="name one with --pixel")
    difference = np.abs(subject - reference)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(difference), np.inf, difference)), difference.shape)
    brightest = np.unravel_index(np.nanargmax(reference), reference.shape)
    found = [Pixel(int(worst[1]), int(worst[0]), "largest difference")]
    if worst != brightest:
        return [*found, Pixel(int(brightest[1]), int(brightest[0]), "brightest of the reference")]
    return [Pixel(found[0].fast, found[0].slow, "largest difference, and brightest of the reference")]


def trace_pixel(asked: Experiment, pixel: Pixel, tolerance: float, progress: Progress,
                images: Mapping[str, np.ndarray] | None, *, complete: bool = False) -> PixelTrace:
    """Ask both engines about a pixel and line up what they say. ``images`` are the whole images, where known; with
    ``complete`` the bundled reference is asked for what the reference leaves out.

    Raises UsageError for a pixel that the command does not render.
    """
    traces, failures, notes = {}, [], []
    for role in (REFERENCE, SUBJECT):
        progress.begin(f"{role} ({asked.engines[role].name}), pixel fast {pixel.fast} slow {pixel.slow}")
        found = _ask(asked, role, pixel)
        progress.end("traced" if isinstance(found, EngineTrace) else found)
        if isinstance(found, EngineTrace):
            traces[role] = found
            notes += _against_image(found, role, pixel, images)
        else:
            failures.append(f"{role} {found}")
    if failures:
        return PixelTrace(pixel, tuple(failures))
    if complete:
        progress.begin("the bundled C reference, for the rest")
        traces[REFERENCE], note = completed(traces[REFERENCE], asked, (pixel.fast, pixel.slow),
                                            _rendered(asked, REFERENCE, pixel))
        progress.end("done")
        notes += [note] if note else []
    lineup = line_up(traces[REFERENCE], traces[SUBJECT], tolerance)
    return PixelTrace(pixel, (), lineup, share_out(traces[REFERENCE], traces[SUBJECT], tolerance), tuple(notes))


def _ask(asked: Experiment, role: str, pixel: Pixel) -> EngineTrace | str:
    """The engine's trace of the pixel, or why there is none."""
    rendered = _rendered(asked, role, pixel)
    try:
        _, trace, why = ask(lambda words: _run(asked, role, words), asked.arguments(role), (pixel.fast, pixel.slow),
                            rendered)
    except UsageError as fault:
        raise UsageError(fault.message, hint="a program that prints no factors is declared with capabilities: {trace: "
                                             f"false}}; for one that does, {fault.hint}") from None
    return trace or why


def _rendered(asked: Experiment, role: str, pixel: Pixel) -> Roi:
    """The region that the command renders. Raises UsageError when the pixel is outside."""
    arguments = asked.arguments(role)
    found = rendered_region(arguments, declared_shape(arguments, asked.inputs))
    if not (found.xmin <= pixel.fast <= found.xmax and found.ymin <= pixel.slow <= found.ymax):
        raise UsageError(f"--pixel {pixel.fast} {pixel.slow}: the {role}'s command renders fast {found.xmin}.."
                         f"{found.xmax}, slow {found.ymin}..{found.ymax}",
                         hint="--pixel takes the fast pixel number first")
    return found


def _run(asked: Experiment, role: str, arguments: tuple[str, ...]) -> Rendering:
    """One run, with what it printed. One thread, so that nothing depends on how rows are dealt out."""
    job = job_of(asked.case, asked.engines[role], arguments, asked.inputs)
    with Renderer() as renderer:
        return renderer.render(replace(job, environment={**job.environment, **ONE_THREAD}))


def _against_image(trace: EngineTrace, role: str, pixel: Pixel,
                   images: Mapping[str, np.ndarray] | None) -> list[str]:
    """A note when the traced value is not the one in the image: then the trace does not explain the image."""
    traced = trace.number("intensity")
    if not images or traced is None:
        return []
    stored = float(images[role][pixel.slow, pixel.fast])
    if math.isclose(traced, stored, rel_tol=IMAGE_TOLERANCE) or (math.isnan(traced) and math.isnan(stored)):
        return []
    return [f"the {role} traces {traced:.10g} for this pixel but its image holds {stored:.10g}: what it renders "
            "depends on other pixels, or on threads"]
