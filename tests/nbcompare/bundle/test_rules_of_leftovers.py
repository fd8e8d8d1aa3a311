"""What doctor finds, and what a name means: each finding with its words, each leftover with its remedy."""

import errno
import os
import shutil
import sys
import time
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace as Things

import pytest

from nbcompare.bundle.bundle import seal, staging
from nbcompare.bundle.find import find_bundle, names_of
from nbcompare.bundle.keep import doctor, leftovers
from nbcompare.bundle.keep.leftovers import IN_USE, LEFT, UNKNOWN, Leftover, clean, find_leftovers, processes_in
from nbcompare.bundle.keep.prune import choose, remove
from nbcompare.bundle.lock import lock
from nbcompare.errors import EvidenceError, FileError

DAY = 86_400


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    for name in ("NB_C_BIN", "NB_PY_BIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def aged(folder, seconds):
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (time.time() - seconds,) * 2, follow_symlinks=False)


def found(bundles="bundles", comparisons="comparisons"):
    return {entry.folder.name: (entry.what, entry.state, entry.remedy)
            for entry in find_leftovers(Path(bundles), Path(comparisons))}


# --- leftovers ---------------------------------------------------------------------------------------------------


def test_every_unfinished_folder_is_known_by_its_place_and_its_age(here, temporary):
    places = {"comparisons/a/.work-1": "an unfinished one-shot comparison",
              "bundles/signoffs/N1/.signing-1": "an unfinished sign-off", ".export-1": "an unfinished export",
              f"{temporary}/nb-compare-1": "scratch of an engine"}
    for place in places:
        (here / place / "inside").mkdir(parents=True)
    (here / "comparisons/a/.work-file").write_text("")
    (temporary / "nb-compare-link").symlink_to(here)
    names = {Path(place).name: what for place, what in places.items()}
    assert found() == {name: (what, UNKNOWN, None) for name, what in names.items()}
    for place in places:
        aged(here / place, DAY - 60)
    assert {state for _, state, _ in found().values()} == {UNKNOWN}
    for place in places:
        aged(here / place, DAY + 60)
    assert found() == {name: (what, LEFT, "remove") for name, what in names.items()}
    (here / ".export-1/inside/new").write_text("x")
    assert found()[".export-1"][1] == UNKNOWN, "something in it changed"


def test_folders_of_bundles_are_known_by_their_lock(here, monkeypatch):
    for name in (".staging-import-x", "small/.staging-20260101T000000Z", "small/.pruned-20260101T000000Z"):
        Path("bundles", name).mkdir(parents=True)
    assert found() == {".staging-import-x": ("an unfinished import", LEFT, "remove"),
                       ".staging-20260101T000000Z": ("an unfinished bundle", LEFT, "remove"),
                       ".pruned-20260101T000000Z": ("a bundle being pruned", LEFT, "remove")}
    handles = [lock(Path("bundles", name)) for name in (".staging-import-x", "small/.staging-20260101T000000Z")]
    assert {found()[name][1:] for name in (".staging-import-x", ".staging-20260101T000000Z")} == {(IN_USE, None)}
    for handle in handles:
        os.close(handle)
    monkeypatch.setattr(leftovers, "is_locked", lambda folder: None)  # a file system without locks
    assert found()[".staging-import-x"][1] == UNKNOWN
    aged(Path("bundles/.staging-import-x"), DAY + 60)
    assert found()[".staging-import-x"][1:] == (LEFT, "remove")


