"""nb-compare compare: two stored runs of one case against each other."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE
from nbcompare.commands.publish import JSON, JSONL, Publication, result_options
from nbcompare.errors import ExitCode


@click.command("compare")
@click.argument("a", type=BUNDLE, metavar="BUNDLE_A")
@click.argument("b", type=BUNDLE, metavar="BUNDLE_B")
@click.option("--roles", "roles", multiple=True, metavar="ROLE[:ROLE]",
              help="Which runs: reference, subject or the name of a further subject, of both bundles, or one of each "
                   "as reference:subject. May be given again.  [default: all that both have]")
@result_options
def command(a: Path, b: Path, roles: tuple[str, ...], publication: Publication) -> ExitCode:
    """Compare stored runs of two bundles of one case; nothing is run.

    Bundle A is taken as the reference, and its case's thresholds judge. So two runs of the C program, of the
    subject, on two devices or on two machines can be held against each other.
    """
    from nbcompare.bundle.check.pairing import compare_bundles, roles_from
    from nbcompare.commands.views.bundles import pairing_report
    from nbcompare.commands.views.results import results_of_pairing
    from nbcompare.files import dump_json

    with publication.of("compare", [a, b]) as told:
        told.begin(f"{b} against {a}", None)
        pairing = compare_bundles(a, b, tuple(map(roles_from, roles)))
        for result in results_of_pairing(pairing):
            told.add(result)
        if publication.form != JSONL:
            as_json = publication.form == JSON
            click.echo(dump_json(pairing.as_dict()) if as_json else pairing_report(pairing), nl=not as_json)
        return told.end(pairing.exit_code)
