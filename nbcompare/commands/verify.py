"""nb-compare verify: is a bundle what its run left behind?"""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE_WORD, bundles_named, output_options
from nbcompare.errors import ExitCode, worst
from nbcompare.visible import counted


@click.command("verify")
@click.argument("named", nargs=-1, required=True, type=BUNDLE_WORD, metavar="BUNDLE...")
@output_options
def command(named: tuple[str, ...], form: str, quiet: bool) -> ExitCode:
    """Find every fault of stored bundles; no engine is run.

    Files missing, changed or unexpected by the manifest; the form of the record; texts, inputs, logs and case file
    that do not say what the record says; figures and verdict that do not come out of the stored images again. A sealed
    archive of a sweep is all of its bundles; ARCHIVE/CELL is one of them.
    """
    from nbcompare.bundle.archive.opened import in_archive
    from nbcompare.bundle.check.archived import verify_archive, verify_member
    from nbcompare.commands.document import say_document
    from nbcompare.visible import visible

    whole = [Path(word) for word in named if in_archive(Path(word)) == (Path(word), "")]
    found = [verify_member(folder) for folder in bundles_named([word for word in named if Path(word) not in whole])]
    found += [one for archive in whole for one in verify_archive(archive)]
    code = worst(ExitCode.PASS if one.intact else ExitCode.EVIDENCE for one in found)
    if form == "json":
        told = [one.as_dict() for one in found]
        say_document({"exit_code": int(code), "bundles": told})
        return code
    for one in found:
        if one.intact and quiet:
            continue
        click.echo(f"{one.folder}: " + ("intact" if one.intact else counted(len(one.faults), "fault")))
        for fault in one.faults:
            click.echo(f"  {fault}")
        if one.note:
            click.echo(f"  note: {visible(one.note)}")
    return code
