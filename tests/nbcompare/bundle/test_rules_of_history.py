"""The runs of a case over time, without an engine: what is listed, signed, loosened, pruned, and kept of it."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace as Things

import pytest

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.check.loosened import Loosened, loosened, loosened_until_signed
from nbcompare.bundle.history.kept import case_meant, read_history, runs_of
from nbcompare.bundle.keep.prune import choose
from nbcompare.bundle.listing import homes_in, list_bundles, newest_bundle, newest_in, size_of, stamped_in
from nbcompare.bundle.signoffs import names_bundle, newest, read
from nbcompare.case.expected_trace import ExpectedFactor, ExpectedTrace
from nbcompare.compare.image import Roi
from nbcompare.errors import EvidenceError, FileError, UsageError
from nbcompare.files import sha256_of
from tests.nbcompare.bundle.test_record_agrees import OLD
from tests.nbcompare.made_history import made_record, stamp_of, write_record

RATIO = ("sum_ratio", "full")


@pytest.fixture
def write(made_once, tmp_path):
    """Write runs of the case small below tmp_path, oldest first, from what is other in each; their folders."""
    base = json.loads((min((made_once / "small").iterdir()) / "record.json").read_text())

    def call(*runs):
        return [write_record(tmp_path, made_record(base, stamp_of(at), **run)) for at, run in enumerate(runs)]

    call.base = base
    return call


def statement(root, folder, phase="N1", **changes):
    """A sign-off of a bundle, and its path; ``changes`` go into the predicate, those with a leading _ beside it."""
    signed = "2026-03-01T12:00:00+00:00"
    stored = {"_type": "https://in-toto.io/Statement/v1",
              "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
              "subject": [{"name": f"{folder.parent.name}/{folder.name}/manifest-sha256.txt",
                           "digest": {"sha256": sha256_of(folder / "manifest-sha256.txt")}},
                          {"name": "git commit", "digest": {"gitCommit": "a" * 40}}],
              "predicate": {"result": "PASSED", "failedTests": [],
                            "configuration": [{}, {"name": "small.yaml", "digest": {"sha256": "b"}}],
                            "phase": phase, "requires": {"verdict": ["PASS"]}, "signedBy": "A",
                            "signedOn": signed}}
    stored["predicate"] |= {key: value for key, value in changes.items() if key[0] != "_"}
    stored |= {key.removeprefix("_").replace("type", "_type"): value for key, value in changes.items() if key[0] == "_"}
    path = root / "signoffs" / phase / "20260301T120000Z.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored))
    return path


# --- sign-offs ---------------------------------------------------------------------------------------------------


def test_a_sign_off_says_what_it_was_written_with(write, tmp_path):
    folder, other = write({}, {})
    said = read(statement(tmp_path, folder))
    digest = sha256_of(folder / "manifest-sha256.txt")
    assert (said.phase, said.by, said.result, said.requires) == ("N1", "A", "PASSED", {"verdict": ["PASS"]})
    assert said.bundles == {f"small/{folder.name}": digest} and said.cases == {"small.yaml": "b"} and said.plan == {}
    assert said.signature == said.path.with_name("20260301T120000Z.json.sig")
    assert names_bundle(said, f"small/{folder.name}", digest)
    assert not names_bundle(said, f"small/{folder.name}", "0" * 64)
    assert not names_bundle(said, f"small/{other.name}", digest)
    assert read(statement(tmp_path, folder, result="WARNED")).result == "WARNED"
    for later in ("20260302T120000Z", "20260230T120000Z", "notes"):
        (said.path.parent / f"{later}.json").write_text("{}")
    assert newest(tmp_path, "N1").name == "20260302T120000Z.json" and newest(tmp_path, "N2") is None
    (tmp_path / "signoffs/N3").mkdir()
    assert newest(tmp_path, "N3") is None


@pytest.mark.parametrize(("changes", "words"), [
    ({"_type": "x"}, "no in-toto statement of a test result"),
    ({"_predicateType": "x"}, "no in-toto statement of a test result"),
    ({"result": "FAILED"}, "its result is 'FAILED'"), ({"failedTests": ["t"]}, "its result is 'PASSED'"),
    ({"_subject": []}, "it names no bundle"), ({"phase": "N2"}, "it was written as N2/20260301T120000Z.json"),
    ({"_subject": [{"name": "../x/manifest-sha256.txt", "digest": {"sha256": "a"}}]}, "it names '../x' as a bundle"),
    ({"signedOn": "2026-03-01T12:00:01+00:00"}, "it was written as N1/20260301T120001Z.json"),
    ({"signedOn": "yesterday"}, "ValueError"), ({"configuration": 1}, "TypeError"), ({"_predicate": 1}, "TypeError")])
def test_what_is_no_sign_off_is_told_with_its_reason(write, tmp_path, changes, words):
    (folder,) = write({})
    path = statement(tmp_path, folder, **changes)
    if "phase" in changes:  # the file stays in the folder of the other phase
        path = path.rename(path.parent.parent / "20260301T120000Z.json")
    with pytest.raises(EvidenceError) as caught:
        read(path)
    assert words in caught.value.message and f"{path}: no sign-off (" in caught.value.message
    with pytest.raises(EvidenceError, match="cannot read the sign-off: No such file or directory"):
        read(tmp_path / "none.json")


# --- lists -------------------------------------------------------------------------------------------------------


def test_folders_of_cases_and_stamps_are_listed_in_order_and_nothing_else(tmp_path):
    for name in ("b", "a", ".hidden", "signoffs"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("x")
    assert [path.name for path in homes_in(tmp_path)] == ["a", "b"] and homes_in(tmp_path / "none") == []
    with pytest.raises(FileError, match="file: cannot list the bundles: Not a directory"):
        homes_in(tmp_path / "file")
    for name in (stamp_of(1), stamp_of(0), ".staging-x", "latest", f"{stamp_of(2)}.bak"):
        (tmp_path / "a" / name).mkdir()
    (tmp_path / "a" / stamp_of(3)).write_text("a file")
    assert [path.name for path in stamped_in(tmp_path / "a")] == [stamp_of(0), stamp_of(1)]
    assert stamped_in(tmp_path / "none") == [] and newest_in(tmp_path / "none") is newest_in(tmp_path / "b") is None
    assert newest_bundle(tmp_path, "a") == tmp_path / "a" / stamp_of(3)
    (tmp_path / "a" / "latest" / "x").write_text("12345")
    (tmp_path / "a" / "link").symlink_to("a-long-name")
    assert size_of(tmp_path / "a") == 5 + len("a file") + len("a-long-name")


def test_what_contradicts_itself_is_damaged(write, tmp_path):
    """Of a verdict that its own value does not meet, of two values, of a sum that is not the record's."""
    good, *bad, last = write(*[{}] * 6, {"values": {RATIO: 2.0}})
    record = json.loads((last / "record.json").read_text())
    record["verdict"] |= {"word": "PASS", "exit_code": 0, "reasons": []}
    (last / "record.json").write_text(json.dumps(record))
    (last / "manifest-sha256.txt").write_text(f"{sha256_of(last / 'record.json')}  record.json\n")
    assert list_bundles(tmp_path)[-1].damage == "its record says PASS of a threshold that does not hold"
    shutil.rmtree(last)
    edits = (lambda record: record["verdict"]["checks"][0].update(value=0.5),
             lambda record: record["verdict"]["checks"][0].update(holds=False),
             lambda record: record["verdict"]["checks"][0].update(value=0.9999),
             lambda record: record["verdict"]["checks"][0].update(value=0.5, holds=False),
             lambda record: record["case"].update(name="other"))
    words = ("its record says that correlation on full: 0.5, allowed >= 0.9995 holds",
             "its record says that correlation on full: 1, allowed >= 0.9995 does not hold",
             "its record has two values of correlation on full", "its record has two values of correlation on full",
             f"its record is that of other/{bad[4].name}")
    for folder, edit in zip(bad, edits, strict=True):
        record = json.loads((folder / "record.json").read_text())
        edit(record)
        text = json.dumps(record)
        (folder / "record.json").write_text(text)
        (folder / "manifest-sha256.txt").write_text(f"{sha256_of(folder / 'record.json')}  record.json\n")
    found = list_bundles(tmp_path)
    assert [entry.damage for entry in found] == [None, *words] and [entry.folder for entry in found] == [good, *bad]
    assert found[0].record and not any(entry.record for entry in found[1:])
    (good / "record.json").write_text((good / "record.json").read_text() + " ")
    assert list_bundles(tmp_path)[0].damage == "record.json is not the file that its manifest names"
    assert [run.damage for run in read_history(tmp_path).cases["small"]] == [
        "record.json is not the file that its manifest names", *words]
    (good / "manifest-sha256.txt").unlink()
    assert list_bundles(tmp_path)[0].damage == "No such file or directory"
    assert read_history(tmp_path).cases["small"][0].damage == "manifest-sha256.txt: No such file or directory"
    (bad[0] / "record.json").unlink()
    assert read_history(tmp_path).cases["small"][1].damage == "record.json: No such file or directory"


