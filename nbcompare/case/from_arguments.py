"""A case made of a command line: what one-shot, trace and reduce take instead of a case file."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.case.case import Case
from nbcompare.case.command import declared_shape
from nbcompare.case.options import FILE_OPTIONS, FLOAT_FILE_OPTIONS
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.pictures import DEFAULT_PERCENTILE
from nbcompare.errors import UsageError

DEFAULT_CORRELATION = 0.9995

DEFAULT_SUM_RATIO = (0.9, 1.1)


@dataclass(frozen=True)
class OneShotOptions:
    """What the user said before the ``--``."""

    outdir: Path | None = None
    roi: tuple[int, int, int, int] | None = None
    correlation: float = DEFAULT_CORRELATION
    sum_ratio: tuple[float, float] | None = DEFAULT_SUM_RATIO
    resample: bool = False
    percentile: float = DEFAULT_PERCENTILE
    save_diff: bool = False
    c_bin: str | None = None
    py_bin: str | None = None
    c_args: tuple[str, ...] = ()
    py_args: tuple[str, ...] = ()
    seconds: float = 3600.0
    trust_case: bool = False


def without_float_file(arguments: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """The arguments without a float file of the user's own, and a note when there was one."""
    kept, notes, words = [], [], iter(arguments)
    for word in words:
        if word in FLOAT_FILE_OPTIONS:
            given = next(words, "")
            notes.append(f"{word} {given} was replaced: each engine writes its own float image")
        else:
            kept.append(word)
    return tuple(kept), notes


def stage_file_arguments(arguments: Sequence[str], folder: Path) -> list[str]:
    """Copy the files that the arguments name into ``folder`` and return the arguments that find them there.

    A plain or downward relative name is kept as it is; any other path becomes absolute. Raises
    UsageError for a file that is not there.
    """
    folder.mkdir()
    words = list(arguments)
    for i, word in enumerate(words[:-1]):
        if word not in FILE_OPTIONS:
            continue
        given = Path(words[i + 1])
        if not given.is_file():
            raise UsageError(f"{word} {given}: there is no such file in {Path.cwd()}")
        if given.is_absolute() or ".." in given.parts:
            words[i + 1] = str(given.absolute())
        else:
            (folder / given).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(given, folder / given)
    return words


def one_shot_case(command: tuple[str, ...], options: OneShotOptions, data: Path) -> Case:
    """The case that a bare command line amounts to, with the thresholds of the options."""
    shape = declared_shape((*command, *options.c_args), data)
    roi = _region(options.roi, shape)
    thresholds = [Threshold("correlation", roi.name, options.correlation, None, "--threshold")]
    if options.sum_ratio:
        why = "a correlation cannot see a scale error"
        thresholds.append(Threshold("sum_ratio", roi.name, *options.sum_ratio, why))
    case = Case(name="one-shot", title="one-shot", command=command, shape=shape, rois=(roi,),
                thresholds=tuple(thresholds), reference_args=options.c_args, subject_args=options.py_args)
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
