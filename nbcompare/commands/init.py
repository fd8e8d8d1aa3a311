"""nb-compare init: a first case, the project file, or example cases, written and valid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbcompare.commands.options import Finite
from nbcompare.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from nbcompare.engine.progress import Progress


@click.command("init")
@click.option("--engine", "engines", multiple=True, metavar="[ROLE=]COMMAND",
              help="A program: a path, a command in quotes, or the name of a declared engine; ROLE is reference (the "
                   "default) or subject. The reference renders what the case is made of.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="The case file; nothing is overwritten.  [default: cases/case.yaml]")
@click.option("--title", metavar="TEXT", help="The case in one sentence.")
@click.option("--margin", type=Finite(1, 1e6), default=10.0, show_default=True, metavar="N",
              help="How many times wider than the measured noise each threshold is.")
@click.option("--project", is_flag=True, help="Write the project file nb-compare.yaml, which declares the engines.")
@click.option("--examples", is_flag=True, help="Copy the example cases of nb-compare into cases/.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="-- ARGS...")
def command(engines: tuple[str, ...], out: Path | None, title: str | None, margin: float, project: bool,
            examples: bool, quiet: bool, arguments: tuple[str, ...]) -> ExitCode:
    """Write a first case for a command line, the project file, or example cases. Nothing is overwritten.

    \b
    nb-compare init --out cases/first.yaml -- -mat A.mat -hkl P1.hkl -lambda 1
    nb-compare init --project --engine reference=/opt/nanoBragg \\
      --engine subject="python -m myport"

    The reference renders the command, three times more for its noise. The case gets the image's shape, regions around
    the strongest spots and in a quiet corner, thresholds of the measured noise times a margin, each with what was
    measured, and the inputs with their sums.
    """
    from nbcompare.engine.progress import Progress
    from nbcompare.run.begin.named import roles_of

    roles = roles_of(engines)
    if project + examples + bool(arguments) != 1:
        raise UsageError("init writes the project file (--project), example cases (--examples) or the case of a "
                         "command line (-- ARGS), one at a time",
                         hint="nb-compare init --project, then nb-compare init -- -mat A.mat -hkl P1.hkl ...")
    if project:
        return _project(roles, out)
    if examples:
        return _examples()
    return _case(roles, out or Path("cases/case.yaml"), title, margin, arguments, Progress(quiet=quiet))


def _project(roles: dict[str, str], out: Path | None) -> ExitCode:
    from nbcompare.run.begin.project_text import write_project

    path = write_project(roles, out)
    click.echo(f"wrote {path}\n  next  nb-compare init --out cases/first.yaml -- ARGS...")
    return ExitCode.PASS


def _examples() -> ExitCode:
    from nbcompare.run.begin.examples import copy_examples

    written = copy_examples(Path("cases"))
    still = next((path for path in written if path.stem == "still"), written[0])
    click.echo("\n".join([*(f"wrote {path}" for path in written), f"  next  nb-compare run {still}"]))
    return ExitCode.PASS


def _case(roles: dict[str, str], out: Path, title: str | None, margin: float, arguments: tuple[str, ...],
          progress: Progress) -> ExitCode:
    from nbcompare.run.begin.begin import begin_case

    made = begin_case(arguments, roles, out, title, margin, progress)
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    click.echo("\n".join(made.lines))
    return ExitCode.PASS
