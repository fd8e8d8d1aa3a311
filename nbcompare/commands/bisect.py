"""nb-compare bisect: the first commit of a repository with which the verdict of a case changes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nbcompare.commands.options import (
    CASE,
    Finite,
    bundles_option,
    engine_options,
    fresh_option,
    output_options,
    without_sandbox,
    words,
)
from nbcompare.errors import ExitCode, UsageError
from nbcompare.explain.diagnose.search.limits import BUDGET_S


@click.command("bisect")
@click.argument("case_file", type=CASE, metavar="CASE")
@click.option("--repo", required=True, type=click.Path(path_type=Path), metavar="DIR",
              help="The git repository whose commits are judged.")
@click.option("--good", required=True, metavar="REV", help="A revision whose verdict is a pass.")
@click.option("--bad", required=True, metavar="REV", help="A later one whose verdict is none.")
@click.option("--side", type=click.Choice(["subject", "reference"]), default="subject", show_default=True,
              help="Which engine lies in the repository; the other stays as it is.")
@click.option("--build", default="", metavar="ARGS",
              help="What is run in the top of each commit before the engine; no shell.  [default: as declared]")
@click.option("--tries", type=click.IntRange(1, 100), default=2, show_default=True, metavar="N",
              help="How often the commits at the boundary are judged, to notice chance.")
@click.option("--budget", type=Finite(0, 3600), default=BUDGET_S, show_default=True, metavar="SECONDS",
              help="Processor seconds for the trial runs of the diagnosis; 0 only looks.")
@click.option("--input", "overrides", multiple=True, metavar="NAME=PATH",
              help="Use this file as the case's input NAME.")
@fresh_option
@bundles_option
@engine_options
@output_options
@without_sandbox("bisect builds each commit by that commit's own rules, which nothing confines; run knows it")
def command(case_file: Path, repo: Path, good: str, bad: str, side: str, build: str, tries: int, budget: float,
            overrides: tuple[str, ...], fresh: bool, bundles: Path, c_bin: str | None, py_bin: str | None, c_args: str,
            py_args: str, trust_case: bool, resample: bool, form: str, quiet: bool) -> ExitCode:
    """Find the first commit with which the verdict of CASE changes, and why the image changed with it.

    Commits are checked out in a work tree of its own, which is gone afterwards; yours is not touched. The case and
    nb-compare.yaml count as they are now, for every commit. Given again, the same command goes on where it was stopped.
    It exits with 0 when the commit is found, with 8 when it is one of several that cannot be judged.
    """
    from nbcompare.case.case_file import load_case
    from nbcompare.case.inputs import parse_input_override
    from nbcompare.commands.views.bisect import bisection_as_dict, bisection_report
    from nbcompare.engine.progress import Progress
    from nbcompare.files import dump_json
    from nbcompare.run.bisect.bisect import BisectOptions, bisect
    from nbcompare.run.bisect.finding import diagnosis_of_step
    from nbcompare.run.options import RunOptions

    case = load_case(case_file)
    if case.matrix:
        raise UsageError(f"{case_file}: this case is a matrix of cells, and bisect follows one",
                         hint="a case of the one cell that fails")
    inputs = dict(parse_input_override(text, case) for text in overrides)
    run = RunOptions(c_bin, py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"), inputs, resample, bundles,
                     tuple(sys.argv[1:]), trust_case=trust_case, fresh=fresh)
    progress = Progress(quiet=quiet)
    asked = BisectOptions(run, repo, good, bad, side, words(build, "--build"), tries)
    found = bisect(case, asked, progress)
    why = diagnosis_of_step(found, budget)
    click.echo(dump_json(bisection_as_dict(found, why)) if form == "json" else bisection_report(found, why),
               nl=form != "json")
    return ExitCode.PASS if found.first else ExitCode.BLOCKED
