"""What is made ready beside a run: it never speaks, and it ends with the run."""

import errno
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompare.case.case_file import load_case
from nbcompare.engine import identity
from nbcompare.engine.choose import subject_engine
from nbcompare.engine.identity import identify
from nbcompare.engine.installation import HARNESS, SIMULATOR
from nbcompare.engine.processes.asking import asked_once
from nbcompare.engine.repository import git
from nbcompare.engine.sources import edited, interpreter
from nbcompare.engine.sources.edited import scanned_once
from nbcompare.run.asked_first import asked_first
from nbcompare.run.provenance import _own_files
from nbcompare.run.ready import ask_git_ahead, asked_ahead, beside, in_order, made_ready


def test_a_step_that_fails_is_silent_and_the_next_one_is_done(capfd):
    done = threading.Event()
    with made_ready((lambda: 1 / 0, lambda: __import__("no_such_module"), done.set)):
        assert done.wait(10)
    assert capfd.readouterr() == ("", "")


def test_a_step_knows_what_is_looked_at_once_for_the_run():
    seen, done = [], threading.Event()
    with scanned_once(), made_ready((lambda: seen.append(edited._SCANS.get()), done.set)):
        assert done.wait(10)
        assert seen[0] is edited._SCANS.get() is not None


def test_what_git_said_ahead_is_not_asked_again(small_case, monkeypatch):
    case = load_case(small_case)
    with asked_once():
        ask_git_ahead(case)
        monkeypatch.setattr(git, "answer", lambda *_, **__: pytest.fail("git is asked again"))
        known = git.Repositories()
        assert known.of(HARNESS) == known.of(SIMULATOR)
        known.of(case.folder)


def test_bundled_engines_are_asked_ahead_and_never_those_of_the_user(small_case, monkeypatch):
    """A program of the user's is started when all of the case was looked through; and none where the case decides what
    code is run."""
    case, asked = load_case(small_case), []
    monkeypatch.setattr(identity, "_version_line", lambda engine, _: asked.append(engine.role) or "1.0")
    monkeypatch.setattr(interpreter, "_ask", lambda *_: None)
    answers = {}
    asked_ahead(case, "true", "true", answers)
    asked_ahead(replace(case, environment={"LD_PRELOAD": "/x.so"}), None, None, {})
    assert not asked
    asked_ahead(case, "true", None, answers)
    asked_ahead(case, "true", None, answers)
    assert asked == ["subject"]
    with asked_once(answers):
        subject = subject_engine(None, {})
        assert identify(subject, case.environment).version == "1.0" and asked == ["subject"]


def test_python_is_asked_of_the_simulator_while_a_case_is_read_unless_another_subject_is_named(tmp_path, monkeypatch):
    asked, answers, said = [], {}, {"bundled": True, "files": {}, "folders": []}
    monkeypatch.setattr(interpreter, "_ask", lambda *_: asked.append(1) or said)
    monkeypatch.delenv("NB_PY_BIN", raising=False)
    with asked_first(tmp_path / "case.yaml", None, answers):
        pass
    with asked_once(answers):
        assert subject_engine(None, {}).name == "nanobrag_torch" and asked == [1]
    with asked_first(tmp_path / "case.yaml", "twin.py", {}):
        pass
    (tmp_path / "nb-compare.yaml").touch()
    with asked_first(tmp_path / "case.yaml", None, {}):
        pass
    monkeypatch.setenv("NB_PY_BIN", "twin.py")
    with asked_first(Path("/case.yaml"), None, {}):
        pass
    assert asked == [1]


def test_whether_the_simulator_is_committed_is_known_when_it_is_known_to_be_the_subject(small_case, monkeypatch):
    case, answers = load_case(small_case), {}
    monkeypatch.setattr(identity, "_version_line", lambda *_: "1.0")
    monkeypatch.setattr(interpreter, "_ask", lambda *_: {"bundled": True, "stale": [], "python": "3"})
    asked_ahead(case, "true", None, answers)
    monkeypatch.setattr(git, "answer", lambda *_, **__: pytest.fail("git is asked again"))
    with asked_once(answers):
        who = identify(subject_engine(None, {}), case.environment)
        assert who.made_of.bundled
        state = git.Repositories().of(SIMULATOR)
        git.not_committed(state.root, _own_files(state, who))


def test_what_is_left_when_the_block_ends_is_left_out():
    begun, go_on, late = threading.Event(), threading.Event(), []
    try:
        with made_ready((begun.set, lambda: go_on.wait(10), lambda: late.append(1))):
            assert begun.wait(10)
            threading.Timer(0.05, go_on.set).start()
            raise KeyError("of the block")
    except KeyError:
        pass
    assert not late
    assert "made-ready" not in {thread.name for thread in threading.enumerate()}


def test_python_is_as_patient_as_before_when_the_last_of_two_overlapping_runs_has_ended():
    patience = sys.getswitchinterval()
    first, second = beside(int), beside(int)
    for block in (first, second):
        block.__enter__()
    first.__exit__(None, None, None)
    assert sys.getswitchinterval() < patience
    second.__exit__(None, None, None)
    assert sys.getswitchinterval() == patience


def test_what_is_done_beside_answers_after_the_block_or_raises_what_it_raised():
    with beside(lambda: 6 * 7) as answer:
        pass
    assert answer() == 42
    patience = sys.getswitchinterval()
    with beside(_full_disk) as answer:
        pass
    with pytest.raises(OSError, match="no space"):
        answer()
    assert sys.getswitchinterval() == patience
    with pytest.raises(KeyError), beside(_full_disk):
        raise KeyError("of the block, which comes first")


def _full_disk():
    raise OSError(errno.ENOSPC, "no space left on the disk")


def test_in_order_work_beside_a_block_is_done_by_the_same_thread_and_its_fault_told_with_its_answer():
    where, fault = [], ValueError("none")

    def failing():
        raise fault

    with in_order():
        with beside(lambda: where.append(threading.get_ident())), beside(failing) as failed:
            assert where == [threading.get_ident()]
        with pytest.raises(ValueError) as told:
            failed()
    assert told.value is fault
    with beside(threading.get_ident) as other:
        assert other() != threading.get_ident()
