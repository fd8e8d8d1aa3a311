"""The bench: a pytest session that has collected its tests and waits for tasks, each done in a process of its own.

Collecting and importing is paid for once. A task forks; the fork puts the changed code into the functions that live in
memory, and runs its tests until one fails. Code outside of functions is read when a module is imported, so that a
change there is tried by a session of its own, in a fork that has forgotten the harness. The changed text also stands
in a copy of the checkout, where processes that a test starts find it. Fixtures of the whole session are made before.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import json
import os
import pkgutil
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from tests.mutants.mutant import Mutant
from tests.mutants.reach import CHECKOUT, Recorder

CPU_SECONDS, TIMES = 15.0, 2.0
"""A trial whose process uses more than CPU_SECONDS + TIMES * what its tests use otherwise loops, and is noticed."""

WAITING_SECONDS, WAITING_TIMES = 240.0, 4.0
"""One that takes longer than WAITING_SECONDS + WAITING_TIMES * what its tests use, waits for what never comes."""

REMEMBERED = ("_SAID", "_SUMS")
"""What modules keep beside their caches: answers of fake engines (tests/nbcompare/conftest.py) and sums of files, which
the code before a change has made."""

DIED = "(its process died)"
MEMORY_BYTES = 8 << 30
SUBREAPER = 36


@dataclass(frozen=True)
class Task:
    """A module, the mutant or the text that stands in for it ('' for none), whether that can be put into living
    functions, and the tests to run."""

    path: str
    change: Mutant | str
    in_place: bool
    tests: tuple[str, ...]
    expected_seconds: float


@dataclass(frozen=True)
class Outcome:
    """Which test noticed ('' when none did), after how many seconds, and whether it was asked at the second look."""

    by: str
    seconds: float
    second: bool = False


def work(files: Sequence[str], pipe: Connection) -> None:
    """A process with a bench: it does what comes through the pipe, a Task or a file of tests to record, until None."""
    folder = Path(tempfile.mkdtemp(prefix="nb-mutants-"))
    try:
        copy = copied_checkout(folder / "copy")
        os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        ctypes.CDLL(None).prctl(SUBREAPER, 1)
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        sys.dont_write_bytecode = False
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(log, number)
        pytest.main(["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", "--basetemp",
                     str(folder / "temporary"), *files],
                    plugins=[Bench(folder, pipe)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        pipe.close()


class Bench:
    """The pytest plugin that stands in for the loop over the tests."""

    def __init__(self, folder: Path, pipe: Connection) -> None:
        self.folder, self.copy, self.pipe = folder, folder / "copy", pipe
        self.items: dict[str, pytest.Item] = {}
        self.functions: dict[str, list[FunctionType]] = defaultdict(list)
        self.forgetting: list[Callable[[], None]] = []
        self.moment = int(time.time()) + 1000

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        from hypothesis import settings

        settings.register_profile("mutants", deadline=None, derandomize=True)
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        _import_everything()
        self._make_shared()
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(f"{self.copy}/nbcompare/"):
                self.functions[thing.__code__.co_filename].append(thing)
            elif isinstance(thing, functools._lru_cache_wrapper) and thing.__module__.startswith("nbcompare"):
                self.forgetting.append(thing.cache_clear)
        self.forgetting += [vars(module)[name].clear for module in list(sys.modules.values())
                            for name in REMEMBERED if isinstance(vars(module).get(name), dict)]
        gc.freeze()
        while (asked := self.pipe.recv()) is not None:
            self.pipe.send(self._tried(asked) if isinstance(asked, Task) else self._recorded(asked))
        return True

    def _make_shared(self) -> None:
        """Run a test that uses the stored bundles, so that they are there in every fork."""
        using = next((item for item in self.items.values() if "store" in getattr(item, "fixturenames", ())), None)
        if using:
            self._run_one(using)

    def _run_one(self, item: pytest.Item) -> None:
        """Run one test. What comes after it is the session, so that only fixtures of the session stay."""
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=item.session)

    # --- one task -----------------------------------------------------------------------------------------

    def _tried(self, task: Task) -> Outcome:
        started = time.monotonic()
        (self.folder / "said").write_text("")
        if not task.tests:
            return Outcome("", 0.0)
        path = self.copy / task.path
        before, stamp = path.read_text(encoding="utf-8"), path.stat()
        text = task.change if isinstance(task.change, str) else task.change.text(self.copy)
        try:
            if text:
                path.write_text(text, encoding="utf-8")
                self.moment += 2  # no compiled file is of this moment
                os.utime(path, (self.moment, self.moment))
            status = self._in_fork(lambda: self._try(task, text), int(CPU_SECONDS + TIMES * task.expected_seconds),
                                   WAITING_SECONDS + WAITING_TIMES * task.expected_seconds)
        finally:
            path.write_text(before, encoding="utf-8")
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
            for name in ("temporary", "anew"):
                _remove_younger(self.folder / name, started)
        said = (self.folder / "said").read_text()
        looped = status is None or os.WIFSIGNALED(status)
        by = "(took too long)" if looped else "" if status == 0 else said or DIED
        return Outcome(by, time.monotonic() - started)

    def _try(self, task: Task, text: str) -> int:
        for forget in self.forgetting:
            forget()
        if not task.in_place:
            return self._try_anew(task)
        try:
            self._put_in(task.path, text)
        except ValueError:  # another number of variables from around a function
            return self._try_anew(task)
        return self._run(task.tests)

    def _run(self, tests: Sequence[str]) -> int:
        said = _FirstFailure(self.folder / "said")
        self.items[tests[0]].config.pluginmanager.register(said)
        for test in tests:
            self._run_one(self.items[test])
            if said.failed:
                return 1
        return 0

    def _put_in(self, path: str, text: str) -> None:
        """The code of the changed text, in the functions that live."""
        if not text:
            return
        file = str(self.copy / path)
        codes = _codes_by_name(compile(text, file, "exec", dont_inherit=True))
        living: dict[tuple[str, int], list[FunctionType]] = defaultdict(list)
        for function in self.functions[file]:
            living[function.__code__.co_qualname, function.__code__.co_firstlineno].append(function)
        seen: dict[str, int] = defaultdict(int)
        for name, _ in sorted(living):
            line = sorted(first for other, first in living if other == name)[seen[name]]
            for function in living[name, line]:
                if len(codes[name]) > seen[name]:
                    function.__code__ = codes[name][seen[name]]
            seen[name] += 1

    def _try_anew(self, task: Task) -> int:
        """A session of its own, in a process that has forgotten the harness and its tests."""
        for name in list(sys.modules):
            if name.partition(".")[0] in ("nbcompare", "tests", "conftest") or name.startswith("test_"):
                del sys.modules[name]
        said = _FirstFailure(self.folder / "said")
        return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--basetemp", str(self.folder / "anew"),
                                *task.tests], plugins=[said]))

    def _in_fork(self, what: Callable[[], int], cpu_seconds: int, waiting: float) -> int | None:
        """The exit status of a fork that does something; None when it took too long."""
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.setpgid(0, 0)
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
                code = what()
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        deadline = time.monotonic() + waiting
        status = None
        while status is None and time.monotonic() < deadline:
            done, ended = os.waitpid(child, os.WNOHANG)
            status = ended if done else None
            time.sleep(0.01)
        if status is None:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
        _end_orphans()
        return status

    def _recorded(self, file: str) -> list[dict[str, Any]] | str:
        """What each test of a file reaches; the end of what was printed where that could not be found out."""
        answer = self.folder / "reached.json"

        def record() -> int:
            chosen = [item for name, item in self.items.items() if name.startswith(f"{file}::")]
            recorder = Recorder(self.copy, self.forgetting)
            for item in chosen:
                if item is chosen[0]:
                    item.config.pluginmanager.register(recorder)
                self._run_one(item)
            answer.write_text(json.dumps([vars(one) for one in recorder.reached()]))
            return 0

        if self._in_fork(record, 600, 1200.0) != 0:
            return f"not mapped: {(self.folder / 'log').read_text(errors='replace')[-400:]}"
        return list(json.loads(answer.read_text()))


class _FirstFailure:
    """A pytest plugin that writes down the first test that failed."""

    def __init__(self, said: Path) -> None:
        self.said, self.failed = said, False

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.failed:
            self.failed = True
            self.said.write_text(report.nodeid)


def _import_everything() -> None:
    import nbcompare

    for module in pkgutil.walk_packages(nbcompare.__path__, "nbcompare."):
        if "pytest_plugin" not in module.name and not module.name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(module.name)


def _codes_by_name(code: CodeType) -> dict[str, list[CodeType]]:
    """Every code object within another, by its qualified name, in the order of their lines."""
    found: dict[str, list[CodeType]] = defaultdict(list)
    for inner in sorted(_inner(code), key=lambda one: one.co_firstlineno):
        found[inner.co_qualname].append(inner)
    return found


def _inner(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _inner(one)


def _remove_younger(folder: Path, moment: float) -> None:
    """What a trial left in the folder of temporary files; what was there before it stays."""
    age = time.monotonic() - moment
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(OSError):
            if path.lstat().st_ctime >= time.time() - age:
                shutil.rmtree(path, ignore_errors=True)


def _end_orphans() -> None:
    """Processes that a trial left behind: this process is their parent now."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    for child in map(int, listed):
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def copied_checkout(target: Path) -> Path:
    """The tracked and new files of the checkout, and the C reference as it is built here."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=CHECKOUT, capture_output=True,
                            text=True, check=True).stdout.splitlines()
    for name in listed:
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target / name)
    built = CHECKOUT / "simulator" / "reference" / "build"
    if built.is_dir():
        shutil.copytree(built, target / "simulator" / "reference" / "build")
    subprocess.run(["git", "init", "-q"], cwd=target, check=True)
    return target
