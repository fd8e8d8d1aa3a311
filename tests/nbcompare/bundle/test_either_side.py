"""Another sum, name or value is another one whichever sorts first: each comparison of the room, from both sides."""

import datetime
import json
from dataclasses import replace
from types import SimpleNamespace as Things

import numpy as np
import pytest

from nbcompare.bundle.bundle import load_bundle, staging
from nbcompare.bundle.check import pairing, recheck
from nbcompare.bundle.check.agreement import agreement_faults
from nbcompare.bundle.check.evidence_again import further_image
from nbcompare.bundle.check.loosened import loosened
from nbcompare.bundle.check.recompute import recomputation_faults
from nbcompare.bundle.found import DIAGNOSIS, keep, kept
from nbcompare.bundle.history.kept import read_history
from nbcompare.bundle.keep.bagit import bag_faults
from nbcompare.bundle.keep.exchange import export_bundle, import_bundle
from nbcompare.bundle.listing import list_bundles
from nbcompare.bundle.manifest import Inspection, inspect
from nbcompare.bundle.names import REQUIRED_FILES
from nbcompare.bundle.signoffs import names_bundle, read
from nbcompare.compare.image import Roi
from nbcompare.errors import EvidenceError, FileError, UsageError
from nbcompare.files import sha256_of
from tests.nbcompare.bundle.test_record_agrees import OLD, RICH, SUMS, with_case, with_proof, with_run
from tests.nbcompare.bundle.test_rules_of_history import statement
from tests.nbcompare.made_history import made_record, stamp_of, write_record

MANIFEST = "manifest-sha256.txt"
SIDES = pytest.mark.parametrize("side", ["0", "f"])
"""Below and above every sum."""


@SIDES
def test_words_subjects_and_traces_of_a_record(tmp_path, side):
    """What it was run as, in which order, and of which claims: '%' sorts before '/', 's' after it."""
    (tmp_path / "inputs/data").mkdir(parents=True)
    (tmp_path / "inputs/data/x.hkl").write_bytes(b"abc")

    def told(record):
        return [fault.detail for fault in agreement_faults(tmp_path, record, Inspection(dict(SUMS), []))]

    word = "%" if side == "0" else "s"
    assert told(with_run(0, argv=(word,)))[0].startswith(f"the reference is said to have been run as '{word}'")
    turned = with_case(subjects=dict(sorted(RICH.case.subjects.items(), reverse=side == "0")))
    assert ("the subjects that were run are not those of the case" in told(turned)) is (side == "0")
    trace = RICH.further.proof.traces[0]
    for traces in ((replace(trace, claim="!"),), (replace(trace, claim="~"),), (trace, trace)):
        assert "the pixels that were traced are not those that the claims speak of" in told(with_proof(traces=traces))
    assert "content.inputs is not the sum over the inputs it lists" in told(
        replace(RICH, content=replace(RICH.content, inputs=side * 64)))
    first = RICH.case.divergences[0]
    for claim in (replace(first, id="!"), replace(first, id="~")):
        found = with_proof(claims=(claim,), traces=(replace(trace, claim=claim.id),))
        assert "the claims that were tried are not those of the case" in told(found)


def test_lines_and_pictures_of_a_bundle(store):
    record = load_bundle(store.passed).record
    text, picture = store.passed / "inputs/version.txt", store.passed / "results/c.png"
    good = text.read_text()
    for path in (text, picture):
        path.chmod(0o644)

    def told():
        return [fault.detail for fault in agreement_faults(store.passed, record, Inspection(
            inspect(store.passed).sums, []))]

    second = good.splitlines()[1]
    for other in ("!", "~"):
        text.write_text(good.replace(second, other))
        assert told() == [f"line 2 says {other!r}; by the record it is {second!r}"]
    text.write_text(good)
    for begin in (b"\x00" * 8, b"\xff" * 8):
        picture.write_bytes(begin)
        assert told() == ["it is no PNG image"]


