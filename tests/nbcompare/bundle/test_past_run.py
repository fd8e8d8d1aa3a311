"""What the history keeps of a bundle, where a wrong word would hide something."""

import json

import pytest

from nbcompare.bundle.history.past_run import PastThreshold, commits_of, past_run
from nbcompare.bundle.listing import ListedBundle
from nbcompare.bundle.record import Record
from nbcompare.case.threshold import Threshold
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
