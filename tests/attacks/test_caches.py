"""Caches that somebody poisoned, damaged, or writes at the same time: what is in them decides nothing by itself."""

import multiprocessing
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from nbcompare import files
from nbcompare.compare.image import Shape
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.rendering.render_cache import RenderCache
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.engine.sources.opened import OpenedFiles, SymbolicLink
from nbcompare.errors import UsageError
from nbcompare.explain.fuzz.kept import FuzzFolder, FuzzTrial
from nbcompare.files import sha256_of
from nbcompare.run.bisect.journal import STEPS, JudgedCommit, journal_in
from nbcompare.run.provenance import wraps

IMAGE = np.arange(12, dtype="<f4").reshape(3, 4)
SHAPE = Shape(fast=4, slow=3)


@pytest.fixture
def cache(tmp_path):
    made = RenderCache(tmp_path / "cache")
    made.keep_image("k", IMAGE)
    made.keep("k", {"is": "kept"})
    assert np.array_equal(made.image("k", SHAPE), IMAGE) and made.answer("k") == {"is": "kept"}
    return made


def flip(path):
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.write_bytes(content)


SPOIL = {"a bit": flip, "cut": lambda path: os.truncate(path, 40), "longer": lambda path: os.truncate(path, 99),
         "empty": lambda path: path.write_bytes(b""), "of before": lambda path: path.write_bytes(IMAGE.tobytes()),
         "a folder": lambda path: (path.unlink(), path.mkdir()),
         "another image": lambda path: path.write_bytes((IMAGE * 2).tobytes() + bytes(32))}


@pytest.mark.parametrize("spoil", SPOIL)
def test_an_image_of_the_cache_that_is_not_what_was_written_is_none(cache, spoil):
    SPOIL[spoil](cache.folder / "k.bin")
    assert cache.image("k", SHAPE) is None


@pytest.mark.parametrize("text", ["", "[1]", "{", "null", "[" * 100_000, '{"a": 1}{'])
def test_an_answer_that_is_none_is_passed_over(cache, text):
    (cache.folder / "k.json").write_text(text)
    assert cache.answer("k") is None


def test_a_cache_for_all_to_write_in_is_none(cache):
    cache.folder.chmod(0o777)
    assert cache.image("k", SHAPE) is None and cache.answer("k") is None
    cache.keep("new", {"a": 1})
    assert not (cache.folder / "new.json").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can give a folder to another user")
def test_a_cache_of_another_user_is_none(cache, monkeypatch):
    os.chown(cache.folder, 12345, 12345)
    assert cache.image("k", SHAPE) is None and cache.answer("k") is None


@pytest.mark.parametrize("which", ["folder", "parent", "steps"])
def test_steps_of_a_bisection_that_somebody_else_could_have_written_are_refused(tmp_path, which):
    folder = tmp_path / "bisect" / "key"
    with journal_in(folder, "small") as journal:
        journal.add(JudgedCommit("a" * 40, "skipped", "NOT BUILT"))
    with journal_in(folder, "small") as journal:
        assert [trial.outcome for trial in journal.trials] == ["skipped"]
    planted = {"folder": folder, "parent": folder.parent, "steps": folder / STEPS}[which]
    planted.chmod(0o777)
    with pytest.raises(UsageError, match="can be written by everybody; no bisection"), journal_in(folder, "small"):
        pass
    planted.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(planted, 12345, 12345)
        with pytest.raises(UsageError, match="belongs to another user"), journal_in(folder, "small"):
            pass


def _write(folder, number):
    cache = RenderCache(Path(folder))
    for at in range(60):
        cache.keep_image(f"k{at % 3}", np.full((3, 4), number, "<f4"))
        found = cache.image(f"k{(at + number) % 3}", SHAPE)
        assert found is None or len(set(found.ravel().tolist())) == 1


