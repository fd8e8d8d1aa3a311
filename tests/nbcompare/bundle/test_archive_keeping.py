"""list, show and prune; and what is left of a run that was killed."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import load_bundle, staging
from nbcompare.bundle.keep.prune import choose, remove
from nbcompare.bundle.lock import lock

SIGN_PLAN = """\
title: a plan of one phase
phases:
  - {name: N1, title: the evidence is there, cases: [small.yaml], requires: {files_complete: true}}
"""


# --- list and show -----------------------------------------------------------------------------------------------


def test_list_names_every_bundle_oldest_first(store, nb):
    said = nb("list", "--json")
    assert said.code == 0
    assert [(entry["stamp"], entry["verdict"], entry["exit_code"]) for entry in said.json["bundles"]] == [
        (store.passed.name, "PASS", 0), (store.failed.name, "FAIL", 3), (store.crashed.name, "ENGINE FAILED", 2)]
    assert said.json["bundles"][1]["sum_ratio"] == 125932 and said.json["bundles"][2]["sum_ratio"] is None
    assert nb("list", "--case", "other", "--json").json["bundles"] == []
    assert nb("list", "--bundles", "nowhere").out == "no bundles\n"


def test_list_tells_damaged_and_misplaced_records_and_goes_on(store, nb):
    (store.failed / "record.json").chmod(0o644)
    (store.failed / "record.json").write_text("{")
    shutil.copytree(store.passed, "bundles/other/" + store.passed.name)
    said = nb("list", "--json")
    damage = {entry["bundle"]: entry["damage"] for entry in said.json["bundles"]}
    assert said.code == 6 and len(damage) == 4
    assert "damaged record" in damage[str(store.failed)]
    assert damage[f"bundles/other/{store.passed.name}"] == f"its record is that of small/{store.passed.name}"


def test_list_leaves_out_what_is_being_made(store, nb):
    (store.root / "small/.staging-20990101T000000Z").mkdir()
    (store.root / "small/notes").mkdir()
    assert len(nb("list", "--json").json["bundles"]) == 3


def test_show_prints_the_page_and_the_record(store, nb):
    said = nb("show", store.failed)
    assert said.code == 0
    for words in ("FAIL  small", "-detpixels_x 9 -detpixels_y 7", "bright.py", "signed     by no phase", "125932"):
        assert words in said.out
    record = json.loads((store.failed / "record.json").read_text())
    assert nb("show", store.failed, "--json").json == {"bundle": str(store.failed), **record}
    assert nb("show", "nowhere").code == 6


# --- prune -------------------------------------------------------------------------------------------------------


def left(store) -> list[Path]:
    return sorted(path for path in store.passed.parent.iterdir())


def test_prune_keeps_the_newest_and_says_first_what_goes(store, nb):
    said = nb("prune", "--keep", "1", "--dry-run")
    assert said.code == 0 and f"remove  small/{store.passed.name}" in said.out and len(left(store)) == 3
    said = nb("prune", "--keep", "1", "--yes", "--json")
    assert [entry["goes"] for entry in said.json["bundles"]] == [True, True, False]
    assert left(store) == [store.crashed]


def test_prune_asks_and_without_anybody_to_answer_does_nothing(store, nb, monkeypatch):
    said = nb("prune", "--keep", "0")
    assert said.code == 1 and "nobody can answer" in said.err and len(left(store)) == 3
    assert nb("prune", "--keep", "0", "--json").code == 1


@pytest.mark.parametrize(("answer", "count"), [(b"n\n", 3), (b"y\n", 2)])
def test_prune_does_what_is_answered(store, answer, count):
    """At a terminal, as a person would."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "nbcompare", "prune", "--keep", "2"]
    process = subprocess.Popen(words, stdin=theirs, stdout=subprocess.DEVNULL)
    os.write(ours, answer)
    assert process.wait(60) == 0
    assert len(left(store)) == count
    os.close(ours)
    os.close(theirs)


