"""nb-compare show: what a bundle says."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE
from nbcompare.errors import ExitCode, UsageError


@click.command("show")
@click.argument("folder", type=BUNDLE, metavar="BUNDLE")
@click.option("--json", "as_json", is_flag=True, help="Print record.json.")
@click.option("--detector", is_flag=True, help="Print the detector alone: beam, distance, resolution of the corners.")
def command(folder: Path, as_json: bool, detector: bool) -> ExitCode:
    """Print what a bundle says, on one page. Nothing is checked but that the record is the one that the
    manifest names and does not contradict itself (else exit 6): for the rest, see verify."""
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.check.loosened import loosened_until_signed
    from nbcompare.bundle.listing import damage_of, phases_by_bundle
    from nbcompare.commands.views.bundles import bundle_page, loosened_lines
    from nbcompare.explain.detector import detector_summary
    from nbcompare.files import dump_json
    from nbcompare.visible import visible

    if as_json and detector:
        raise UsageError("give --json or --detector, not both")
    bundle = load_bundle(folder)
    place = folder.absolute()
    damage = damage_of(folder, bundle.record)
    if detector:
        click.echo("\n".join(map(visible, detector_summary(bundle))))
    elif as_json:
        click.echo(dump_json({"bundle": str(folder), **bundle.record.as_dict()}), nl=False)
    else:
        signed = phases_by_bundle(place.parent.parent).get(f"{place.parent.name}/{place.name}", ())
        looser = loosened_lines(loosened_until_signed(folder, bundle.record))
        doubt = [visible(f"DAMAGED  {damage}")] if damage else []
        click.echo("\n".join([*doubt, *looser, bundle_page(bundle, signed)]))
    return ExitCode.EVIDENCE if damage else ExitCode.PASS