def test_a_folder_in_which_a_process_works_is_in_use_however_old(here):
    name = "bundles/small/.staging-20260101T000000Z"
    Path(name, "deep").mkdir(parents=True)
    aged(Path(name), 2 * DAY)
    for place in (Path(name), Path(name, "deep")):
        before = Path.cwd()
        os.chdir(place)
        try:
            (entry,) = find_leftovers(here / "bundles", here / "comparisons")
        finally:
            os.chdir(before)
        assert (entry.state, entry.remedy) == (IN_USE, None)
        assert len(entry.processes) == 1 and entry.processes[0].startswith(f"process {os.getpid()} (")
        assert f"an unfinished bundle, in use by process {os.getpid()} (" in entry.sentence
    assert processes_in(here / name) == () and any(str(os.getpid()) in said for said in processes_in(here))
    Path(f"{name}-more").mkdir()
    os.chdir(f"{name}-more")
    assert processes_in(here / name) == (), "a folder whose name begins alike is another"


def test_what_vanishes_under_our_eyes_is_nobodys(here, monkeypatch):
    """A process that ends while it is looked at, a folder that is gone, scratch of another user."""
    folder = here / "bundles/.staging-import-x"
    folder.mkdir(parents=True)
    gone = here / "gone"
    assert leftovers._is_ours(gone) is False and leftovers._is_ours(folder) is True
    assert abs(leftovers._last_change(gone) - time.time()) < 60
    monkeypatch.setattr(leftovers.os, "getuid", lambda: -7)
    assert leftovers._is_ours(folder) is False

    def ended(link):
        raise ProcessLookupError(3, "No such process")

    with monkeypatch.context() as patch:
        patch.setattr(leftovers.os, "readlink", ended)
        assert processes_in(here) == ()
    answers = iter([(), ("process 1 (x)",)])  # one that comes to work there between the two looks
    monkeypatch.setattr(leftovers, "is_locked", lambda folder: None)
    monkeypatch.setattr(leftovers, "processes_in", lambda folder: next(answers))
    (entry,) = find_leftovers(here / "bundles", here / "comparisons")
    assert (entry.state, entry.remedy, entry.processes) == (IN_USE, None, ("process 1 (x)",))


def test_what_is_finished_is_published_and_all_else_removed(store):
    """Finished is: sealed, intact, of a stamp, and that name is free."""
    stamp = store.passed.name
    hidden = store.passed.rename(store.passed.parent / f".staging-{stamp}")
    assert found() == {hidden.name: ("a finished bundle without its name", LEFT, "publish")}
    (hidden / "manifest-sha256.txt").chmod(0o644)
    assert found()[hidden.name][2] == "remove"
    seal(hidden)
    (store.passed.parent / stamp).symlink_to("nowhere")
    assert found()[hidden.name][2] == "remove"
    (store.passed.parent / stamp).unlink()
    odd = hidden.rename(hidden.parent / ".staging-latest")
    assert found()[odd.name][2] == "remove"
    odd.rename(hidden)
    (entry,) = find_leftovers(Path("bundles"), Path("comparisons"))
    said = entry.as_dict()
    assert said == {"folder": str(hidden), "what": "a finished bundle without its name", "state": LEFT,
                    "remedy": "publish", "processes": [], "bytes": said["bytes"]} and said["bytes"] > 10_000
    assert entry.sentence == f"{hidden}: {entry.what}, left behind, {said['bytes']:,} bytes"
    assert clean(entry) == f"published {store.passed}" and store.passed.is_dir() and found() == {}


def test_what_is_in_use_by_now_or_cannot_be_removed_is_said(here, monkeypatch):
    Path("bundles/.staging-import-x").mkdir(parents=True)
    entry = Leftover(Path("bundles/.staging-import-x"), "an unfinished import", LEFT, "remove")
    handle = lock(entry.folder)
    assert clean(entry) == "bundles/.staging-import-x: in use by now, left alone" and entry.folder.is_dir()
    os.close(handle)

    def refused(path):
        raise OSError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(leftovers.shutil, "rmtree", refused)
        with pytest.raises(FileError, match=r"^bundles/.staging-import-x: cannot clean: Permission denied$"):
            clean(entry)
    assert clean(entry) == "removed bundles/.staging-import-x" and not entry.folder.exists()


