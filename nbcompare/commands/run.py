"""nb-compare run: run cases and publish a stamped bundle of each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbcompare.commands.options import (
    BUNDLE,
    CASE,
    allow_weak_option,
    bundles_option,
    engine_options,
    fresh_option,
    run_again,
    sandbox_option,
    side_by_side_option,
    words,
)
from nbcompare.commands.publish import PublishedResults, result_options
from nbcompare.commands.result_forms import TEXT
from nbcompare.errors import ExitCode, NbCompareError, UsageError, gathered, to_type, worst

if TYPE_CHECKING:
    from nbcompare.bundle.bundle import Bundle
    from nbcompare.case.case import Case
    from nbcompare.engine.processes.asking import Answers
    from nbcompare.engine.progress import Progress
    from nbcompare.run.options import HandedOver, RunOptions

_SHOWN_BY = ("nbcompare.commands.views.results", "nbcompare.commands.views.terminal",
             "nbcompare.commands.views.bundles", "nbcompare.commands.views.github", "nbcompare.bundle.check.loosened",
             "nbcompare.run.effective")
"""What tells of a bundle, loaded while its engines run."""


@click.command("run")
@click.argument("cases", nargs=-1, required=True, type=CASE, metavar="CASE...")
@click.option("--input", "overrides", multiple=True, metavar="NAME=PATH",
              help="Use this file as the case's input NAME; the bundle says so.")
@click.option("--reference", type=BUNDLE, metavar="BUNDLE",
              help="Take the reference image from this bundle, where there is no C program.")
@click.option("--noise-floor", is_flag=True,
              help="Run the reference again, also with 1 and 2 threads, and show how far it is from itself.")
@click.option("--probe-args", is_flag=True,
              help="Leave each option of the command out in turn, and name those that change no image.")
@click.option("--all-metrics", is_flag=True, help="Take every metric on every region, not only those asked for.")
@click.option("--shards", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Render each image in N row bands (-roi), several at once, and stitch them.")
@click.option("--cluster", metavar="ADDRESS",
              help="With --shards: render the bands on the workers of this Dask scheduler (tcp://HOST:PORT).")
@click.option("--dry-run", is_flag=True, help="Print the commands that would be run; nothing is started.")
@click.option("--no-compare", is_flag=True,
              help="Make the images and the evidence and leave them uncompared (exit code 8); check judges them later.")
@fresh_option
@bundles_option
@engine_options
@allow_weak_option
@sandbox_option
@side_by_side_option
@result_options
def command(cases: tuple[Path, ...], overrides: tuple[str, ...], reference: Path | None, noise_floor: bool,
            probe_args: bool, all_metrics: bool, shards: int, cluster: str | None, no_compare: bool, dry_run: bool,
            fresh: bool, bundles: Path, c_bin: str | None, py_bin: str | None, c_args: str, py_args: str,
            trust_case: bool, resample: bool, allow_weak: str | None, sandbox: bool,
            side_by_side: bool, told: PublishedResults) -> ExitCode:
    """Run cases and publish a stamped bundle of each."""
    if dry_run:
        from nbcompare.run.options import RunOptions

        if told.how.files or told.how.form != TEXT:
            raise UsageError("--dry-run judges nothing, so that there is nothing for --junit, --markdown and --format")
        return _show_commands(cases, overrides, RunOptions(
            c_bin, py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"), bundles=bundles,
            reference=reference, noise_floor=noise_floor, trust_case=trust_case))
    if cluster and (shards == 1 or sandbox):
        raise UsageError("--cluster renders the row bands of --shards N" if shards == 1 else
                         "--sandbox confines engines on this machine; what holds them on the workers of a --cluster is "
                         "for those who start the workers")
    answers: Answers = {}
    if not (sandbox or reference):
        from nbcompare.run.asked_first import asked_first

        click.get_current_context().with_resource(asked_first(cases[0], py_bin, answers))
    told.start(cases)
    told.expect((path.name, path) for path in cases)
    loaded = gathered([partial(_one_cell, path, told) for path in cases])
    progress = told.progress()
    told.expect((case.name, case.path) for case in loaded)
    from nbcompare.run.ready import asked_ahead, made_ready

    ahead = () if sandbox or reference else (partial(asked_ahead, loaded[0], c_bin, py_bin, answers),)
    with made_ready(ahead):
        from nbcompare.case.inputs import parse_input_override
        from nbcompare.run.one_case import run_case
        from nbcompare.run.options import RunOptions

        for case in loaded:
            told.begin(case.name, case.path)
            inputs = dict(parse_input_override(text, case) for text in overrides)
            options = RunOptions(c_bin, py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"), inputs,
                                 resample, bundles, tuple(sys.argv[1:]), reference, noise_floor=noise_floor,
                                 probe_args=probe_args, all_metrics=all_metrics, shards=shards, cluster=cluster,
                                 trust_case=trust_case,
                                 fresh=fresh, sandbox=sandbox, side_by_side=side_by_side, allow_weak=allow_weak,
                                 no_compare=no_compare)
            with _bands_on(cluster, progress) as handed:
                bundle = run_case(case, options, progress, replace(handed, answers=answers, needed_after=_SHOWN_BY))
            answers = {}  # an engine has run since
            from nbcompare.commands.views.results import result_of
            from nbcompare.commands.views.terminal import next_step, shown

            told.add(result_of(bundle, case.path, next_step(bundle, options)),
                     {"bundle": shown(bundle.folder), **bundle.record.as_dict()})
            _print(case, bundle, options, told.how.form)
    exit_code = worst(result.verdict.exit_code for result in told.results)
    many = {"schema_version": 1, "kind": "nb-compare runs", "exit_code": int(exit_code), "results": told.documents}
    return told.end(exit_code, told.documents[0] if len(cases) == 1 else many)


def _bands_on(cluster: str | None, progress: Progress) -> AbstractContextManager[HandedOver]:
    """What a run is handed that renders its row bands on the workers of a scheduler, or here where none is named."""
    from nbcompare.run.options import NOTHING

    if cluster is None:
        return nullcontext(NOTHING)
    from nbcompare.run.sweep.bands import bands_on

    return bands_on(cluster, progress)


def _one_cell(path: Path, told: PublishedResults) -> Case:
    """The case of a file. Raises UsageError for one that is many; what is wrong is told of this case."""
    from nbcompare.case.case_file import load_case

    try:
        case = load_case(path)
        if case.matrix:
            raise UsageError(f"{path}: this case is a matrix of cells, of which run makes none",
                             hint=to_type("nb-compare", "sweep", path))
    except NbCompareError:
        told.begin(path.name, path)
        raise
    return case


def _show_commands(cases: Sequence[Path], overrides: Sequence[str], options: RunOptions) -> ExitCode:
    """The commands of a run, as a shell takes them."""
    from nbcompare.case.case_file import load_case
    from nbcompare.case.inputs import parse_input_override
    from nbcompare.run.effective import planned_commands

    for case in gathered([partial(load_case, path) for path in cases]):
        for text in overrides:
            parse_input_override(text, case)
        click.echo("\n".join(planned_commands(case, options)))
    return ExitCode.PASS


def _print(case: Case, bundle: Bundle, options: RunOptions, form: str) -> None:
    """The report of a bundle as text; and in any form what became looser, where nobody can miss it."""
    from nbcompare.bundle.check.loosened import loosened_until_signed
    from nbcompare.commands.views.bundles import loosened_lines
    from nbcompare.commands.views.terminal import bundle_report, shown, uncut
    from nbcompare.run.effective import case_with_claims, claims_in
    from nbcompare.verdict.verdict import Label

    for looser in loosened_lines(loosened_until_signed(bundle.folder, bundle.record)):
        click.echo(looser, err=form != TEXT)
    if form == TEXT:
        click.echo(bundle_report(bundle, options))
        claiming = case_with_claims(case) if bundle.verdict.word is Label.FAIL else None
        if claiming:
            typed = to_type("nb-compare", "run", shown(claiming), *run_again(options))
            click.echo(uncut("or", f"{typed}: this command, with claims on known divergences, which have to be proven "
                            f"({', '.join(claims_in(claiming))})"))

