"""The Python interface: a few typed functions for people's own scripts and tests; ``import nbcompare`` gives them.

    bundle = nbcompare.run_case("case.yaml", subject="python -m myport")
    assert bundle.verdict.accepted, bundle.verdict.reasons

Errors a user can mend are NbCompareError and its kinds, each with a message and a hint. That images differ, or that an
engine failed, is no error: it is a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.bundle.bundle import Bundle
from nbcompare.case.case import Case
from nbcompare.case.case import load_case as _load_case
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

__all__ = ["Bundle", "Case", "Comparison", "NbCompareError", "Roi", "Shape", "Threshold", "Verdict", "compare_images",
           "diagnose", "judge", "load_case", "open_bundle", "run_case"]


def load_case(path: str | Path) -> Case:
    """Read and check a case file. Raises CaseError with file, line and column."""
    return _load_case(Path(path))


def run_case(case: str | Path | Case, *, reference: str | Path | None = None, subject: str | Path | None = None,
             inputs: Mapping[str, str | Path] | None = None, bundles: str | Path = "bundles",
             fresh: bool = False, quiet: bool = True) -> Bundle:
    """Run both engines on a case, compare, judge, and publish the bundle; its ``verdict`` is the answer.

    ``reference`` and ``subject`` are programs or command lines, as --c-bin and --py-bin take them; without them the
    case's or the project's declaration, the environment and the bundled engines are asked, in this order. ``inputs``
    puts files in place of the case's, by name. Where ``bundles`` holds the very run of the reference that would be
    made, its image is taken, unless ``fresh`` is given; the record says so (``reference_from``). Raises CaseError or
    UsageError before anything is run when the case, an engine or an input cannot be used, and FileError when no bundle
    can be written.
    """
    from nbcompare.case.case import parse_input_override
    from nbcompare.engine.progress import Progress
    from nbcompare.run.one_case import run_case as run
    from nbcompare.run.options import RunOptions

    loaded = case if isinstance(case, Case) else load_case(case)
    if loaded.matrix:
        raise UsageError(f"{loaded.name}: this case is a matrix of cells, of which run_case makes none",
                         hint="nb-compare sweep makes them")
    options = RunOptions(c_bin=str(reference) if reference else None, py_bin=str(subject) if subject else None,
                         bundles=Path(bundles),
                         inputs=dict(parse_input_override(f"{name}={path}", loaded)
                                     for name, path in (inputs or {}).items()),
                         invocation=("run", str(loaded.path or loaded.name)), fresh=fresh)
    return run(loaded, options, Progress(quiet=quiet))


def open_bundle(folder: str | Path, *, verify: bool = True) -> Bundle:
    """A stored bundle, verified first: every file, figure and the verdict must come out again.

    Raises EvidenceError when there is no bundle or it is damaged.
    """
    from nbcompare.bundle.bundle import load_bundle
    from nbcompare.bundle.check.verify import verified

    if verify:
        verified(Path(folder))
    return load_bundle(Path(folder))


def compare_images(reference: np.ndarray, subject: np.ndarray, rois: Sequence[Roi] = (), *,
                   figures: Sequence[tuple[str, str]] = (), masks: Masks | None = None,
                   skip_nonfinite: bool = False) -> Comparison:
    """The figures of two images, arrays [slow, fast] of any real dtype, on each region (default: the whole image).

    ``figures`` names (metric, region) pairs to take beside the default ones; ``masks`` are boolean arrays of both
    images, True where a pixel is no measurement. Raises ShapeError when the shapes differ or are none of an image, and
    UsageError for one array in both places, for what is no array of real numbers (a masked array: its mask would be
    lost) and for a region that does not lie in the image.
    """
    from nbcompare.run.given_arrays import checked_regions, two_images

    reference, subject = two_images(reference, subject)
    shape = Shape(*reference.shape)
    return _compare_images(reference, subject, checked_regions(rois, shape) or (Roi.full(shape),), further=figures,
                           masks=masks, skip_nonfinite=skip_nonfinite)


def judge(comparison: Comparison, thresholds: Sequence[Threshold]) -> Verdict:
    """Hold every threshold against its figure; without any threshold the verdict is BLOCKED, never a pass.

    Raises UsageError for a metric that there is not, and for a threshold that could never fail.
    """
    from nbcompare.run.given_arrays import checked_thresholds

    return _judge(comparison, checked_thresholds(thresholds))


def diagnose(reference: np.ndarray, subject: np.ndarray, arguments: Sequence[str] = (), *,
             inputs: str | Path = ".", budget_s: float = 0.0) -> list[Cause]:
    """What may have caused the difference of two float32 images [slow, fast] of one shape, the likeliest first.

    ``arguments`` is the nanoBragg command line of the reference and ``inputs`` the folder of its files. With a budget
    in seconds, hypotheses are tested by running the bundled simulator; without, the images alone are looked at.
    Raises ShapeError for two shapes, and UsageError as ``compare_images`` does.
    """
    from nbcompare.explain.diagnose.diagnose import DiagnosisOptions
    from nbcompare.explain.diagnose.diagnose import diagnose as ask
    from nbcompare.explain.diagnose.question import Question
    from nbcompare.run.given_arrays import two_images_of_one_shape

    reference, subject = two_images_of_one_shape(reference, subject)
    options = DiagnosisOptions(budget_s=budget_s or 1.0, quick=not budget_s)
    return list(ask(Question(reference, subject, arguments, Path(inputs)), options).causes)
