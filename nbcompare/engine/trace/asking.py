"""How an engine is asked to print what a pixel is made of, in the ways that are known."""

from __future__ import annotations

from collections.abc import Callable

from nbcompare.compare.image import Roi
from nbcompare.engine.engine import Rendering
from nbcompare.engine.failure import ZERO_IMAGE
from nbcompare.engine.trace.dialects import EngineTrace, read_trace

USABLE_FAILURES = (ZERO_IMAGE, "nan-image")
"""A pixel that is zero or NaN can be traced like any other."""

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""So that nothing depends on how rows are dealt out."""

RunAndListen = Callable[[tuple[str, ...]], Rendering]
"""Runs the engine on arguments, and gives what it printed beside."""


def ask(run: RunAndListen, arguments: tuple[str, ...], pixel: tuple[int, int],
        rendered: Roi) -> tuple[Rendering, EngineTrace | None, str]:
    """(the last run, the trace, why there is none) of the pixel (fast, slow), of the region that is rendered."""
    said = "printed no trace of the pixel"
    for words in questions(arguments, pixel, rendered):
        found = run(words)
        failure = found.run.failure
        if failure and failure.kind not in USABLE_FAILURES:
            said = failure.sentence
            if failure.kind != "exit-code":
                break
        elif trace := read_trace(found.stdout, frozenset(arguments)):
            return found, trace, ""
    return found, None, said


def questions(arguments: tuple[str, ...], pixel: tuple[int, int], rendered: Roi) -> list[tuple[str, ...]]:
    """The arguments that ask about a pixel, in the order in which they are tried.

    An engine that does not know one of the two ways of asking may ignore it or refuse it; so both are tried
    together and then each alone.
    """
    fast, slow = pixel
    alone = (*arguments, "-roi", *map(str, _surroundings(fast, slow, rendered)))
    ours, theirs = ("-trace_pixel", str(slow), str(fast)), ("-printout_pixel", str(fast), str(slow))
    return [(*alone, *ways) for ways in ((*theirs, *ours), ours, theirs)]


def _surroundings(fast: int, slow: int, rendered: Roi) -> tuple[int, int, int, int]:
    """The pixel and the one rendered just before it, because a program may carry something over from that one."""
    if fast > rendered.xmin:
        return fast - 1, fast, slow, slow
    return fast, fast, max(rendered.ymin, slow - 1), slow
