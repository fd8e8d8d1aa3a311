"""nb-compare import: take in a bundle that somebody sent."""

from __future__ import annotations

import re
from pathlib import Path

import click

from nbcompare.commands.options import bundles_option
from nbcompare.errors import ExitCode, UsageError

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30}


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path), metavar="ZIP|BAG|FOLDER")
@click.option("--max-size", default="4G", show_default=True, metavar="BYTES",
              help="Refuse what unpacks to more; a number, also with K, M or G.")
@bundles_option
def command(source: Path, max_size: str, bundles: Path) -> ExitCode:
    """Take in a bundle from a zip file, a bag or a folder, and publish it under its own case and stamp.

    It is unpacked aside and verified in full first. Refused: names that lead elsewhere, links, too many files or
    bytes, wrong sums, and anything that verify would find.
    """
    from nbcompare.bundle.keep.exchange import import_bundle
    from nbcompare.bundle.unpack import UnpackLimits

    folder, is_new = import_bundle(source, bundles, UnpackLimits(total_bytes=_bytes(max_size)))
    click.echo(f"{folder}" if is_new else f"{folder} is here already, the same")
    return ExitCode.PASS


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,15})([KMG]?)", text.upper())
    if not match:
        raise UsageError(f"--max-size {text!r}: a whole number of bytes, also with K, M or G")
    return int(match[1]) << _UNITS[match[2]]
