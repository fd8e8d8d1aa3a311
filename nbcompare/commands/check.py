"""nb-compare check: judge the stored images of a bundle again."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import BUNDLE
from nbcompare.commands.publish import JSON, JSONL, TEXT, Publication, result_options
from nbcompare.errors import ExitCode


@click.command("check")
@click.argument("folder", type=BUNDLE, metavar="BUNDLE")
@click.option("--case", "case_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Judge by the thresholds and regions of this case file.")
@result_options
def command(folder: Path, case_file: Path | None, publication: Publication) -> ExitCode:
    """Judge the stored images of a bundle again; the engines are not run.

    Without --case, by the thresholds that the bundle was judged by. A threshold that is looser than in the bundle,
    or than in any stamp since the last whose verdict was signed off, is told loudly with its old value, its new value
    and the reason given.
    """
    from nbcompare.bundle.check.recheck import check_bundle
    from nbcompare.case.case import load_case
    from nbcompare.commands.views.bundles import loosened_lines, recheck_report
    from nbcompare.commands.views.results import result_of_recheck
    from nbcompare.files import dump_json

    with publication.of("check", [folder]) as told:
        told.begin(str(folder), case_file)
        found = check_bundle(folder, load_case(case_file) if case_file else None)
        if publication.form != TEXT:
            for line in loosened_lines(found.loosened):
                click.echo(line, err=True)
        told.add(result_of_recheck(found, case_file))
        if publication.form != JSONL:
            as_json = publication.form == JSON
            click.echo(dump_json(found.as_dict()) if as_json else recheck_report(found), nl=not as_json)
        return told.end(found.verdict.exit_code)
