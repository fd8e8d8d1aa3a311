"""nb-compare fuzz: random valid command lines through both engines; what fails, by cause."""

from __future__ import annotations

import re
from pathlib import Path

import click

from nbcompare.commands.options import output_options, program_options, programs_again, sandbox_option, words
from nbcompare.errors import ExitCode, UsageError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@click.command("fuzz")
@click.option("--budget", default="5m", show_default=True, metavar="TIME|N",
              help="How long (30s, 5m, 2h), or how many commands (a number), with those of before.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, metavar="N",
              help="The same seed gives the same commands.")
@click.option("--around", type=click.Path(path_type=Path), metavar="CASE",
              help="Vary the command of this case, and judge by its thresholds.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("fuzz"), show_default=True, metavar="DIR",
              help="Where trials and failing cases are kept; the same command goes on there.")
@click.option("--fresh", is_flag=True, help="Begin anew where trials are kept.")
@program_options
@sandbox_option
@output_options
def command(budget: str, seed: int, around: Path | None, out: Path, fresh: bool, c_bin: str | None, py_bin: str | None,
            c_args: str, py_args: str, trust_case: bool, sandbox: bool, form: str, quiet: bool) -> ExitCode:
    """Put random valid command lines to both engines, and say what fails, by cause, and what was covered.

    Commands are drawn over the whole table of options, or over those that the engines' declarations hand on. A failure
    is reduced to its smallest command; one whose cause is known is counted there. Each is kept as a case for
    nb-compare run. It exits with 3 when anything failed, with 8 when nothing was compared.
    """
    from nbcompare.commands.views.fuzz import fuzz_as_dict, fuzz_report
    from nbcompare.engine.progress import Progress
    from nbcompare.explain.fuzz.begin import FuzzSource, fuzz
    from nbcompare.files import dump_json

    if c_args or py_args:
        words(c_args, "--c-args")
        raise UsageError("fuzz gives both engines the same arguments", hint="declare an engine with the words in its "
                         "command (docs/engines.md)")
    seconds, trials = _budget(budget)
    asked = FuzzSource(c_bin, py_bin, trust_case, around, out, fresh, seed, seconds, trials, sandbox)
    found = fuzz(asked, Progress(quiet=quiet))
    click.echo(dump_json(fuzz_as_dict(found)) if form == "json" else fuzz_report(found, programs_again(asked)),
               nl=form != "json")
    if found.causes:
        return ExitCode.DIFFERS
    return ExitCode.PASS if found.counts.get("agree") else ExitCode.BLOCKED


def _budget(text: str) -> tuple[float | None, int | None]:
    """Seconds, or a number of commands. Raises UsageError for a text that is neither."""
    if text.isdecimal() and int(text) > 0:
        return None, int(text)
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found or float(found[1]) <= 0:
        raise UsageError(f"--budget {text!r} is no time (30s, 5m, 2h) and no number of commands (200)")
    return float(found[1]) * _UNITS[found[2]], None
