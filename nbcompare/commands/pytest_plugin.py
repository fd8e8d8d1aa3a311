"""The pytest plugin: parity cases as tests, and fixtures for people's own tests. It does nothing until it is used.

A file ``*.parity.yaml`` is a case like any other; each of its thresholds is a test for each of its regions. The case is
run once for all of them, also where pytest-xdist deals them to several processes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nbcompare.commands.pytest_fixtures import nb_device, parity, parity_images, report_of
from nbcompare.commands.pytest_judged import (
    ASKED,
    begun,
    report,
    session_begins,
    swallowed,
    take_from_worker,
    unjudged,
    untold,
)

if TYPE_CHECKING:
    from nbcompare.bundle.bundle import Bundle
    from nbcompare.case.threshold import Threshold
    from nbcompare.verdict.verdict import Verdict

SUFFIXES = (".parity.yaml", ".parity.yml")
__all__ = ["nb_device", "parity", "parity_images"]
"""The fixtures."""

_OUTCOMES = pytest.StashKey[dict[Path, dict[str, str]]]()
"""Of each cell the folder of its bundle, or the fault by which there is none, as the processes of a session note it."""
_SHARED = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nb-compare", "parity of two implementations")
    group.addoption("--nb-bundles", metavar="DIR", default="bundles", help="where bundles of parity cases are kept")
    group.addoption("--nb-update-reference", action="store_true",
                    help="write golden images anew; each test that writes one fails once, so that nobody misses it")
    group.addoption("--nb-fresh", action="store_true",
                    help="run references also where a bundle of the case holds the very same run")
    with contextlib.suppress(ValueError):  # where nb-compare runs mapped tests, its own plugin has added it
        group.addoption("--nb-device", default="cpu", choices=("cpu", "cuda"), help="where nb_device tests run")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "parity(case=None, **limits): a test of two implementations against each other; "
                            "its fixtures judge by the thresholds of the case, or by the limits (nb-compare)")
    config.stash[_OUTCOMES] = {}
    session_begins(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist for each process that it starts: all share one folder of notes."""
    node.workerinput["nb_compare_notes"] = str(_notes_folder(node.config))
    node.workerinput["nb_compare_begun"] = begun(node.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SHARED in config.stash and not hasattr(config, "workerinput"):
        shutil.rmtree(config.stash[_SHARED], ignore_errors=True)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ParityFile | None:
    if not file_path.name.endswith(SUFFIXES):
        return None
    found: ParityFile = ParityFile.from_parent(parent, path=file_path)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test that asks for a judgement and gets none is no pass; one that failed or was skipped has said so itself."""
    yield
    said = unjudged(item)
    if said:
        pytest.fail(said, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """What a test swallowed while its fixtures were torn down."""
    yield
    asked = item.stash.get(ASKED, None)
    if asked is not None and asked.untold:
        pytest.fail(swallowed(asked), pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    made = yield
    report(item, made)
    return made


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Called by pytest-xdist for each of its processes when it ended."""
    take_from_worker(node.config, getattr(node, "workeroutput", {}).get("nb_compare_untold", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With a failure that no report tells, as it came after that or the session was left, no session is green."""
    said = untold(session.config)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["nb_compare_untold"] = said
    if said and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for at, said in enumerate(untold(config)):
        if not at:
            terminalreporter.section("nb-compare: comparisons that failed and no test reports", red=True)
        terminalreporter.line(said)


class ParityFailure(Exception):
    """A threshold that does not hold, or a case that could not be judged; the text says all."""


class ParityFile(pytest.File):
    """A case file: one test for each threshold in each region."""

    def collect(self) -> Iterator[pytest.Item]:
        from nbcompare.case.case_file import load_case
        from nbcompare.case.cells import cells_of
        from nbcompare.errors import NbCompareError

        try:
            case = load_case(self.path)
            cells = cells_of(case)
        except NbCompareError as fault:
            raise self.CollectError(str(fault)) from None
        for cell in cells:
            before = f"{cell.name}: " if case.matrix else ""
            for threshold in cell.thresholds:
                name = f"{before}{threshold.roi}: {threshold.metric} {threshold.allowed}"
                yield ParityItem.from_parent(self, name=name, cell=cell.name, threshold=threshold)
            if not cell.thresholds:  # an engine that has to refuse, say: its verdict is the test
                yield ParityItem.from_parent(self, name=f"{before}verdict", cell=cell.name, threshold=None)


class ParityItem(pytest.Item):
    """One threshold of a case in one region; the verdict of a case without any."""

    def __init__(self, *, cell: str, threshold: Threshold | None, **more: Any):
        super().__init__(**more)
        self.cell, self.threshold = cell, threshold
        self.add_marker("parity")

    def runtest(self) -> None:
        from nbcompare.verdict.verdict import Label

        bundle = _bundle_of(self.config, self.path, self.cell)
        verdict = bundle.verdict
        if verdict.word is Label.PROVEN or (self.threshold is None and verdict.accepted):
            return
        check = next((entry for entry in verdict.checks if entry.threshold == self.threshold), None)
        if check is None or not check.holds or _more_is_wrong(verdict):
            raise ParityFailure(report_of(bundle, check.sentence if check else ""))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from nbcompare.errors import NbCompareError

        if isinstance(excinfo.value, ParityFailure | NbCompareError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: {self.name}"


def _more_is_wrong(verdict: Verdict) -> bool:
    """Whether a verdict is not accepted for anything but thresholds that do not hold, each of which fails its test."""
    from nbcompare.verdict.verdict import Label

    outside = {check.sentence for check in verdict.checks if not check.holds}
    told = verdict.word is Label.NOT_PROVEN or (verdict.word is Label.FAIL and set(verdict.reasons) <= outside)
    return not verdict.accepted and not (outside and told)


# --- one run for all --------------------------------------------------------------------------------------


def _bundle_of(config: pytest.Config, case: Path, cell: str) -> Bundle:
    """The bundle of a cell, run once, by whoever needs it first; a run that could not be made is one fault for all."""
    from nbcompare.bundle.bundle import load_bundle

    key = case / cell
    known = config.stash[_OUTCOMES]
    if key not in known:
        with _shared(config, str(key)) as note:
            if not note.is_file():
                note.write_text(json.dumps(_run(config, case, cell)), encoding="utf-8")
            known[key] = json.loads(note.read_text(encoding="utf-8"))
    if "fault" in known[key]:
        raise ParityFailure(known[key]["fault"])
    return load_bundle(Path(known[key]["bundle"]))


@contextmanager
def _shared(config: pytest.Config, key: str) -> Iterator[Path]:
    """The file in which the processes of one test session tell each other what was run, while the others wait."""
    import fcntl

    note = _notes_folder(config) / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    with open(note.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield note


def _notes_folder(config: pytest.Config) -> Path:
    """A private folder for this session; a process of pytest-xdist is told which by the one that started it."""
    if _SHARED not in config.stash:
        given = getattr(config, "workerinput", {}).get("nb_compare_notes")
        config.stash[_SHARED] = Path(given or tempfile.mkdtemp(prefix="nb-compare-pytest-"))
    return config.stash[_SHARED]


def _run(config: pytest.Config, path: Path, cell: str) -> dict[str, str]:
    from nbcompare.case.case_file import load_case
    from nbcompare.case.cells import cell_named
    from nbcompare.errors import NbCompareError
    from nbcompare.run.api import run_case

    bundles = config.rootpath / config.getoption("--nb-bundles")
    fresh = config.getoption("--nb-fresh")
    try:
        made = run_case(cell_named(load_case(path), cell), bundles=bundles, fresh=fresh)
    except NbCompareError as fault:
        return {"fault": str(fault)}
    return {"bundle": str(made.folder.resolve())}
