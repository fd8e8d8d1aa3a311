"""The attack scripts of tests/attacks, each file a row: its first sentence says what is attacked, its tests are the
attempts. The suite runs them as tests; here they are counted."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from tests.faults.laboratory import Laboratory, Row

ATTACKS = Path(__file__).resolve().parent.parent / "attacks"
CHECKOUT = ATTACKS.parent.parent
EXAMPLES = "NB_FAULTS_EXAMPLES"
LONG_EXAMPLES = 10
SECONDS = 1500


def rows(lab: Laboratory, *, short: bool) -> Iterator[Row]:
    """A row for each script; in short the smallest alone, as the suite runs all of them anyway."""
    for path in paths():
        if not short or path.name == "test_odd_names.py":
            yield from rows_of(path, lab)


def paths() -> list[Path]:
    """Every attack script."""
    return sorted(ATTACKS.glob("test_*.py"))


def rows_of(path: Path, lab: Laboratory) -> Iterator[Row]:
    """The row of one script."""
    report = lab.folder / f"{path.stem}.xml"
    code = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}",
                           f"--basetemp={lab.folder / path.stem}", str(path)], cwd=CHECKOUT, stdout=subprocess.DEVNULL,
                          env={**os.environ, EXAMPLES: str(LONG_EXAMPLES)}, timeout=SECONDS, check=False).returncode
    tried, bad = _counted(report)
    about = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem).split())
    yield Row(re.split(r"\.(?: |$)", about)[0], tried, f"as the tests of tests/attacks/{path.name} say",
              code == 0 and tried > 0 and bad == 0, (code,), tried - bad, shown_codes="")


def _counted(report: Path) -> tuple[int, int]:
    """Tests that ran, and those that failed, by pytest's own report (JUnit's XML; written by our own run)."""
    if not report.exists():
        return 0, 0
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    ran = [case for case in cases if case.find("skipped") is None]
    return len(ran), sum(case.find("failure") is not None or case.find("error") is not None for case in ran)
