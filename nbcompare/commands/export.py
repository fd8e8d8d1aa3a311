"""nb-compare export: write a bundle as a bag or a zip file."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE
from nbcompare.errors import ExitCode


@click.command("export")
@click.argument("folder", type=BUNDLE, metavar="BUNDLE")
@click.option("--format", "form", type=click.Choice(["bagit", "zip"]), default="zip", show_default=True,
              help="A BagIt 1.0 folder, or one zip file.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PATH",
              help="Where to; it must not exist.  [default: CASE-STAMP or CASE-STAMP.zip, here]")
def command(folder: Path, form: str, output: Path | None) -> ExitCode:
    """Write an intact bundle as a bag folder or a zip file, to be sent or archived."""
    from nbcompare.bundle.keep.exchange import export_bundle

    click.echo(export_bundle(folder, form, output))
    return ExitCode.PASS
