"""nb-compare regenerate: run a bundle's own record again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nbcompare.commands.options import bundles_option, output_options, sandbox_option
from nbcompare.errors import ExitCode


@click.command("regenerate")
@click.argument("named", metavar="BUNDLE|CASE")
@click.option("--c-bin", metavar="COMMAND", help="The reference program: nothing that only a record names is started.")
@click.option("--py-bin", metavar="COMMAND", help="The subject program, likewise.")
@click.option("--trust-case", is_flag=True, 
              help="Let the case set variables that decide what code is run, and run the tests that a bundle of "
                   "somebody else maps.")
@click.option("--exact", is_flag=True, help="Refuse a program whose bytes are not those of the record.")
@sandbox_option
@bundles_option
@output_options
def command(named: str, c_bin: str | None, py_bin: str | None, trust_case: bool, exact: bool, sandbox: bool,
            bundles: Path, form: str, quiet: bool) -> ExitCode:
    """Run a bundle's own record again, into a new stamp, and grade new against old.

    CASE, a file or a name, means its newest bundle. Each engine is graded bit-identical, within noise floor,
    different (which figures) or cannot run (which input, program or version is missing). Exit 0 only for the first
    two, and for a refusal that the case expects; the old bundle stays.
    """
    from nbcompare.bundle.find import find_bundle
    from nbcompare.commands.views.bundles import regeneration_report
    from nbcompare.engine.progress import Progress
    from nbcompare.files import dump_json
    from nbcompare.run.regeneration import RegenerationOptions, regenerate

    wanted = RegenerationOptions(c_bin, py_bin, bundles, exact, tuple(sys.argv[1:]), trust_case, sandbox)
    found = regenerate(find_bundle(named, bundles), wanted, Progress(quiet=quiet))
    click.echo(dump_json(found.as_dict()) if form == "json" else regeneration_report(found), nl=form != "json")
    return found.exit_code
