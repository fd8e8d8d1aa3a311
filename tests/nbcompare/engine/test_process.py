"""Programs are waited for, whether or not the system says by itself when one ends."""

import errno
import os
import sys

import pytest

from nbcompare.engine.identity import content_hash
from nbcompare.engine.processes.asking import asked_once, once
from nbcompare.engine.processes.process import run_program


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