def test_a_listed_bundle_tells_machines_what_its_record_says(write, tmp_path):
    folder, _ = write({"values": {RATIO: 1.005}}, {})
    statement(tmp_path, folder)
    entry, second = list_bundles(tmp_path)
    said = entry.as_dict()
    assert said["signed"] == ["N1"] and second.as_dict()["signed"] == [] and entry.name == f"small/{folder.name}"
    assert {key: said[key] for key in ("bundle", "case", "stamp", "damage", "imported", "verdict", "exit_code",
                                       "correlation", "sum_ratio", "git_dirty")} == {
        "bundle": str(folder), "case": "small", "stamp": folder.name, "damage": None, "imported": False,
        "verdict": "PASS", "exit_code": 0, "correlation": 1.0, "sum_ratio": 1.005, "git_dirty": entry.record.git.dirty}
    assert [engine["role"] for engine in said["engines"]] == ["reference", "subject"]
    assert said["engines"][1]["sha256"] == entry.record.engines[1].program_sha256
    bare = replace(entry, record=None, damage="so").as_dict()
    assert bare["verdict"] is bare["correlation"] is None and bare["engines"] == [] and bare["damage"] == "so"
    lost = replace(entry, record=replace(entry.record, comparison=None)).as_dict()
    assert lost["correlation"] is lost["sum_ratio"] is None
    assert list_bundles(tmp_path, "other") == [] and len(list_bundles(tmp_path, "small")) == 2


