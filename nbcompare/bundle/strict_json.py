"""JSON read strictly: no key twice, no NaN or infinity, no number beyond those, nothing nested beyond reason."""

from __future__ import annotations

import json
import math
from typing import Any

MOST_DIGITS = 30
"""Of a whole number: sizes and counts have fewer, and what views print of it has to be a number they can hold."""


def loads(text: str) -> Any:
    """The value of a JSON text. Raises ValueError for anything that is not strict JSON."""
    try:
        return json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant,
                          parse_int=_whole, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for at, key in enumerate(keys) if key in keys[:at])
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:MOST_DIGITS]} is beyond any number")
    return number
