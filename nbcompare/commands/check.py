"""nb-compare check: judge the stored images of a bundle again."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import output_options
from nbcompare.errors import ExitCode


@click.command("check")
@click.argument("folder", type=click.Path(path_type=Path), metavar="BUNDLE")
@click.option("--case", "case_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Judge by the thresholds and regions of this case file.")
@output_options
def command(folder, case_file, form, quiet) -> ExitCode:
    """Judge the stored images of a bundle again; the engines are not run.

    Without --case, by the thresholds that the bundle was judged by. A threshold that is looser than in the bundle,
    or than in any stamp since the last whose verdict was signed off, is told loudly with its old value, its new value
    and the reason given.
    """
    from nbcompare.bundle.check.recheck import check_bundle
    from nbcompare.case.case import load_case
    from nbcompare.commands.views.bundles import loosened_lines, recheck_report
    from nbcompare.files import dump_json

    found = check_bundle(folder, load_case(case_file) if case_file else None)
    if form == "json":
        for line in loosened_lines(found.loosened):
            click.echo(line, err=True)
        click.echo(dump_json(found.as_dict()), nl=False)
    else:
        click.echo(recheck_report(found))
    return found.verdict.exit_code
