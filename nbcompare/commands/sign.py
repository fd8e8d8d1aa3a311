"""nb-compare sign: write the sign-off of a phase whose gate is green."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import bundles_again, bundles_option, phases_options, plan_again
from nbcompare.errors import ExitCode


@click.command("sign")
@click.argument("phase", metavar="PHASE")
@click.option("--by", required=True, metavar="NAME", help="Who signs.")
@click.option("--note", metavar="TEXT", help="A line to go with it.")
@click.option("--key", type=click.Path(path_type=Path), metavar="SSHKEY",
              help="Sign with this SSH key too (ssh-keygen -Y sign); with a public key the agent signs.")
@phases_options
@bundles_option
def command(phase: str, by: str, note: str | None, key: Path | None, phases_file: Path, signers: Path | None,
            bundles: Path) -> ExitCode:
    """Sign off a phase. Its gate is looked into first; a red one cannot be signed.

    The sign-off is an in-toto Statement below BUNDLES/signoffs/PHASE, over the digests of the bundles'
    manifests, the git commit and the engines.
    """
    from nbcompare.case.phases import load_phases
    from nbcompare.commands.views.gate import as_text
    from nbcompare.commands.views.terminal import shown
    from nbcompare.plan.gate import look_at
    from nbcompare.plan.signing import sign

    gate = look_at(load_phases(phases_file), phase, bundles, signers=signers)
    if not gate.green:
        click.echo(as_text(gate, plan_again(phases_file, signers), bundles_again(bundles)))
        click.echo(f"nb-compare: error: {phase} was not signed: its gate is red", err=True)
        return gate.exit_code
    signoff = sign(gate, bundles, by=by, note=note, key=key, signers=signers)
    click.echo(f"{click.style('SIGNED', fg='green', bold=True)}  {phase}  by {signoff.by}: {signoff.result}")
    for name, digest in signoff.bundles.items():
        click.echo(f"  bundle     {name}  manifest sha256 {digest}")
    click.echo(f"  signature  {shown(signoff.signature) if key else 'none (no --key)'}")
    click.echo(f"  sign-off   {shown(signoff.path)}")
    return ExitCode.PASS
