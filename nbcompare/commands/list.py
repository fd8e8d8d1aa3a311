"""nb-compare list: which bundles there are."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import bundles_option
from nbcompare.errors import ExitCode


@click.command("list")
@click.option("--case", metavar="NAME", help="Only the bundles of this case.")
@bundles_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(case: str | None, bundles: Path, as_json: bool) -> ExitCode:
    """List the stored bundles with their verdicts, oldest first. Exit 6 when a record cannot be read."""
    from nbcompare.bundle.listing import list_bundles
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.bundles import listing_table, unread

    entries = list_bundles(bundles, case)
    if as_json:
        say_document({"bundles": [entry.as_dict() for entry in entries]})
    else:
        click.echo(listing_table(entries))
    unseen = unread(bundles)
    if unseen and case is None:
        click.echo(f"not listed: {unseen}", err=True)
    return ExitCode.EVIDENCE if any(entry.record is None for entry in entries) else ExitCode.PASS
