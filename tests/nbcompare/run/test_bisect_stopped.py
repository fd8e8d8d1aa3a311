"""A bisection that cannot go on leaves nothing behind but what it judged."""

import os
import signal
import subprocess
import sys
import time

import pytest

from nbcompare.run.bisect.journal import SKIPPED, JudgedCommit, journal_in
from tests.nbcompare.conftest import SMALL_CASE
from tests.nbcompare.history import History


@pytest.fixture
def history(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = History(tmp_path / "repo", count=3, defect=3)
    (made.home / "small.yaml").write_text(SMALL_CASE)
    return made


def words(history, reference):
    return ["bisect", str(history.home / "small.yaml"), "--repo", str(history.home), "--good", history.sha(1), "--bad",
            "trunk", "--c-bin", str(reference), "--budget", "0"]


def trees(tmp_path, history):
    """The work trees that are there, and git's entries for them."""
    entries = history.home / ".git/worktrees"
    return [*tmp_path.glob("cache/nb-compare/bisect/*/tree"), *(entries.iterdir() if entries.is_dir() else ())]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_its_work_tree_is_gone(history, fake, tmp_path, number):
    own = {name: value for name, value in os.environ.items() if name not in ("NB_C_BIN", "NB_PY_BIN")}
    running = subprocess.Popen([sys.executable, "-m", "nbcompare", *words(history, fake("hang"))], cwd=tmp_path,
                               stderr=subprocess.PIPE, text=True, env=own)
    until = time.monotonic() + 120
    while not list(tmp_path.glob("bundles/small/.staging-*/inputs")) and time.monotonic() < until:
        time.sleep(0.05)
    assert trees(tmp_path, history)
    running.send_signal(number)
    said = running.communicate(timeout=60)[1]
    assert running.returncode in {signal.SIGTERM: (143,), signal.SIGINT: (2, 130)}[number] and "stopped" in said
    assert not trees(tmp_path, history) and not list(tmp_path.glob("bundles/small/.staging-*"))
    assert "small.yaml" in history.git("status", "--porcelain")


def test_a_full_disk_is_one_line_and_the_work_tree_is_gone(nb, history, fake, tmp_path, monkeypatch):
    def no_room(self, trial):
        from nbcompare.errors import FileError

        raise FileError(f"{self.folder}: cannot write: No space left on device")

    monkeypatch.setattr("nbcompare.run.bisect.journal.Journal.add", no_room)
    said = nb(*words(history, fake("good")))
    assert said.code == 5 and "No space left on device" in said.err and "Traceback" not in said.err
    assert not trees(tmp_path, history)


def test_two_at_once_on_one_question_are_refused(tmp_path):
    with journal_in(tmp_path / "home", "small in /repo") as journal:
        journal.add(JudgedCommit("a" * 40, SKIPPED, "NOT BUILT"))
        with pytest.raises(Exception, match="another bisection of small in /repo is running"), \
                journal_in(tmp_path / "home", "small in /repo"):
            pass
    with open(tmp_path / "home/steps.jsonl", "a") as stream:
        stream.write('{"sha": "b')  # it was killed in the middle of a line
    with journal_in(tmp_path / "home", "small in /repo") as journal:
        assert [trial.sha for trial in journal.trials] == ["a" * 40]


def test_a_work_tree_that_a_killed_one_left_is_taken_over(nb, history, fake, tmp_path):
    """With a folder in it that may not be written, and git's entry still there."""
    assert nb(*words(history, fake("good"))).code == 0
    home = next(tmp_path.glob("cache/nb-compare/bisect/*"))
    history.git("worktree", "add", "--quiet", "--detach", str(home / "tree"), history.sha(2))
    (home / "tree/locked/inner").mkdir(parents=True)
    (home / "tree/locked").chmod(0o500)
    said = nb(*words(history, fake("good")))
    assert said.code == 0 and "FOUND" in said.out and not trees(tmp_path, history)
