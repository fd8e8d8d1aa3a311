"""nb-compare gate: does everything hold that a phase requires?"""

from __future__ import annotations

import click

from nbcompare.commands.options import bundles_option, phases_options
from nbcompare.errors import ExitCode


@click.command("gate")
@click.argument("phase", metavar="PHASE")
@phases_options
@bundles_option
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown", "junit"]), default="text",
              show_default=True, help="What to print on standard output.")
def command(phase, phases_file, signers, bundles, form) -> ExitCode:
    """Look into everything a phase requires, and print the checklist.

    The evidence itself is looked at: the newest bundle of each case is verified, its float images are
    compared and judged again. Exit 0 only when every line holds; 8 when nothing was found.
    """
    from nbcompare.case.phases import load_phases
    from nbcompare.commands.views.gate import FORMS
    from nbcompare.plan.gate import look_at

    gate = look_at(load_phases(phases_file), phase, bundles, signers=signers)
    click.echo(FORMS[form](gate))
    return gate.exit_code