@SIDES
def test_sums_of_images_masks_and_manifests(store, tmp_path, side):
    digest, record = side * 64, load_bundle(store.passed).record
    path = store.passed / "device/cuda_float.bin"
    path.parent.mkdir()
    path.write_bytes(np.ones((7, 9), "<f4").tobytes())
    path.with_name("cuda_mask.bin").write_bytes(bytes(63))
    run = replace(record.runs[1], image_sha256=digest)
    with pytest.raises(FileError, match="not the image that the record says was made"):
        further_image(store.passed, "device/cuda", run, record, {})
    run = replace(run, image_sha256=sha256_of(path), mask_sha256=digest)
    with pytest.raises(FileError, match="not the mask that the record says was stated"):
        further_image(store.passed, "device/cuda", run, record, {})
    centre = (-1.0, -1.0) if side == "0" else (99.0, 99.0)
    printed = store.passed / "inputs/c_cli_stdout.txt"
    printed.chmod(0o644)
    printed.write_text("Fbeam= 0.00025 Sbeam= 0.00035\npixel= 0.0001 meters\n")
    off = replace(record, comparison=replace(record.comparison, centre=centre))
    assert "the direct beam is at" in recomputation_faults(store.passed, off)[0].detail
    (tmp_path / "x").write_text("")
    (tmp_path / MANIFEST).write_text(f"{digest}  x\n")
    assert "changed" in {fault.kind for fault in inspect(tmp_path).faults if fault.file == "x"}
    with staging(tmp_path / "b", "small") as made:
        for name in REQUIRED_FILES:
            made.write(name, "x")
        made.path("inputs/c_roi_float.bin").write_text("x")
        with pytest.raises(EvidenceError, match="was changed after the reference had ended"):
            made.publish(with_run(0, image_sha256=digest))


@SIDES
def test_a_case_of_another_sum_changed_and_a_case_of_another_name_is_another(store, small_case, monkeypatch, side):
    record = load_bundle(store.passed).record
    other = replace(record, case=replace(record.case, sha256=side * 64))
    monkeypatch.setattr(recheck, "_sound_record", lambda folder: other)
    assert recheck.check_bundle(store.passed).notes[0].startswith("the case changed since")
    stranger = replace(record, case=replace(record.case, name=side.replace("f", "z")))
    named = {store.passed: record, store.failed: stranger}
    monkeypatch.setattr(pairing, "verified", lambda folder: Things(record=named[folder]))
    with pytest.raises(UsageError, match="only runs of one case can be compared"):
        pairing.compare_bundles(store.passed, store.failed)


@SIDES
def test_what_the_history_believes(made_once, tmp_path, side):
    """Sums of records and manifests, stamps and cases, figures beside the verdict."""
    base = json.loads((min((made_once / "small").iterdir()) / "record.json").read_text())
    digest, ratio = side * 64, ("sum_ratio", "full")
    folder = write_record(tmp_path / "a", made_record(base, stamp_of(5)))
    signed = statement(tmp_path / "a", folder)
    said = read(signed)
    assert not names_bundle(said, f"small/{folder.name}", digest)
    stored = json.loads(signed.read_text())
    stored["subject"][0]["digest"]["sha256"] = digest
    signed.write_text(json.dumps(stored))
    assert read_history(tmp_path / "a").signoffs[0].changed == (f"small/{folder.name}",)
    (folder / MANIFEST).write_text(f"{digest}  record.json\n")
    damage = "record.json is not the file that its manifest names"
    assert list_bundles(tmp_path / "a")[0].damage == read_history(tmp_path / "a").cases["small"][0].damage == damage
    stamp, case = (stamp_of(4), "a") if side == "0" else (stamp_of(6), "z")
    for other in (made_record(base, stamp), made_record(base, stamp_of(5), case=case)):
        text = json.dumps(other)
        (folder / "record.json").write_text(text)
        (folder / MANIFEST).write_text(f"{sha256_of(folder / 'record.json')}  record.json\n")
        assert list_bundles(tmp_path / "a")[0].damage.startswith("its record is that of ")
    record = made_record(base, stamp_of(5), values={ratio: 1.0})
    for check in record["verdict"]["checks"]:
        if (check["threshold"]["metric"], check["threshold"]["roi"]) == ratio:
            check["value"] = 0.995 if side == "0" else 1.005
    lied = write_record(tmp_path / "b", record)
    assert list_bundles(tmp_path / "b")[0].damage == "its record has two values of sum_ratio on full" and lied.is_dir()


