"""What is said of a repository is true of its files, whatever the repository says; and nothing that it names is run."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbcompare.engine.processes.asking import asked_once
from nbcompare.engine.repository import git
from nbcompare.engine.repository.git import Git, Repositories, not_committed, repository_of, tracked_beside


class Repository:
    """A repository with one committed file, a.txt."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()
        self.git("init", "-q", "-b", "trunk")
        (home / "a.txt").write_text("one\n")
        self.commit("first")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.home), "-c", "user.name=A", "-c", "user.email=a@b.c", "-c",
                               "protocol.file.allow=always", *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def touch_later(self, text: str) -> None:
        """Another text of the same length, so that git has to read the file."""
        (self.home / "a.txt").write_text(text)
        os.utime(self.home / "a.txt", (1, 1))


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "theirs")


@pytest.mark.parametrize("name", ["evil", "e=vil"])
@pytest.mark.parametrize("setting", ["core.fsmonitor", "filter.NAME.clean", "filter.NAME.process", "diff.NAME.textconv",
                                     "diff.external", "diff.NAME.command", "core.hooksPath"])
def test_no_program_that_a_repository_names_is_run(repository, tmp_path, setting, name):
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.mkdir()
    script = program / "post-index-change"
    script.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    script.chmod(0o755)
    (repository.home / ".gitattributes").write_text(f"*.txt filter={name} diff={name}\n")
    repository.commit("attributes")
    repository.git("config", setting.replace("NAME", name), str(program if setting == "core.hooksPath" else script))
    repository.touch_later("two\n")
    assert repository_of(repository.home).names == ("a.txt",)
    assert not ran.exists()


def test_nor_one_that_a_submodule_names(repository, tmp_path):
    inner = Repository(tmp_path / "inner")
    repository.git("submodule", "--quiet", "add", str(inner.home), "sub")
    repository.commit("submodule")
    assert repository_of(repository.home).dirty is False
    inside = Repository.__new__(Repository)
    inside.home = repository.home / "sub"
    (tmp_path / "evil").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    (tmp_path / "evil").chmod(0o755)
    inside.git("config", "filter.evil.clean", str(tmp_path / "evil"))
    exclude = Path(inside.git("rev-parse", "--absolute-git-dir"), "info/attributes")
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("*.txt filter=evil\n")
    inside.touch_later("two\n")
    found = repository_of(repository.home)
    assert (found.dirty, found.names) == (True, ("sub/a.txt",))
    assert not (tmp_path / "ran").exists()


def test_a_file_of_a_submodule_is_committed_there(repository, tmp_path):
    inner = Repository(tmp_path / "inner")
    repository.git("submodule", "--quiet", "add", str(inner.home), "sub")
    repository.commit("submodule")
    assert not_committed(repository.home, [repository.home / "sub/a.txt", repository.home / "a.txt"]) == []


@pytest.mark.parametrize("option", ["--assume-unchanged", "--skip-worktree"])
def test_a_submodule_at_another_commit_is_told_though_git_was_told_to_overlook_it(repository, tmp_path, option):
    inner = Repository(tmp_path / "inner")
    repository.git("submodule", "--quiet", "add", str(inner.home), "sub")
    repository.commit("submodule")
    repository.git("update-index", option, "sub")
    assert repository_of(repository.home).dirty is False
    repository.git("-C", "sub", "commit", "-q", "--allow-empty", "-m", "another")
    found = repository_of(repository.home)
    assert (found.dirty, found.hidden) == (True, ("sub",))


def test_what_lies_where_a_submodule_was_is_in_no_commit(repository, tmp_path):
    """git itself says nothing of files in a folder that the index names as a repository and that is none."""
    inner = Repository(tmp_path / "inner")
    repository.git("submodule", "--quiet", "add", str(inner.home), "sub")
    repository.commit("submodule")
    (repository.home / "sub/.git").unlink()
    (repository.home / "sub/a.txt").write_text("two\n")
    assert not_committed(repository.home, [repository.home / "sub/a.txt", repository.home / "a.txt"]) == ["sub/a.txt"]


def test_a_working_tree_elsewhere_is_not_taken_for_this_one(repository, tmp_path):
    other = Repository(tmp_path / "clean")
    repository.touch_later("two\n")
    repository.git("config", "core.worktree", str(other.home))
    assert repository_of(repository.home).dirty is not False


def test_a_folder_that_looks_like_what_git_keeps_is_no_repository(repository):
    """Files as of a bare repository, which anybody can commit, bring settings of their own; none of them is read."""
    kept = repository.home / "data"
    repository.git("init", "-q", "--bare", str(kept))
    assert Git(kept, filters=False).text("rev-parse", "--git-dir") is None and repository_of(kept).root is None


def _broken(place):
    (place / ".git").write_text("gitdir: /nowhere\n")


