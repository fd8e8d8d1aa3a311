"""The fault table in short: a few trials of every row; and the page that the long form (make faults) wrote."""

import re
from pathlib import Path

import pytest

from tests.faults import mutated, scripts
from tests.faults.__main__ import PAGE
from tests.faults.disk import may_mount
from tests.faults.groups import GROUPS, pieces
from tests.faults.laboratory import Laboratory
from tests.faults.texts import HOSTILE

TABLE_ROW = re.compile(r"^\| .+? \| (?P<tried>\d+) \| (?P<held>\d+) \| .+ \| [^|]* \|$", re.MULTILINE)
IN_SHORT = [pytest.param(title, marks=pytest.mark.simulator if module is mutated else ())
            for title, module in GROUPS.items() if module is not scripts]
"""Attack scripts are tests themselves."""


@pytest.mark.parametrize("title", IN_SHORT)
def test_every_fault_is_detected(tmp_path, title):
    rows = list(GROUPS[title].rows(Laboratory(tmp_path / "laboratory", quick=True), short=True))
    assert rows and [row for row in rows if not row.detected] == []


def test_the_page_is_of_one_whole_run_in_which_every_trial_held():
    """It names every group, counts at least 1,500 trials, and says at which commit they were made."""
    page = PAGE.read_text(encoding="utf-8")
    assert [title for title in GROUPS if f"\n## {title}\n" not in page] == []
    rows = [(int(row["tried"]), int(row["held"])) for row in TABLE_ROW.finditer(page)]
    tried = sum(tried for tried, _ in rows)
    assert all(tried == held > 0 for tried, held in rows) and "**" not in page.partition("## What is not")[0]
    assert tried >= 1500 and len(rows) == len(re.findall(r"^\| (?!fault \|)", page, re.MULTILINE))
    assert re.search(rf"^Written at commit `[0-9a-f]{{7,40}}`: {tried:,} trials of {len(rows)} faults; {tried:,} held",
                     page, re.MULTILINE)


def test_the_page_speaks_of_the_faults_that_are_tried():
    """Written anew when a fault is added: of the group of texts, the names are known without trying."""
    page = PAGE.read_text(encoding="utf-8")
    assert [fault for fault in HOSTILE if f"| {fault} |" not in page] == []


def test_every_attack_script_is_tried_by_make_faults_and_has_its_row():
    """One that the long form did not know, or had not tried yet, would be counted nowhere."""
    there = {path.stem for path in scripts.ATTACKS.glob("*.py")} - {"conftest"}
    assert there and there <= {piece.name for piece in pieces()}
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in sorted(there) if f"as the tests of tests/attacks/{name}.py say" not in page] == []


def test_small_disks_can_be_tried_or_the_reason_is_known():
    """Whether a tmpfs may be mounted is asked of the system, and leaves nothing behind."""
    before = set(Path("/tmp").glob(".mount-*"))
    assert may_mount() in (True, False) and set(Path("/tmp").glob(".mount-*")) == before