def test_pruning_holds_what_goes_and_tells_what_it_did(store, monkeypatch):
    choices = choose(store.root, 1)
    before = len(os.listdir("/proc/self/fd"))
    with staging(store.root, "small") as made:
        made.rest_on(store.passed)
        done = remove(choices, store.root)
    assert [choice.kept_because for choice in done] == [
        "a run or a sign-off rests on it by now", None, "among the newest"]
    assert store.passed.is_dir() and not store.failed.exists() and store.crashed.is_dir()
    assert len(os.listdir("/proc/self/fd")) == before
    assert [path.name for path in store.passed.parent.iterdir() if path.name[0] == "."] == []
    assert remove([replace(choices[0], kept_because="so")], store.root)[0].kept_because == "so"

    def refused(source, target):
        raise OSError(errno.EACCES, "Permission denied", str(source))

    monkeypatch.setattr(os, "rename", refused)
    with pytest.raises(FileError, match=f"{store.passed}: cannot remove the bundle: Permission denied") as caught:
        remove(choices[:1], store.root)
    assert caught.value.hint == "nb-compare doctor names what is left"


# --- doctor ------------------------------------------------------------------------------------------------------


def findings():
    return {entry.name: entry for entry in doctor.examine(Path("bundles"))}


@pytest.fixture
def whole(here, monkeypatch):
    """A machine on which everything is there, as far as doctor can see."""
    monkeypatch.setattr(doctor, "_version", lambda name: "1.0")
    monkeypatch.setattr(doctor, "shutil", Things(which=lambda name: f"/bin/{name}", disk_usage=shutil.disk_usage))
    monkeypatch.setattr(doctor, "found_program", lambda: None)
    monkeypatch.setattr(doctor, "build_folder", lambda: here / "cache/reference")
    spec = Things(origin="/site/nanobrag_torch/__init__.py", name="nanobrag_torch")
    monkeypatch.setattr(doctor, "importlib", Things(util=Things(find_spec=lambda name: spec)))
    return monkeypatch


@pytest.mark.simulator
def test_what_is_well_is_said_in_words(whole, here):
    said = findings()
    assert all(entry.ok and not entry.stops for entry in said.values())
    version = ".".join(map(str, sys.version_info[:3]))
    words = {"python": f"{version} ({sys.executable})", "numpy": "1.0", "writable": str(here),
             "reference": "the bundled C reference is built when it is first needed",
             "subject": "bundled simulator: /site/nanobrag_torch/__init__.py, torch 1.0",
             "locks": "a folder in use can be told from one left behind", "sign-offs": "0 bundles are signed off"}
    assert {name: said[name].detail for name in words} == words
    assert said["disk"].detail == f"{shutil.disk_usage('.').free / 2**30:.1f} GiB free for bundles"
    assert abs(time.time() - time.mktime(time.strptime(said["clock"].detail, "%Y%m%dT%H%M%SZ")) + time.timezone) < 60
    assert said["disk"].as_dict() == {"name": "disk", "ok": True, "detail": said["disk"].detail, "optional": False,
                                      "next_step": "make room: nb-compare prune, or another --bundles"}


@pytest.mark.parametrize(("free", "ok"), [((1 << 30) - 1, False), (1 << 30, True)])
def test_a_disk_with_less_than_a_gibibyte_stops(whole, free, ok):
    whole.setattr(doctor.shutil, "disk_usage", lambda place: Things(free=free))
    said = findings()["disk"]
    assert said.ok is ok and said.stops is not ok and said.detail == "1.0 GiB free for bundles"