def test_writers_at_the_same_time_leave_whole_images_and_nothing_else(tmp_path):
    crowd = [multiprocessing.get_context("fork").Process(target=_write, args=(tmp_path / "c", number))
             for number in range(6)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(60)
    assert [one.exitcode for one in crowd] == [0] * 6
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["k0.bin", "k1.bin", "k2.bin"]


def test_watch_takes_no_reference_that_somebody_put_into_a_shared_cache(nb, fake, small_case, tmp_path, monkeypatch):
    """A subject that is 1.5 times too bright, beside an image of the cache that is so too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    words = ("watch", small_case, "--saves", "0", "-q", "--c-bin", fake("good"), "--py-bin", fake("bright"))
    assert nb(*words).code == 3
    (image,) = (tmp_path / "home/nb-compare/renders").glob("*.bin")
    bright = np.frombuffer(image.read_bytes()[:252], "<f4") * np.float32(125932)
    image.write_bytes(bright.tobytes())
    assert nb(*words).code == 3


def of_a_group(monkeypatch, own):
    monkeypatch.setattr("nbcompare.files._of_one_user", lambda group, user: own)


def test_a_cache_in_which_a_group_can_write_is_none(cache, monkeypatch):
    cache.folder.chmod(0o770)
    of_a_group(monkeypatch, own=False)
    assert cache.image("k", SHAPE) is None and cache.answer("k") is None
    of_a_group(monkeypatch, own=True)
    assert cache.answer("k") == {"is": "kept"}


def test_a_group_is_one_users_own_only_by_its_name_and_members(monkeypatch):
    import grp
    import pwd
    from types import SimpleNamespace as Entry

    monkeypatch.setattr(pwd, "getpwuid", lambda user: Entry(pw_name="jane"))
    for name, members, own in (("jane", [], True), ("jane", ["jane"], True), ("jane", ["jane", "kim"], False),
                               ("users", [], False)):
        monkeypatch.setattr(grp, "getgrgid", lambda group, name=name, members=members: Entry(gr_name=name,
                                                                                             gr_mem=members))
        assert files._of_one_user(100, 1000) is own
    monkeypatch.setattr(grp, "getgrgid", lambda group: {}[group])
    assert not files._of_one_user(100, 1000)


def test_what_is_made_for_the_user_alone_is_not_for_his_group_whatever_the_umask(tmp_path, monkeypatch):
    of_a_group(monkeypatch, own=False)
    before = os.umask(0o002)
    try:
        made = RenderCache(tmp_path / "fresh")
        made.keep("k", {"is": "kept"})
        assert made.answer("k") == {"is": "kept"}
        for _ in range(2):
            with journal_in(tmp_path / "bisect" / "key", "small") as journal:
                journal.add(JudgedCommit("a" * 40, "skipped", "NOT BUILT"))
    finally:
        os.umask(before)


def test_trials_of_a_fuzzing_that_others_could_have_written_are_not_taken(tmp_path):
    folder = tmp_path / "fuzz"
    kept = FuzzFolder(folder, "key")
    kept.begin(fresh=False)
    kept.add(FuzzTrial(0, "agree"))
    assert FuzzFolder(folder, "key").begin(fresh=False)
    folder.chmod(0o777)
    again = FuzzFolder(folder, "key")
    assert not again.begin(fresh=False) and again.trials == {}


def test_a_step_of_a_bisection_says_what_its_bundle_says(run_small, tmp_path):
    """A line edited from bad to good, one of a pass without any bundle, and half a line."""
    _, folder = run_small("good", "bright")
    home = tmp_path / "home"
    with journal_in(home, "x") as journal:
        journal.add(JudgedCommit("a" * 40, "bad", "FAIL", "", str(folder)))
        for outcome, word, bundle in (("good", "FAIL", folder), ("good", "PASS", folder), ("bad", "PASS", folder),
                                      ("good", "PASS", None), ("bad", "FAIL", None)):
            journal.add(JudgedCommit("b" * 40, outcome, word, "", str(bundle) if bundle else None))
    with open(home / STEPS, "a") as stream:
        stream.write('{"sha": "cccc')
    with journal_in(home, "x") as journal:
        assert [(trial.sha, trial.outcome) for trial in journal.trials] == [("a" * 40, "bad")]


def taken(home):
    with journal_in(home, "x") as journal:
        return [trial.sha[0] for trial in journal.trials]


def test_a_step_of_a_bisection_is_judged_again_where_a_run_of_now_may_be_another(nb, fake, small_case, tmp_path,
                                                                                 monkeypatch, quick_runs):
    """Other variables, a file that the reference read, and a reference of which not all is known."""
    table, home = tmp_path / "table", tmp_path / "home"
    table.write_text("1")
    reader, wrapper = tmp_path / "reads.py", tmp_path / "wraps"
    reader.write_text(f"open({str(table)[::-1]!r}[::-1]).read()\n" + fake("good").read_text())
    wrapper.write_text(f"#!/bin/sh\nexec {sys.executable} {fake('good')} \"$@\"\n")
    wrapper.chmod(0o755)
    shutil.copy(fake("good").with_name("_image.py"), tmp_path)
    with journal_in(home, "x") as journal:
        for name, reference in (("a", fake("good")), ("b", reader), ("c", wrapper)):
            said = nb("run", small_case, "--c-bin", reference, "--py-bin", fake("twin"), "-q", "--format", "json")
            journal.add(JudgedCommit(name * 40, "good", "PASS", "", said.json["bundle"]))
    assert taken(home) == ["a", "b"]
    table.write_text("2")
    assert taken(home) == ["a"]
    monkeypatch.setenv("NB_MODE", "another")
    assert taken(home) == []


def test_of_a_bisection_what_lies_in_its_tree_and_what_an_engine_wrote_itself_is_no_doubt(tmp_path):
    """The tree is gone by then, and its commit says what was in it."""
    paths = ["/t/tree/a", "/t/tree2/a", "/t/own"]
    opened = OpenedFiles(files=tuple(SourceFile(path, path, "0" * 64) for path in paths), absent=("/t/tree/b", "/t/b"),
                    rewritten=("/t/own",), links=(SymbolicLink("/t/tree/l", "x"), SymbolicLink("/t/l", "x")))
    left = opened.outside("/t/tree")
    assert [entry.path for entry in left.files] == ["/t/tree2/a"] and left.absent == ("/t/b",)
    assert [link.path for link in left.links] == ["/t/l"]


def test_a_fuzzing_begins_anew_with_other_variables_and_under_the_sandbox(nb, fake, tmp_path, monkeypatch):
    """Its trials agreed, and were taken for such although the subject does something else by now."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = ("fuzz", "--c-bin", fake("any_command"), "--py-bin", fake("any_command_too"), "--budget", "1")
    assert "going on" not in nb(*words).err and "going on after 1 trial" in nb(*words).err
    monkeypatch.setenv("NB_MODE", "another")
    assert "going on" not in nb(*words).err and "going on after 1 trial" in nb(*words).err


def test_a_wrapper_that_hides_its_text_while_it_runs_is_said_of_the_next_run(tmp_path):
    """What a text says is kept for the sums that it has, and not for those that it had."""
    ref, port = tmp_path / "ref", tmp_path / "port.sh"
    ref.write_text("reference")
    port.write_text(f"#!/bin/sh\nexec {ref}\n")

    def identity(role, path):
        made_of = MadeOf("program", files=(SourceFile(path.name, str(path), sha256_of(path)),))
        return EngineIdentity(role, role, "test", (str(path),), sha256_of(path), 1, "1", (), made_of)

    pair, text = (identity("subject", port), identity("reference", ref)), port.read_text()
    port.write_text("#!/bin/sh\n")
    assert not wraps(*pair)
    port.write_text(text)
    assert wraps(*pair)
