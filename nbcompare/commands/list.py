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
    from nbcompare.bundle.listing import archives_in, list_bundles
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.bundles import listing_table
    from nbcompare.visible import counted

    entries = list_bundles(bundles, case)
    if as_json:
        say_document({"bundles": [entry.as_dict() for entry in entries]})
    else:
        click.echo(listing_table(entries))
    archives = archives_in(bundles)
    if archives and case is None:
        many = counted(len(archives), "sealed archive")
        click.echo(f"not listed: the bundles in {many} of sweeps (nb-compare verify {archives[-1]})", err=True)
    return ExitCode.EVIDENCE if any(entry.record is None for entry in entries) else ExitCode.PASS
