"""nb-compare diagnose: name the cause of a difference between two images."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbcompare.commands.options import Finite
from nbcompare.errors import ExitCode, UsageError, to_type
from nbcompare.explain.diagnose.search.limits import BUDGET_S

if TYPE_CHECKING:
    from nbcompare.engine.progress import Progress

SHORT = 2.0
"""Seconds that nobody wonders about."""


def tell_trials(progress: Progress, used: float, whole: float) -> None:
    """How far trial runs are, of which ``used`` of ``whole`` processor seconds are gone: said at once where it is
    redrawn, and elsewhere begun with a line when they take longer than is waited for without a word."""
    if not progress.step and (progress.live or used >= SHORT):
        progress.begin(f"trial runs, percent of at most {whole:g} processor seconds")
    if progress.step:
        progress.tick(used, min(99, int(100 * used / whole)))


@click.command("diagnose")
@click.option("--shape", nargs=2, type=click.IntRange(1, 100_000), metavar="SLOW FAST",
              help="Pixels of the images. Default: what ARGS declare.")
@click.option("--inputs", type=click.Path(path_type=Path), metavar="DIR",
              help="Where the files that ARGS name are read.  [default: the working folder]")
@click.option("--quick", is_flag=True, help="Look only; run no simulator.")
@click.option("--budget", type=Finite(0, 3600, min_open=True), default=BUDGET_S, show_default=True,
              metavar="SECONDS", help="Processor seconds for trial runs.")
@click.option("--list", "listing", is_flag=True, help="List every cause that can be given, and leave.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="What to print on standard output.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="BUNDLE | REF SUBJECT -- ARGS...")
def command(shape: tuple[int, int] | None, inputs: Path | None, quick: bool, budget: float, listing: bool, form: str,
            words: tuple[str, ...]) -> ExitCode:
    """Name the cause of a difference between two images, from the images, the arguments and trial runs.

    It exits with 0 only when the images agree strictly: no pixel further apart than 1e-6 of the peak, and sums equal
    to 1e-6. It exits with 3 when they differ, whether or not a cause is found, and with 4 when the subject's file is
    not of the image's size.
    """
    from nbcompare.commands.document import say_document

    if listing:
        from nbcompare.commands.views.diagnosis import catalogue_as_list, catalogue_report

        if form == "json":
            say_document({"causes": catalogue_as_list()})
        else:
            click.echo(catalogue_report())
        return ExitCode.PASS
    if not words:
        raise UsageError("name a bundle, or a reference image and a subject image")
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.find import find_bundle
    from nbcompare.bundle.found import DIAGNOSIS, keep
    from nbcompare.commands.views.diagnosis import diagnosis_report
    from nbcompare.commands.views.next_steps import as_given, explaining
    from nbcompare.engine.progress import Progress
    from nbcompare.explain.diagnose.diagnose import DiagnosisOptions, answer
    from nbcompare.explain.diagnose.question_source import ask

    progress = Progress()
    found = answer(ask(words, shape, inputs), DiagnosisOptions(quick, budget), partial(tell_trials, progress))
    progress.clear()
    of = find_bundle(words[0]) if len(words) == 1 else None
    if of:  # its report shows the answer
        keep(of, DIAGNOSIS, found.as_dict())
    if form == "json":
        say_document(found.as_dict())
    else:
        click.echo(diagnosis_report(found))
    if form == "text" and not found.agree and not found.shape_fault and of:
        record = load_bundle(of).record
        for word in explaining(record)[1:2]:
            click.echo(f"  next       {to_type('nb-compare', word, *words)}")
            click.echo("".join(f"  with       {said}\n" for said in as_given(record)), nl=False)
    if found.agree:
        return ExitCode.PASS
    return ExitCode.SHAPE if found.shape_fault else ExitCode.DIFFERS
