"""nb-compare sweep: run many cells, each with a bundle of its own."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import (
    CASE,
    bundles_option,
    engine_options,
    fresh_option,
    refused_option,
    sandbox_option,
    words,
)
from nbcompare.commands.publish import PublishedResults, result_options
from nbcompare.commands.result_forms import TEXT
from nbcompare.errors import ExitCode, UsageError

without_side_by_side = refused_option(
    "--side-by-side", "a sweep runs cells side by side, and fills the cores with them; --jobs N says how many at once")


@click.command("sweep")
@click.argument("cases", nargs=-1, required=True, type=CASE, metavar="CASE...")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Cells to run at once.  [default: CPUs]")
@click.option("--cluster", metavar="ADDRESS", help="Send the cells to this Dask scheduler (tcp://HOST:PORT).")
@click.option("--force", is_flag=True, help="Run cells again that are done.")
@click.option("--no-batch", is_flag=True, help="Start the subject anew for each cell.")
@click.option("--archive", is_flag=True, help="Keep the bundles of groups of cells in sealed archives, "
                                               "DIR/CASE/STAMP-N.zip, in place of a folder each.")
@click.option("--input", "overrides", multiple=True, metavar="NAME=PATH",
              help="Use this file as the cases' input NAME; the bundles say so.")
@fresh_option
@sandbox_option
@without_side_by_side
@bundles_option
@engine_options
@result_options
def command(cases: tuple[Path, ...], jobs: int | None, cluster: str | None, force: bool, no_batch: bool, archive: bool,
            overrides: tuple[str, ...], fresh: bool, sandbox: bool, bundles: Path, c_bin: str | None,
            py_bin: str | None, c_args: str, py_args: str, trust_case: bool, resample: bool,
            told: PublishedResults) -> ExitCode:
    """Run every cell of the cases' matrices, and every case without one, that is not done yet.

    A cell is done when there is an intact bundle of the same inputs, engines and case, in a folder or in an archive.
    The exit status is the worst of all cells.
    """
    from nbcompare.commands.views.sweep import result_of_cell, sweep_as_dict, sweep_report
    from nbcompare.run.options import RunOptions
    from nbcompare.run.sweep.local import cpus
    from nbcompare.run.sweep.sweep import SweepOptions, invocation, run_sweep

    if cluster and jobs:
        raise UsageError("--jobs is for this machine; the workers of a --cluster say how many cells they take")
    if cluster and sandbox:
        raise UsageError("--sandbox confines engines on this machine; what holds them on the workers of a --cluster is "
                         "for those who start the workers")
    run = RunOptions(c_bin, py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"), resample=resample,
                     bundles=bundles, invocation=invocation(), trust_case=trust_case, fresh=fresh, sandbox=sandbox)
    options = SweepOptions(run, overrides, jobs or cpus(), cluster, force, not no_batch, archive)
    told.start(cases)
    told.begin("sweep", cases[0] if len(cases) == 1 else None)
    told.expect((path.name, path) for path in cases if len(cases) > 1)
    found = run_sweep(cases, options, told.progress(), lambda cell: told.add(result_of_cell(cell), cell.as_dict()),
                      lambda cells: told.expect((case.name, case.path) for case in cells))
    place = {cell.cell: at for at, cell in enumerate(found.results)}
    told.results.sort(key=lambda result: place[result.name])
    if told.how.form == TEXT:
        click.echo(sweep_report(found))
    return told.end(found.exit_code, sweep_as_dict(found))