@pytest.mark.parametrize("lay", [
    lambda place: None, lambda place: (place / ".git").mkdir(), _broken, lambda place: (place / "HEAD").write_text("x"),
    lambda place: Repository.git(SimpleNamespace(home=place), "init", "-q", "--bare", "."),
    lambda place: Repository.git(SimpleNamespace(home=place), "init", "-q"),
    lambda place: (place / ".git").symlink_to(place.parent / ".git"),
    lambda place: (place / ".git").symlink_to("/nowhere"),
], ids=["nothing", "empty", "broken", "HEAD", "bare", "another", "link", "dead-link"])
def test_the_top_is_what_git_says_in_the_folder_itself(repository, lay):
    """Although it is asked further up, where it begins to find something."""
    folder = repository.home / "in/side"
    folder.mkdir(parents=True)
    lay(repository.home / "in")
    said = Git(folder, filters=False).text("rev-parse", "--show-toplevel")
    assert repository_of(folder).root == said


def test_git_is_asked_once_for_all_folders_of_a_tree_and_never_for_those_of_none(repository, tmp_path, monkeypatch):
    asked, answer = [], git.answer
    monkeypatch.setattr(git, "answer", lambda argv, *more, **named: asked.append(argv) or answer(argv, *more, **named))
    deep = repository.home / "in/side"
    deep.mkdir(parents=True)
    (tmp_path / "link").symlink_to(deep)
    with asked_once():
        known = Repositories()
        assert {known.of(place).root for place in (deep, deep.parent, repository.home)} == {str(repository.home)}
        assert known.of(tmp_path).root is None and known.of(tmp_path / "link").root == str(repository.home)
    assert sum("--show-toplevel" in argv for argv in asked) == 1


def test_commit_branch_and_names_are_those_of_git_in_every_state(repository, tmp_path):
    sha = repository.git("rev-parse", "HEAD")
    (repository.home / "b c.txt").write_text("new\n")
    repository.touch_later("two\n")
    found = repository_of(repository.home)
    assert (found.sha, found.branch, found.changed, found.untracked) == (sha, "trunk", ("a.txt",), ("b c.txt",))
    repository.git("checkout", "-q", "-b", "(other)")
    assert repository_of(repository.home).branch == "(other)"
    repository.commit("theirs")
    repository.git("checkout", "-q", "--detach", "trunk")
    (repository.home / "a.txt").write_text("three\n")
    repository.commit("ours")
    with pytest.raises(subprocess.CalledProcessError):
        repository.git("merge", "-q", "(other)")
    found = repository_of(repository.home)
    assert (found.sha, found.branch) == (repository.git("rev-parse", "HEAD"), None)
    assert set(found.changed) == {"a.txt", "b c.txt"}
    unborn = tmp_path / "unborn"
    subprocess.run(["git", "init", "-q", "-b", "main", unborn], check=True)
    assert repository_of(unborn) == git.RepositoryState(str(unborn), git.UNKNOWN, "main")


def test_a_git_that_does_not_say_where_a_setting_stands_is_asked_for_each_place(repository, monkeypatch):
    repository.git("config", "filter.evil.clean", "/evil")
    new = Git(repository.home).settings
    assert new["filter.evil.clean"] == "" and new["filter.evil.required"] == "false"
    names = Git.names
    monkeypatch.setattr(Git, "names", lambda self, *words: None if "--show-scope" in words else names(self, *words))
    assert Git(repository.home).settings == new


def test_times_of_files_do_not_hide_a_change(repository):
    """git goes by size and second; an edit that keeps both is clean to it."""
    file = repository.home / "a.txt"
    repository.git("config", "core.trustctime", "false")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    repository.git("status")
    assert not_committed(repository.home, [file]) == []
    file.write_text("two\n")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    assert repository.git("status", "--porcelain") == ""
    assert not_committed(repository.home, [file]) == ["a.txt"]


def test_a_replaced_commit_does_not_stand_for_the_one_that_is_named(repository):
    first = repository.git("rev-parse", "HEAD")
    repository.touch_later("two\n")
    repository.commit("second")
    second = repository.git("rev-parse", "HEAD")
    repository.git("reset", "-q", "--hard", first)
    repository.git("replace", first, second)
    repository.git("read-tree", second)
    repository.git("checkout-index", "-f", "-a")
    assert repository.git("status", "--porcelain") == ""
    assert repository_of(repository.home).dirty is True


def test_a_worktree_and_a_linked_folder_are_the_repository_that_they_are(repository, tmp_path):
    repository.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    found = repository_of(tmp_path / "tree")
    assert (found.root, found.branch, found.dirty) == (str(tmp_path / "tree"), "other", False)
    (tmp_path / "link").symlink_to(repository.home)
    assert repository_of(tmp_path / "link").root == str(repository.home)


