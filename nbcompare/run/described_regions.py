"""Regions that a description of the detector says, held against the command: a document that was printed for another
distance, beam or tilt would judge other pixels than its spacings say."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nbcompare.case.arguments.command import parse_command
from nbcompare.case.case import Case
from nbcompare.case.described_ring import SCHEMA
from nbcompare.engine.describe import DescriptionRefused
from nbcompare.errors import UsageError

_PHYSICS = "physics"
_KEYS = {"beam": ("wavelength_A", "direction"),
         "detector": ("fast_pixels", "slow_pixels", "pixel_m", "distance_m", "pix0_m", "fast_axis", "slow_axis",
                      "curved")}
"""What of a description says which pixels a ring holds."""

_ROUNDING = 1e-6
"""Of a number's own size, or of the longest in its vector: descriptions hold all digits of a double."""


def region_notes(case: Case, folder: Path) -> tuple[str, ...]:
    """What there is to say of descriptions that could not be held against the command, whose inputs lie in ``folder``.

    Raises UsageError for one that is of another beam or detector than the command's.
    """
    found = {name: said for name in sorted(case.region_files) if (said := _description(folder / name))}
    if not found or case.own_options:
        return ()
    from nbcompare.explain.description import document_of  # few cases have such a region

    try:
        ours = document_of(parse_command(case.command), folder)
    except UsageError as fault:
        why = fault.message if isinstance(fault, DescriptionRefused) else "no bundled simulator could be asked"
        return tuple(f"regions of {name} were not held against the command: {why}" for name in found)
    notes = []
    for name, said in found.items():
        if said.get("mode", _PHYSICS) != _PHYSICS:
            notes.append(f"regions of {name} were not held against the command: it was described {said['mode']}")
            continue
        others = list(_differences(said, ours))
        if others:
            raise UsageError(f"{case.path or case.name}: {name}, by which a region is described, is of another "
                             f"experiment than the command: {'; '.join(others[:3])}",
                             hint=f"print it for this command: its words and -describe, into {name}")
    return tuple(notes)


def _description(path: Path) -> dict[str, Any] | None:
    """The document in a file; None for any other file, as one whose pixels are a region."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None


def _differences(said: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    for part, keys in _KEYS.items():
        for key in keys:
            there, here = said[part].get(key), ours[part].get(key)
            if there is not None and not _same(there, here):
                yield f"{key} is {_short(there)} in the file, {_short(here)} by the command"


def _same(there: Any, here: Any) -> bool:
    if not isinstance(there, list) or not isinstance(here, list):
        there, here = [there], [here]
    size = max(abs(float(number)) for number in here)
    try:
        return len(there) == len(here) and all(
            math.isclose(float(a), float(b), rel_tol=_ROUNDING, abs_tol=_ROUNDING * size)
            for a, b in zip(there, here, strict=True))
    except (TypeError, ValueError):
        return False


def _short(value: Any) -> str:
    return "(" + ", ".join(f"{number:.7g}" for number in value) + ")" if isinstance(value, list) else f"{value:.7g}" \
        if isinstance(value, float) else str(value)
