"""nb-compare reduce: shrink a failing command to the fewest options and pixels that fail in the same way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbcompare.commands.options import experiment_options
from nbcompare.errors import ExitCode

if TYPE_CHECKING:
    from nbcompare.explain.experiment import ExperimentSource


@click.command("reduce")
@click.option("--max-runs", type=click.IntRange(min=4), default=400, show_default=True, metavar="N",
              help="Stop after so many engine runs, with the smallest command found by then.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME",
              help="Look at this threshold alone; may be given again. Several that fail may have several causes.")
@click.option("--cache", type=click.Path(path_type=Path), metavar="DIR",
              help="Where answers are kept, so that a stopped reduction goes on.  [default: the user's cache folder]")
@experiment_options
def command(max_runs: int, metrics: tuple[str, ...], cache: Path | None, form: str, quiet: bool,
            asked: ExperimentSource) -> ExitCode:
    """Shrink a failing command to the fewest options and pixels that fail in the same way, and print one line that
    reproduces it.

    \b
    WHAT is a case file, a bundle, or a nanoBragg command line after --.

    It exits as the failure does: 3 outside a threshold, 2 an engine failed; 0 when nothing fails.
    """
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.reduce import reduction_as_dict, reduction_report
    from nbcompare.engine.progress import Progress
    from nbcompare.engine.rendering.render_cache import default_cache
    from nbcompare.explain.experiment import experiment
    from nbcompare.explain.reduce.reduce import NothingFails, reduce_experiment

    progress = Progress(quiet=quiet)
    with experiment(asked, progress) as found:
        try:
            smallest = reduce_experiment(found, cache or default_cache(), max_runs, progress, metrics=metrics)
        except NothingFails:
            if form == "json":
                say_document({"of": found.named, "fails": False})
            else:
                click.echo(f"{found.named}: both engines agree within every threshold, so there is nothing to reduce")
            return ExitCode.PASS
        if form == "json":
            say_document(reduction_as_dict(smallest, found))
        else:
            click.echo(reduction_report(smallest, found))
    return ExitCode.ENGINE_FAILED if smallest.signature.engine else ExitCode.DIFFERS
