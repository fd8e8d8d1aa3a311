"""nb-compare show: what a bundle says."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE
from nbcompare.errors import ExitCode


@click.command("show")
@click.argument("folder", type=BUNDLE, metavar="BUNDLE")
@click.option("--json", "as_json", is_flag=True, help="Print record.json.")
def command(folder: Path, as_json: bool) -> ExitCode:
    """Print what a bundle says, on one page. Nothing is checked: for that, see verify."""
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.check.loosened import loosened_until_signed
    from nbcompare.bundle.listing import phases_by_bundle
    from nbcompare.commands.views.bundles import bundle_page, loosened_lines
    from nbcompare.files import dump_json

    bundle = load_bundle(folder)
    place = folder.absolute()
    if as_json:
        click.echo(dump_json({"bundle": str(folder), **bundle.record.as_dict()}), nl=False)
    else:
        signed = phases_by_bundle(place.parent.parent).get(f"{place.parent.name}/{place.name}", ())
        looser = loosened_lines(loosened_until_signed(folder, bundle.record))
        click.echo("\n".join([*looser, bundle_page(bundle, signed)]))
    return ExitCode.PASS
