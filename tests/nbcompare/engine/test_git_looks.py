"""A port that asks git whether its tree is clean has not read what lies in the tree; one that asks for more has."""

import os
import subprocess

import pytest

from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import run_program

pytestmark = pytest.mark.skipif(OpenCalls.why_not() is not None,
                                reason="which files a program opens can be seen on Linux alone")


@pytest.fixture
def tree(tmp_path):
    """A repository whose index is as old as its files, so that git must read them to tell whether they changed."""
    home = tmp_path / "tree"
    home.mkdir()
    (home / "notes.md").write_text("begun\n")
    (home / ".gitignore").write_text("*.log\n")
    for words in (["init", "-q"], ["add", "-A"],
                  ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "begin"]):
        subprocess.run(["git", *words], cwd=home, check=True)
    as_old = os.stat(home / "notes.md").st_mtime_ns
    os.utime(home / ".git/index", ns=(as_old, as_old))
    return home


@pytest.fixture
def use_of_notes(tree, tmp_path):
    """Run a program in the tree under watch; how it used notes.md."""

    def call(*words):
        with OpenCalls() as watch:
            run_program(words, folder=tree, stdout=tmp_path / "out", stderr=tmp_path / "err", seconds=60.0, watch=watch)
        return watch.calls.uses.get(str(tree / "notes.md"))

    return call


@pytest.mark.parametrize("words", [
    ("status", "--porcelain"), ("-C", ".", "status", "--porcelain", "--", "."), ("describe", "--always", "--dirty"),
    ("diff", "--quiet"), ("-c", "core.pager=cat", "diff-index", "--quiet", "HEAD")], ids=" ".join)
def test_a_file_at_which_git_looks_to_tell_whether_it_changed_is_no_part_of_who_asked(use_of_notes, words):
    assert use_of_notes("git", *words) is None


def test_gits_own_files_are_read_by_it(use_of_notes, tree, tmp_path):
    with OpenCalls() as watch:
        run_program(("git", "status"), folder=tree, stdout=tmp_path / "out", stderr=tmp_path / "err", seconds=60.0,
                    watch=watch)
    assert watch.calls.uses[str(tree / ".gitignore")].read and watch.calls.uses[str(tree / ".git/config")].read


@pytest.mark.parametrize("words", [
    ("diff",), ("diff", "--quiet", "--no-index", "notes.md", ".gitignore"), ("grep", "begun"),
    ("status", "-vv"), ("sh", "-c", "git status; cat notes.md"), ("sh", "-c", "cat notes.md; exec git status")],
    ids=" ".join)
def test_what_git_or_another_shows_of_a_file_was_read(use_of_notes, tree, words):
    use = use_of_notes(*(() if words[0] == "sh" else ("git",)), *words)
    assert use.read


def test_a_script_that_is_called_git_reads_what_it_reads(use_of_notes, tmp_path, monkeypatch):
    script = tmp_path / "git"
    script.write_text("#!/bin/sh\ncat notes.md .git/index\n")
    script.chmod(0o755)
    assert use_of_notes(str(script), "status").read


def test_a_process_that_was_git_is_another_program_after_it(use_of_notes, tmp_path):
    """One process becomes git, whose alias becomes a shell."""
    assert use_of_notes("git", "-c", "alias.look=!git status; cat notes.md", "look").read
