"""The tests that must be green before a comparison means anything: the pytest nodes a case names.

They run in the project's folder, with the project's Python where one is declared. What they print is kept and not
believed: a plugin of ours (pytest_plugin) reports each test, and from that they are counted.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbcompare.bundle.names import NO_TEST_USES_DEVICE, failed_tests_names
from nbcompare.bundle.record import TestsOutcome
from nbcompare.case.declared.declarations import TestsPlace
from nbcompare.engine.engine import Engine
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import ProcessEnd, recorded_environment, run_program
from nbcompare.engine.processes.redact import redact_file, redacted
from nbcompare.engine.sandbox import confining, with_own_places
from nbcompare.engine.sources.made_of import MadeOf
from nbcompare.run.tests_made_of import PLUGIN, another_copy, files_of_tests, opened_by_tests, sum_of_python
from nbcompare.visible import visible

CUDA_MISSING = "cuda not available\n"
_PYTEST = ("-m", "pytest", "--verbosity=1", "-p", "no:cacheprovider", "-p", "nb_compare_report")
_CUDA_PROBE = "import torch; print('cuda', torch.cuda.is_available())"
_MOST_LINE = 300


@dataclass
class Report:
    """What the plugin saw. ``tests`` are (file, node) of what was collected, ``loaded`` (module, file) of what was
    imported; ``finished`` is pytest's exit code, ``temporary`` the folder of its temporary files where that was named.
    """

    tests: list[tuple[str, str]] = field(default_factory=list)
    deselected: list[str] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    loaded: list[tuple[str, str]] = field(default_factory=list)
    finished: int | None = None
    temporary: str = os.devnull

    def counts(self) -> Counter[str]:
        """How many tests passed, failed, ...; one that a set-up or tear-down spoiled did not pass."""
        worst: dict[str, str] = {}
        for result in self.results:
            outcome = result["outcome"]
            if outcome == "failed" and result["when"] != "call":
                outcome = "error"
            if outcome != "passed" or result["when"] == "call":
                worst[result["node"]] = outcome if outcome != "passed" else worst.get(result["node"], "passed")
        counted = Counter(worst.values())
        counted["deselected"] += len(self.deselected)
        return counted

    @property
    def on_device(self) -> int:
        return len({result["node"] for result in self.results if result["outcome"] == "passed"
                    and result["when"] == "teardown" and result.get("device")})

    def selects(self, node: str, folder: Path) -> bool:
        """Whether a node that was asked for stands for at least one test."""
        file, _, name = node.partition("::")
        path = Path(os.path.realpath(folder / file))
        return any((path == Path(os.path.realpath(where)) or path in Path(os.path.realpath(where)).parents)
                   and (not name or f"{found.partition('::')[2]}::".replace("[", "::[").startswith(
                       f"{name}::".replace("[", "::["))) for where, found in self.tests)


def run_mapped_tests(nodes: Sequence[str], *, place: TestsPlace, log: Path, seconds: float,
                     device: str = "cpu", confined: bool = False, made_of: MadeOf | None = None,
                     bundles: Path | None = None) -> TestsOutcome:
    """Run pytest on the nodes, its output kept in ``log`` (standard error first), our count as its last line.

    A node that selects no test, and a test that was skipped, deselected or expected to fail, are no green: nothing was
    shown; nor are tests of another copy of the package that the subject is ``made_of``. After a failure two files are
    left beside the log: what pytest collects, and the signature of the failure. What they open is watched, but not in
    the folder of all ``bundles``.
    """
    if not nodes:
        log.write_text("the case names no tests\n", encoding="utf-8")
        return TestsOutcome((), None, "the case names no tests", None)
    argv = [str(place.python or sys.executable), *_PYTEST, "--nb-device", device]
    argv += ["--maxfail=1"] if device == "cuda" else []
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder, OpenCalls() as watch:
        written = Path(folder, "report")
        ended = _run_logged([*argv, f"--nb-report={written}", "--", *nodes], place.folder, log, seconds,
                            Path(folder) if confined else None, watch)
        report = read_report(written)
        calls = watch.calls.outside(Path(folder), Path(report.temporary), *([bundles] if bundles else []))
    outcome = _outcome(tuple(nodes), ended, report, place.folder, seconds, device)
    elsewhere = another_copy(report.loaded, made_of)
    files = files_of_tests(report.loaded, (file for file, _ in report.tests), place.folder)
    opened, changed = opened_by_tests(calls, files, place.folder, nodes)
    outcome = replace(outcome, failure=outcome.failure or watch.lost or elsewhere or changed, files=files,
                      opened=opened, python_sha256=None if place.python else sum_of_python())
    with open(log, "a", encoding="utf-8") as stream:
        stream.write(f"\n{NO_TEST_USES_DEVICE}\n" if device == "cuda" and not outcome.on_device else "\n")
        stream.write(f"{outcome.summary}\n")
    if outcome.failure:
        outcome = replace(outcome, error_line=outcome.error_line or _error_of_pytest(log),
                          last_lines=(*outcome.last_lines, *_hint(outcome, place, argv[0])))
        collected, signature = (log.with_name(Path(name).name) for name in failed_tests_names(device))
        collect_tests(nodes, place, collected, seconds, confined=confined)
        signature.write_text(_signature(outcome, argv, nodes), encoding="utf-8")
    return outcome


def collect_tests(nodes: Sequence[str], place: TestsPlace, log: Path, seconds: float, *,
                  confined: bool = False) -> None:
    """Keep what pytest collects for the nodes; nothing is run."""
    argv = [str(place.python or sys.executable), *_PYTEST, "--verbosity=-1", "--collect-only", "--", *nodes]
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder:
        _run_logged(argv, place.folder, log, seconds, Path(folder) if confined else None)


def read_report(path: Path) -> Report:
    """What the plugin wrote; empty where it wrote nothing that can be read."""
    report = Report()
    lines = read_kept(path, 64 << 20).splitlines() if path.is_file() else []
    for line in lines:
        try:
            said = json.loads(line)
            if said["event"] == "collected":
                report.tests += [(str(file), str(node)) for file, node in said["tests"]]
            elif said["event"] == "deselected":
                report.deselected += said["tests"]
            elif said["event"] == "loaded":
                report.loaded += [(str(name), str(path)) for name, path in said["files"]]
            elif said["event"] == "test":
                report.results.append(said)
            elif said["event"] == "temporary":
                report.temporary = str(said["folder"])
            elif said["event"] == "finished":
                report.finished = int(said["exit_code"])
        except (ValueError, KeyError, TypeError):
            continue
    return report


def _outcome(nodes: tuple[str, ...], ended: ProcessEnd, report: Report, folder: Path, seconds: float,
             device: str) -> TestsOutcome:
    counts = report.counts()
    order = ("failed", "error", "passed", "skipped", "deselected", "xfailed", "xpassed")
    said = [f"{counts[word]} {word}" for word in order if counts[word] or word == "passed"]
    summary = f"{', '.join(said)} in {ended.seconds:.2f} s"
    bad = [result for result in report.results if result["outcome"] == "failed"]
    failure = _failure(nodes, ended, report, folder, seconds)
    lines = tuple(_shown(line) for line in (bad[0]["lines"] if bad and failure else ()))
    return TestsOutcome(nodes, ended.exit_code, summary, failure, _error_line(lines), lines,
                        report.on_device if device == "cuda" else 0)


def _failure(nodes: tuple[str, ...], ended: ProcessEnd, report: Report, folder: Path, seconds: float) -> str | None:
    """Why the tests are not green, None when they are."""
    if ended.timed_out:
        return f"the mapped tests were stopped after {seconds:g} s"
    bad = [result for result in report.results if result["outcome"] == "failed"]
    if bad:
        return f"first failing test: {_shown(bad[0]['node'])}"
    if ended.not_started:
        return f"pytest was not started: {ended.not_started}"
    idle = [node for node in nodes if not report.selects(node, folder)]
    if idle and report.finished is not None:
        return f"{idle[0]} selects no test in {folder}, where the tests run (pytest exit code {ended.exit_code})"
    counts = report.counts()
    left = [f"{counts[word]} {word}" for word in ("skipped", "deselected", "xfailed", "xpassed") if counts[word]]
    if left:
        return f"{', '.join(left)}: a test that did not run, or was to fail, shows nothing"
    complete = ended.exit_code == report.finished == 0 and counts["passed"] == len(report.tests) > 0
    return None if complete else f"no mapped test passed (pytest exit code {ended.exit_code})"


def _shown(text: str) -> str:
    """A line as it can be shown: characters that a terminal would obey are written out."""
    line = visible(redacted(text))
    return line if len(line) <= _MOST_LINE else line[:_MOST_LINE] + " ..."


def _error_line(lines: Sequence[str]) -> str | None:
    """The first line that pytest marks as an error."""
    return next((line[1:].strip() for line in lines if line.startswith("E ")), lines[-1] if lines else None)


def _hint(outcome: TestsOutcome, place: TestsPlace, python: str) -> list[str]:
    """What to do about a module that tests do not find: they do not get the variables of the engine."""
    if not any("ModuleNotFoundError" in line for line in (outcome.error_line or "", *outcome.last_lines)):
        return []
    return [f"mapped tests run in {place.folder} with {python}, without the engine's variables: write pythonpath into "
            "its pytest.ini, or tests: {python: ...} into nb-compare.yaml"]


def _error_of_pytest(log: Path) -> str | None:
    """What pytest itself said was wrong, where no test failed."""
    return next((_shown(line) for line in read_kept(log).splitlines() if line.startswith("ERROR: ")), None)


def _run_logged(argv: Sequence[str], folder: Path, log: Path, seconds: float, own: Path | None,
                watch: OpenCalls | None = None) -> ProcessEnd:
    """Run a program with both streams in one file, standard error first; where there is an ``own`` folder it may write
    that alone, and is confined as an engine is; ``watch`` sees what it opens."""
    errors = log.with_suffix(".err")
    paths = os.pathsep.join(filter(None, (str(PLUGIN), os.environ.get("PYTHONPATH"))))
    tests = Engine("tests", "pytest", tuple(argv[:1]), "the case", confined=own is not None, reads=(folder,))
    held, variables = own or folder, {"PYTHONPATH": paths}
    ended = run_program([*confining(tests, held, variables), *argv], folder=folder, stdout=log, stderr=errors,
                        seconds=seconds, extra_environment=with_own_places(tests, held, variables), watch=watch)
    said, text = (read_kept(path) if path.is_file() else "" for path in (errors, log))
    errors.unlink(missing_ok=True)
    log.write_text(said + text, encoding="utf-8")
    redact_file(log)
    return ended


def _signature(outcome: TestsOutcome, argv: Sequence[str], nodes: Sequence[str]) -> str:
    """What is needed to recognise this failure again, and what surrounded it."""
    from importlib import metadata

    surroundings = {"python": sys.version.split()[0], "pytest": metadata.version("pytest"),
                    "platform": platform.platform(), **{f"${k}": v for k, v in recorded_environment().items()}}
    return "".join(f"{name}: {value}\n" for name, value in {
        "failure": outcome.failure, "error line": outcome.error_line or "none",
        "pytest exit code": outcome.exit_code, "summary": outcome.summary,
        "command": shlex.join([*argv, "--", *nodes]), **surroundings}.items())


def cuda_is_available(folder: Path) -> bool:
    """Whether torch, asked in a process of its own, sees a CUDA device. A torch that was built without any is not
    asked, which would take seconds."""
    from importlib import metadata  # few cases map tests, and it loads what reads letters and archives

    with suppress(metadata.PackageNotFoundError):
        if metadata.version("torch").endswith("+cpu"):
            return False
    out, err = folder / ".cuda_probe", folder / ".cuda_probe_err"
    run_program([sys.executable, "-P", "-c", _CUDA_PROBE], folder=folder, stdout=out, stderr=err, seconds=120)
    answer = read_kept(out)
    out.unlink()
    err.unlink()
    return "cuda True" in answer