# --- what became looser ------------------------------------------------------------------------------------------


def sentences(folder):
    return [entry.sentence for entry in loosened_until_signed(folder, load_bundle(folder).record)]


def test_what_was_loosened_is_told_until_a_verdict_that_is_as_loose_is_signed(write, tmp_path):
    wide, wider = {"limits": {RATIO: (0.9, 1.1)}}, {"limits": {RATIO: (0.8, 1.2)}}
    folders = write({}, wide, {}, wider, wider)
    said = "sum_ratio on full: was {} (stamp {}), now 0.8 .. 1.2; why: same scale"
    both = [said.format("0.99 .. 1.01", folders[2].name), said.format("0.9 .. 1.1", folders[1].name)]
    assert sentences(folders[4]) == both == sentences(folders[3]) and sentences(folders[0]) == []
    signed = statement(tmp_path, folders[2])
    assert sentences(folders[4]) == both[:1], "what came before it was accepted with it"
    statement(tmp_path, folders[4])
    assert sentences(folders[4]) == []
    statement(tmp_path, folders[4], requires={"files_complete": True})
    assert sentences(folders[4]) == both, "who signed that did not sign the verdict"
    for text in ("{", json.dumps({"_type": 1}), None):
        signed.write_text(text) if text else signed.unlink()
        assert sentences(folders[4]) == both
    (folders[1] / "record.json").write_text("{")
    unread = f"stamp {folders[1].name} has a record that cannot be read: whether it asked for more is not known"
    assert sentences(folders[4]) == [both[0], unread]


def test_a_bundle_of_another_case_and_a_later_one_ask_for_nothing(write, tmp_path):
    folders = write({}, {"limits": {RATIO: (0.9, 1.1)}}, {})
    record = load_bundle(folders[1]).record
    assert len(loosened_until_signed(folders[1], record)) == 1
    other = replace(record, case=replace(record.case, name="other"))
    assert loosened_until_signed(folders[1], other) == ()
    assert loosened_until_signed(folders[1], replace(record, stamp=folders[0].name)) == ()


EXPECTED = ExpectedTrace((ExpectedFactor("a", 10, 1), ExpectedFactor("b", -5, 0.5)), 1e-6, 3, 2)


def claims(old, new):
    claim = OLD.case.divergences[0]
    past = Things(thresholds=(), rois=(), divergences=(replace(claim, trace=old),))
    return [(entry.what, entry.old, entry.new) for entry in loosened(past, "x", (), (), (replace(claim, trace=new),))]


@pytest.mark.parametrize(("new", "less"), [
    (EXPECTED, False), (replace(EXPECTED, factors=EXPECTED.factors[::-1]), False), (None, True),
    (replace(EXPECTED, later=1e-7), False), (replace(EXPECTED, later=2e-6), True),
    (replace(EXPECTED, fast=None), True), (replace(EXPECTED, slow=3), True),
    (replace(EXPECTED, factors=EXPECTED.factors[:1]), True),
    (replace(EXPECTED, factors=(*EXPECTED.factors, ExpectedFactor("c", 1, 0.1))), True),
    (replace(EXPECTED, factors=(ExpectedFactor("a", 10.5, 0.5), EXPECTED.factors[1])), False),
    (replace(EXPECTED, factors=(ExpectedFactor("a", 9.5, 0.5), EXPECTED.factors[1])), False),
    (replace(EXPECTED, factors=(ExpectedFactor("a", 10, 0.5), ExpectedFactor("b", -5.1, 0.1))), False),
    (replace(EXPECTED, factors=(ExpectedFactor("a", 10.5, 0.6), EXPECTED.factors[1])), True),
    (replace(EXPECTED, factors=(ExpectedFactor("a", 9.4, 0.5), EXPECTED.factors[1])), True),
    (replace(EXPECTED, factors=(EXPECTED.factors[0], ExpectedFactor("b", -5, 0.6))), True)])
