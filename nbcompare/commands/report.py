"""nb-compare report: a bundle as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE
from nbcompare.errors import ExitCode, FileError


@click.command("report")
@click.argument("folder", type=BUNDLE, metavar="BUNDLE")
@click.argument("later", type=BUNDLE, required=False, metavar="[LATER]")
@click.option("--html", "target", type=click.Path(path_type=Path), metavar="FILE",
              help="Where to write the page. Default: CASE-STAMP.html, or CASE-STAMP-STAMP.html, in this folder.")
def command(folder: Path, later: Path | None, target: Path | None) -> ExitCode:
    """Write a stored bundle as one HTML page with its pictures inside; or what changed from a bundle to a LATER one.

    A bundle is verified first; a page is only made of evidence that is intact.
    """
    if later is not None:
        return _of_two(folder, later, target)
    from nbcompare.commands.views.page.verified_page import verified_page

    record, text = verified_page(folder)
    return _written(text, target or Path(f"{record.case.name}-{record.stamp}.html"))


def _of_two(folder: Path, later: Path, target: Path | None) -> ExitCode:
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.check.pairing import compare_bundles
    from nbcompare.commands.views.page.two_bundles import two_bundles_page

    pairing = compare_bundles(folder, later)
    a, b = load_bundle(folder), load_bundle(later)
    return _written(two_bundles_page(a, b, pairing),
                    target or Path(f"{a.record.case.name}-{a.record.stamp}-{b.record.stamp}.html"))


def _written(text: str, target: Path) -> ExitCode:
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError as fault:
        raise FileError(f"{target}: cannot write the page: {fault.strerror}") from None
    click.echo(str(target))
    return ExitCode.PASS
