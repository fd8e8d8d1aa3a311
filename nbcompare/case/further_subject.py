"""Further subjects of a case: the subject with other arguments, or another engine, each held against the one reference.

    subjects:
      float64: -precision double                              # the subject, with these words more
      cuda: {engine: gpu}                                     # an engine that the case or the project file declares
      release-1.3: {engine: release-1.3, arguments: -fast}    # which may be a stored image
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.parts import NAME, arguments
from nbcompare.case.reading.strict_yaml import Cursor


@dataclass(frozen=True)
class FurtherSubject:
    """``arguments`` come beside the command: after the subject's own, or, where another ``engine`` is named, alone."""

    arguments: tuple[str, ...] = ()
    engine: str | None = None

    def words(self, of_subject: tuple[str, ...]) -> tuple[str, ...]:
        """What it gets after the command; ``of_subject`` are the arguments of the subject alone."""
        return self.arguments if self.engine else (*of_subject, *self.arguments)

    def as_plain(self) -> Any:
        """As a record keeps it: a list of words, or a mapping where an engine is named."""
        return {"engine": self.engine, "arguments": list(self.arguments)} if self.engine else list(self.arguments)

    @classmethod
    def from_plain(cls, stored: Any) -> FurtherSubject:
        if isinstance(stored, dict):
            return cls(tuple(stored["arguments"]), stored["engine"])
        return cls(tuple(stored))


def known_as(name: str) -> str:
    """What a further subject is called beside reference and subject."""
    return f"subject {name}"


def further_subjects_of(cursor: Cursor | None) -> dict[str, FurtherSubject]:
    """The section ``subjects``, by name. Raises CaseError with its place."""
    found: dict[str, FurtherSubject] = {}
    for name, entry in cursor.mapping().items() if cursor else ():
        if not NAME.fullmatch(name):
            raise entry.error(f"the name of a subject, {name!r}, must be letters, digits, '.', '_' and '-'")
        if name in (REFERENCE, SUBJECT):
            raise entry.error(f"the {name} is compared anyway; a further subject needs a name of its own")
        found[name] = _further_subject(entry)
        if found[name] in list(found.values())[:-1] or found[name] == FurtherSubject():
            raise entry.error(f"subject {name} needs arguments that no other subject has")
    if cursor and not found:
        raise cursor.error("subjects must name at least one, or be left out")
    return found


def _further_subject(cursor: Cursor) -> FurtherSubject:
    if cursor.kind != "mapping":
        return FurtherSubject(arguments(cursor))
    entries = cursor.mapping(known=("engine", "arguments"), required=("engine",))
    engine = entries["engine"].text()
    if engine in (REFERENCE, SUBJECT):
        raise entries["engine"].error(f"{cursor.name}: the {engine} is compared anyway; name another declared engine, "
                                      "or give arguments alone for the subject with those")
    return FurtherSubject(arguments(entries["arguments"]) if "arguments" in entries else (), engine)