def test_prune_never_takes_a_bundle_that_a_sign_off_names(nb, run_small, fake, small_case):
    Path("phases.yaml").write_text(SIGN_PLAN)
    _, signed = run_small()
    assert nb("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person").code == 0
    _, newer = run_small()
    _, newest = run_small("good", "bright")
    said = nb("prune", "--keep", "0", "--yes")
    assert f"keep    small/{signed.name}  signed off: N1" in said.out
    assert signed.is_dir() and not newer.exists()
    assert nb("list", "--json").json["bundles"][0]["signed"] == ["N1"]
    assert newest.is_dir() and "the newest, and an older one stays" in said.out, "else a gate would take the older one"


def test_prune_stops_at_a_sign_off_that_cannot_be_read(store, nb):
    """Whatever it names must not be guessed away."""
    (store.root / "signoffs/N1").mkdir(parents=True)
    (store.root / "signoffs/N1/20260101T000000Z.json").write_text("{")
    assert nb("prune", "--keep", "0", "--yes").code == 6
    assert len(left(store)) == 3
    assert nb("doctor", "--json").code == 8


def test_prune_keeps_the_reference_of_another_and_what_cannot_be_read(store, nb, small_case, fake):
    nb("run", small_case, "--py-bin", fake("twin"), "--reference", store.passed, "-q")
    (store.crashed / "record.json").chmod(0o644)
    (store.crashed / "record.json").write_text("{")
    said = nb("prune", "--keep", "1", "--yes")
    assert store.passed.is_dir() and "its image is the reference of small/" in said.out
    assert store.crashed.is_dir() and not store.failed.exists()


def test_prune_keeps_what_asked_for_more_until_the_newest_is_signed(nb, run_small, small_case):
    """Else a threshold that was loosened would be told no more."""
    text = small_case.read_text()
    made = []
    for limit in ("0.9999", "0.9995", "0.9999", "0.9"):
        small_case.write_text(text.replace("0.9995", limit))
        made.append(run_small()[1])
    Path("phases.yaml").write_text(SIGN_PLAN.replace("files_complete: true", "verdict: [PASS]"))
    assert nb("prune", "--keep", "1", "--yes").code == 0
    assert [folder.is_dir() for folder in made] == [False, True, True, True]
    assert nb("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person").code == 0
    assert nb("prune", "--keep", "1", "--yes").code == 0
    assert [folder.is_dir() for folder in made] == [False, False, False, True]


def test_prune_leaves_what_a_run_or_a_sign_off_has_come_to_rest_on(store, nb, small_case, fake, monkeypatch):
    """Held while the run goes on; afterwards named by its record. Nobody rests on what is being removed."""
    going = choose(store.root, 1)
    assert [choice.goes for choice in going] == [True, True, False]
    with staging(store.root, "small") as made:
        assert made.rest_on(store.passed)
        done = remove(going[:1], store.root)
        assert store.passed.is_dir() and done[0].kept_because == "a run or a sign-off rests on it by now"
    nb("run", small_case, "--py-bin", fake("twin"), "--reference", store.passed, "-q")
    assert not remove(going[:1], store.root)[0].goes and store.passed.is_dir()
    handle = lock(store.failed)
    with staging(store.root, "small") as made:
        assert not made.rest_on(store.failed)
    os.close(handle)
    assert remove(going[1:2], store.root)[0].goes and not store.failed.exists()


def test_no_case_can_take_the_folder_of_the_sign_offs(nb, small_case, fake):
    small_case.write_text(small_case.read_text().replace("name: small", "name: signoffs"))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")
    assert said.code == 1 and "a case cannot be called signoffs" in said.err


