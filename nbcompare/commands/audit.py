"""nb-compare audit: seed defects into the subject, and see whether they are caught and named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbcompare.commands.options import Finite, complete_metrics, experiment_options
from nbcompare.errors import ExitCode, UsageError
from nbcompare.explain.diagnose.search.limits import BUDGET_S

if TYPE_CHECKING:
    from nbcompare.explain.experiment import ExperimentSource


def _share(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 <= value <= 1:
        raise click.BadParameter("a share is a number from 0 to 1")
    return value


def _listed(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    """--list: print all kinds and end."""
    if not asked or context.resilient_parsing:
        return
    from nbcompare.commands.views.audit import kinds_report

    click.echo(kinds_report())
    context.exit(ExitCode.PASS)


@click.command("audit")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_listed,
              help="Print every kind of defect and end.")
@click.option("--kinds", multiple=True, metavar="NAME[,NAME]", help="Only these kinds or classes of defect.")
@click.option("--strengths", default="1,0.1,0.01", show_default=True, metavar="SHARES",
              help="Strengths, as shares of the full one.")
@click.option("--seed", type=int, metavar="N", default=1, show_default=True,
              help="Seed of all amounts, places and directions.")
@click.option("--threshold-only", "alone", metavar="METRIC[@ROI]=VALUE", shell_complete=complete_metrics,
              help="Judge with this threshold and nothing beside it.")
@click.option("--no-diagnosis", is_flag=True, help="Do not ask the diagnosis.")
@click.option("--budget", type=Finite(min=1), default=BUDGET_S, show_default=True, metavar="SECONDS",
              help="Time for one diagnosis.")
@click.option("--require", type=Finite(), callback=_share, metavar="SHARE",
              help="Exit 3 unless this share of the defects of full strength is caught.")
@click.option("--require-first", type=Finite(), callback=_share, metavar="SHARE",
              help="Exit 3 unless for this share of them the right cause stands first.")
@click.option("--require-three", type=Finite(), callback=_share, metavar="SHARE",
              help="Exit 3 unless for this share of them the right cause is among the first three.")
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", default=1, show_default=True,
              help="Defects that are looked at at once.")
@click.option("--cache", type=click.Path(path_type=Path), metavar="DIR",
              help="Where images and answers are kept, so that a stopped audit goes on.  [default: the user's cache]")
@experiment_options
def command(kinds: tuple[str, ...], strengths: str, seed: int, alone: str | None, no_diagnosis: bool, budget: float,
            require: float | None, require_first: float | None, require_three: float | None, jobs: int,
            cache: Path | None, form: str, quiet: bool, asked: ExperimentSource) -> ExitCode:
    """Seed known defects into the subject, and see whether the thresholds catch each and the diagnosis names it.

    \b
    WHAT is a case file, a bundle, or a nanoBragg command line after --.

    It exits 0 when the defects could be seeded, 3 when a --require is not met, and 8 when there was nothing to
    seed, or the images do not pass as they are.
    """
    from nbcompare.commands.document import say_document
    from nbcompare.commands.views.audit import audit_as_dict, audit_report
    from nbcompare.engine.progress import Progress
    from nbcompare.engine.rendering.render_cache import default_cache
    from nbcompare.explain.audit.alone import thresholds_alone
    from nbcompare.explain.audit.audit import AuditOptions, audit
    from nbcompare.explain.audit.score import unmet
    from nbcompare.explain.experiment import experiment

    if no_diagnosis and (require_first is not None or require_three is not None):
        raise UsageError("--no-diagnosis leaves nothing for --require-first and --require-three to count")
    names = tuple(name for text in kinds for name in text.split(",") if name)
    progress = Progress(quiet=quiet)
    with experiment(asked, progress) as found:
        judges = thresholds_alone(alone, found.case.rois) if alone else ()
        options = AuditOptions(names, _strengths(strengths), seed, judges, not no_diagnosis, budget, jobs,
                               cache or default_cache())
        outcome = audit(found, options, progress)
    reasons, code = unmet(outcome, require, require_first, require_three)
    if form == "json":
        say_document({**audit_as_dict(outcome), "unmet": reasons})
    else:
        click.echo("\n".join([audit_report(outcome), *reasons]))
    return code


def _strengths(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(word) for word in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(0 < strength <= 10 for strength in found):
        raise UsageError(f"--strengths {text!r} must be numbers above 0 and up to 10, with commas between")
    return found
