"""nb-compare doctor: what is missing here, and what killed runs left behind."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import bundles_option
from nbcompare.errors import ExitCode


@click.command("doctor")
@click.option("--clean", "cleaning", is_flag=True,
              help="Remove what was left behind, and publish a bundle that was finished and only lacks its name.")
@bundles_option
@click.option("--comparisons", type=click.Path(path_type=Path), default=Path("comparisons"), show_default=True,
              metavar="DIR", help="Where one-shot comparisons are kept.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(cleaning: bool, bundles: Path, comparisons: Path, as_json: bool) -> ExitCode:
    """Say whether a comparison could run here, and name what killed runs left behind.

    Exit 0 when nothing is wrong and nothing was left behind (or it was cleaned), else 8. That a bundled engine cannot
    run is told and nothing wrong: who brings both engines needs none.
    """
    from nbcompare.bundle.keep.doctor import examine
    from nbcompare.bundle.keep.leftovers import clean, find_leftovers
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.bundles import doctor_report

    findings, leftovers = examine(bundles), find_leftovers(bundles, comparisons)
    told = [leftover.as_dict() for leftover in leftovers] if as_json else []
    if not as_json:
        click.echo(doctor_report(findings, leftovers))
    open_cases = [leftover for leftover in leftovers if leftover.remedy]
    done = [clean(leftover) for leftover in open_cases] if cleaning else []
    sound = not any(finding.stops for finding in findings) and (cleaning or not open_cases)
    code = ExitCode.PASS if sound else ExitCode.BLOCKED
    if as_json:
        say_document({"exit_code": int(code), "leftovers": told, "cleaned": done,
                      "findings": [finding.as_dict() for finding in findings]})
    for line in [] if as_json else done:
        click.echo(line)
    return code
