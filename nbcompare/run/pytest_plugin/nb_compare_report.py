"""A pytest plugin that writes what happened to each test as JSON lines, for nb-compare, which believes no printed text.

It stands alone in its folder, as the project's own Python imports it, where nb-compare need not be installed. A test
that is to count as run on a device takes the fixture ``nb_device``: it gives the device's name, and the test fails if
it is "cuda" and nothing was allocated there meanwhile.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

MOST_LINES = 5


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("nb-compare")
    try:
        group.addoption("--nb-report", metavar="FILE", help="Write what happened to each test as JSON lines.")
        group.addoption("--nb-device", default="cpu", choices=("cpu", "cuda"), help="Where nb_device tests run.")
    except ValueError:  # loaded under two names
        pass


def pytest_configure(config: Any) -> None:
    path = config.getoption("--nb-report")
    if path and not getattr(config, "nb_compare_report", None):
        config.nb_compare_report = ReportStream(path)
        config.pluginmanager.register(config.nb_compare_report)


class ReportStream:
    """The hooks that write."""

    def __init__(self, path: str) -> None:
        self.stream = open(path, "w", encoding="utf-8")  # noqa: SIM115 (until the process ends)
        self.made: dict[str, None] = {}
        self.paths: set[str] = set()

    def say(self, event: str, **facts: object) -> None:
        self.stream.write(json.dumps({"event": event, **facts}) + "\n")
        self.stream.flush()

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self.made[item.nodeid] = None
        self.paths.add(str(item.path))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """What a hook took out without a word is told as deselected."""
        kept = {item.nodeid for item in session.items}
        lost = [node for node in self.made if node not in kept]
        if lost:
            self.say("deselected", tests=lost)
        self.say("collected", tests=[[str(item.path), item.nodeid] for item in session.items])

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        for item in items:
            self.made.pop(item.nodeid, None)
        self.say("deselected", tests=[item.nodeid for item in items])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome != "passed":
            self.say("test", node=report.nodeid, when="collect", outcome=report.outcome, lines=_lines(report))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome: str = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if outcome == "skipped" else "xpassed"
        self.say("test", node=report.nodeid, when=report.when, outcome=outcome, lines=_lines(report),
                 device=dict(report.user_properties).get("nb_device"))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        plugins = [("", getattr(plugin, "__file__", None)) for plugin in session.config.pluginmanager.get_plugins()]
        loaded = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
        files = {(name, os.path.realpath(path)) for name, path in (*plugins, *loaded) if isinstance(path, str)}
        self.say("loaded", files=sorted({*files, *(("", os.path.realpath(path)) for path in self.paths)}))
        temporary = getattr(getattr(session.config, "_tmp_path_factory", None), "_basetemp", None)
        self.say("temporary", folder=str(temporary or os.devnull))
        self.say("finished", exit_code=int(exitstatus), at=time.time())


def _lines(report: pytest.CollectReport | pytest.TestReport) -> list[str]:
    """The last lines of a failure."""
    if report.outcome == "passed" or not getattr(report, "longrepr", None):
        return []
    text = report.longreprtext if hasattr(report, "longreprtext") else str(report.longrepr)
    return [line for line in text.splitlines() if line.strip()][-MOST_LINES:]


@pytest.fixture
def nb_device(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[str]:
    """The name of the device, cpu or cuda; on cuda the test must use it."""
    yield from device_in_use(request.config.getoption("--nb-device"), record_property)


def device_in_use(device: str, record_property: Callable[[str, object], None]) -> Iterator[str]:
    """Give the device's name to a test, then see that it used it: on cuda something must have been allocated there."""
    if device == "cuda":
        try:
            import torch
        except ImportError:
            pytest.fail("it is torch that says whether cuda was used, and it is not installed here", pytrace=False)
        assert torch.cuda.is_available(), "there is no CUDA device"
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    yield device
    if device == "cuda":
        assert torch.cuda.max_memory_allocated() > before, "the test takes nb_device and allocated nothing on it"
    record_property("nb_device", device)