def test_a_trace_asks_for_less_when_it_admits_what_it_did_not(new, less):
    told = [("claim bright-peak, what the trace must show", EXPECTED.allowed, new.allowed if new else None)]
    assert claims(EXPECTED, new) == (told if less else []) and claims(None, new) == []


def test_a_region_that_may_be_weak_now_is_looser():
    strict, lax = Roi("full", 0, 5, 0, 4), Roi("full", 0, 5, 0, 4, weak_allowed="nothing is there")
    past = Things(thresholds=(), divergences=())
    for old, new, told in ((strict, lax, True), (lax, strict, False), (lax, lax, False), (strict, strict, False)):
        past.rois = (old,)
        found = list(loosened(past, "stamp 1", (new,), ()))
        assert found == [Loosened("region full", "judged only where it holds signal", "judged even where it is weak",
                                  "nothing is there", "stamp 1")] * told
    assert Loosened("a", "usual", None, "w", "what is usual").sentence == (
        "weak: a is not asked for, usual is usual; why: w")


# --- the history of a folder -------------------------------------------------------------------------------------


def test_a_history_holds_signatures_marks_and_what_changed_since(write, tmp_path):
    first, *_ = write({}, {})
    (tmp_path / "empty").mkdir()
    path = statement(tmp_path, first)
    found = read_history(tmp_path)
    assert [run.signed for run in found.cases["small"]] == [("N1",), ()] and list(found.cases) == ["small"]
    (signed,) = found.signoffs
    assert (signed.phase, signed.stamp, signed.damage, signed.changed) == ("N1", "20260301T120000Z", None, ())
    (first / "manifest-sha256.txt").write_text((first / "manifest-sha256.txt").read_text() + "\n")
    assert read_history(tmp_path).signoffs[0].changed == (f"small/{first.name}",)
    assert read_history(tmp_path, "other").signoffs[0].changed == (f"small/{first.name}",), "also where it is not read"
    assert read_history(tmp_path, "other").cases == {}
    (first / "manifest-sha256.txt").unlink()
    assert read_history(tmp_path, "other").signoffs[0].changed == (f"small/{first.name}",), "nor where it is gone"
    path.write_text("{")
    (broken,) = read_history(tmp_path).signoffs
    assert broken.signoff is None and "no sign-off" in broken.damage and broken.changed == ()
    with pytest.raises(EvidenceError, match="there is no bundle of case smal; did you mean 'small'") as caught:
        runs_of(tmp_path, "smal")
    assert caught.value.hint == "nb-compare list" and len(runs_of(tmp_path, "small")) == 2
    assert case_meant(str(tmp_path / "small"), tmp_path / "x") == (tmp_path, "small")
    assert case_meant("small", tmp_path) == (tmp_path, "small") == case_meant("small", tmp_path)
    assert case_meant("none.yaml", tmp_path) == (tmp_path, "none.yaml")


def test_what_pruning_keeps_and_why(write, tmp_path):
    folders = write({}, {}, {}, {})
    assert [choice.kept_because for choice in choose(tmp_path, 2)] == [None, None, *["among the newest"] * 2]
    assert [choice.goes for choice in choose(tmp_path, 0)] == [True] * 4
    statement(tmp_path, folders[1])
    reasons = [choice.kept_because for choice in choose(tmp_path, 0)]
    assert reasons == [None, "signed off: N1", None, "the newest, and an older one stays"]
    (folders[0] / "record.json").write_text("{")
    (folders[3] / "record.json").write_text("{")
    told = "its record cannot be read; look at it first (nb-compare verify)"
    assert [choice.kept_because for choice in choose(tmp_path, 1)] == [told, "signed off: N1", "among the newest", told]
    assert choose(tmp_path, 0, "other") == [] and len(choose(tmp_path, 0, "small")) == 4
    said = choose(tmp_path, 0)[2].as_dict()
    assert said == {"bundle": str(folders[2]), "goes": True, "kept_because": None, "bytes": size_of(folders[2])}
    with pytest.raises(UsageError, match="--keep -1: it cannot be negative"):
        choose(tmp_path, -1)
