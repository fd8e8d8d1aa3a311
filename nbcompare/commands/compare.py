"""nb-compare compare: two stored runs of one case against each other."""

from __future__ import annotations

import click

from nbcompare.commands.options import BUNDLE_WORD, bundles_named
from nbcompare.commands.publish import PublishedResults, result_options
from nbcompare.commands.result_forms import TEXT
from nbcompare.errors import ExitCode


@click.command("compare")
@click.argument("bundle_a", type=BUNDLE_WORD)
@click.argument("bundle_b", type=BUNDLE_WORD)
@click.option("--roles", "roles", multiple=True, metavar="ROLE[:ROLE]",
              help="Which runs: reference, subject or the name of a further subject, of both bundles, or one of each "
                   "as reference:subject. May be given again.  [default: all that both have]")
@result_options
def command(bundle_a: str, bundle_b: str, roles: tuple[str, ...], told: PublishedResults) -> ExitCode:
    """Compare stored runs of two bundles of one case; nothing is run.

    Bundle A is taken as the reference, and its case's thresholds judge. So two runs of the C program, of the
    subject, on two devices or on two machines can be held against each other.
    """
    from nbcompare.bundle.check.pairing import compare_bundles, roles_from
    from nbcompare.commands.views.bundles import pairing_report
    from nbcompare.commands.views.results import results_of_pairing

    told.start((bundle_a, bundle_b))
    a, b = bundles_named((bundle_a, bundle_b))
    told.begin(f"{b} against {a}", None)
    pairing = compare_bundles(a, b, tuple(map(roles_from, roles)))
    for result in results_of_pairing(pairing):
        told.add(result)
    if told.how.form == TEXT:
        click.echo(pairing_report(pairing))
    return told.end(pairing.exit_code, pairing.as_dict())
