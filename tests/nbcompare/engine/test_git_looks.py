"""A port that asks git whether its tree is clean has not read what lies in the tree; one that asks for more has."""

import os
import shutil
import subprocess

import pytest

from nbcompare.engine.processes.git_looks import only_tells
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import run_program

pytestmark = pytest.mark.skipif(OpenCalls.why_not() is not None,
                                reason="which files a program opens can be seen on Linux alone")

GIT = shutil.which("git") or "git"


def git(home, *words):
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always",
                    *words], cwd=home, check=True, capture_output=True)


def make_racy(home, index):
    """The index as old as the file, so that git must read that to tell whether it changed."""
    as_old = os.stat(home / "notes.md").st_mtime_ns
    os.utime(index, ns=(as_old, as_old))


@pytest.fixture
def tree(tmp_path):
    home = tmp_path / "tree"
    home.mkdir()
    (home / "notes.md").write_text("begun\n")
    (home / ".gitignore").write_text("*.log\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "begin"]):
        git(home, *words)
    make_racy(home, home / ".git/index")
    return home


@pytest.fixture
def uses(tree, tmp_path):
    """Run a program in the tree, or another folder, under watch; what it used, by path."""

    def call(*words, folder=tree, **variables):
        with OpenCalls() as watch:
            run_program(words, folder=folder, stdout=tmp_path / "out", stderr=tmp_path / "err", seconds=60.0,
                        watch=watch, extra_environment=variables)
        return watch.calls.uses

    return call


@pytest.fixture
def use_of_notes(uses, tree):
    return lambda *words, **variables: uses(*words, **variables).get(str(tree / "notes.md"))


@pytest.mark.parametrize("words", [
    ("status", "--porcelain"), ("-C", ".", "status", "-sb", "--", "."), ("describe", "--always", "--dirty"),
    ("diff", "--quiet"), ("-c", "core.pager=cat", "diff-index", "--quiet", "HEAD")], ids=" ".join)
def test_a_file_at_which_git_looks_to_tell_whether_it_changed_is_no_part_of_who_asked(uses, tree, words):
    used = uses("git", *words)
    assert str(tree / "notes.md") not in used and not used.get(str(tree), used[str(tree / ".git")]).read


def test_gits_own_files_are_read_by_it(uses, tree):
    used = uses("git", "status")
    assert used[str(tree / ".gitignore")].read and used[str(tree / ".git/config")].read


@pytest.mark.parametrize("words", [
    ("diff",), ("diff", "--quiet", "--no-index", "notes.md", ".gitignore"), ("grep", "begun"),
    ("status", "-vv"), ("diff", "--quiet", "--no-quiet"), ("diff", "--quiet", "-Gbegun"),
    ("-c", "core.excludesFile=notes.md", "status"),
    ("sh", "-c", "git status; cat notes.md"), ("sh", "-c", "cat notes.md; exec git status")],
    ids=" ".join)
def test_what_git_or_another_shows_of_a_file_was_read(use_of_notes, words):
    use = use_of_notes(*(() if words[0] == "sh" else ("git",)), *words)
    assert use.read


@pytest.mark.parametrize("words", [
    "status -sv", "status --verb", "status --pathspec-from-file=notes.md", "diff -- --quiet notes.md",
    "diff -S --quiet", "diff-files -p -- --quiet", "diff --quiet -Oorder", "diff --quiet notes.md ../other",
    "diff --quiet --ext-diff", "diff --quiet --output=x", "-c include.path=../notes.md status", "-c",
    "-c filter.x.clean=tee status", "--exec-path=here status", "--config-env=a=B status", "log -1", "ls-files -m",
    "st", ""])
def test_words_that_are_not_known_to_tell_no_more_are_no_such_question(words):
    assert not only_tells(GIT, ["git", *words.split()])


@pytest.mark.parametrize("words", [
    "status --porcelain -uno", "--no-optional-locks status --porcelain=v2 --branch", "rev-parse --short HEAD",
    "describe --tags --long --dirty=+ --match v[0-9]*", "diff --quiet HEAD", "diff-index --quiet HEAD -- src tests",
    "--git-dir /a/.git -c log.showSignature=false status --porcelain --untracked-files=no"])
def test_what_tools_ask_for_a_version_is_such_a_question(words):
    assert only_tells(GIT, ["git", *words.split()], ["HOME=/", "GIT_OPTIONAL_LOCKS=0"])


@pytest.mark.parametrize("variable", ["GIT_CONFIG_COUNT=0", "GIT_CONFIG_GLOBAL=notes.md", "GIT_EXTERNAL_DIFF=cat",
                                      "LD_PRELOAD=mine.so"])
def test_variables_that_make_git_another_program_are_heeded(use_of_notes, variable):
    assert use_of_notes("git", "status") is None
    assert use_of_notes("git", "status", **dict([variable.split("=")])) is not None


def test_what_a_filter_gets_from_git_was_read(use_of_notes, tree):
    """git opens the file, and hands what it says to a program that the repository names."""
    (tree / ".gitattributes").write_text("*.md filter=x\n")
    git(tree, "config", "filter.x.clean", "tee copy")
    assert use_of_notes("git", "status").read and (tree / "copy").read_text() == "begun\n"


def test_a_list_of_ignored_files_that_the_settings_name_was_read(use_of_notes, tree):
    git(tree, "config", "core.excludesFile", str(tree / "notes.md"))
    assert use_of_notes("git", "status").read


def test_settings_that_the_settings_take_in_were_read(use_of_notes, tree):
    (tree / "notes.md").write_text("[status]\n\tshort = true\n")
    git(tree, "config", "include.path", "../notes.md")
    assert use_of_notes("git", "status").read


def test_in_a_submodule_and_a_work_tree_files_are_no_part_either(uses, tree, tmp_path):
    above = tmp_path / "above"
    above.mkdir()
    git(above, "init", "-q")
    git(above, "submodule", "add", str(tree), "inside")
    git(above, "commit", "-q", "-m", "with a submodule")
    make_racy(above / "inside", above / ".git/modules/inside/index")
    assert str(above / "inside/notes.md") not in uses("git", "status", folder=above)
    other = tmp_path / "other"
    git(tree, "worktree", "add", str(other))
    make_racy(other, tree / ".git/worktrees/other/index")
    assert str(other / "notes.md") not in uses("git", "status", folder=other)


def test_threads_of_git_are_git(uses, tree):
    """From a thousand files on git looks at them by several threads."""
    for number in range(1100):
        (tree / f"f{number}").touch()
    git(tree, "add", "-A")
    used = uses("git", "status")
    assert [path for path in used if path.startswith(f"{tree}/f")] == []


def test_a_script_or_tool_that_is_called_git_reads_what_it_reads(use_of_notes, tmp_path):
    program = tmp_path / "git"
    shutil.copy(shutil.which("cat"), program)
    assert not only_tells(str(program), ["git", "status"])
    program.write_text("#!/bin/sh\ncat notes.md .git/index\n")
    assert use_of_notes(str(program), "status").read


def test_a_process_that_was_git_is_another_program_after_it(use_of_notes):
    """One process becomes git, whose alias becomes a shell."""
    assert use_of_notes("git", "-c", "alias.look=!git status; cat notes.md", "look").read
