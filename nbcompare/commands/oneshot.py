"""nb-compare [options] -- ARGS: compare both engines on one command line, without a case."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import click

from nbcompare.commands.options import (
    Finite,
    allow_weak_option,
    engine_options,
    output_options,
    sandbox_option,
    side_by_side_option,
    words,
)
from nbcompare.commands.result_forms import options_in
from nbcompare.errors import ExitCode, UsageError


@click.command("oneshot")
@click.option("--outdir", type=click.Path(path_type=Path), metavar="DIR",
              help="Where results go. Default: comparisons/YYYYMMDD-HHMMSS-<hash of ARGS>.")
@click.option("--roi", nargs=4, type=int, metavar="XMIN XMAX YMIN YMAX",
              help="Region to compare, inclusive, x fast and y slow. Default: the whole image.")
@click.option("--threshold", type=Finite(), metavar="T", help="Least correlation that passes.  [default: 0.9995]")
@click.option("--sum-ratio", nargs=2, type=Finite(), metavar="MIN MAX",
              help="Allowed sum ratio py/c.  [default: 0.99 1.01]")
@click.option("--max-intensity-delta", type=Finite(), metavar="D",
              help="Allowed difference of the brightest pixels, of the reference's.  [default: 0.02, or as far as "
                   "--sum-ratio goes]")
@click.option("--allow-scale", is_flag=True,
              help="Do not judge the sum ratio at all, nor the brightest pixel.")
@click.option("--png-scale", type=Finite(0, 100, min_open=True), metavar="PCTL", default=99.5,
              show_default=True, help="Percentile of the positive pixels drawn brightest.")
@click.option("--save-diff", is_flag=True, help="Also write diff.bin, subject - reference as float32.")
@click.option("--timeout", type=Finite(0, min_open=True), default=3600.0, show_default=True,
              metavar="SECONDS", help="Time limit of each engine.")
@engine_options
@allow_weak_option
@sandbox_option
@side_by_side_option
@output_options
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- ARGS...")
def command(outdir: Path | None, roi: tuple[int, int, int, int] | None, threshold: float | None,
            sum_ratio: tuple[float, float] | None, max_intensity_delta: float | None, allow_scale: bool,
            png_scale: float, save_diff: bool, timeout: float, c_bin: str | None, py_bin: str | None, c_args: str,
            py_args: str, trust_case: bool, resample: bool, allow_weak: str | None, sandbox: bool, side_by_side: bool,
            form: str, quiet: bool, arguments: tuple[str, ...]) -> ExitCode:
    """Compare both engines on one nanoBragg command line, without a case."""
    from nbcompare.case.from_arguments import OneShotOptions
    from nbcompare.commands.views.terminal import one_shot_report
    from nbcompare.engine.progress import Progress
    from nbcompare.run.one_shot import run_one_shot
    from nbcompare.run.sweep.sweep import invocation

    if allow_scale and sum_ratio:
        raise UsageError("--allow-scale and --sum-ratio contradict each other; give one of them")
    if sum_ratio and not sum_ratio[0] <= sum_ratio[1]:
        raise UsageError(f"--sum-ratio {sum_ratio[0]:g} {sum_ratio[1]:g}: the first must not be above the second")
    if threshold is not None and not -1 <= threshold <= 1:
        raise UsageError(f"--threshold {threshold:g}: a correlation lies between -1 and 1")
    options = OneShotOptions(
        outdir, roi, threshold, sum_ratio, max_intensity_delta, allow_scale, resample, png_scale, save_diff, c_bin,
        py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"), timeout, trust_case, sandbox,
        allow_weak, side_by_side)
    result = run_one_shot(arguments, options, Progress(quiet=quiet), invocation())
    if form == "json":
        click.echo((result.folder / "summary.json").read_text(encoding="utf-8"), nl=False)
    else:
        click.echo(one_shot_report(result))
    return result.bundle.verdict.exit_code


def forget_summary(words: Sequence[str]) -> None:
    """Take away the summary of an earlier call from each folder that a one-shot line names, whatever else is wrong with
    the line: what lies there when this call has ended is of this call, or nothing is."""
    said = list(options_in(command, words))
    if any(option in ("--help", "-h") for option, _ in said):
        return
    for folder in (value for option, value in said if option == "--outdir" and value):
        with contextlib.suppress(OSError, ValueError):
            os.unlink(os.path.join(folder, "summary.json"))
