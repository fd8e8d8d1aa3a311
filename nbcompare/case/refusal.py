"""Expected refusals: a case that holds an engine to rejecting its command line.

    expect:
      subject: {exit_code: 1, stderr: "-phi .* is no number"}

An engine that is named must end with that exit code, and a line of what it printed to standard error must hold the
regular expression; one that is not named must give an image. Nothing is compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.parts import whole_number
from nbcompare.case.reading.strict_yaml import Cursor

LONGEST = 300
"""Characters of an expression."""


@dataclass(frozen=True)
class Refusal:
    """How an engine has to refuse: with this exit code (1 to 255), saying what ``stderr`` matches."""

    exit_code: int
    stderr: str

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


_UNLIKE_A_REFUSAL = ("q", "Killed", "W")
"""Lines that no engine refuses with: what matches all of them says nothing of what was refused. Short ones, so that an
expression cannot take long over them."""
_OF_A_SHELL = frozenset((124, 126, 127, *range(129, 166)))
"""Exit codes by which shells and ``timeout`` tell how a program ended that did not end by itself."""


def refusals_of(cursor: Cursor | None) -> dict[str, Refusal]:
    """The section ``expect``, by role. Raises CaseError with its place."""
    if cursor is None:
        return {}
    found = {role: _refusal(entry) for role, entry in cursor.mapping(known=(REFERENCE, SUBJECT)).items()}
    if not found:
        raise cursor.error("expect must name the reference, the subject or both, or be left out")
    return found


def _refusal(cursor: Cursor) -> Refusal:
    entries = cursor.mapping(known=("exit_code", "stderr"), required=("exit_code", "stderr"))
    pattern = entries["stderr"].text()
    if len(pattern) > LONGEST:
        raise entries["stderr"].error(f"stderr is {len(pattern)} characters long, at most {LONGEST} are read")
    try:
        compiled = re.compile(pattern)
        empty, anything = compiled.search(""), all(map(compiled.search, _UNLIKE_A_REFUSAL))
    except (re.error, RecursionError, OverflowError) as fault:
        raise entries["stderr"].error(f"stderr: {pattern!r} is no regular expression: {fault}") from None
    if empty:
        raise entries["stderr"].error(f"stderr: {pattern!r} matches an empty line, so whatever an engine says would do")
    if anything:
        raise entries["stderr"].error(f"stderr: {pattern!r} matches nearly any line: whatever an engine says would do")
    code = whole_number(entries["exit_code"], 1, 255)
    if code in _OF_A_SHELL:
        raise entries["exit_code"].error(f"exit code {code} is how a shell tells that a program was not found, was too "
                                         "slow or crashed, and that is no refusal")
    return Refusal(code, pattern)


def refusals_from(stored: Mapping[str, Any]) -> dict[str, Refusal]:
    """What a record keeps of them."""
    return {role: Refusal(**entry) for role, entry in stored.items()}