def test_a_file_behind_a_link_is_committed_where_it_is(repository, tmp_path):
    """The repository reached through a link, and in it a linked folder and a linked file that git keeps."""
    (repository.home / "data").mkdir()
    (repository.home / "data/b.txt").write_text("b\n")
    (repository.home / "folder").symlink_to("data")
    (repository.home / "c.txt").symlink_to("data/b.txt")
    repository.commit("links")
    (tmp_path / "link").symlink_to(repository.home)
    paths = [place / name for place in (repository.home, tmp_path / "link")
             for name in ("a.txt", "folder/b.txt", "c.txt")]
    assert not_committed(repository.home, paths) == []
    (repository.home / "data/b.txt").write_text("another\n")
    assert set(not_committed(repository.home, paths)) == {"data/b.txt"}


def test_a_name_that_is_no_text_is_told_as_text(repository):
    Path(os.fsdecode(os.fsencode(repository.home) + b"/\xff.txt")).write_text("")
    assert repository_of(repository.home).untracked == ("�.txt",)


@pytest.mark.parametrize("how", ["state", "work tree"])
def test_what_a_partial_clone_lacks_is_not_fetched(repository, tmp_path, how):
    """The fetch would start the program that the repository names for its connection."""
    from nbcompare.engine.repository.revisions import Revisions
    from nbcompare.engine.repository.work_tree import work_tree
    from nbcompare.errors import FileError

    ran = tmp_path / "ran"
    blob, sha = repository.git("rev-parse", "HEAD:a.txt"), repository.git("rev-parse", "HEAD")
    (repository.home / ".git/objects" / blob[:2] / blob[2:]).unlink()
    for name, value in {"core.repositoryFormatVersion": "1", "extensions.partialClone": "evil", "remote.evil.url":
                        "ssh://nowhere/x", "remote.evil.promisor": "true", "core.sshCommand": f"touch {ran}; false",
                        "protocol.ssh.allow": "always", "protocol.allow": "always"}.items():
        repository.git("config", name, value)
    repository.touch_later("two\n")
    if how == "state":
        repository_of(repository.home)
    else:
        with pytest.raises(FileError, match="does not check out"), work_tree(
                Revisions(repository.home).top, tmp_path / "home", sha) as tree:
            tree.check_out(sha)
    assert not ran.exists()


@pytest.mark.parametrize("setting", ["core.fsmonitor", "filter.evil.smudge", "filter.evil.process", "core.hooksPath",
                                     "hooks", "core.sshCommand"])
def test_checking_out_runs_nothing_and_leaves_nothing(repository, tmp_path, setting):
    from nbcompare.engine.repository.work_tree import work_tree

    ran = tmp_path / "ran"
    hooks = repository.home / ".git/hooks" if setting == "hooks" else tmp_path / "program"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "post-index-change", "reference-transaction", "program"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
        (hooks / name).chmod(0o755)
    (repository.home / ".gitattributes").write_text("*.txt filter=evil\n")
    repository.commit("attributes")
    ran.unlink(missing_ok=True)
    if setting != "hooks":
        repository.git("config", setting, str(hooks if setting == "core.hooksPath" else hooks / "program"))
    revisions = repository.git("rev-list", "--reverse", "HEAD").split()
    ran.unlink(missing_ok=True)
    with work_tree(repository.home, tmp_path / "home", revisions[-1]) as tree:
        asked = ran.exists()
        older, newer = revisions
        tree.check_out(older)
        assert (tree.path / "a.txt").read_text() == "one\n"
        tree.check_out(newer)
        assert (tree.path / ".gitattributes").is_file()
    assert not asked and not ran.exists()
    assert not (repository.home / ".git/worktrees").exists() and not (tmp_path / "home/tree").exists()


def test_what_lies_beside_a_built_file_is_asked_again_where_git_was_told_something(repository, tmp_path, monkeypatch):
    """A sweep asks of each of its cells; the answer rests on the index, and on where repositories are."""
    asked, ask = [], git._tracked_beside
    monkeypatch.setattr(git, "_tracked_beside", lambda *words: asked.append(words) or ask(*words))
    monkeypatch.setattr(git, "are_settled", lambda stamps: True)
    tree = tmp_path / "tree"
    repository.git("worktree", "add", "-q", "--detach", str(tree))
    for place in (repository.home, tree):
        built = place / "inside" / "engine.so"
        built.parent.mkdir()
        built.write_text("")
        asked.clear()
        assert [tracked_beside(built, ("*.c",)) for _ in range(3)] == [None] * 3 and len(asked) == 1
        (place / "core.c").write_text("one")
        repository.git("-C", str(place), "add", "core.c")
        assert [tracked_beside(built, ("*.c",)) for _ in range(2)] == [(place, ["core.c"])] * 2 and len(asked) == 2
        repository.git("init", "-q", str(built.parent))
        assert tracked_beside(built, ("*.c",)) is None and len(asked) == 3


def test_an_index_that_was_just_written_may_be_written_again_under_the_same_times(repository, monkeypatch):
    asked, ask = [], git._tracked_beside
    monkeypatch.setattr(git, "_tracked_beside", lambda *words: asked.append(words) or ask(*words))
    (repository.home / "engine.so").write_text("")
    assert [tracked_beside(repository.home / "engine.so", ("*.c",)) for _ in range(2)] == [None] * 2
    assert len(asked) == 2
