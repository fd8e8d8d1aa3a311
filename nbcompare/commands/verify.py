"""nb-compare verify: check the files of bundles against their manifests."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.errors import EvidenceError, ExitCode, worst


@click.command("verify")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="BUNDLE...")
def command(folders) -> ExitCode:
    """Check the files of bundles against their manifests. No engine is run."""
    from nbcompare.bundle import faults_in, load_bundle

    codes = []
    for folder in folders:
        faults = faults_in(folder)
        if not faults:
            try:
                load_bundle(folder)
            except EvidenceError as fault:
                faults = [fault.message]
        click.echo(f"{folder}: " + ("intact" if not faults else f"{len(faults)} faults"))
        for fault in faults:
            click.echo(f"  {fault}")
        codes.append(ExitCode.EVIDENCE if faults else ExitCode.PASS)
    return worst(codes)
