"""nb-compare report: a bundle as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE
from nbcompare.errors import EvidenceError, ExitCode, FileError, to_type


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
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.check.loosened import loosened_until_signed
    from nbcompare.bundle.check.verify import verify_bundle
    from nbcompare.commands.views.page.bundle_page import html_page

    faults = [str(fault) for fault in verify_bundle(folder).faults]
    if faults:
        more = [f"and {len(faults) - 1} more faults"] if faults[1:] else []
        raise EvidenceError(f"{folder}: damaged", faults=[faults[0], *more],
                            hint=to_type("nb-compare", "verify", folder))
    bundle = load_bundle(folder)
    return _written(html_page(bundle, loosened_until_signed(folder, bundle.record)),
                    target or Path(f"{bundle.record.case.name}-{bundle.record.stamp}.html"))


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
