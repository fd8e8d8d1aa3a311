"""nb-compare explain: every effective value of a case, and where it comes from."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.commands.options import CASE, bundles_option, program_options, without_sandbox, words
from nbcompare.errors import ExitCode


@click.command("explain")
@click.argument("case", type=CASE, metavar="CASE")
@click.option("--input", "overrides", multiple=True, metavar="NAME=PATH",
              help="Use this file as the case's input NAME.")
@bundles_option
@program_options
@without_sandbox("explain runs nothing that could be confined; run knows it")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True,
              help="What to print on standard output.")
def command(case: Path, overrides: tuple[str, ...], bundles: Path, c_bin: str | None, py_bin: str | None, c_args: str,
            py_args: str, trust_case: bool, form: str) -> ExitCode:
    """Show what a run of a case would rest on: each value, and the file and line, option, variable or default that it
    comes from. Nothing is run. The commands themselves: nb-compare run CASE --dry-run.
    """
    from nbcompare.case.case_file import load_case
    from nbcompare.case.inputs import parse_input_override
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.terminal import table
    from nbcompare.run.effective import effective_values
    from nbcompare.run.options import RunOptions
    from nbcompare.visible import visible

    loaded = load_case(case)
    options = RunOptions(c_bin, py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"),
                         dict(parse_input_override(text, loaded) for text in overrides), bundles=bundles,
                         trust_case=trust_case)
    found = effective_values(loaded, options)
    if form == "json":
        say_document({"kind": "nb-compare explanation", "case": loaded.name,
                      "values": [vars(entry) for entry in found]})
    else:
        rows = [tuple(map(visible, (entry.what, entry.source, entry.value))) for entry in found]
        click.echo("\n".join(table(("what", "from", "value"), rows)))
    return ExitCode.PASS
