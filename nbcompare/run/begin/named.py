"""--engine of init: which program a role is given."""

from __future__ import annotations

from collections.abc import Sequence

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.errors import UsageError


def roles_of(texts: Sequence[str]) -> dict[str, str]:
    """The program of each role that is named. Raises UsageError for a role that is given twice, or nothing."""
    found: dict[str, str] = {}
    for text in texts:
        role, equals, program = text.partition("=")
        if not (equals and role in (REFERENCE, SUBJECT)):
            role, program = REFERENCE, text
        if not program.strip():
            raise UsageError(f"--engine {text!r} names no program")
        if role in found:
            raise UsageError(f"--engine names the {role} twice")
        found[role] = program
    return found
