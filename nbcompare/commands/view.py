"""nb-compare view: a bundle as a small picture in the terminal."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE, complete_regions
from nbcompare.errors import ExitCode, UsageError, to_type


@click.command("view")
@click.argument("folder", type=BUNDLE, metavar="BUNDLE")
@click.option("--region", metavar="NAME", shell_complete=complete_regions, help="This region of the case alone.")
@click.option("--width", type=click.IntRange(20, 1000), metavar="COLUMNS", help="By default what the terminal has.")
def command(folder: Path, region: str | None, width: int | None) -> ExitCode:
    """Print reference, subject and their difference as characters, brightest last: ' .:-=+*#%@'.

    Four powers of ten of brightness are drawn, the same for both images; the difference has a scale of its own, which
    is told. A question mark stands for pixels that are no number. Nothing is checked but that the record is the one
    that the manifest names and does not contradict itself (else exit 6): for the rest, see verify.
    """
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.listing import damage_of
    from nbcompare.commands.views.picture import picture_lines
    from nbcompare.visible import visible

    columns = width or shutil.get_terminal_size((80, 24)).columns
    record = load_bundle(folder).record
    lines = picture_lines(folder, region, columns)
    if record.uncompared:
        raise UsageError(f"{folder}: its images were left uncompared (--no-compare), so there is nothing to draw yet",
                         hint=to_type("nb-compare", "check", folder) + " judges them")
    if not lines:
        raise UsageError(f"{folder}: there are no two images of one shape to look at",
                         hint="nb-compare show tells what became of them")
    damage = damage_of(folder, record)
    click.echo("\n".join([visible(f"DAMAGED  {damage}"), *lines[1:]] if damage else lines))
    return ExitCode.EVIDENCE if damage else ExitCode.PASS
