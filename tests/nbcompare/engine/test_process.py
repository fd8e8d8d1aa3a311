"""Programs are waited for, whether or not the system says by itself when one ends."""

import errno
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from nbcompare.engine.identity import content_hash
from nbcompare.engine.processes import process
from nbcompare.engine.processes.asking import asked_once, once
from nbcompare.engine.processes.kept_stream import KeptStream
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import run_program
from nbcompare.engine.processes.spawned import _library


@pytest.fixture(params=["told by the system", "looked for", "refused"])
def way(request, monkeypatch):
    def refused(number):
        raise OSError(errno.EMFILE, "Too many open files")

    if request.param == "looked for":
        monkeypatch.delattr(os, "pidfd_open")
    elif request.param == "refused":
        monkeypatch.setattr(os, "pidfd_open", refused)


@pytest.fixture
def ended(tmp_path, way):
    def run(text, seconds, on_progress=None):
        return run_program([sys.executable, "-S", "-c", text], folder=tmp_path, stdout=tmp_path / "out",
                           stderr=tmp_path / "err", seconds=seconds, on_progress=on_progress)

    return run


def test_a_program_that_ends_gives_its_exit_code(ended):
    outcome = ended("raise SystemExit(7)", 60.0)
    assert (outcome.exit_code, outcome.timed_out, outcome.signal_name) == (7, False, None)


def test_a_program_that_is_killed_gives_its_signal(ended):
    outcome = ended("import os; os.kill(os.getpid(), 11)", 60.0)
    assert (outcome.signal_name, outcome.timed_out) == ("SIGSEGV", False)


def test_a_program_that_takes_too_long_is_ended(ended):
    told = []
    outcome = ended("import time; print('37% done', flush=True); time.sleep(60)", 1.0,
                    lambda seconds, percent: told.append(percent))
    assert outcome.timed_out and outcome.exit_code == -15
    assert told[-1] == 37


LINES = "import time\nfor n in range(60): print(n, flush=True); time.sleep(0.001)"
MUCH = "import sys\nfor n in range(64): sys.stdout.write('x' * 65536); sys.stdout.flush()"


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the system does not tell the end of a process")
@pytest.mark.parametrize(("program", "bytes_said", "most"), [(LINES, 170, 45), (MUCH, 64 << 16, 10_000)])
def test_lines_are_taken_some_at_a_time_and_much_at_once(tmp_path, monkeypatch, program, bytes_said, most):
    """Nobody waits a moment where a pipe may be full: here the program would never end in its time."""
    takes, take = [], KeptStream.take
    monkeypatch.setattr(KeptStream, "take", lambda stream: takes.append(1) or take(stream))
    if program is MUCH:
        monkeypatch.setattr(process, "_PAUSE_MILLISECONDS", 10_000)
    done = run_program([sys.executable, "-S", "-c", program], folder=tmp_path, stdout=tmp_path / "out",
                       stderr=tmp_path / "err", seconds=20)
    assert done.exit_code == 0 and (tmp_path / "out").stat().st_size == bytes_said
    assert len(takes) < most


def test_the_hash_of_a_folder_is_of_its_sources_alone(tmp_path):
    """The names of files in any depth and their bytes; neither builds, caches nor what is hidden."""
    for name in ("b/c.py", "b-c.py", "a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    before = content_hash(tmp_path)
    for name in ("build/x.c", "b/__pycache__/c.pyc", "b/c.o", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert content_hash(tmp_path) == before
    (tmp_path / "b/c.py").rename(tmp_path / "b/d.py")
    renamed = content_hash(tmp_path)
    (tmp_path / "b/d.py").write_text("other")
    assert len({before, renamed, content_hash(tmp_path)}) == 3
    assert content_hash(tmp_path / "missing") == "unknown"


def test_a_question_is_asked_one_time_within_a_moment_and_anew_after_it():
    asked = []

    def ask():
        asked.append(len(asked))
        return asked[-1]

    with asked_once() as answers:
        assert (once("who", ask), once("who", ask), once("what", ask)) == (0, 0, 1)
    assert once("who", ask) == 2
    with asked_once(answers):
        assert once("who", ask) == 0
    with asked_once():
        assert once("who", ask) == 3


def test_who_asks_while_another_thread_does_waits_for_its_answer_and_asks_where_that_fails():
    begun, go_on, asked = threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        assert go_on.wait(10)
        asked.append("slow")
        raise OSError

    def quick():
        asked.append("quick")
        return "answer"

    with asked_once() as answers, ThreadPoolExecutor(2) as pool:
        first = pool.submit(copy_context().run, once, "who", slow)
        assert begun.wait(10)
        second = pool.submit(copy_context().run, once, "who", quick)
        threading.Timer(0.05, go_on.set).start()
        assert second.result() == "answer" and isinstance(first.exception(), OSError)
        assert once("who", slow) == "answer"
    assert (asked, answers) == (["slow", "quick"], {"who": "answer"})


LOOKS = """
import json, os
print(json.dumps([os.getsid(0) == os.getpgid(0) == os.getpid(), os.getcwd(), sorted(os.environ.items()),
                  sorted(os.listdir("/proc/self/fd")), os.readlink("/proc/self/fd/0")]))
"""
BY_SHELL = ["/bin/sh", "-c", "grep ^SigIgn /proc/self/status; grep ^SigBlk /proc/self/status; exec \"$@\"", "sh",
            sys.executable, "-S", "-c", LOOKS]
"""Python ignores signals of its own accord."""


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is watched there")
def test_a_watched_program_is_started_alike_with_and_without_a_copy_of_this_process(tmp_path, monkeypatch):
    """Session, signals, folder, variables, open files, and what is seen of it; and what cannot be started."""
    own, found = process.spawned, []
    handle = os.open(tmp_path, os.O_RDONLY)  # not handed on
    os.set_inheritable(handle, True)
    for way in (own, lambda *_, **__: None):
        monkeypatch.setattr(process, "spawned", way)
        with OpenCalls() as watch:
            ended = run_program(BY_SHELL, folder=tmp_path, stdout=tmp_path / "out",
                                stderr=tmp_path / "err", seconds=60.0, watch=watch,
                                extra_environment={"NB_A": "b ä", "XDG_CACHE_HOME": str(tmp_path)})
        with OpenCalls() as other:
            missing = run_program([str(tmp_path / "none")], folder=tmp_path, stdout=tmp_path / "out2",
                                  stderr=tmp_path / "err", seconds=60.0, watch=other)
        seen = {path for path in watch.calls.uses if not path.startswith("/proc/")}
        ignored, *said = (tmp_path / "out").read_text().splitlines()
        found.append((ended.exit_code, int(ignored.split()[1], 16) & (1 << 31) - 1, said, seen, watch.calls.unwatched,
                      watch.calls.unseen, missing.not_started))
    os.close(handle)
    assert found[0] == found[1]
    assert found[0][0] == 0 and (watch.calls.unwatched or sys.executable in found[0][3])


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is watched there")
def test_a_watched_program_is_started_without_a_copy_where_the_library_can(tmp_path):
    with OpenCalls() as watch:
        if watch.at_start is None:
            pytest.skip("nothing is watched here")
        out = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
        started = process.start(["/bin/sh", "-c", "exit 3"], tmp_path, {}, stdout=out, stderr=out, watch=watch)
        os.close(out)
        assert (type(started) is process.subprocess.Popen) == (_library() is None)
        assert started.wait() == 3
        process.end_group(started)