# --- what doctor cleans -----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path_factory, monkeypatch):
    """What other programs leave in the system's temporary folder is none of these tests' business."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("temporary")))


def test_an_old_one_shot_workshop_is_left_behind_and_a_fresh_one_is_not_touched(store, nb):
    for name in ("old", "fresh"):
        Path(f"comparisons/{name}/.work-x").mkdir(parents=True)
    os.utime("comparisons/old/.work-x", (time.time() - 2 * 86400,) * 2)
    nb("doctor", "--clean")
    assert not Path("comparisons/old/.work-x").exists() and Path("comparisons/fresh/.work-x").exists()


def test_a_finished_bundle_that_only_lacks_its_name_is_published(store, nb, small_case, fake, monkeypatch):
    """Power went away between sealing and renaming, here: the rename fails."""
    real = os.rename

    def refuse(source, target):
        if ".staging-" in str(source):
            raise OSError(5, "Input/output error", str(target))
        real(source, target)

    monkeypatch.setattr("os.rename", refuse)
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")
    monkeypatch.setattr("os.rename", real)
    assert said.code == 5 and len(nb("list", "--json").json["bundles"]) == 3
    assert "a finished bundle without its name, left behind" in nb("doctor").out
    assert "published" in nb("doctor", "--clean").out
    assert len(nb("list", "--json").json["bundles"]) == 4
    newest = left(store)[-1]
    assert load_bundle(newest).record.stamp == newest.name and nb("verify", newest).code == 0


def test_a_pruning_that_was_interrupted_is_completed(store, nb):
    store.passed.rename(store.passed.parent / f".pruned-{store.passed.name}")
    assert "a bundle being pruned, left behind" in nb("doctor").out
    nb("doctor", "--clean")
    assert left(store) == [store.failed, store.crashed]


# --- kill -9 -----------------------------------------------------------------------------------------------------


def start(small_case, reference, subject) -> subprocess.Popen:
    words = ["run", small_case, "--c-bin", reference, "--py-bin", subject, "-q"]
    return subprocess.Popen([sys.executable, "-m", "nbcompare", *map(str, words)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def leftovers(nb) -> list[dict]:
    return [entry for entry in nb("doctor", "--json").json["leftovers"] if "bundle" in entry["what"]]


@pytest.mark.parametrize("when", ["half", "after", "60"])
def test_a_killed_run_leaves_no_bundle_and_what_it_leaves_is_named_and_cleaned(nb, small_case, fake, when):
    """The engine kills nb-compare while it writes, when it has written, and 60 ms after it has ended."""
    small_case.write_text(small_case.read_text().replace("-flux 1e18", f"-flux 1e18 -kill-when {when}"))
    assert start(small_case, fake("assassin"), fake("good")).wait(60) == -signal.SIGKILL
    assert nb("list").out == "no bundles\n"
    found = leftovers(nb)
    assert [(entry["what"], entry["state"]) for entry in found] == [("an unfinished bundle", "left behind")]
    assert found[0]["folder"].startswith("bundles/small/.staging-")
    nb("doctor", "--clean")
    assert list(Path("bundles/small").iterdir()) == []


def test_a_bundle_that_a_living_process_fills_is_in_use(nb):
    """By its lock alone: no process works in it."""
    with staging(Path("bundles"), "small") as made:
        assert [(entry["state"], entry["processes"]) for entry in leftovers(nb)] == [("in use", [])]
        nb("doctor", "--clean")
        assert made.folder.is_dir()


def test_a_run_in_progress_and_an_engine_that_outlived_it_are_left_alone(nb, small_case, fake):
    """First the run is alive; then it is killed and its engine still works in the folder; then that has ended too."""
    process = start(small_case, fake("hang"), fake("good"))
    deadline = time.monotonic() + 30
    while not list(Path().glob("bundles/small/.staging-*/inputs/c_cli_stdout.txt")) or "child" not in next(
            Path().glob("bundles/small/.staging-*/inputs/c_cli_stdout.txt")).read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert leftovers(nb)[0]["state"] == "in use"
    process.kill()
    process.wait()
    orphaned = leftovers(nb)[0]
    assert orphaned["state"] == "in use" and len(orphaned["processes"]) == 2
    nb("doctor", "--clean")
    assert Path(orphaned["folder"]).is_dir()
    for said in orphaned["processes"]:
        os.kill(int(said.split()[1]), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while leftovers(nb)[0]["state"] == "in use":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    nb("doctor", "--clean")
    assert not Path(orphaned["folder"]).exists()


def test_two_runs_at_once_never_mix(nb, small_case, fake):
    """Two runs of one case in the same second, with different subjects: each bundle holds its own, whole."""
    processes = [start(small_case, fake("good"), fake(subject)) for subject in ("twin", "bright")]
    assert [process.wait(120) for process in processes] == [0, 3]
    bundles = sorted(Path("bundles/small").iterdir())
    assert nb("verify", *bundles).code == 0
    said = {load_bundle(folder).record.engines[1].name: load_bundle(folder).verdict.word for folder in bundles}
    assert said == {"twin.py": "PASS", "bright.py": "FAIL"}
