"""nb-compare trace: line up the factors of a pixel in both engines and name the first that differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nbcompare.commands.options import Finite, experiment_again, experiment_options
from nbcompare.errors import ExitCode, to_type, worst

if TYPE_CHECKING:
    from nbcompare.explain.experiment import ExperimentSource


@click.command("trace")
@click.option("--pixel", "pixels", nargs=2, type=click.IntRange(min=0), multiple=True, metavar="FAST SLOW",
              help="Pixel to trace; may be given again. Default: the one of the largest difference and the brightest.")
@click.option("--tolerance", type=Finite(0, min_open=True), metavar="SHARE", default=1e-6, show_default=True,
              help="Largest relative difference that agrees; of geometric factors a thousandth of it.")
@click.option("--all", "every", is_flag=True, help="Show every entry of each factor, not only the worst.")
@click.option("--complete", is_flag=True, help="Ask the bundled C reference for the loops that the reference does not "
                                               "print, where it gives the same pixel.")
@experiment_options
def command(pixels: tuple[tuple[int, int], ...], tolerance: float, every: bool, complete: bool, form: str, quiet: bool,
            asked: ExperimentSource) -> ExitCode:
    """Line up the factors of a pixel in both engines, in the order of calculation, and name the first that differs.

    \b
    WHAT is a case file, a bundle, or a nanoBragg command line after --.
    """
    from nbcompare.bundle.found import TRACE, keep
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.terminal import body
    from nbcompare.commands.views.trace import trace_as_dict, trace_report
    from nbcompare.engine.progress import Progress
    from nbcompare.explain.experiment import experiment, render
    from nbcompare.explain.trace.pixel import Pixel, pixels_to_trace, trace_pixel
    from nbcompare.verdict.verdict import failures_verdict

    progress = Progress(quiet=quiet)
    with experiment(asked, progress) as found:
        for engine in found.engines.values():
            engine.require("trace", "a trace")
        images = found.images
        chosen = [Pixel(fast, slow, "--pixel") for fast, slow in pixels]
        if not chosen:
            if images is None:
                runs, images = render(found, progress)
                failed = failures_verdict(runs)
                if images is None or failed:
                    assert failed is not None, "only a run that failed leaves no image"
                    if form == "json":
                        say_document({"of": found.named, "tolerance": tolerance, "pixels": [],
                                      "failures": list(failed.reasons)})
                    else:
                        click.echo("\n".join([str(failed.word), *body(None, failed)]))
                    return failed.exit_code
            chosen = pixels_to_trace(images)
        traces = [trace_pixel(found, pixel, tolerance, progress, images, complete=complete) for pixel in chosen]
        command = found.case.command
    said = {"of": found.named, "tolerance": tolerance, "pixels": [trace_as_dict(trace, command) for trace in traces],
            "failures": []}
    if found.bundle:  # its report shows it
        keep(found.bundle, TRACE, said)
    if form == "json":
        say_document(said)
    else:
        click.echo(trace_report(traces, command, every=every))
    code = worst(trace.exit_code for trace in traces)
    if form == "text" and code == ExitCode.DIFFERS:
        named = asked.words if len(asked.words) == 1 else ("--", *asked.words)
        click.echo(f"  next  {to_type('nb-compare', 'reduce', *experiment_again(asked), *named)}")
    return code
