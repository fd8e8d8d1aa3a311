"""What a search found by running hypotheses, and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbcompare.explain.diagnose.cause import Cause


@dataclass(frozen=True)
class SearchResult:
    """The causes found by running, and what was done."""

    causes: tuple[Cause, ...]
    notes: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def ruled_out(self) -> tuple[str, ...]:
        """Ids of causes that were carried out and came nowhere near the subject."""
        found = self.facts.get("ruled_out")
        return tuple(found) if isinstance(found, list) else ()

    def as_dict(self) -> dict[str, Any]:
        return dict(self.facts)
