"""nb-compare metrics: every figure that a threshold may ask for."""

from __future__ import annotations

import click

from nbcompare.commands.options import output_options
from nbcompare.errors import ExitCode


@click.command("metrics")
@output_options
def command(form: str, quiet: bool) -> ExitCode:
    """List every figure that a threshold may ask for. Those marked * are part of every comparison."""
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.terminal import table
    from nbcompare.compare.metrics import metrics_table

    entries = metrics_table()
    if form == "json":
        say_document({"metrics": entries})
        return ExitCode.PASS
    head = ("metric", "", "range", "better", "what it is")
    rows = [(entry["name"], "*" if entry["default"] else "", entry["range"], entry["direction"],
             entry["sentence"] + (f" [{entry['unit']}]" if entry["unit"] else "")) for entry in entries]
    click.echo("\n".join(table(head, rows)))
    return ExitCode.PASS
