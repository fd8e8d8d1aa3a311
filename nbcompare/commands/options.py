"""Options and arguments that several commands share."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from nbcompare.errors import UsageError


def engine_options(command):
    """The options that choose and feed the engines, the same for run and one-shot."""
    for option in reversed((
        click.option("--c-bin", metavar="PATH",
                     help="Reference program. Default: $NB_C_BIN, else the bundled C reference."),
        click.option("--py-bin", metavar="PATH",
                     help="Subject program. Default: $NB_PY_BIN, else python -m nanobrag_torch."),
        click.option("--c-args", metavar="ARGS", default="",
                     help="Extra arguments for the reference alone (recorded)."),
        click.option("--py-args", metavar="ARGS", default="", help="Extra arguments for the subject alone (recorded)."),
        click.option("--resample", is_flag=True, help="Put a subject image of another declared shape on the "
                                                      "reference's grid (nearest neighbour; noted)."),
    )):
        command = option(command)
    return output_options(command)


def output_options(command):
    """--format and -q: what is printed, and where."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="No progress on standard error."),
        click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
                     help="What to print on standard output."),
    ):
        command = option(command)
    return command


bundles_option = click.option("--bundles", type=click.Path(path_type=Path), default=Path("bundles"), show_default=True,
                              metavar="DIR", help="Where stamped bundles are kept.")


def words(text: str, option: str) -> tuple[str, ...]:
    """Split ARGS as a shell splits words."""
    try:
        return tuple(shlex.split(text))
    except ValueError as fault:
        raise UsageError(f"{option} cannot be split into words: {fault}") from None
