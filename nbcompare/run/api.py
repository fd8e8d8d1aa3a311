"""The Python interface: a few typed functions for people's own scripts and tests; ``import nbcompare`` gives them.

    bundle = nbcompare.run_case("case.yaml", subject="python -m myport")
    assert bundle.verdict.accepted, bundle.verdict.reasons

Errors a user can mend are NbCompareError and its kinds, each with a message and a hint. That images differ, or that an
engine failed, is no error: it is a verdict.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.bundle.bundle import Bundle
from nbcompare.case.case import Case
from nbcompare.case.case_file import load_case as _load_case
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, Masks
from nbcompare.compare.compare import compare_images as _compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.errors import NbCompareError, UsageError
from nbcompare.verdict.verdict import Verdict
from nbcompare.verdict.verdict import judge as _judge

if TYPE_CHECKING:
    import numpy as np

    from nbcompare.explain.diagnose.cause import Cause

class WeakThresholds(UserWarning):
    """Thresholds that can fail and hardly do: a pass has to be read with it."""


__all__ = ["Bundle", "Case", "Comparison", "NbCompareError", "Roi", "Shape", "Threshold", "Verdict", "WeakThresholds",
           "compare_images", "diagnose", "judge", "load_case", "open_bundle", "run_case"]


def load_case(path: str | Path) -> Case:
    """Read and check a case file. Raises CaseError with file, line and column, UsageError for what is no path."""
    from nbcompare.run.given_words import checked_path

    return _load_case(checked_path(path, "path"))


def run_case(case: str | Path | Case, *, reference: str | Path | None = None, subject: str | Path | None = None,
             inputs: Mapping[str, str | Path] | None = None, bundles: str | Path = "bundles",
             fresh: bool = False, quiet: bool = True, sandbox: bool = False,
             side_by_side: bool = False) -> Bundle:
    """Run both engines on a case, compare, judge, and publish the bundle; its ``verdict`` is the answer.

    ``reference`` and ``subject`` are programs or command lines, as --c-bin and --py-bin take them; without them the
    case's or the project's declaration, the environment and the bundled engines are asked, in this order. ``inputs``
    puts files in place of the case's, by name. Where ``bundles`` holds the very run of the reference that would be
    made, its image is taken, unless ``fresh`` is given; the record says so (``reference_from``).
    ``sandbox`` confines engines and mapped tests; with it ``side_by_side`` lets both engines run at once where there
    is room. Raises CaseError or UsageError before anything is run when the case, an engine or an input cannot be used
    (also for an empty program, and for a Case that is not what its file says), and FileError when no bundle can be
    written.
    """
    from nbcompare.case.inputs import parse_input_override
    from nbcompare.engine.progress import Progress
    from nbcompare.run.given_words import (
        checked_case,
        checked_inputs,
        checked_path,
        checked_program,
        checked_switch,
        in_words_of_python,
    )
    from nbcompare.run.one_case import run_case as run
    from nbcompare.run.options import RunOptions

    loaded = checked_case(case)
    if loaded.matrix:
        raise UsageError(f"{loaded.name}: this case is a matrix of cells, of which run_case makes none",
                         hint="nb-compare sweep makes them")
    with in_words_of_python():
        options = RunOptions(c_bin=checked_program(reference, "reference"), py_bin=checked_program(subject, "subject"),
                             bundles=checked_path(bundles, "bundles"),
                             inputs=dict(parse_input_override(f"{name}={path}", loaded)
                                         for name, path in checked_inputs(inputs).items()),
                             invocation=("run", str(loaded.path)), fresh=checked_switch(fresh, "fresh"),
                             sandbox=checked_switch(sandbox, "sandbox"),
                             side_by_side=checked_switch(side_by_side, "side_by_side"))
        return run(loaded, options, Progress(quiet=checked_switch(quiet, "quiet")))


def open_bundle(folder: str | Path, *, verify: bool = True) -> Bundle:
    """A stored bundle, verified first: every file, figure and the verdict must come out again. Of a sealed archive
    ARCHIVE.zip/CELL; its files are in a folder of this process then, which goes when it ends.

    Raises EvidenceError when there is no bundle or it is damaged, UsageError for what is no path.
    """
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.check.archived import verify_member
    from nbcompare.bundle.check.verify import intact
    from nbcompare.bundle.find import bundle_at
    from nbcompare.run.given_words import checked_path, checked_switch

    path, wanted = checked_path(folder, "folder"), checked_switch(verify, "verify")
    place = bundle_at(path)
    return intact(verify_member(place)) if wanted else load_bundle(place)


def compare_images(reference: np.ndarray, subject: np.ndarray, rois: Iterable[Roi] = (), *,
                   figures: Iterable[tuple[str, str]] = (), masks: Masks | None = None,
                   skip_nonfinite: bool = False) -> Comparison:
    """The figures of two images, arrays [slow, fast] of any real dtype, on each region (default: the whole image).

    ``figures`` names (metric, region) pairs to take beside the default ones; ``masks`` are boolean arrays of both
    images, True where a pixel is no measurement. Raises ShapeError when the shapes differ or are none of an image, and
    UsageError for two that share memory, for what is no array of real numbers that float64 holds (a masked array: its
    mask would be lost), and for a region, a figure or a mask that is none.
    """
    from nbcompare.run.given_arrays import checked_masks, two_images
    from nbcompare.run.given_limits import checked_figures, checked_regions
    from nbcompare.run.given_words import checked_switch

    first, second = two_images(reference, subject)
    shape = Shape(*first.shape)
    return _compare_images(first, second, checked_regions(rois, shape) or (Roi.full(shape),),
                           further=checked_figures(figures), masks=checked_masks(masks, shape),
                           skip_nonfinite=checked_switch(skip_nonfinite, "skip_nonfinite"))


def judge(comparison: Comparison, thresholds: Iterable[Threshold]) -> Verdict:
    """Hold every threshold against its figure; without any threshold the verdict is BLOCKED, never a pass.

    Thresholds that can fail and hardly do, and regions that none judges, are told as a WeakThresholds warning each.
    Raises UsageError for a metric that there is not, for a limit that is no number, and for a threshold that could
    never fail or never hold.
    """
    from nbcompare.case.weak_thresholds import weaknesses
    from nbcompare.run.given_limits import checked_comparison, checked_thresholds

    found, asked = checked_comparison(comparison), checked_thresholds(thresholds)
    rois = [region.roi for region in found.regions]
    idle = {roi.name for roi in rois} - {threshold.roi for threshold in asked} if asked else set()
    for sentence in (*(weak.sentence for weak in weaknesses(asked, rois)),
                     *(f"weak: region {name} was compared, and no threshold judges it" for name in sorted(idle))):
        warnings.warn(sentence, WeakThresholds, stacklevel=2)
    return _judge(found, asked)


def diagnose(reference: np.ndarray, subject: np.ndarray, arguments: Iterable[str] = (), *,
             inputs: str | Path = ".", budget_s: float = 0.0) -> list[Cause]:
    """What may have caused the difference of two images [slow, fast] of one shape, the likeliest first.

    ``arguments`` is the nanoBragg command line of the reference and ``inputs`` the folder of its files. With a budget
    in seconds, hypotheses are tested by running the bundled simulator; without, the images alone are looked at. Images
    that agree to the rounding of float32 have no cause. Raises ShapeError for two shapes, and UsageError as
    ``compare_images`` does, for a reference that is not finite, for a budget without arguments, and for a folder that
    there is not.
    """
    from nbcompare.explain.diagnose.diagnose import DiagnosisOptions
    from nbcompare.explain.diagnose.diagnose import diagnose as ask
    from nbcompare.explain.diagnose.question import Question
    from nbcompare.run.given_arrays import finite_reference, two_images
    from nbcompare.run.given_words import checked_arguments, checked_path, checked_seconds

    first, second = two_images(reference, subject)
    finite_reference(first)
    words, budget, folder = checked_arguments(arguments), checked_seconds(budget_s, "budget_s"), \
        checked_path(inputs, "inputs")
    if budget and not words:
        raise UsageError("budget_s= is for hypotheses about a command line: it needs arguments=")
    if not folder.is_dir():
        raise UsageError(f"inputs= takes a folder; there is none at {folder}")
    options = DiagnosisOptions(budget_s=budget or 1.0, quick=not budget)
    return list(ask(Question(first, second, words, folder), options).causes)
