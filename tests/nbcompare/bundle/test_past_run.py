"""What the history keeps of a bundle, where a wrong word would hide something."""

import json
from dataclasses import replace

import pytest

from nbcompare.bundle.history.past_run import PastThreshold, commits_of, past_run
from nbcompare.bundle.listing import ListedBundle
from nbcompare.bundle.record import Record
from nbcompare.case.threshold import Threshold
from nbcompare.engine.identity import GitState
from nbcompare.engine.repository.git import RepositoryState
from nbcompare.verdict.verdict import Label
from tests.nbcompare.bundle.test_record_agrees import OLD, RICH
from tests.nbcompare.made_history import made_record, stamp_of


@pytest.fixture
def record(made_once):
    base = json.loads((min((made_once / "small").iterdir()) / "record.json").read_text())
    return made_record(base, stamp_of(0))


def kept(record, tmp_path):
    return past_run(ListedBundle(tmp_path / "small" / record["stamp"], Record.from_dict(record)))


def test_the_margin_of_a_proven_run_is_that_of_its_emulated_figures():
    """The plain one is outside by its claim: 1.001 could be ten times as far from 1 within 0.99 .. 1.01."""
    threshold = Threshold(metric="sum_ratio", roi="full", min=0.99, max=1.01, why="a test")
    assert PastThreshold(threshold, 1.5, None, False, emulated=1.001).margin == pytest.approx(10)
    assert PastThreshold(threshold, 1.5, None, False).margin < 1


def test_two_runs_without_an_image_are_not_identical(record, tmp_path):
    assert kept(record, tmp_path).identical is (record["runs"][0]["image_sha256"] == record["runs"][1]["image_sha256"])
    for run in record["runs"]:
        run["image_sha256"] = None
    assert kept(record, tmp_path).identical is False


def test_a_reference_that_was_not_run_took_no_seconds(record, tmp_path):
    assert kept(record, tmp_path).seconds == {"reference": 1.0, "subject": 2.0}
    record["reference_from"] = {"case": "small", "stamp": stamp_of(1), "manifest_sha256": "a" * 64}
    found = kept(record, tmp_path)
    assert found.seconds == {"subject": 2.0} and found.reference_from == f"small/{stamp_of(1)}"


def test_what_was_not_committed_is_told_of_its_commit(record):
    for state in record["repositories"].values():
        state |= {"dirty": True, "diff_sha256": "b" * 64}
    assert set(commits_of(Record.from_dict(record)).values()) == {"aaaaaaaaaaaa+bbbbbb"}


def test_all_that_the_history_keeps_of_a_bundle(tmp_path):
    """Of a record that holds everything: what a figure may depend on, whose figures there are, which values proved."""
    reference, subject = RICH.engines
    further = replace(RICH.further, subjects=(replace(RICH.further.subjects[0], comparison=RICH.comparison),
                                              RICH.further.subjects[1]))
    record = replace(RICH, further=further, case=replace(RICH.case, reference_args=("-c", "x y")), repositories={
        "project": RepositoryState("/r", "b" * 40, "main", True, "c" * 64), "subject": RepositoryState(None),
        "reference": RepositoryState("/s", "d" * 40, None, True), "harness": RepositoryState("/h", "e" * 40)})
    found = past_run(ListedBundle(tmp_path / "small/x", record, None, ("N1",)))
    assert found.facts == {
        "commit of the project": "b" * 12 + "+cccccc", "commit of the subject": "in no repository",
        "commit of the reference": "d" * 12 + "+", "commit of the harness": "e" * 12,
        "reference engine": "defect.py, unknown", "reference program": reference.program_sha256[:12],
        "reference files": "not kept", "subject engine": "physics.py, unknown",
        "subject program": subject.program_sha256[:12], "subject files": "not kept",
        "case file": RICH.case.sha256[:12], "command": "-detpixels_x 9 -detpixels_y 7 -flux 1e18 -hkl x.hkl -phi 2",
        "arguments of the reference alone": "-c 'x y'", "arguments of the subject alone": "-own",
        "inputs": RICH.content.inputs[:12], "size of the image": "9 x 7 pixels (fast x slow)",
        **{name: RICH.environment[name] for name in ("cpu", "platform", "python", "numpy", "scipy", "torch",
                                                     "torch_threads", "torch_device", "torch_dtype")}}
    assert (found.case, found.stamp, found.damage, found.imported, found.signed, found.title) == (
        "small", "x", None, False, ("N1",), "a 9 x 7 image of fake engines")
    assert (found.verdict, found.exit_code, found.seconds, found.identical) == (
        "PASS", 0, {run.role: run.seconds for run in RICH.runs}, False)
    values = {figure.metric: figure.value for figure in RICH.comparison.regions[0].figures}
    assert list(found.figures) == ["full", "middle", "full of near", "middle of near"]
    assert found.figures["full"] == values
    assert [(entry.words, entry.holds) for entry in found.held] == [
        (f"{metric} on {roi}{of}", metric == "correlation") for of in ("", " of near")
        for metric in ("correlation", "sum_ratio") for roi in ("full", "middle")]
    assert {entry.emulated for entry in found.held} == {None} and found.reference_from is None
    assert (found.rois, found.thresholds, found.divergences) == (
        RICH.case.rois, RICH.case.thresholds, RICH.case.divergences)
    proven = past_run(ListedBundle(tmp_path / "small/x", OLD))
    assert [(entry.value is not None, entry.emulated) for entry in proven.held] == [(True, 1.0)] * 4
    for word in Label:
        held = past_run(ListedBundle(tmp_path / "small/x", replace(OLD, verdict=replace(OLD.verdict, word=word)))).held
        assert {entry.emulated for entry in held} == ({1.0} if word is Label.PROVEN else {None}), word
    bare = replace(OLD, comparison=None, verdict=replace(OLD.verdict, checks=()), repositories=None, git=GitState(
        "f" * 40, True), case=replace(OLD.case, sha256=None))
    kept = past_run(ListedBundle(tmp_path / "small/x", bare))
    assert kept.figures == {} and kept.held == () and kept.facts["case file"] == "none"
    assert kept.commits == {"project": "f" * 12 + "+"} == commits_of(bare)
    unread = past_run(ListedBundle(tmp_path / "small/x", None, None, ("N1",)))
    assert (unread.damage, unread.signed, unread.verdict) == ("its record cannot be read", ("N1",), None)
    assert past_run(ListedBundle(tmp_path / "small/x", None, "so")).damage == "so"
    same = tuple(replace(run, image_sha256="a" * 64) for run in OLD.runs)
    for runs, identical in ((same, True), (same[:1], False), (OLD.runs, False)):
        assert past_run(ListedBundle(tmp_path / "small/x", replace(OLD, runs=runs))).identical is identical
