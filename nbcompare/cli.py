"""The command line: it parses, calls, prints, and returns an exit code. What words mean is decided elsewhere.

Imports are inside the commands, so that ``nb-compare --help`` loads neither numpy nor matplotlib.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import click

from nbcompare import __version__
from nbcompare.errors import EXIT_MEANING, ExitCode, NbCompareError, UsageError, worst

ONE_SHOT = "oneshot"
EPILOG = "\b\nExit codes (of several outcomes the worst one wins):\n" + "\n".join(
    f"  {code.value:>2}  {meaning}" for code, meaning in EXIT_MEANING.items())


class OneShotByDefault(click.Group):
    """A group in which a line that names no command is a one-shot comparison."""

    def parse_args(self, ctx, args):
        own = ("--help", "-h", "--version")
        if args and args[0] not in self.commands and args[0] not in own and args[0].startswith("-"):
            args = [ONE_SHOT, *args]
        return super().parse_args(ctx, args)


@click.group(cls=OneShotByDefault, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nb-compare")
def main() -> None:
    """Decide, with evidence, whether two nanoBragg implementations give the same image.

    \b
    nb-compare run cases/supervisor.yaml         run a case and keep a stamped bundle
    nb-compare [options] -- -mat A.mat ...       compare one command line (same as: nb-compare oneshot)
    """


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
        click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
                     help="What to print on standard output."),
        click.option("-q", "--quiet", is_flag=True, help="No progress on standard error."),
    )):
        command = option(command)
    return command


@main.command("run")
@click.argument("cases", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CASE...")
@click.option("--input", "overrides", multiple=True, metavar="NAME=PATH",
              help="Use this file as the case's input NAME; the bundle says so.")
@click.option("--bundles", type=click.Path(path_type=Path), default=Path("bundles"), show_default=True,
              metavar="DIR", help="Where stamped bundles are kept.")
@engine_options
def run_command(cases, overrides, bundles, c_bin, py_bin, c_args, py_args, resample, form, quiet) -> ExitCode:
    """Run cases and publish a stamped bundle of each."""
    from nbcompare.bundle import dump_json
    from nbcompare.case import load_case, parse_input_override
    from nbcompare.progress import Progress
    from nbcompare.report import bundle_report, shown
    from nbcompare.runner import RunOptions, run_case

    loaded = [load_case(path) for path in cases]
    verdicts = []
    for case in loaded:
        inputs = dict(parse_input_override(text, case) for text in overrides)
        options = RunOptions(c_bin, py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"), inputs, resample,
                             bundles, tuple(sys.argv[1:]))
        bundle = run_case(case, options, Progress(quiet=quiet))
        verdicts.append(bundle.verdict)
        if form == "json":
            click.echo(dump_json({"bundle": shown(bundle.folder), **bundle.record.as_dict()}), nl=False)
        else:
            click.echo(bundle_report(bundle))
    return worst(verdict.exit_code for verdict in verdicts)


@main.command(ONE_SHOT)
@click.option("--outdir", type=click.Path(path_type=Path), metavar="DIR",
              help="Where results go. Default: comparisons/YYYYMMDD-HHMMSS-<hash of ARGS>.")
@click.option("--roi", nargs=4, type=int, metavar="XMIN XMAX YMIN YMAX",
              help="Region to compare, inclusive, x fast and y slow. Default: the whole image.")
@click.option("--threshold", type=float, metavar="T", help="Least correlation that passes.  [default: 0.9995]")
@click.option("--sum-ratio", nargs=2, type=float, metavar="MIN MAX",
              help="Allowed sum ratio py/c.  [default: 0.9 1.1]")
@click.option("--allow-scale", is_flag=True, help="Do not judge the sum ratio at all.")
@click.option("--png-scale", type=click.FloatRange(0, 100, min_open=True), metavar="PCTL", default=99.5,
              show_default=True, help="Percentile of the positive pixels drawn brightest.")
@click.option("--save-diff", is_flag=True, help="Also write diff.bin, subject - reference as float32.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), default=3600.0, show_default=True, metavar="SECONDS",
              help="Time limit of each engine.")
@engine_options
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- ARGS...")
def one_shot_command(outdir, roi, threshold, sum_ratio, allow_scale, png_scale, save_diff, timeout, c_bin, py_bin,
                     c_args, py_args, resample, form, quiet, arguments) -> ExitCode:
    """Compare both engines on one nanoBragg command line, without a case or a bundle."""
    from nbcompare.oneshot import DEFAULT_CORRELATION, DEFAULT_SUM_RATIO, OneShotOptions, run_one_shot
    from nbcompare.progress import Progress
    from nbcompare.report import one_shot_report

    if allow_scale and sum_ratio:
        raise UsageError("--allow-scale and --sum-ratio contradict each other; give one of them")
    if sum_ratio and not sum_ratio[0] <= sum_ratio[1]:
        raise UsageError(f"--sum-ratio {sum_ratio[0]:g} {sum_ratio[1]:g}: the first must not be above the second")
    if threshold is not None and not -1 <= threshold <= 1:
        raise UsageError(f"--threshold {threshold:g}: a correlation lies between -1 and 1")
    options = OneShotOptions(
        outdir, roi, DEFAULT_CORRELATION if threshold is None else threshold,
        None if allow_scale else sum_ratio or DEFAULT_SUM_RATIO, resample, png_scale, save_diff, c_bin, py_bin,
        words(c_args, "--c-args"), words(py_args, "--py-args"), timeout)
    result = run_one_shot(arguments, options, Progress(quiet=quiet))
    if form == "json":
        click.echo((result.folder / "summary.json").read_text(encoding="utf-8"), nl=False)
    else:
        click.echo(one_shot_report(result))
    return result.verdict.exit_code


@main.command("verify")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="BUNDLE...")
def verify_command(folders) -> ExitCode:
    """Check the files of bundles against their manifests. No engine is run."""
    from nbcompare.bundle import faults_in, load_bundle
    from nbcompare.errors import EvidenceError

    codes = []
    for folder in folders:
        faults = faults_in(folder)
        if not faults:
            try:
                load_bundle(folder)
            except EvidenceError as fault:
                faults = [fault.message]
        click.echo(f"{folder}: " + ("intact" if not faults else f"{len(faults)} faults"))
        for fault in faults:
            click.echo(f"  {fault}")
        codes.append(ExitCode.EVIDENCE if faults else ExitCode.PASS)
    return worst(codes)


def words(text: str, option: str) -> tuple[str, ...]:
    """Split ARGS as a shell splits words."""
    import shlex

    try:
        return tuple(shlex.split(text))
    except ValueError as fault:
        raise UsageError(f"{option} cannot be split into words: {fault}") from None


def run(argv: list[str]) -> int:
    """Run the program on ``argv`` and return its exit code; every error is told here, once."""
    try:
        return int(main.main(args=argv, prog_name="nb-compare", standalone_mode=False) or ExitCode.PASS)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message(), err=True)
        return ExitCode.USAGE
    except click.ClickException as fault:
        where = fault.ctx.command_path if getattr(fault, "ctx", None) else "nb-compare"
        _tell(f"{fault.format_message()}\n  next: {where} --help")
        return ExitCode.USAGE
    except click.exceptions.Abort:
        _tell("stopped; nothing was published")
        return ExitCode.ENGINE_FAILED
    except NbCompareError as fault:
        _tell(str(fault))
        return fault.exit_code
    except BrokenPipeError:
        return ExitCode.IO
    except Exception:
        traceback.print_exc()
        _tell("this is a defect of nb-compare itself; please report it with the lines above")
        return ExitCode.DEFECT


def _tell(message: str) -> None:
    click.echo(f"nb-compare: error: {message}", err=True)
