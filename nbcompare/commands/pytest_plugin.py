"""The pytest plugin: parity cases as tests, and fixtures for people's own tests. It does nothing until it is used.

A file ``*.parity.yaml`` is a case like any other; each of its thresholds is a test for each of its regions. The case is
run once for all of them, also where pytest-xdist deals them to several processes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import numpy as np

    from nbcompare.bundle.bundle import Bundle
    from nbcompare.case.threshold import Threshold
    from nbcompare.verdict.verdict import Verdict

SUFFIX = ".parity.yaml"
_BUNDLES = pytest.StashKey[dict[Path, Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nb-compare", "parity of two implementations")
    group.addoption("--nb-bundles", metavar="DIR", default="bundles", help="where bundles of parity cases are kept")
    group.addoption("--nb-update-reference", action="store_true",
                    help="write golden images anew; each test that writes one fails once, so that nobody misses it")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "parity: a test of two implementations against each other (nb-compare)")
    config.stash[_BUNDLES] = {}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ParityFile | None:
    if not file_path.name.endswith(SUFFIX):
        return None
    found: ParityFile = ParityFile.from_parent(parent, path=file_path)
    return found


class ParityFailure(Exception):
    """A threshold that does not hold, or a case that could not be judged; the text says all."""


class ParityFile(pytest.File):
    """A case file: one test for each threshold in each region."""

    def collect(self) -> Iterator[pytest.Item]:
        from nbcompare.case.case import cells_of, load_case
        from nbcompare.errors import NbCompareError

        try:
            case = load_case(self.path)
            cells = cells_of(case)
        except NbCompareError as fault:
            raise self.CollectError(str(fault)) from None
        for cell in cells:
            before = f"{cell.name}: " if case.matrix else ""
            for at, threshold in enumerate(cell.thresholds):
                name = f"{before}{threshold.roi}: {threshold.metric} {threshold.allowed}"
                yield ParityItem.from_parent(self, name=name, cell=cell.name, at=at)


class ParityItem(pytest.Item):
    """One threshold of a case in one region."""

    def __init__(self, *, cell: str, at: int, **more: Any):
        super().__init__(**more)
        self.cell, self.at = cell, at
        self.add_marker("parity")

    def runtest(self) -> None:
        from nbcompare.verdict.verdict import Label

        bundle = _bundle_of(self.config, self.path, self.cell)
        verdict = bundle.verdict
        check = verdict.checks[self.at] if len(verdict.checks) > self.at else None
        held = check is not None and (check.holds or verdict.word is Label.PROVEN)
        if not held or (not verdict.accepted and all(entry.holds for entry in verdict.checks)):
            raise ParityFailure(_report(bundle, check.sentence if check else ""))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from nbcompare.errors import NbCompareError

        if isinstance(excinfo.value, ParityFailure | NbCompareError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: {self.name}"


def _report(bundle: Bundle, sentence: str) -> str:
    import click

    from nbcompare.commands.views.terminal import bundle_report

    return click.unstyle("\n".join([*([sentence] if sentence else []), bundle_report(bundle)]))


# --- one run for all --------------------------------------------------------------------------------------


def _bundle_of(config: pytest.Config, case: Path, cell: str) -> Bundle:
    """The bundle of a cell, run by whoever needs it first. A run that could not be made is tried by each test again."""
    from nbcompare.bundle.bundle import load_bundle

    key = case / cell
    known = config.stash[_BUNDLES]
    if key not in known:
        with _shared(config, str(key)) as note:
            if not note.is_file():
                note.write_text(json.dumps(str(_run(config, case, cell))), encoding="utf-8")
            known[key] = Path(json.loads(note.read_text(encoding="utf-8")))
    return load_bundle(known[key])


@contextmanager
def _shared(config: pytest.Config, key: str) -> Iterator[Path]:
    """The file in which the processes of one test session tell each other what was run, while the others wait."""
    import fcntl
    import tempfile

    session = getattr(config, "workerinput", {}).get("testrunuid") or f"{os.getpid()}-{id(config)}"
    folder = Path(tempfile.gettempdir()) / f"nb-compare-pytest-{os.getuid()}-{session}"
    folder.mkdir(mode=0o700, exist_ok=True)
    note = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    with open(note.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield note


def _run(config: pytest.Config, path: Path, cell: str) -> Path:
    from nbcompare.case.case import cell_named, load_case
    from nbcompare.run.api import run_case

    bundles = config.rootpath / config.getoption("--nb-bundles")
    return run_case(cell_named(load_case(path), cell), bundles=bundles).folder.resolve()


# --- fixtures ---------------------------------------------------------------------------------------------

Limits = Mapping[str, float | tuple[float | None, float | None]]
"""Thresholds by metric: (least, most), or one number, the most that a metric of differences may be."""


@dataclass(frozen=True)
class Parity:
    """What the fixture ``parity`` gives: every method fails the test with a report, or returns what was found."""

    config: pytest.Config
    folder: Path

    def case(self, path: str | Path, **options: Any) -> Bundle:
        """Run a case, from the folder of the test; options are those of nbcompare.run_case."""
        from nbcompare.run.api import run_case

        options.setdefault("bundles", self.config.rootpath / self.config.getoption("--nb-bundles"))
        bundle = run_case(self.folder / path, **options)
        if not bundle.verdict.accepted:
            pytest.fail(_report(bundle, ""), pytrace=False)
        return bundle

    def images(self, reference: np.ndarray, subject: np.ndarray, **limits: float | tuple[float | None, float | None]
               ) -> Verdict:
        """Judge two arrays [slow, fast] by thresholds by metric, such as ``correlation=(0.9995, None)``."""
        return _judge(reference, subject, limits)

    def callables(self, reference: Callable[..., np.ndarray], subject: Callable[..., np.ndarray], *arguments: Any,
                  limits: Limits, **options: Any) -> Verdict:
        """Call both with the same arguments and judge the arrays they return."""
        return _judge(reference(*arguments, **options), subject(*arguments, **options), limits)

    def golden(self, image: np.ndarray, name: str, **limits: float | tuple[float | None, float | None]) -> Verdict:
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
        return _judge(np.load(path, allow_pickle=False), image, limits)


def _judge(reference: np.ndarray, subject: np.ndarray, limits: Limits) -> Verdict:
    from nbcompare.errors import NbCompareError
    from nbcompare.run.api import compare_images, judge

    try:
        thresholds = _thresholds(limits)
        comparison = compare_images(reference, subject, figures=[(entry.metric, entry.roi) for entry in thresholds])
    except NbCompareError as fault:
        pytest.fail(str(fault), pytrace=False)
    verdict = judge(comparison, thresholds)
    if not verdict.accepted:
        worst = comparison.regions[0].worst
        pytest.fail("\n".join([str(verdict.word), *verdict.reasons,
                               f"largest difference at fast {worst.x} slow {worst.y}: reference {worst.reference}, "
                               f"subject {worst.subject}"]), pytrace=False)
    return verdict


def _thresholds(limits: Limits) -> Sequence[Threshold]:
    from nbcompare.case.threshold import Threshold
    from nbcompare.compare.metrics import METRICS
    from nbcompare.errors import UsageError, nearest

    found = []
    for metric, limit in limits.items():
        if metric not in METRICS:
            raise UsageError(f"there is no metric {metric!r}; {nearest(metric, METRICS)}")
        low, high = limit if isinstance(limit, tuple) else (None, limit)
        if low is None and high is None:
            raise UsageError(f"{metric} needs a least or a most value; without any it could never fail")
        found.append(Threshold(metric, "full", low, high, "given by the test"))
    return found


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Parity:
    """Run cases, call two implementations, hold arrays against each other or against golden images."""
    return Parity(request.config, request.path.parent)


@pytest.fixture
def parity_images() -> Callable[..., Verdict]:
    """``parity_images(reference, subject, correlation=(0.9995, None), max_abs_diff=1e-3)`` judges two arrays."""

    def judged(reference: np.ndarray, subject: np.ndarray, **limits: float | tuple[float | None, float | None]
               ) -> Verdict:
        return _judge(reference, subject, limits)

    return judged
