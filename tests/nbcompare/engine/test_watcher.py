"""The process that watches for nb-compare: what an engine opens arrives, and where it ends nothing counts as seen."""

import ctypes
import gc
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest

from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Engine
from nbcompare.engine.processes import watcher
from nbcompare.engine.processes.answered_calls import AnsweredCalls
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import run_program
from nbcompare.engine.run_engine import run_engine

pytestmark = pytest.mark.skipif(bool(OpenCalls.why_not() or not watcher.watcher()),
                                reason="no other process can watch here")


def run(folder: Path, *words: str, watch: OpenCalls) -> int | None:
    folder.mkdir(exist_ok=True)
    return run_program(words, folder=folder, stdout=folder / "out", stderr=folder / "err", seconds=60,
                       watch=watch).exit_code


def has_ended(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "\nState:\tZ" in status.read_text()


KILLS_IT = """\
import os, sys
open("TABLE").read()
open(sys.argv[-1], "wb").write(b"\\0\\0\\x80?" * 4)
os.kill(int("PID"), 9)
"""


def test_a_run_whose_watcher_was_killed_has_failed_and_the_next_one_has_another(tmp_path):
    """The image is there, and nothing else tells that its engine read a table unseen."""
    before = watcher.watcher().pid
    engine = tmp_path / "engine.py"
    engine.write_text(KILLS_IT.replace("PID", str(before)).replace("TABLE", __file__))
    (tmp_path / "inputs").mkdir()
    found = run_engine(Engine("subject", "fake", (sys.executable, "-I", "-S", str(engine)), "test"), ("-N", "5"),
                       Shape(2, 2), inputs=tmp_path / "inputs", folder=tmp_path / "run", stdout=tmp_path / "out",
                       stderr=tmp_path / "err", seconds=60, environment={})
    assert found.run.exit_code == 0 and (tmp_path / "run/float.bin").stat().st_size == 16
    assert found.run.failure.kind == "unwatched" and "SIGKILL" in found.run.failure.sentence
    assert found.pixels is None and found.opened.unwatched
    assert watcher.watcher().pid != before
    with OpenCalls() as watch:
        assert run(tmp_path, "/bin/cat", __file__, watch=watch) == 0
    assert watch.calls.uses[__file__].read and not watch.calls.unwatched


def test_it_ends_with_nb_compare_however_that_ends():
    text = "from nbcompare.engine.processes.watcher import watcher; print(watcher().pid, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        pid = int(started.stdout.readline())
        assert not has_ended(pid)
        started.kill()
    until = time.monotonic() + 20
    while not has_ended(pid):
        assert time.monotonic() < until, "it was left behind"
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_of_a_keyboard_leave_it_to_nb_compare(number):
    pid = watcher.watcher().pid
    os.kill(pid, number)
    time.sleep(0.02)
    assert watcher.watcher().pid == pid


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of the call is that of another machine")
def test_it_takes_short_turns_where_the_system_has_them():
    """An engine waits for it, and not for what works beside."""
    def turn(pid: int) -> int:
        told = ctypes.create_string_buffer(48)
        assert ctypes.CDLL(None).syscall(315, pid, told, 48, 0) == 0
        return struct.unpack_from("=Q", told, 24)[0]

    own, its = turn(0), turn(watcher.watcher().pid)
    assert its == 100_000 if own else its == 0, "before Linux 6.12 no turn is told"


def test_two_engines_at_once_have_accounts_of_their_own(tmp_path):
    accounts = {}

    def one(name: str) -> None:
        (tmp_path / f"{name}.txt").write_text(name)
        with OpenCalls() as watch:
            text = (f"cat ../{name}.txt; touch ../{name}.read; "
                    "while ! test -e ../one.read -a -e ../other.read; do sleep 0.01; done")
            run(tmp_path / name, "/bin/sh", "-c", text, watch=watch)
        accounts[name] = {path for path in watch.calls.uses if path.endswith(".txt")}

    threads = [threading.Thread(target=one, args=(name,)) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accounts == {name: {f"{tmp_path}/{name}.txt"} for name in ("one", "other")}


def test_thousands_of_files_arrive_in_their_order_though_they_are_asked_for_meanwhile(tmp_path):
    text = f"import os\nfor i in range(3000):\n    os.access('{tmp_path}/%d' % i, 4)\n"
    asked, is_over = [], threading.Event()
    with OpenCalls() as watch:
        def ask() -> None:
            while not is_over.wait(0.003):
                watch.calls.settle()
                asked.append(len(watch.calls.uses))

        asks = threading.Thread(target=ask)
        asks.start()
        assert run(tmp_path / "work", sys.executable, "-I", "-S", "-c", text, watch=watch) == 0
        is_over.set()
        asks.join()
    wanted = [f"{tmp_path}/{number}" for number in range(3000)]
    assert [path for path in watch.calls.uses if path in set(wanted)] == wanted
    assert len(set(asked)) > 2 and asked == sorted(asked), "nothing was told while it ran"


def test_what_a_process_does_that_outlives_its_parent_is_seen(tmp_path):
    (tmp_path / "late").write_text("1\n")
    with OpenCalls() as watch:
        subprocess.run(["/bin/sh", "-c", f"(sleep 0.1; cat {tmp_path}/late > /dev/null) &"], preexec_fn=watch.at_start)
    assert watch.calls.uses[f"{tmp_path}/late"].read


def _forbids(monkeypatch, tmp_path):
    (tmp_path / "scope").write_text("1\n")
    monkeypatch.setattr(watcher, "_ONLY_OWN", tmp_path / "scope")


def _breaks(monkeypatch, tmp_path):
    monkeypatch.setattr(watcher, "_STARTER", "raise SystemExit(3)")


def _is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", None)


@pytest.mark.parametrize("why", [_forbids, _breaks, _is_unknown])
def test_where_there_can_be_none_a_thread_watches(tmp_path, monkeypatch, why):
    monkeypatch.setattr(watcher, "_STATE", watcher._WatcherState())
    python = sys.executable
    why(monkeypatch, tmp_path)
    with OpenCalls() as watch:
        assert run(tmp_path / "work", python, "-I", "-S", "-c", f"open({__file__!r})", watch=watch) == 0
    assert watcher.watcher() is None and watch.lost is None
    assert watch.calls.uses[__file__].read and not watch.calls.unwatched


def test_a_folder_that_is_forgotten_is_looked_at_anew(tmp_path):
    """As that of a command of a kept engine: the next one has other files of the same names."""
    (tmp_path / "table").write_text("1\n")
    text = f"cd {tmp_path}; cat table; touch ready; while test -e ready; do sleep 0.01; done; cat table"
    stamps = []
    with OpenCalls() as watch:
        thread = threading.Thread(target=run, args=(tmp_path / "work", "/bin/sh", "-c", text), kwargs={"watch": watch})
        thread.start()
        while not (tmp_path / "ready").exists():
            time.sleep(0.005)
        stamps.append(watch.calls.outside().uses[f"{tmp_path}/table"].stamp)
        watch.calls.forget(tmp_path)
        assert f"{tmp_path}/table" not in watch.calls.uses
        (tmp_path / "table").write_text("22\n")
        (tmp_path / "ready").unlink()
        thread.join()
    stamps.append(watch.calls.outside().uses[f"{tmp_path}/table"].stamp)
    assert [size for _, size, _, _ in stamps] == [2, 3]


def test_nothing_of_an_engine_that_has_ended_stays_in_memory():
    """Where no garbage is collected, as in that process: a sweep has thousands of engines."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        report, childs = socket.socketpair()
        calls = FileUses()
        answered, known = AnsweredCalls(calls), weakref.ref(calls)
        childs.close()
        assert answered.take_over(report) < 0
        answered.close()
        calls.outside(Path("/nowhere"))
        calls.forget(Path("/nowhere"))
        calls.changes()
        del answered, calls
        assert known() is None
    finally:
        if was_on:
            gc.enable()


MANY = """\
import os, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
for _ in range(1100):
    os.open(os.devnull, os.O_RDONLY)
from nbcompare.engine.processes.asking import answer
from nbcompare.engine.processes.watcher import watcher
assert watcher()
print(answer(("/bin/echo", "said"), Path("/"), seconds=60))
"""


def test_programs_are_watched_and_asked_by_a_process_that_has_a_thousand_files_open():
    """As one that is started by a server, or whose caller hands them on."""
    found = subprocess.run([sys.executable, "-c", MANY], capture_output=True, text=True, timeout=60)
    assert "said" in found.stdout, found.stderr
