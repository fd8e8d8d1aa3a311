"""What a reference leaves out of its trace, asked of the bundled C reference: the same command, the same pixel.

It answers only where it says what the reference says: the value of the pixel, as finely as its float32 image holds it,
and every factor that the reference prints.
"""

from __future__ import annotations

from dataclasses import replace

from nbcompare.case.arguments.options import REFERENCE
from nbcompare.compare.image import Roi
from nbcompare.engine.bundled_reference import build_reference
from nbcompare.engine.engine import Engine
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.rendering.runs import job_of
from nbcompare.engine.trace.asking import ONE_THREAD, ask
from nbcompare.engine.trace.dialects import EngineTrace
from nbcompare.engine.trace.lineup import line_up, merged
from nbcompare.explain.experiment import Experiment

SAME_PIXEL = 1e-6
"""By how much the values may differ: a float32 image holds 6e-8, and ten digits are printed."""


def completed(trace: EngineTrace, asked: Experiment, pixel: tuple[int, int],
              rendered: Roi) -> tuple[EngineTrace, str | None]:
    """The reference's trace with the rest from the bundled reference, and what to say of that.

    Nothing is said of a trace that holds every factor.
    """
    if trace.is_full:
        return trace, None
    engine = Engine(REFERENCE, "bundled C reference", (str(build_reference()),), "default")
    arguments = asked.arguments(REFERENCE)
    with Renderer() as renderer:
        job = job_of(asked.case, engine, arguments, asked.inputs)
        job = replace(job, environment={**job.environment, **ONE_THREAD})
        _, found, why = ask(lambda words: renderer.render(replace(job, arguments=words)), arguments, pixel, rendered)
    if found is None:
        return trace, f"the bundled C reference cannot tell what the reference leaves out: it {why}"
    fault = _otherwise(trace, found)
    if fault:
        return trace, ("the bundled C reference cannot tell what the reference leaves out: it renders another pixel "
                       f"({fault})")
    said = f"the reference printed {trace.dialect}; all else is of the bundled C reference, which agrees with that"
    return merged(trace, found), f"{said} for the same command and pixel"


def _otherwise(trace: EngineTrace, bundled: EngineTrace) -> str | None:
    """The first factor of which the two do not say the same, the value of the pixel first of all."""
    found = line_up(trace, bundled, SAME_PIXEL)
    value = next((pair for pair in found.pairs if pair.name == "intensity"), None)
    worst = value if value is None or not value.agrees else found.first
    if worst is None:
        return None if value else "no value is printed"
    numbers = [entry.numbers[0] if entry else float("nan") for entry in (worst.reference, worst.subject)]
    return f"{worst.label} {numbers[0]:.9g}, there {numbers[1]:.9g}"
