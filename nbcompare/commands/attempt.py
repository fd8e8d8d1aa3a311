"""nb-compare attempt: enter a bundle into a ledger, and move a row of a plan on."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE, phases_options
from nbcompare.errors import ExitCode, UsageError


@click.command("attempt")
@click.argument("bundle", type=BUNDLE, metavar="BUNDLE")
@click.option("--ledger", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="The Markdown ledger, for example docs/fix_plan.md.")
@click.option("--plan", type=click.Path(path_type=Path), metavar="FILE", help="A plan with boxes [ ], [P], [D].")
@click.option("--row", metavar="NAME", help="The row of the plan, for example N1.")
@phases_options
@click.option("--dry-run", is_flag=True, help="Show the changes as a diff and write nothing.")
def command(bundle: Path, ledger: Path, plan: Path | None, row: str | None, phases_file: Path, signers: Path | None,
            dry_run: bool) -> ExitCode:
    """Enter a bundle into a ledger as the next numbered Attempt under its case's heading.

    A bundle is entered once, however often this is called. With --plan and --row the row becomes [P], and
    [D] when the gate of the phase of that name is green and the phase is signed off on this bundle.
    """
    from nbcompare.plan.ledger_entry import enter

    if (plan is None) != (row is None):
        raise UsageError("--plan and --row go together")
    attempt = enter(bundle, ledger, plan=plan, row=row, phases=phases_file, signers=signers, dry_run=dry_run)
    if dry_run:
        click.echo(attempt.diff, nl=False)
    for sentence in attempt.said:
        click.echo(f"{'would be: ' if dry_run else ''}{sentence}", err=dry_run)
    return ExitCode.PASS
