"""Records that were edited to a pass: no list, page or table shows them as one, with or without their sums put right"""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quick_runs")


def says_pass(record):
    record["verdict"].update(word="PASS", exit_code=0, reasons=[])


def all_hold(record):
    says_pass(record)
    for check in record["verdict"]["checks"]:
        check["holds"] = True


def other_values(record):
    all_hold(record)
    for check in record["verdict"]["checks"]:
        check["value"] = 1.0


def no_change(record):
    pass


@pytest.fixture
def forged(nb, run_small):
    """A failed bundle whose record was edited, and its manifest with it where that is asked for."""
    def call(edit, sums):
        _, folder = run_small("good", "bright")
        path, manifest = folder / "record.json", folder / "manifest-sha256.txt"
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        record = json.loads(path.read_text())
        edit(record)
        for file in (path, manifest):
            file.chmod(0o644)
        path.write_text(json.dumps(record, indent=2) + "\n")
        if sums:
            manifest.write_text(manifest.read_text().replace(before, hashlib.sha256(path.read_bytes()).hexdigest()))
        return folder

    return call


@pytest.mark.parametrize(("edit", "sums", "why"), [
    (all_hold, False, "record.json is not the file that its manifest names"),
    (no_change, False, "record.json is not the file that its manifest names"),
    (says_pass, True, "says PASS"), (all_hold, True, "its record says that sum_ratio on full"),
    (other_values, True, "its record has two values of sum_ratio on full")])
def test_a_record_that_was_edited_to_a_pass_is_shown_as_damaged(nb, forged, edit, sums, why):
    folder = forged(edit, sums)
    for words in (("list",), ("show", folder), ("view", folder)):
        said = nb(*words)
        assert said.code == 6 and "DAMAGED" in said.out and why in said.out, words
    said = nb("trend", "small")
    assert said.code == 6 and "  PASS" not in said.out and "DAMAGED" in said.out
    nb("index", "--html", "i.html")
    assert "damaged" in Path("i.html").read_text().lower()
    assert nb("verify", folder).code == 6


def test_a_record_as_it_was_written_is_listed_as_it_is(nb, run_small):
    _, folder = run_small("good", "bright")
    assert nb("list").code == 0 and nb("show", folder).code == 0 and nb("trend", "small").code == 0
    copy = shutil.copytree(folder, "as-downloaded")
    assert nb("show", copy).code == nb("view", copy).code == 0, "it may lie anywhere"
