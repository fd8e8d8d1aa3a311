"""What was tried: which options were compared, and which pairs of them together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any


@dataclass(frozen=True)
class Coverage:
    """Over the ``pool`` of options: those that stood in a command whose images were compared, and the pairs that
    stood in one together."""

    pool: frozenset[str]
    options: frozenset[str]
    pairs: frozenset[tuple[str, str]]

    @property
    def never(self) -> tuple[str, ...]:
        """The options of the pool that no command had."""
        return tuple(sorted(self.pool - self.options))

    @property
    def possible_pairs(self) -> int:
        return comb(len(self.pool), 2)

    def as_dict(self) -> dict[str, Any]:
        return {"options": sorted(self.options), "never": list(self.never), "pool": len(self.pool),
                "pairs": len(self.pairs), "possible_pairs": self.possible_pairs}


def coverage_of(pool: frozenset[str], compared: Iterable[Iterable[str]]) -> Coverage:
    """Over the sets of options of all commands that were compared."""
    options: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for names in compared:
        known = sorted(pool & set(names))
        options.update(known)
        pairs.update(combinations(known, 2))
    return Coverage(pool, frozenset(options), frozenset(pairs))
