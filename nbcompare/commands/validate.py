"""nb-compare validate: every fault of case, project and phases files at once."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.errors import ExitCode


@click.command("validate")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True,
              help="What to print on standard output.")
def command(files: tuple[Path, ...], form: str) -> ExitCode:
    """List all faults of cases, project files and files of phases, each with its place. Nothing is run.

    Mistyped options of nanoBragg are told with the nearest name, unless both engines are declared programs, whose
    options are their own affair. Exit code 1 when there is any fault.
    """
    from nbcompare.case.validate import validate
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.validation import validation_lines

    found = [validate(path) for path in files]
    code = ExitCode.USAGE if any(entry.faults for entry in found) else ExitCode.PASS
    if form == "json":
        say_document({"kind": "nb-compare validation", "exit_code": int(code),
                      "files": [entry.as_dict() for entry in found]})
    else:
        click.echo("\n".join(validation_lines(found)))
    return code
