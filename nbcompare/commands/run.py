"""nb-compare run: run cases and publish a stamped bundle of each."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nbcompare.commands.options import bundles_option, engine_options, words
from nbcompare.commands.publish import Publication, result_options
from nbcompare.errors import ExitCode, UsageError, worst


@click.command("run")
@click.argument("cases", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CASE...")
@click.option("--input", "overrides", multiple=True, metavar="NAME=PATH",
              help="Use this file as the case's input NAME; the bundle says so.")
@click.option("--reference", type=click.Path(path_type=Path), metavar="BUNDLE",
              help="Take the reference image from this bundle, where there is no C program.")
@click.option("--noise-floor", is_flag=True,
              help="Run the reference again, also with 1 and 2 threads, and show how far it is from itself.")
@click.option("--probe-args", is_flag=True,
              help="Leave each option of the command out in turn, and name those that change no image.")
@click.option("--all-metrics", is_flag=True, help="Take every metric on every region, not only those asked for.")
@click.option("--shards", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N",
              help="Render each image in N row bands (-roi), several at once, and stitch them.")
@bundles_option
@result_options
@engine_options
def command(cases, overrides, reference, noise_floor, probe_args, all_metrics, shards, bundles, c_bin, py_bin, c_args,
            py_args, trust_case, resample, form, quiet, publication: Publication) -> ExitCode:
    """Run cases and publish a stamped bundle of each."""
    from nbcompare.bundle.check.loosened import loosened_until_signed
    from nbcompare.case.case import load_case, parse_input_override
    from nbcompare.commands.views.bundles import loosened_lines
    from nbcompare.commands.views.results import result_of
    from nbcompare.commands.views.terminal import bundle_report, next_step, shown
    from nbcompare.engine.progress import Progress
    from nbcompare.files import dump_json
    from nbcompare.run.options import RunOptions
    from nbcompare.run.run_case import run_case

    loaded = [load_case(path) for path in cases]
    results = []
    for case in loaded:
        if case.matrix:
            raise UsageError(f"{case.path}: this case is a matrix of cells, of which run makes none",
                             hint=f"nb-compare sweep {case.path}")
    for case in loaded:
        inputs = dict(parse_input_override(text, case) for text in overrides)
        options = RunOptions(c_bin, py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"), inputs, resample,
                             bundles, tuple(sys.argv[1:]), reference, noise_floor=noise_floor, probe_args=probe_args,
                             all_metrics=all_metrics, shards=shards, trust_case=trust_case)
        bundle = run_case(case, options, Progress(quiet=quiet))
        results.append(result_of(bundle, case.path, next_step(bundle)))
        for line in loosened_lines(loosened_until_signed(bundle.folder, bundle.record)):
            click.echo(line, err=form == "json")
        if form == "json":
            click.echo(dump_json({"bundle": shown(bundle.folder), **bundle.record.as_dict()}), nl=False)
        else:
            click.echo(bundle_report(bundle))
    publication.write(results)
    return worst(result.verdict.exit_code for result in results)
