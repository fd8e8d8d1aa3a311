"""Options and arguments that several commands share."""

from __future__ import annotations

import functools
import math
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from nbcompare.errors import ExitCode, NbCompareError, UsageError, gathered

if TYPE_CHECKING:
    from nbcompare.explain.experiment import ExperimentSource
    from nbcompare.explain.fuzz.begin import FuzzSource
    from nbcompare.run.options import RunOptions

Command = TypeVar("Command", bound=Callable[..., Any])


class Finite(click.FloatRange):
    """A number that is one: ``nan`` is in no range, and passes every comparison that would say so."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number

    def _describe_range(self) -> str:
        """What help says of it: nothing where there is no bound (click writes x<=None)."""
        return "" if self.min is self.max is None else super()._describe_range()


class BundleName(click.Path):
    """A bundle: its folder, the folder of its case, a case file, or a name (bundle/find.py); the newest is meant where
    a case is named."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from nbcompare.bundle.find import find_bundle

        return value if isinstance(value, Path) else find_bundle(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The cases that have bundles, or the stamps of one; else folders."""
        from nbcompare.bundle.find import BUNDLES, names_of

        case, slash, _ = incomplete.partition("/")
        stamps = (f"{case}/{place.name}" for place in sorted((BUNDLES / case).glob("[0-9]*Z"))) if slash else ()
        found = [CompletionItem(name) for name in (*names_of(), *stamps) if name.startswith(incomplete)]
        return found or super().shell_complete(ctx, param, incomplete)


class BundleWord(BundleName):
    """The name of one of several bundles, left as it is: ``bundles_named`` finds all of them, or says of each what is
    wrong with it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return os.fspath(value)


def bundles_named(words: Sequence[str]) -> list[Path]:
    """The bundles that are meant. Raises EvidenceError for all at once of which there is none."""
    from nbcompare.bundle.find import find_bundle

    return gathered([functools.partial(find_bundle, word) for word in words])


class CaseName(click.Path):
    """The path of a case file."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The YAML files in cases/ and here; else files."""
        found = sorted(str(path) for folder in (Path("cases"), Path()) for path in folder.glob("*.y*ml"))
        return [CompletionItem(name) for name in found if name.startswith(incomplete)] or \
            super().shell_complete(ctx, param, incomplete)


BUNDLE = BundleName(path_type=Path)
BUNDLE_WORD = BundleWord()
CASE = CaseName(path_type=Path)
BUNDLES_FOLDER = Path("bundles")
PHASES_FILE = Path("cases/phases.yaml")


def complete_metrics(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The metrics that begin so; with the @ that a region follows, those of the case or bundle that was named."""
    from nbcompare.compare.metrics import METRICS

    metric, at, region = incomplete.partition("@")
    if not at:
        return [name for name in METRICS if name.startswith(incomplete)]
    return [f"{metric}@{name}" for name in _regions_named(ctx) if name.startswith(region)]


def complete_regions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The regions of the case or bundle that was named before."""
    return [name for name in _regions_named(ctx) if name.startswith(incomplete)]


def _regions_named(ctx: click.Context) -> list[str]:
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.find import find_bundle
    from nbcompare.case.case_file import load_case

    left = (word for word in ctx.args if not word.startswith("-"))  # not yet taken, as an option lacks its value still
    named = ctx.params.get("folder") or next(iter(ctx.params.get("what") or ()), None) or next(left, None)
    if named is None:
        return []
    try:
        if str(named).endswith((".yaml", ".yml")):
            return [roi.name for roi in load_case(Path(named)).rois]
        return [roi.name for roi in load_bundle(find_bundle(named)).record.case.rois]
    except NbCompareError:
        return []


def engine_options(command: Command) -> Command:
    """The options that choose and feed the engines, the same for run, sweep and one-shot."""
    resample = click.option("--resample", is_flag=True, help="Put a subject image of another declared shape on the "
                                                             "reference's grid (nearest neighbour; noted).")
    return program_options(resample(command))


def _a_reason(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise UsageError("--allow-weak needs a reason in words; it goes on the record")
    return text


allow_weak_option = click.option(
    "--allow-weak", metavar="REASON", callback=_a_reason,
    help="Judge regions in which too little can be resolved all the same; the reason goes on the record.")

def refused_option(name: str, why: str) -> Callable[..., Any]:
    """An option of other commands that this one cannot do: refused with the reason, not passed over."""
    def refuse(context: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            raise UsageError(f"{name}: {why}")

    return click.option(name, is_flag=True, hidden=True, expose_value=False, callback=refuse)


def without_sandbox(why: str) -> Callable[..., Any]:
    """--sandbox of a command that cannot confine what it runs."""
    return refused_option("--sandbox", why)


sandbox_option = click.option(
    "--sandbox", is_flag=True, help="Confine the engines (Linux: Landlock and seccomp): they read their inputs, their "
                                    "code and the system, write their own folder, and reach no network.")


side_by_side_option = click.option(
    "--side-by-side", is_flag=True,
    help="Run both engines at once, where OMP_NUM_THREADS says how many cores each takes and there are as many. Needs "
         "--sandbox; such run times are compared with none.")


def program_options(command: Command) -> Command:
    """Which programs, and what only one of them gets."""
    for option in reversed((
        click.option("--c-bin", metavar="COMMAND",
                     help="Reference program: a path, a command, or the name of a declared engine. Default: $NB_C_BIN, "
                          "else as declared in the case or nb-compare.yaml, else the bundled C reference."),
        click.option("--py-bin", metavar="COMMAND",
                     help="Subject program, likewise. Default: $NB_PY_BIN, else as declared, else python -m "
                          "nanobrag_torch."),
        click.option("--c-args", metavar="ARGS", default="",
                     help="Extra arguments for the reference alone (recorded)."),
        click.option("--py-args", metavar="ARGS", default="", help="Extra arguments for the subject alone (recorded)."),
        click.option("--trust-case", is_flag=True,
                     help="Let the case set variables that decide what code is run (PYTHONPATH, LD_PRELOAD ...)."),
    )):
        command = option(command)
    return command


def experiment_options(command: Callable[..., ExitCode]) -> Callable[..., ExitCode]:
    """WHAT a command is about and with which engines; the command gets both as one value, ``asked``."""

    @functools.wraps(command)
    def collected(*, what: tuple[str, ...], overrides: tuple[str, ...], c_bin: str | None, py_bin: str | None,
                  c_args: str, py_args: str, trust_case: bool, sandbox: bool, **rest: Any) -> ExitCode:
        from nbcompare.explain.experiment import ExperimentSource

        asked = ExperimentSource(what, c_bin, py_bin, words(c_args, "--c-args"), words(py_args, "--py-args"), overrides,
                                 trust_case, sandbox)
        return command(asked=asked, **rest)

    for option in (
        click.option("--input", "overrides", multiple=True, metavar="NAME=PATH",
                     help="Use this file as the case's input NAME."),
        click.argument("what", nargs=-1, required=True, type=click.UNPROCESSED, metavar="WHAT | -- ARGS..."),
    ):
        collected = option(collected)
    return output_options(program_options(sandbox_option(collected)))


def output_options(command: Command, forms: Sequence[str] = ("text", "json")) -> Command:
    """--format and -q: what is printed, and where."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="No progress on standard error."),
        click.option("--format", "form", type=click.Choice(forms), default="text", show_default=True,
                     help="What to print on standard output."),
    ):
        command = option(command)
    return command


fresh_option = click.option("--fresh", is_flag=True,
                            help="Run the reference and the mapped tests also where a bundle of the case holds the "
                                 "very same run.")
bundles_option = click.option("--bundles", type=click.Path(path_type=Path), default=BUNDLES_FOLDER, show_default=True,
                              metavar="DIR", help="Where stamped bundles are kept.")


def phases_options(command: Command) -> Command:
    """Where the phases and the allowed signers are, the same for gate and sign."""
    for option in (
        click.option("--signers", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
                     help="Allowed signers (ssh-keygen), in place of those the phases name."),
        click.option("--phases", "phases_file", type=click.Path(path_type=Path), default=PHASES_FILE,
                     show_default=True, metavar="FILE", help="The plan: its phases and what each requires."),
    ):
        command = option(command)
    return command


def words(text: str, option: str) -> tuple[str, ...]:
    """Split ARGS as a shell splits words."""
    try:
        return tuple(shlex.split(text))
    except ValueError as fault:
        raise UsageError(f"{option} cannot be split into words: {fault}") from None


# --- what was given, for a command that is to be typed next ------------------------------------------------------


def programs_again(asked: ExperimentSource | FuzzSource | RunOptions) -> list[str]:
    """The options of the programs as the user gave them: without these the next command would run what is declared or
    bundled. Nothing comes from a record."""
    return [*_with_value("--c-bin", asked.c_bin), *_with_value("--py-bin", asked.py_bin),
            *(["--trust-case"] if asked.trust_case else []), *(["--sandbox"] if asked.sandbox else [])]


def experiment_again(asked: ExperimentSource) -> list[str]:
    """All that trace and reduce were told beside what they are about."""
    return [*programs_again(asked), *_beside(asked.c_args, asked.py_args, asked.inputs)]


def run_again(asked: RunOptions, py_args: Iterable[str] = ()) -> list[str]:
    """All that a run was told and that decides what is run, judged and kept where; with ``py_args`` more."""
    inputs = [f"{name}={path}" for name, path in asked.inputs.items()]
    return [*programs_again(asked), *_beside(asked.c_args, (*asked.py_args, *py_args), inputs),
            *_with_value("--reference", asked.reference), *(["--noise-floor"] if asked.noise_floor else []),
            *(["--resample"] if asked.resample else []), *_with_value("--allow-weak", asked.allow_weak),
            *_with_value("--shards", asked.shards if asked.shards > 1 else None),
            *_with_value("--cluster", asked.cluster), *(["--side-by-side"] if asked.side_by_side else []),
            *bundles_again(asked.bundles)]


def bundles_again(folder: Path) -> list[str]:
    """Where bundles are kept, if not where they are looked for."""
    return _with_value("--bundles", folder if folder != BUNDLES_FOLDER else None)


def plan_again(phases: Path, signers: Path | None) -> list[str]:
    """The plan and who may sign it, if not those that are meant by themselves."""
    return [*_with_value("--phases", phases if phases != PHASES_FILE else None), *_with_value("--signers", signers)]


def _beside(c_args: Iterable[str], py_args: Iterable[str], inputs: Iterable[str]) -> list[str]:
    return [*_with_value("--c-args", shlex.join(c_args) or None),
            *_with_value("--py-args", shlex.join(py_args) or None),
            *(word for text in inputs for word in _with_value("--input", text))]


def _with_value(option: str, value: object) -> list[str]:
    """An option and its value; in one word where the value looks like an option."""
    if value is None:
        return []
    return [f"{option}={value}"] if str(value).startswith("-") else [option, str(value)]