@pytest.mark.parametrize("changes", [
    {"_type": "a"}, {"_type": "x"}, {"_predicateType": "a"}, {"_predicateType": "x"}, {"phase": "N0"}, {"phase": "N2"},
    {"signedOn": "2026-03-01T11:59:59+00:00"}, {"signedOn": "2026-03-01T12:00:01+00:00"}])
def test_a_sign_off_of_another_kind_phase_or_second(made_once, tmp_path, changes):
    folder = min((made_once / "small").iterdir())
    path = statement(tmp_path, folder, **changes)
    if "phase" in changes:
        (tmp_path / "signoffs/N1").mkdir()
        path = path.rename(tmp_path / "signoffs/N1" / path.name)
    with pytest.raises(EvidenceError, match="no sign-off"):
        read(path)


def test_answers_bags_and_imports_of_other_sums(store):
    keep(store.passed, DIAGNOSIS, {"a": 1})
    path = store.root / "small/.found" / store.passed.name / "diagnosis.json"
    for side in "0f":
        path.write_text(json.dumps({"manifest_sha256": side * 64, "answer": {"a": 1}}))
        assert kept(store.passed, DIAGNOSIS) is None
    bag = export_bundle(store.passed, "bagit", store.root / "bag")
    declared = (bag / "bagit.txt").read_text()
    for version in ("0.9", "9.9"):
        (bag / "bagit.txt").write_text(declared.replace("1.0", version))
        assert bag_faults(bag)[0] == "bagit.txt does not declare BagIt 1.0 in UTF-8"
    (bag / "bagit.txt").write_text(declared)
    for name in ("data/record.json", "bag-info.txt"):
        good = (bag / name).read_bytes()
        for at in range(8):  # of which some sort before the right one, and some behind it, nearly always
            (bag / name).write_bytes(good + bytes([at]))
            assert f"{name} is not what" in " ".join(bag_faults(bag))
        (bag / name).write_bytes(good)
    (store.failed / MANIFEST).chmod(0o644)
    (store.root / "x/small").mkdir(parents=True)
    store.failed.rename(store.root / "x/small" / store.passed.name)
    for at in range(8):
        (store.root / "x/small" / store.passed.name / MANIFEST).write_text(str(at))
        with pytest.raises(UsageError, match="exists already and is another bundle"):
            import_bundle(store.passed, store.root / "x")


@pytest.mark.parametrize(("old", "new"), [(("-a",), ("-b",)), (("-b",), ("-a",))])
def test_claims_and_regions_that_are_others_now(old, new):
    claim = replace(OLD.case.divergences[0], expires=datetime.date(2027, 1, 1))
    for key in ("emulate", "control", "control_of_both"):
        past = Things(thresholds=(), rois=(), divergences=(replace(claim, **{key: old}),))
        (found,) = loosened(past, "x", (), (), (replace(claim, **{key: new}),))
        assert (found.what, found.old, found.new) == (f"claim bright-peak, {key}", old[0], new[0])
    wide, small = Roi("full", 0, 5, 0, 4), Roi("full", 0, 4, 0, 4)
    for then, now in ((wide, small), (small, wide)):
        (found,) = loosened(Things(thresholds=(), rois=(then,), divergences=()), "x", (now,), ())
        assert (found.old, found.new) == (str(list(then.bounds)), str(list(now.bounds)))
