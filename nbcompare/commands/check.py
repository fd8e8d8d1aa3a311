"""nb-compare check: judge the stored images of a bundle again."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE
from nbcompare.commands.publish import PublishedResults, result_options
from nbcompare.commands.result_forms import TEXT
from nbcompare.errors import ExitCode


@click.command("check")
@click.argument("folder", type=BUNDLE, metavar="BUNDLE")
@click.option("--case", "case_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Judge by the thresholds and regions of this case file.")
@result_options
def command(folder: Path, case_file: Path | None, told: PublishedResults) -> ExitCode:
    """Judge the stored images of a bundle again; the engines are not run.

    Without --case, by the thresholds that the bundle was judged by. A threshold that is looser than in the bundle,
    or than in any stamp since the last whose verdict was signed off, is told loudly with its old value, its new value
    and the reason given.
    """
    from nbcompare.bundle.check.recheck import check_bundle
    from nbcompare.case.case_file import load_case
    from nbcompare.commands.views.bundles import loosened_lines, recheck_report
    from nbcompare.commands.views.results import result_of_recheck

    told.start([folder])
    told.begin(str(folder), case_file)
    found = check_bundle(folder, load_case(case_file) if case_file else None)
    if told.how.form != TEXT:
        for line in loosened_lines(found.loosened):
            click.echo(line, err=True)
    told.add(result_of_recheck(found, case_file))
    if told.how.form == TEXT:
        click.echo(recheck_report(found))
    return told.end(found.verdict.exit_code, found.as_dict())
