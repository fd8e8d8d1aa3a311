"""The fault table in short: a few trials of every row; and the page that the long form (make faults) wrote."""

import re
from pathlib import Path

import pytest

from tests.faults.__main__ import PAGE
from tests.faults.disk import may_mount
from tests.faults.groups import GROUPS
from tests.faults.laboratory import Laboratory
from tests.faults.texts import HOSTILE

TABLE_ROW = re.compile(r"^\| (?P<fault>.+?) \| \d+ \| .* \| (?P<detected>[^|]*) \| [^|]* \|$", re.MULTILINE)
IN_SHORT = [title for title in GROUPS if title != "Attack scripts"]
"""Attack scripts are tests themselves."""


@pytest.mark.parametrize("title", IN_SHORT)
def test_every_fault_is_detected(tmp_path, title):
    rows = list(GROUPS[title].rows(Laboratory(tmp_path / "laboratory", quick=True), short=True))
    assert rows and [row for row in rows if not row.detected] == []


def test_no_row_of_the_page_reads_undetected():
    """The page was written on a machine that may mount a small file system, and says at which commit."""
    page = PAGE.read_text(encoding="utf-8")
    found = {row["fault"]: row["detected"] for row in TABLE_ROW.finditer(page) if row["fault"] != "fault"}
    assert len(found) > 40 and set(found.values()) == {"yes"} and "undetected" not in page
    assert re.search(r"^Written at commit `[0-9a-f]{7,40}`", page, re.MULTILINE)


def test_the_page_speaks_of_the_faults_that_are_tried():
    """Written anew when a fault is added: of the group of texts, the names are known without trying."""
    page = PAGE.read_text(encoding="utf-8")
    assert [fault for fault in HOSTILE if f"| {fault} |" not in page] == []


def test_small_disks_can_be_tried_or_the_reason_is_known():
    """Whether a tmpfs may be mounted is asked of the system, and leaves nothing behind."""
    before = set(Path("/tmp").glob(".mount-*"))
    assert may_mount() in (True, False) and set(Path("/tmp").glob(".mount-*")) == before
