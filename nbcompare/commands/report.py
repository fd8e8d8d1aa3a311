"""nb-compare report: a bundle as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE
from nbcompare.errors import ExitCode


@click.command("report")
@click.argument("folder", type=BUNDLE, metavar="BUNDLE")
@click.argument("later", type=BUNDLE, required=False, metavar="[LATER]")
@click.option("--html", "target", type=click.Path(path_type=Path), metavar="FILE",
              help="Where to write the page. Default: STAMP.html, or STAMP-STAMP.html, in the folder pages beside the "
                   "bundles of its case, which git overlooks.")
def command(folder: Path, later: Path | None, target: Path | None) -> ExitCode:
    """Write a stored bundle as one HTML page with its pictures inside; or what changed from a bundle to a LATER one.

    A bundle is verified first; a page is only made of evidence that is intact.
    """
    if later is not None:
        return _of_two(folder, later, target)
    from nbcompare.commands.views.page.verified_page import verified_page

    record, text = verified_page(folder)
    return _written(text, target, folder, record.stamp)


def _of_two(folder: Path, later: Path, target: Path | None) -> ExitCode:
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.check.pairing import compare_bundles
    from nbcompare.commands.views.page.two_bundles import two_bundles_page

    pairing = compare_bundles(folder, later)
    a, b = load_bundle(folder), load_bundle(later)
    return _written(two_bundles_page(a, b, pairing), target, later, f"{a.record.stamp}-{b.record.stamp}")


def _written(text: str, target: Path | None, folder: Path, name: str) -> ExitCode:
    """Write the page where it is wanted, else beside its bundle, else, where nothing can be written there, here."""
    from nbcompare.bundle.beside import overlooked, page_of
    from nbcompare.commands.views.terminal import shown
    from nbcompare.errors import FileError
    from nbcompare.files import write_whole

    if target is None:
        target = page_of(folder.absolute()).with_name(f"{name}.html")
        try:
            overlooked(target.parent)
        except (OSError, FileError):
            target = Path(target.name)
    write_whole(target, text)
    click.echo(shown(target))
    return ExitCode.PASS