def test_what_lacks_for_the_bundled_reference_is_named_and_stops_nobody(whole, here):
    def lacks(**tools):
        whole.setattr(doctor.shutil, "which", lambda name: None if name in tools else f"/bin/{name}")
        return findings()["reference"]

    (here / "cache").mkdir()
    assert lacks(cc=0, gcc=0).ok and not lacks(cc=0, gcc=0, clang=0).ok
    said = lacks(make=0)
    assert said.optional and not said.ok and not said.stops
    assert said.detail == "the bundled C reference is not built, and lacks make"
    assert said.next_step.startswith("bring your own C program (--c-bin, $NB_C_BIN or nb-compare.yaml), or install m")
    assert lacks(make=0, cc=0, gcc=0, clang=0).detail.endswith("lacks make, a C compiler")
    (here / "cache").rmdir()
    (here / "cache").write_text("")
    assert lacks().detail.endswith(f"lacks the right to write into {here / 'cache'}")
    whole.setattr(doctor, "found_program", lambda: Path("/built"))
    assert findings()["reference"].detail == "bundled C reference: /built"

    def broken():
        raise FileError("it cannot be read", hint="look")

    whole.setattr(doctor, "found_program", broken)
    said = findings()["reference"]
    assert (said.ok, said.detail, said.next_step, said.optional) == (False, "it cannot be read", "look", True)
    whole.setattr(doctor, "REFERENCE_SOURCE", here / "none")
    said = findings()["reference"]
    assert (said.ok, said.detail, said.optional) == (False, "the sources of the bundled C reference are not here", True)


@pytest.mark.simulator
def test_what_lacks_for_the_bundled_subject_is_named(whole, fake):
    whole.setattr(doctor, "_version", lambda name: None if name == "torch" else "1.0")
    said = findings()["subject"]
    assert said.optional and said.detail == "the bundled simulator cannot run: torch is not installed"
    assert said.next_step == ("bring your own engine (--py-bin, $NB_PY_BIN or nb-compare.yaml), or pip install "
                              "'nb-compare[torch]'")
    whole.setattr(doctor.importlib.util, "find_spec", lambda name: Things(origin=None, name=name))
    whole.setattr(doctor, "_version", lambda name: "1.0")
    assert findings()["subject"].detail == "bundled simulator: nanobrag_torch, torch 1.0"
    whole.setattr(doctor, "_version", lambda name: None if name == "torch" else "1.0")
    whole.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert findings()["subject"].detail == "the bundled simulator cannot run: it is not installed"
    whole.setattr(doctor, "_version", lambda name: "1.0")
    assert findings()["subject"].detail == "the bundled simulator cannot run: it is not installed"
    whole.setenv("NB_PY_BIN", str(fake("twin")))
    whole.setenv("NB_C_BIN", str(fake("good")))
    said = findings()
    assert (said["subject"].ok, said["subject"].detail) == (True, f"twin.py: {fake('twin')}")
    assert said["reference"].detail == f"good.py: {fake('good')}"
    for name in ("NB_PY_BIN", "NB_C_BIN"):
        whole.setenv(name, "gone/port")
    said = findings()
    assert said["subject"].stops and said["reference"].stops
    assert said["subject"].next_step == "set $NB_PY_BIN to a program, or unset it"


def test_to_write_is_to_write_and_to_enter(whole, here):
    """Both are asked of both folders; the superuser, whom tests may run as, may do either anyway."""
    asked = {}
    whole.setattr(doctor.os, "access", lambda place, mode: asked.setdefault(place, mode) and False)
    said = findings()
    assert set(asked.values()) == {os.W_OK | os.X_OK} and len(asked) == 1
    assert said["writable"].stops and said["writable"].next_step == "choose another --bundles"
    (here / "cache").mkdir()
    asked.clear()
    assert not findings()["reference"].ok and asked == dict.fromkeys((here, here / "cache"), os.W_OK | os.X_OK)


def test_a_project_file_that_cannot_be_read_is_one_finding(whole):
    Path("nb-compare.yaml").write_text("engines: [\n")
    said = findings()
    assert said["project file"].stops and said["project file"].next_step == "mend nb-compare.yaml"
    assert "reference" not in said and "subject" not in said


