"""The fixtures of the pytest plugin, for people's own tests: two arrays judged by the same thresholds as a case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from nbcompare.commands.pytest_judged import Judging, begin, begun, remembered
from nbcompare.commands.pytest_limits import Limit, Limits, Marked, marked, together

if TYPE_CHECKING:
    import numpy as np

    from nbcompare.bundle.bundle import Bundle
    from nbcompare.case.threshold import Threshold
    from nbcompare.compare.image import Roi
    from nbcompare.verdict.verdict import Verdict

_NO_LIMITS: Limits = MappingProxyType({})


def report_of(bundle: Bundle, sentence: str) -> str:
    """The report of ``nb-compare run``, after the sentence that fails."""
    import click

    from nbcompare.commands.views.terminal import bundle_report

    return click.unstyle("\n".join([*([sentence] if sentence else []), bundle_report(bundle)]))


@dataclass(frozen=True)
class Parity:
    """What the fixture ``parity`` gives: every method fails the test with a report, or returns what was found.

    Arrays are judged by the limits that are given; else by those of the test's ``parity`` markers, or by the regions
    and thresholds of the case that they name.
    """

    node: pytest.Item
    marked: Marked
    asked: Judging

    @property
    def folder(self) -> Path:
        return self.node.path.parent

    @remembered
    def case(self, path: str | Path | None = None, **options: Any) -> Bundle:
        """Run a case, from the folder of the test; options are those of nbcompare.run_case."""
        from nbcompare.errors import NbCompareError
        from nbcompare.run.api import run_case

        config, named = self.node.config, self.marked.case if path is None else self.folder / path
        if named is None:
            pytest.fail("parity.case needs a case: its path, or that of the marker", pytrace=False)
        options.setdefault("bundles", config.rootpath / config.getoption("--nb-bundles"))
        options.setdefault("fresh", config.getoption("--nb-fresh"))
        try:
            bundle = run_case(named, **options)
        except NbCompareError as fault:
            said = str(fault)
        else:
            if bundle.verdict.accepted:
                return bundle
            said = report_of(bundle, "")
        pytest.fail(said, pytrace=False)

    @remembered
    def images(self, reference: np.ndarray, subject: np.ndarray, limits: Limits = _NO_LIMITS, **more: Limit) -> Verdict:
        """Judge two arrays [slow, fast] by thresholds by metric, such as ``correlation=(0.9995, None)``, each as an
        argument of its own or all of them in ``limits``, as ``callables`` takes them."""
        from nbcompare.errors import NbCompareError
        from nbcompare.run.given_arrays import two_images

        try:
            first, second = two_images(reference, subject)
            rois, thresholds = self._asked_for(together(limits, more), first.shape)
            return self._judge(first, second, rois, thresholds)
        except NbCompareError as fault:
            said = str(fault)
        pytest.fail(said, pytrace=False)

    @remembered
    def callables(self, reference: Callable[..., np.ndarray], subject: Callable[..., np.ndarray], *arguments: Any,
                  limits: Limits = _NO_LIMITS, **options: Any) -> Verdict:
        """Call both with the same arguments and judge the arrays they return, each as it was when it was returned.

        It is no comparison where both are one function, where they return one array, and where the first changed an
        array among the arguments, from which the second would start.
        """
        from nbcompare.errors import NbCompareError, UsageError
        from nbcompare.run.given_arrays import one_image, two_images, unchanged

        try:
            if reference == subject:
                raise UsageError("reference and subject are one function: what is compared with itself shows nothing")
            with unchanged((*arguments, *options.values()), "the reference"):
                first = reference(*arguments, **options)
            kept = one_image(first, "reference").copy()
            second = subject(*arguments, **options)
            two_images(first, second)
        except NbCompareError as fault:
            said = str(fault)
        else:
            return self.images(kept, second, limits)
        pytest.fail(said, pytrace=False)

    @remembered
    def golden(self, image: np.ndarray, name: str, limits: Limits = _NO_LIMITS, **more: Limit) -> Verdict:
        """Judge an array against golden/NAME.npy beside the test.

        A golden that is missing is a failure; --nb-update-reference writes it, and the test fails that once.
        """
        from nbcompare.commands.pytest_golden import golden_path, read_golden, write_golden
        from nbcompare.errors import NbCompareError

        try:
            path = golden_path(self.folder, name)
            if self.node.config.getoption("--nb-update-reference"):
                said = write_golden(path, image)
            else:
                return self.images(read_golden(path, begun(self.node.config)), image, limits, **more)
        except NbCompareError as fault:
            said = str(fault)
        pytest.fail(said, pytrace=False)

    def _asked_for(self, limits: Limits, shape: tuple[int, ...]) -> tuple[Sequence[Roi], Sequence[Threshold]]:
        """Regions (none: the whole image) and thresholds. Raises UsageError, ShapeError or CaseError."""
        from nbcompare.commands.pytest_limits import case_for_arrays, thresholds_of

        if not limits and self.marked.case:
            case = case_for_arrays(self.marked.case, shape)
            return case.rois, case.thresholds
        return (), thresholds_of(limits or self.marked.limits)

    def _judge(self, reference: np.ndarray, subject: np.ndarray, rois: Sequence[Roi],
               thresholds: Sequence[Threshold]) -> Verdict:
        """The verdict on two arrays; anything but an accepted one fails the test, and what hardly fails is told."""
        from nbcompare.case.weak_thresholds import weaknesses
        from nbcompare.run.api import WeakThresholds, compare_images
        from nbcompare.verdict.verdict import judge

        comparison = compare_images(reference, subject, rois, figures=[(entry.metric, entry.roi)
                                                                       for entry in thresholds])
        verdict = judge(comparison, thresholds)
        if not verdict.accepted:
            worst = comparison.regions[0].worst
            first, *others = verdict.reasons  # pytest's summary is made of the first line
            said = [f"{verdict.word}: {first}", *others, f"largest difference at fast {worst.x} slow {worst.y}: "
                    f"reference {worst.reference}, subject {worst.subject}"]
            pytest.fail("\n".join(said), pytrace=False)
        for weak in weaknesses(thresholds, [region.roi for region in comparison.regions]):
            self.node.warn(WeakThresholds(weak.sentence))
        return verdict


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Parity:
    """Run cases, call two implementations, hold arrays against each other or against golden images."""
    from nbcompare.errors import NbCompareError

    asked = begin(request.node)
    try:
        return Parity(request.node, marked(request.node), asked)
    except NbCompareError as fault:
        asked.failed.append(str(fault))
    pytest.fail(asked.failed[-1], pytrace=False)


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
