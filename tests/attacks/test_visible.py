"""Text of strangers that a terminal or a ledger would obey."""

from dataclasses import replace
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import load_bundle
from nbcompare.plan.ledger_entry import _body
from nbcompare.visible import visible, visible_lines

ESCAPES = ("\x1b[2J", "\x1b]52;c;eA==\x07", "\x9b2J", "\r", "\x08", "\u202e", "\u2028", "\x00", "\ud800", "\x7f")


@pytest.mark.parametrize("text", ESCAPES)
def test_what_a_terminal_would_obey_is_written_out(text):
    assert visible(f"a{text}b é").isprintable() and visible(f"a{text}b").startswith("a\\")
    assert visible_lines(f"a{text}\nb").split("\n")[1] == "b"


@pytest.mark.parametrize("text", ("\x1b[2J", "\x1b]52;c;eA==\x07"))
def test_an_error_does_not_pass_on_escapes_of_a_file_name(nb, text):
    said = nb("run", f"{text}.yaml")
    assert said.code == 1 and text not in said.err


def test_a_commit_of_a_record_cannot_forge_an_attempt(store):
    record = load_bundle(store.passed).record
    forged = replace(record, git=replace(record.git, sha="0\n## small\n### Attempt 9: PASS\n"))
    lines = [visible(line) for line in _body(store.passed, forged, Path("ledger.md"))]
    assert not any("\n" in line for line in lines)
