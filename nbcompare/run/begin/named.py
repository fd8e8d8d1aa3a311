"""--engine of init: which program a role is given."""

from __future__ import annotations

from collections.abc import Sequence

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.errors import UsageError, to_type


def roles_of(texts: Sequence[str]) -> dict[str, str]:
    """The program of each role that is named. Raises UsageError for a role that is given twice, or nothing."""
    found: dict[str, str] = {}
    for text in texts:
        role, equals, program = text.partition("=")
        if equals and role.isidentifier() and role not in (REFERENCE, SUBJECT):
            raise UsageError(f"--engine {text!r}: {role} is no role; it is {REFERENCE} or {SUBJECT}",
                             hint=f"--engine {to_type(f'{REFERENCE}={program}')}, say")
        if not (equals and role in (REFERENCE, SUBJECT)):
            role, program = REFERENCE, text
        if not program.strip():
            raise UsageError(f"--engine {text!r} names no program")
        if role in found:
            raise UsageError(f"--engine names the {role} twice")
        found[role] = program
    return found
