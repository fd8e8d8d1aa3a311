"""nb-compare gate: does everything hold that a phase requires?"""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import bundles_again, bundles_option, phases_options, plan_again
from nbcompare.commands.publish import PublishedResults, result_options
from nbcompare.commands.result_forms import TEXT
from nbcompare.errors import ExitCode


@click.command("gate")
@click.argument("phase", metavar="PHASE")
@phases_options
@bundles_option
@result_options(forms=("text", "json", "jsonl", "markdown", "junit"))
def command(phase: str, phases_file: Path, signers: Path | None, bundles: Path, told: PublishedResults) -> ExitCode:
    """Look into everything a phase requires, and print the checklist.

    The evidence itself is looked at: the newest bundle of each case is verified, its float images are
    compared and judged again. Exit 0 only when every line holds; 8 when nothing was found.
    """
    from nbcompare.case.phases import load_phases
    from nbcompare.commands.views.gate import FORMS, as_dict, as_junit, as_markdown, as_text, results_of_gate
    from nbcompare.plan.gate import look_at

    told.start([phase])
    told.begin(phase, phases_file)
    gate = look_at(load_phases(phases_file), phase, bundles, signers=signers)
    told.junit, told.markdown = (lambda _: as_junit(gate)), (lambda _: as_markdown(gate))
    plan, kept = plan_again(phases_file, signers), bundles_again(bundles)
    for result in results_of_gate(gate, plan, kept):
        told.add(result)
    if told.how.form in FORMS:
        click.echo(as_text(gate, plan, kept) if told.how.form == TEXT else FORMS[told.how.form](gate))
    return told.end(gate.exit_code, as_dict(gate))
