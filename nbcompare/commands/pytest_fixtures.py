"""The fixtures of the pytest plugin, for people's own tests: two arrays judged by the same thresholds as a case."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import numpy as np

    from nbcompare.bundle.bundle import Bundle
    from nbcompare.case.threshold import Threshold
    from nbcompare.compare.image import Roi
    from nbcompare.verdict.verdict import Verdict

Limit = float | tuple[float | None, float | None]
Limits = Mapping[str, Limit]
"""Thresholds by metric: (least, most), or one number, the most that a metric of differences may be."""


def report_of(bundle: Bundle, sentence: str) -> str:
    """The report of ``nb-compare run``, after the sentence that fails."""
    import click

    from nbcompare.commands.views.terminal import bundle_report

    return click.unstyle("\n".join([*([sentence] if sentence else []), bundle_report(bundle)]))


@dataclass(frozen=True)
class Parity:
    """What the fixture ``parity`` gives: every method fails the test with a report, or returns what was found.

    Arrays are judged by the limits that are given; else by those of the test's ``parity`` marker, or by the regions and
    thresholds of the case that it names.
    """

    config: pytest.Config
    folder: Path
    marked: Limits
    marked_case: str | None

    def case(self, path: str | Path | None = None, **options: Any) -> Bundle:
        """Run a case, from the folder of the test; options are those of nbcompare.run_case."""
        from nbcompare.run.api import run_case

        named = path or self.marked_case
        if named is None:
            pytest.fail("parity.case needs a case: its path, or that of the marker", pytrace=False)
        options.setdefault("bundles", self.config.rootpath / self.config.getoption("--nb-bundles"))
        options.setdefault("fresh", self.config.getoption("--nb-fresh"))
        bundle = run_case(self.folder / named, **options)
        if not bundle.verdict.accepted:
            pytest.fail(report_of(bundle, ""), pytrace=False)
        return bundle

    def images(self, reference: np.ndarray, subject: np.ndarray, limits: Limits = MappingProxyType({}),
               **more: Limit) -> Verdict:
        """Judge two arrays [slow, fast] by thresholds by metric, such as ``correlation=(0.9995, None)``, each as an
        argument of its own or all of them in ``limits``, as ``callables`` takes them."""
        from nbcompare.errors import NbCompareError

        try:
            rois, thresholds = self._asked({**limits, **more})
            return _judge(reference, subject, rois, thresholds)
        except NbCompareError as fault:
            said = str(fault)
        pytest.fail(said, pytrace=False)

    def callables(self, reference: Callable[..., np.ndarray], subject: Callable[..., np.ndarray], *arguments: Any,
                  limits: Limits = MappingProxyType({}), **options: Any) -> Verdict:
        """Call both with the same arguments and judge the arrays they return."""
        return self.images(reference(*arguments, **options), subject(*arguments, **options), limits)

    def golden(self, image: np.ndarray, name: str, limits: Limits = MappingProxyType({}), **more: Limit) -> Verdict:
        """Judge an array against golden/NAME.npy beside the test.

        A golden that is missing is a failure; --nb-update-reference writes it, and the test fails that once.
        """
        import numpy as np

        path = self.folder / "golden" / f"{name}.npy"
        if self.config.getoption("--nb-update-reference"):
            path.parent.mkdir(exist_ok=True)
            np.save(path, image)
            pytest.fail(f"{path} was written anew, as --nb-update-reference asks; look at it, commit it with where it "
                        "comes from, and run the test again without the option", pytrace=False)
        if not path.is_file():
            pytest.fail(f"there is no golden image {path}; --nb-update-reference writes it", pytrace=False)
        return self.images(np.load(path, allow_pickle=False), image, limits, **more)

    def _asked(self, limits: Limits) -> tuple[Sequence[Roi], Sequence[Threshold]]:
        """Regions (none: the whole image) and thresholds. Raises UsageError or CaseError."""
        from nbcompare.case.case import load_case

        if not limits and self.marked_case:
            case = load_case(self.folder / self.marked_case)
            return case.rois, case.thresholds
        return (), _thresholds(limits or self.marked)


def _judge(reference: np.ndarray, subject: np.ndarray, rois: Sequence[Roi], thresholds: Sequence[Threshold]) -> Verdict:
    """The verdict on two arrays; anything but an accepted one fails the test. Raises ShapeError for two shapes."""
    from nbcompare.run.api import WeakThresholds, compare_images, judge

    comparison = compare_images(reference, subject, rois, figures=[(entry.metric, entry.roi) for entry in thresholds])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeakThresholds)
        verdict = judge(comparison, thresholds)
    if not verdict.accepted:
        worst = comparison.regions[0].worst
        pytest.fail("\n".join([str(verdict.word), *verdict.reasons,
                               f"largest difference at fast {worst.x} slow {worst.y}: reference {worst.reference}, "
                               f"subject {worst.subject}"]), pytrace=False)
    return verdict


def _thresholds(limits: Limits) -> Sequence[Threshold]:
    """Raises UsageError for a metric that there is not, and for a limit that could never fail."""
    from nbcompare.case.threshold import Threshold
    from nbcompare.run.given_limits import checked_thresholds

    found = []
    for metric, limit in limits.items():
        low, high = limit if isinstance(limit, tuple) else (None, limit)
        found.append(Threshold(metric, "full", low, high, "given by the test"))
    return checked_thresholds(found)


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Parity:
    """Run cases, call two implementations, hold arrays against each other or against golden images."""
    marker = request.node.get_closest_marker("parity")
    named = dict(marker.kwargs) if marker else {}
    case = marker.args[0] if marker and marker.args else named.pop("case", None)
    return Parity(request.config, request.path.parent, named, case)


@pytest.fixture
def parity_images(parity: Parity) -> Callable[..., Verdict]:
    """``parity_images(reference, subject, correlation=(0.9995, None), max_abs_diff=1e-3)`` judges two arrays."""
    return parity.images


@pytest.fixture
def nb_device(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[str]:
    """The name of the device that --nb-device asks for, cpu or cuda; on cuda the test fails unless it allocates memory
    there. Mapped tests on CUDA count where they take it."""
    from nbcompare.run.pytest_plugin.nb_compare_report import device_in_use

    yield from device_in_use(request.config.getoption("--nb-device"), record_property)