def test_a_clock_a_lock_and_a_sign_off_that_are_wrong_are_told(whole, here):
    for name in ("29990101T000000Z", "30000101T000000Z", "latest"):
        Path("bundles/small", name).mkdir(parents=True)
    said = findings()["clock"]
    assert said.stops and said.detail.endswith(", and there is a bundle of 30000101T000000Z")
    assert said.next_step == "set the clock" and said.detail.startswith("it is 2")
    whole.setattr(doctor, "is_locked", lambda place: None)
    said = findings()["locks"]
    assert not said.ok and said.next_step == "keep bundles on a local disk" and said.detail == (
        f"the file system of {here}/bundles has no locks: what a killed run leaves cannot be told from a run")
    Path("bundles/signoffs/N1").mkdir(parents=True)
    Path("bundles/signoffs/N1/20260101T000000Z.json").write_text("{")
    said = findings()["sign-offs"]
    assert said.stops and said.next_step == "restore it from a copy; until then nothing can be pruned"


def test_what_pip_did_not_install_has_no_version():
    assert doctor._version("pytest") == metadata.version("pytest") and doctor._version("no-such-package-1") is None


# --- what a name means -------------------------------------------------------------------------------------------


def test_names_of_cases_are_those_with_bundles(here):
    assert names_of(Path("none")) == []
    for name in ("b/20260101T000000Z", "a/20260101T000000Z", "empty", ".hidden/20260101T000000Z",
                 "signoffs/20260101T000000Z"):
        Path("bundles", name).mkdir(parents=True)
    Path("bundles/file").write_text("")
    assert names_of() == ["a", "b"]


def test_what_is_named_is_given_back_as_it_was_named_or_as_short_as_can_be(store, tmp_path, monkeypatch):
    absolute = tmp_path / store.passed
    assert find_bundle(store.passed) == store.passed and find_bundle(absolute) == absolute
    assert find_bundle("small") == store.crashed and find_bundle(tmp_path / "bundles/small") == store.crashed
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find_bundle("small", tmp_path / "bundles") == tmp_path / store.crashed
    assert find_bundle(store.passed.name, tmp_path / "bundles") == absolute


def test_what_is_no_bundle_is_told_for_what_it_is(store, small_case):
    Path("a.txt").write_text("")
    with pytest.raises(EvidenceError, match=r"^a.txt: a bundle is a folder, and this is a file; a case is a .yaml"):
        find_bundle("a.txt")
    Path("other.yml").write_text(small_case.read_text())
    assert find_bundle("other.yml") == find_bundle("small.yaml") == store.crashed
    with pytest.raises(EvidenceError, match="smal: there is no bundle of that name; did you mean 'small'") as caught:
        find_bundle("smal")
    assert caught.value.hint == "nb-compare list shows those below bundles/; nb-compare run makes one"
    with pytest.raises(EvidenceError, match="there is no bundle of that name"):
        find_bundle("20200101T000000Z")
    with pytest.raises(EvidenceError, match="there is no bundle of that name"):
        find_bundle("deep/small")
    Path("20200101T000000Z").mkdir()
    assert find_bundle("20200101T000000Z") == Path("20200101T000000Z")
    Path("empty").mkdir()
    assert find_bundle("empty") == Path("empty")


def test_a_case_with_a_matrix_means_its_one_cell_unless_a_folder_has_its_name(store):
    shutil.copytree(store.passed, store.root / "m.one" / store.passed.name)
    assert find_bundle("m") == store.root / "m.one" / store.passed.name
    shutil.copytree(store.passed, store.root / "m" / store.passed.name)
    assert find_bundle("m") == store.root / "m" / store.passed.name
    shutil.copytree(store.passed, store.root / "mm" / store.failed.name)
    shutil.rmtree(store.root / "m.one")
    shutil.rmtree(store.root / "m")
    with pytest.raises(EvidenceError, match="there is no bundle of that name"):
        find_bundle("m")
