"""A case made of a command line: what one-shot, trace and reduce take instead of a case file."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.case.arguments.command import WrittenOption, declared_shape, parse_command, unseeded_orientation
from nbcompare.case.arguments.emulations import reads_like_c
from nbcompare.case.arguments.named_files import FLOAT_OPTION
from nbcompare.case.arguments.option_faults import nearly_options
from nbcompare.case.arguments.options import FLOAT_FILE
from nbcompare.case.case import Case, CaseInput
from nbcompare.case.inputs import copy_input
from nbcompare.case.regions import allow_weak
from nbcompare.case.threshold import AFTER_SCALE, DEFAULT_MAX_INTENSITY_DELTA, Threshold, default_targets
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import METRICS
from nbcompare.compare.picture_settings import DEFAULT_PERCENTILE
from nbcompare.errors import UsageError
from nbcompare.files import sha256_of

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]")
_LARGEST_SEED = 2**31 - 1
DUMP_BY_DEFAULT = "Fdump.bin"
"""The dump that nanoBragg reads where a command names neither it nor a list of reflections."""

ONE_SHOT = "one-shot"
"""What the case of a bare command line is called."""

_LEFT_BY_SCALE = 0.5
"""Of the image, where any scale will do: more, and it is not a scale that differs."""


@dataclass(frozen=True)
class OneShotOptions:
    """What the user said before the ``--``; a threshold that is None was not given. Raises UsageError for thresholds
    that could never fail."""

    outdir: Path | None = None
    roi: tuple[int, int, int, int] | None = None
    correlation: float | None = None
    sum_ratio: tuple[float, float] | None = None
    max_intensity_delta: float | None = None
    allow_scale: bool = False
    resample: bool = False
    percentile: float = DEFAULT_PERCENTILE
    save_diff: bool = False
    c_bin: str | None = None
    py_bin: str | None = None
    c_args: tuple[str, ...] = ()
    py_args: tuple[str, ...] = ()
    seconds: float = 3600.0
    trust_case: bool = False
    sandbox: bool = False
    allow_weak: str | None = None
    side_by_side: bool = False

    def __post_init__(self) -> None:
        for threshold in self._given:
            limits = threshold.min, threshold.max
            fault = METRICS[threshold.metric].fault_in_limits(*limits)
            if fault:
                said = " ".join(f"{limit:g}" for limit in limits if limit is not None)
                raise UsageError(f"{threshold.why} {said}: {fault}")

    @property
    def _given(self) -> Iterator[Threshold]:
        """The thresholds that the user gave, each with its option as the reason; the region is still to be put in."""
        if self.correlation is not None:
            yield Threshold("correlation", "", self.correlation, None, "--threshold")
        if self.sum_ratio is not None:
            yield Threshold("sum_ratio", "", *self.sum_ratio, "--sum-ratio")
        if self.max_intensity_delta is not None:
            yield Threshold("max_intensity_delta", "", None, self.max_intensity_delta, "--max-intensity-delta")

    def thresholds(self, roi: str) -> tuple[Threshold, ...]:
        """What is judged on the region: the default targets, with what the user gave in their places.

        With ``allow_scale`` only what was given is judged beside the correlation and what the best scale leaves. Where
        another sum ratio was given, the brightest pixel may be as far off as the sum, as a scale moves both; a limit
        that nothing could miss is left out.
        """
        chosen = {target.metric: target for target in default_targets(roi)}
        if self.allow_scale:
            chosen = {"correlation": chosen["correlation"],
                      AFTER_SCALE: Threshold(AFTER_SCALE, roi, None, _LEFT_BY_SCALE,
                                             "--allow-scale: any factor will do")}
        elif self.sum_ratio:
            off = max(DEFAULT_MAX_INTENSITY_DELTA, *(abs(limit - 1) for limit in self.sum_ratio))
            target = replace(chosen.pop("max_intensity_delta"), max=off, why="as --sum-ratio")
            if METRICS[target.metric].fault_in_limits(None, off) is None:
                chosen[target.metric] = target
        chosen.update((threshold.metric, replace(threshold, roi=roi)) for threshold in self._given)
        return tuple(chosen.values())

    def judged(self, thresholds: Sequence[Threshold]) -> str:
        """One line: every threshold and where it came from, and what is not judged."""
        words = [f"{t.metric} {t.allowed} ({t.why.partition(':')[0]})" for t in thresholds]
        left = [target.metric for target in default_targets("")
                if target.metric not in {threshold.metric for threshold in thresholds}]
        return ", ".join(words) + (f"; not judged: {', '.join(left)}" if left else "")


@dataclass(frozen=True)
class StagedArguments:
    """Arguments that find their files in a folder of copies: of both engines, and of each alone; with what there is
    to say about it. ``sources`` are the files that were copied, by the name of the copy."""

    command: tuple[str, ...]
    reference_args: tuple[str, ...]
    subject_args: tuple[str, ...]
    notes: tuple[str, ...]
    sources: Mapping[str, str]


def require_options(arguments: Sequence[str]) -> None:
    """Raise UsageError for words that are no nanoBragg command line: the first is no option."""
    if not arguments[0].startswith("-"):
        raise UsageError(f"{arguments[0]}: nanoBragg arguments begin with an option, such as -mat",
                         hint="nb-compare [options] -- -mat A.mat ..., or nb-compare COMMAND [options] ...")


def refuse_near_options(arguments: Sequence[str], subject_args: Sequence[str] = ()) -> None:
    """Raise UsageError where a word is nearly an option, which the C program would pass over in silence; not where the
    subject is told to do so too."""
    faults = [] if reads_like_c((*arguments, *subject_args)) else list(nearly_options(arguments))
    if faults:
        raise UsageError("the command is not what it was meant to be; nothing was run", faults=faults,
                         hint="programs that do know such an option are compared by a case that says options: own; "
                              '--py-args "-emulate argv" has the bundled simulator pass over it as the C program does')


def stage_arguments(arguments: Sequence[str], c_args: Sequence[str], py_args: Sequence[str],
                    folder: Path) -> StagedArguments:
    """Copy every file that the arguments read into the new ``folder``; a float file of the user's own is left out.

    A path becomes the name of its copy, in plain characters. Raises UsageError for a file that is not there, FileError
    for one that cannot be copied.
    """
    arguments, drawn = _with_a_seed(arguments)
    command, notes = _without_float_file(arguments)
    folder.mkdir()
    names: dict[Path, str] = {}
    own = {key: _staged((*command, *words), folder, names) for key, words in (("c", c_args), ("py", py_args))}
    size = len(command)
    return StagedArguments(own["c"][:size], own["c"][size:], own["py"][size:],
                           (*drawn, *notes, *_left_over_dump((*command, *c_args), folder)),
                           {name: str(source) for source, name in names.items() if source != Path(name).absolute()})


def _with_a_seed(arguments: Sequence[str]) -> tuple[Sequence[str], list[str]]:
    """The arguments with a seed for a random orientation that has none, and a word of it. The seed stands first, where
    the C program reads nothing else into it."""
    if not unseeded_orientation(arguments):
        return arguments, []
    seed = str(1 + secrets.randbelow(_LARGEST_SEED))
    note = f"-misset random has no seed: both engines were given -misset_seed {seed}"
    return ("-misset_seed", seed, *arguments), [note]


def _without_float_file(arguments: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    command = parse_command(arguments)
    notes = [f"{item} was replaced: each engine writes its own float image"
             for item in command.items if item.name == FLOAT_OPTION]
    return command.without(FLOAT_OPTION).argv, notes


def _staged(whole: Sequence[str], folder: Path, names: dict[Path, str]) -> tuple[str, ...]:
    """A command line that finds its files in the folder; ``names`` are the copies that are there, by their source."""
    command = parse_command(whole)
    read = command.reading()
    return tuple(token for item in command.items
                 for token in (item.word, *((_copied(item, folder, names),) if item in read else item.values)))


def _copied(item: WrittenOption, folder: Path, names: dict[Path, str]) -> str:
    """The name of the copy of the file that an option names; the word itself where that will do."""
    given = item.values[0]
    source = Path(given).absolute()
    if os.path.isdir(source):
        raise UsageError(f"{item}: that is a folder, and a file is needed")
    if not os.path.isfile(source):
        raise UsageError(f"{item}: there is no such file in {Path.cwd()}")
    if source not in names:
        name = _NOT_PLAIN.sub("_", source.name).lstrip("._-") or "file"
        while name in names.values() or name == FLOAT_FILE:
            name = f"copy-{name}"
        copy_input(source, folder / name)
        names[source] = name
    return names[source]


def _left_over_dump(whole: Sequence[str], folder: Path) -> Iterator[str]:
    """Where a command names no structure factors, nanoBragg reads the dump that an earlier run left in the folder.

    It is copied where the command has nothing else to go by, and only mentioned where it has -default_F.
    """
    command, dump = parse_command(whole), Path(DUMP_BY_DEFAULT)
    if command.has("-hkl", "-dump") or not dump.is_file():
        return
    if command.has("-default_F"):
        yield f"{dump} of this folder is not given to the engines; where it is meant, name it with -dump"
    else:
        copy_input(dump, folder / dump)
        yield f"{dump} of this folder is given to the engines, as the command names no structure factors"


def with_inputs(case: Case, data: Path) -> Case:
    """The case with every file of ``data`` as an input that lies in the folder of that name beside it."""
    return replace(case, inputs=tuple(CaseInput(path.name, None, f"{data.name}/{path.name}", sha256_of(path))
                                      for path in sorted(data.iterdir())))


def one_shot_case(arguments: StagedArguments, options: OneShotOptions, data: Path) -> Case:
    """The case that a bare command line amounts to, with the thresholds of the options."""
    shape = declared_shape((*arguments.command, *arguments.reference_args), data)
    (roi,) = allow_weak((_region(options.roi, shape),), options.allow_weak)
    case = Case(name=ONE_SHOT, title=ONE_SHOT, command=arguments.command, shape=shape, rois=(roi,),
                thresholds=options.thresholds(roi.name), reference_args=arguments.reference_args,
                subject_args=arguments.subject_args)
    limits = replace(case.limits, reference_seconds=options.seconds, subject_seconds=options.seconds)
    return replace(case, limits=limits)


def _region(bounds: tuple[int, int, int, int] | None, shape: Shape) -> Roi:
    if bounds is None:
        return Roi.full(shape)
    roi = Roi("roi", *bounds)
    fault = roi.fault_in(shape)
    if fault:
        raise UsageError(f"--roi {' '.join(map(str, bounds))}: {fault}")
    return roi
