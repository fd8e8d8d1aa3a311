"""Pixels that the subject alone leaves out: masked, or no number, where the reference holds a measured number.

A reference may have gaps, as a detector has; they say nothing of the subject. Where the subject leaves pixels out by
itself it decides what it is judged on, and a port that gives NaN wherever it is wrong would agree on the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbcompare.compare.metrics.region import RegionPair


@dataclass(frozen=True)
class LeftOut:
    """How many of a region's ``pixels`` are ``masked`` in the subject alone, and in how many it alone has
    ``no_number`` (NaN or infinite)."""

    masked: int
    no_number: int
    pixels: int

    def as_dict(self) -> dict[str, Any]:
        return vars(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> LeftOut:
        return cls(**stored)


def left_out(pair: RegionPair) -> LeftOut | None:
    """What the subject alone leaves out of a region; None where that is nothing."""
    if pair.masks is None and not pair.skip_nonfinite:
        return None
    none = np.zeros(pair.subject.shape, bool)
    ours, theirs = pair.masks or (none, none)
    counted = ~ours if pair.outside is None else ~(ours | pair.outside)
    unfilled = none
    if pair.skip_nonfinite:
        counted = counted & np.isfinite(pair.reference)
        unfilled = ~np.isfinite(pair.subject)
    masked = int(np.count_nonzero(counted & theirs))
    no_number = int(np.count_nonzero(counted & unfilled & ~theirs))
    return LeftOut(masked, no_number, pair.area) if masked or no_number else None
