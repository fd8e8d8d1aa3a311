"""nb-compare prune: remove old bundles."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nbcompare.commands.options import bundles_option
from nbcompare.errors import ExitCode, UsageError


@click.command("prune")
@click.option("--keep", type=click.IntRange(min=0), required=True, metavar="N", help="Keep the N newest of each case.")
@click.option("--case", metavar="NAME", help="Only the bundles of this case.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@bundles_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON; needs --yes or --dry-run.")
def command(keep: int, case: str | None, dry_run: bool, yes: bool, bundles: Path, as_json: bool) -> ExitCode:
    """Remove old bundles, after asking.

    Never removed: a bundle that a sign-off names, one that another bundle rests on, one that asked for more than the
    newest does while nobody signed that, one whose record cannot be read; nor the newest while an older one stays.
    """
    from nbcompare.bundle.keep.prune import choose, remove
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.bundles import choices_report
    from nbcompare.visible import visible

    choices = choose(bundles, keep, case)
    going = [choice for choice in choices if choice.goes]
    if as_json and not (yes or dry_run):
        raise UsageError("prune --json does not ask; give --yes or --dry-run")
    if not as_json:
        click.echo(choices_report(choices))
    told = [choice.as_dict() for choice in choices] if as_json else []
    if going and not dry_run:
        if not yes and not _agreed(len(going)):
            return ExitCode.PASS
        done = remove(choices, bundles)
        for entry, choice in zip(told, done, strict=False):
            entry |= {"goes": choice.goes, "kept_because": choice.kept_because}
        stayed = [choice for choice in done if not choice.goes and choice.entry in [one.entry for one in going]]
    if as_json:
        say_document({"removed": not dry_run, "bundles": told})
    elif going and not dry_run:
        for choice in stayed:
            click.echo(f"kept {visible(choice.entry.name)}: {choice.kept_because}")
        click.echo(f"removed {len(going) - len(stayed)}")
    return ExitCode.PASS


def _agreed(count: int) -> bool:
    """Ask; where nobody can answer, say how to go on."""
    if not sys.stdin.isatty():
        raise UsageError("prune asks before it removes anything, and nobody can answer here",
                         hint="add --yes, or look first with --dry-run")
    return click.confirm(f"Remove {count} bundle{'s' if count > 1 else ''} for good?")
