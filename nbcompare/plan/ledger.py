"""Ledgers: a Markdown file in which every bundle of a case is an Attempt, numbered, under the heading of the case.

A ledger belongs to people. Nothing is rewritten: an entry is inserted at the end of the case's section, and
of a plan only the letter in the box of one row changes. Every other byte stays, line ends included.
Reading Markdown goes as far as headings, fenced blocks and boxes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbcompare.errors import EvidenceError, UsageError

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_ATTEMPT = re.compile(r"(?:#{1,6}[ \t]+|[-*+][ \t]+|\*\*)(?:\[[^\]]*\][ \t]*)?\**Attempt[ \t]+#?(\d+)\b", re.IGNORECASE)
_MARK = re.compile(r"<!-- nb-compare attempt (\S+) manifest-sha256:([0-9a-f]{64}) -->")
_MARKUP = re.compile(r"[ \t|>*+_`#-]*(?:\d+[.)][ \t]+)?[ \t|*_`]*")
_BOX = re.compile(r"\[([ PDpdxX])\]")
STATES = (" ", "P", "D")
"""Untouched, in progress, done."""


@dataclass(frozen=True)
class LedgerLine:
    """A line of a file: where it begins, its text without the end, and whether it lies in a fenced block."""

    start: int
    text: str
    end: int
    fenced: bool


@dataclass(frozen=True)
class Edit:
    """A file's text before and after, and what was done, in words."""

    before: str
    after: str
    said: str

    @property
    def changes(self) -> bool:
        return self.before != self.after


def mark_of(name: str, manifest_sha256: str) -> str:
    """The comment by which a ledger knows a bundle (CASE/STAMP) again."""
    return f"<!-- nb-compare attempt {name} manifest-sha256:{manifest_sha256} -->"


def add_attempt(text: str, case: str, name: str, manifest_sha256: str, body: Sequence[str], headline: str) -> Edit:
    """The ledger with the bundle ``name`` as its next Attempt, under ``case``; unchanged when it is there already.

    Attempts are numbered through the whole ledger, so that a number means one bundle.
    Raises UsageError when two headings name the case, and EvidenceError when the ledger knows another bundle
    by this name.
    """
    for known, digest in _MARK.findall(text):
        if known == name:
            if digest != manifest_sha256:
                raise EvidenceError(f"the ledger has {name} with another manifest (sha256 {digest[:12]}...)",
                                    hint="this bundle, or the ledger, is not what it was")
            return Edit(text, text, f"{name} is already in the ledger")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = list(lines_of(text))
    section = _section(lines, case)
    if section is None:
        level, end = 2, len(text)
        opening = [*_gap(text, end, newline), f"## {case}", ""]
    else:
        level, end = section
        opening = _gap(text, end, newline)
    number = 1 + max((int(found.group(1)) for line in lines if not line.fenced
                      and (found := _ATTEMPT.match(line.text.lstrip()))), default=0)
    entry = [*opening, f"{'#' * min(6, level + 1)} Attempt {number}: {headline}", mark_of(name, manifest_sha256), "",
             *body]
    rest_follows = end < len(text)
    inserted = newline.join([*entry, ""]) + (newline if rest_follows else "")
    return Edit(text, text[:end] + inserted + text[end:], f"{name} is Attempt {number} of {case}")


def _gap(text: str, end: int, newline: str) -> list[str]:
    """What is needed so that a blank line stands before the insertion: lines, as yet without their ends."""
    before = text[:end]
    if not before or before.endswith(newline * 2):
        return []
    return [""] if before.endswith("\n") else ["", ""]


def _section(lines: Sequence[LedgerLine], case: str) -> tuple[int, int] | None:
    """(level, end) of the section whose heading names the case, by offset; None when there is none.

    A heading in another letter case names it where none names it letter by letter."""
    headings = [(len(found.group(1)), found.group(2), line) for line in lines if not line.fenced
                and (found := _HEADING.match(line.text))]
    titles = {i: title for i, (_, title, line) in enumerate(headings) if not _ATTEMPT.match(line.text)}
    named = [i for i, title in titles.items() if _names(title, case)] or [
        i for i, title in titles.items() if _names(title.lower(), case.lower())]
    if not named:
        return None
    top = min(headings[i][0] for i in named)
    highest = [i for i in named if headings[i][0] == top]
    if len(highest) > 1:
        places = ", ".join(repr(headings[i][1]) for i in highest)
        raise UsageError(f"the ledger has {len(highest)} headings that name {case}: {places}",
                         hint="rename all but one")
    level = headings[highest[0]][0]
    after = next((other.start for depth, _, other in headings[highest[0] + 1:] if depth <= level), None)
    return level, lines[-1].end if after is None else after


def _names(text: str, word: str) -> bool:
    """Whether a text holds the word, not as a part of a longer one."""
    return re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-])(?!\.\w)", text) is not None


def lines_of(text: str) -> Iterator[LedgerLine]:
    """The lines of a Markdown text."""
    at, fence = 0, None
    for raw in re.findall(r"[^\n]*\n|[^\n]+", text):
        stripped = raw.rstrip("\r\n")
        found = _FENCE.match(stripped)
        inside = fence is not None
        if found and fence is None:
            fence, inside = found.group(1), True
        elif found and fence is not None and found.group(1).startswith(fence) and not stripped.strip(" \t`~"):
            fence = None
        yield LedgerLine(at, stripped, at + len(raw), inside)
        at += len(raw)


# --- a row of a plan --------------------------------------------------------------------------------------


def row_state(text: str, row: str) -> str:
    """The state of a row: one of STATES. Raises UsageError unless exactly one row with a box has that name."""
    return _state(_row(text, row)[1])


def set_row(text: str, row: str, state: str) -> Edit:
    """The plan with the box of one row set to ``state``; only that letter changes."""
    at, letter = _row(text, row)
    if _state(letter) == state:
        return Edit(text, text, f"row {row} is [{letter}] already")
    return Edit(text, text[:at] + state + text[at + 1:], f"row {row}: [{letter}] becomes [{state}]")


def _state(letter: str) -> str:
    return {"p": "P", "d": "D", "x": "D", "X": "D"}.get(letter, letter)


def _row(text: str, row: str) -> tuple[int, str]:
    """(offset of the letter, the letter) in the one line that begins with the row's name and has a box."""
    found = []
    for line in lines_of(text):
        box = _BOX.search(line.text)
        words = _MARKUP.sub("", _BOX.sub(" ", line.text, count=1), count=1)
        if box and not line.fenced and re.match(rf"{re.escape(row)}(?![\w-])(?!\.\w)", words):
            found.append((line.start + box.start(1), box.group(1)))
    if len(found) != 1:
        what = "no row" if not found else f"{len(found)} rows"
        raise UsageError(f"the plan has {what} {row} with a box [ ], [P] or [D]",
                         hint="a row is a line such as '- [ ] N1 title' or '| N1 | title | [ ] |'")
    return found[0]
