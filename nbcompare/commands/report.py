"""nb-compare report: a bundle as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE_WORD, bundles_named
from nbcompare.errors import ExitCode, UsageError


@click.command("report")
@click.argument("named", nargs=-1, type=BUNDLE_WORD, metavar="BUNDLE [LATER]")
@click.option("--images", is_flag=True, help="The bundles are those of nb-compare images, named by their stamps; the "
                                             "newest where none is named.")
@click.option("--html", "target", type=click.Path(path_type=Path), metavar="FILE",
              help="Where to write the page. Default: STAMP.html, or STAMP-STAMP.html, in the folder pages beside the "
                   "bundles of its case, which git overlooks.")
def command(named: tuple[str, ...], images: bool, target: Path | None) -> ExitCode:
    """Write a stored bundle as one HTML page with its pictures inside; or what changed from a bundle to a LATER one.

    A bundle is verified first; a page is only made of evidence that is intact.
    """
    if images:
        named = _of_images(named)
    if not 1 <= len(named) <= 2:
        raise UsageError("a page is of one BUNDLE, or of what changed from one to a LATER one; "
                         f"{len(named) or 'none'} were named", hint="nb-compare list shows them")
    folder, *later = bundles_named(named)
    if later:
        return _of_two(folder, later[0], target)
    from nbcompare.commands.views.page.verified_page import verified_page

    record, text = verified_page(folder)
    return _written(text, target, folder, record.stamp)


def _of_images(named: tuple[str, ...]) -> tuple[str, ...]:
    """The names of bundles of the command images. Raises UsageError for what is an image file itself."""
    from nbcompare.bundle.names import STAMP
    from nbcompare.errors import to_type

    files = [name for name in named if Path(name).is_file()]
    if files:
        pair = named if len(named) == 2 else ("REFERENCE", "SUBJECT")
        raise UsageError(f"{' and '.join(files)}: an image file; a page is made of the bundle of two that were judged",
                         hint=f"{to_type('nb-compare', 'images', *pair)}, and then nb-compare report --images")
    return tuple(f"images/{name}" if STAMP.fullmatch(name) else name for name in named) or ("images",)


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
