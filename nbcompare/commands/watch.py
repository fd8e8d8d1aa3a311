"""nb-compare watch: the subject again after each save, with the margin to each threshold."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import engine_options, sandbox_option, words
from nbcompare.errors import ExitCode, UsageError


@click.command("watch")
@click.argument("case_file", type=click.Path(path_type=Path), metavar="CASE")
@click.option("--input", "overrides", multiple=True, metavar="NAME=PATH",
              help="Use this file as the case's input NAME.")
@click.option("--saves", type=click.IntRange(0), metavar="N", help="End after so many saves.  [default: never]")
@engine_options
@sandbox_option
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
def command(case_file: Path, overrides: tuple[str, ...], saves: int | None, c_bin: str | None, py_bin: str | None,
            c_args: str, py_args: str, trust_case: bool, resample: bool, sandbox: bool, quiet: bool) -> ExitCode:
    """Run the subject of CASE again whenever a file that it is made of is saved, and print a line for each save.

    The line says how many times further each figure could be off: below 1 it is outside. The reference is run once, and
    kept in the cache; no bundle is made. Ctrl-C ends it. It exits as the last line says: 0 where every threshold held.
    """
    from nbcompare.case.case_file import load_case
    from nbcompare.case.inputs import parse_input_override
    from nbcompare.commands.views.watch import save_line
    from nbcompare.engine.progress import Progress
    from nbcompare.run.options import RunOptions
    from nbcompare.run.staged_case import with_arguments
    from nbcompare.run.watching import watch_subject

    case = load_case(case_file)
    if case.matrix:
        raise UsageError(f"{case_file}: this case is a matrix of cells, and watch follows one",
                         hint="a case of the one cell that matters")
    if resample:
        raise UsageError("watch compares images of one shape; --resample is for run")
    inputs = dict(parse_input_override(text, case) for text in overrides)
    options = RunOptions(c_bin, py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"), inputs,
                         trust_case=trust_case, sandbox=sandbox)
    code, seen = ExitCode.BLOCKED, 0
    try:
        for save in watch_subject(with_arguments(case, options), options, Progress(quiet=quiet)):
            click.echo(save_line(save))
            code = save.verdict.exit_code if save.verdict else ExitCode.ENGINE_FAILED
            if saves is not None and seen >= saves:
                break
            seen += 1
    except KeyboardInterrupt:
        click.echo(f"{max(0, seen - 1)} saves", err=True)
    return code
