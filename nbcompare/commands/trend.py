"""nb-compare trend: a case over its stored runs."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import Finite, bundles_option, output_options
from nbcompare.errors import ExitCode


@click.command("trend")
@click.argument("case", metavar="CASE")
@bundles_option
@click.option("--factor", type=Finite(1), default=2.0, show_default=True, metavar="F",
              help="A margin that is more than F times smaller than in the run before has shrunk.")
@click.option("--last", type=click.IntRange(min=1), metavar="N",
              help="Only the newest N runs, held against those before.")
@output_options
def command(case: str, bundles: Path, factor: float, last: int | None, form: str, quiet: bool) -> ExitCode:
    """Follow CASE over its stored runs: verdict, figures, margins, seconds, commits, and what changed between them.

    CASE is its name, its file, or the folder of its bundles.

    The margin of a threshold is how many times further from equal images the figure could be: 1 is the limit. Whether
    one shrank is judged by the threshold as it was in the run before, so a limit that was loosened hides nothing.

    Exit 3 when a margin shrank by more than F between neighbouring runs, 8 when the newest run has none, 6 when a
    record cannot be read.
    """
    from nbcompare.bundle.history.kept import case_meant, runs_of
    from nbcompare.bundle.history.trend import trend_of
    from nbcompare.commands.views.trend import trend_report
    from nbcompare.files import dump_json

    root, name = case_meant(case, bundles)
    found = trend_of(name, runs_of(root, name), factor, last)
    click.echo(dump_json(found.as_dict()) if form == "json" else trend_report(found), nl=form != "json")
    return found.exit_code
