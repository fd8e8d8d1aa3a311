"""Parts that several sections of a case file share, each read from its place in the YAML text."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Collection, Mapping

from nbcompare.case.reading.all_faults import part, reading_on
from nbcompare.case.reading.strict_yaml import Cursor
from nbcompare.case.threshold import Threshold
from nbcompare.compare.metrics import METRICS, called
from nbcompare.errors import nearest

PARAMETERS = ("atol", "rtol", "near_zero")
"""Numbers that a threshold may choose for a metric that has them."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class AnyName(list[str]):
    """Stands in for the names of regions that could not be read, so that the rest can be: every name is one of them."""

    def __contains__(self, name: object) -> bool:
        return True


def matching(cursor: Cursor, pattern: re.Pattern[str], wanted: str) -> str:
    """Text of a given form; ``wanted`` says in words which."""
    text = cursor.text()
    if not pattern.fullmatch(text):
        raise cursor.error(f"{cursor.name} must be {wanted}, found {text!r}")
    return text


SHA256 = re.compile(r"[0-9a-f]{64}")


def sha256_digits(cursor: Cursor) -> str:
    """A sha256 sum as sha256sum writes it."""
    return matching(cursor, SHA256, "64 hexadecimal digits in lower case")


def arguments(cursor: Cursor | None) -> tuple[str, ...]:
    """A command line written as one text (split as a shell splits words) or as a list of words."""
    if cursor is None:
        return ()
    if cursor.kind == "list":
        return tuple(word.text() for word in cursor.items())
    try:
        return tuple(shlex.split(cursor.text()))
    except ValueError as fault:
        raise cursor.error(f"{cursor.name} cannot be split into words: {fault}") from None


def known_word(cursor: Cursor, known: Collection[str], what: str) -> str:
    """One of the known words; ``what`` they are is said in the complaint."""
    word = cursor.text()
    if word not in known:
        raise cursor.error(f"unknown {what} {word!r}; {nearest(word, known)}")
    return word


def known_metric(cursor: Cursor) -> str:
    return known_word(cursor, METRICS, "metric")


def limits_of(cursor: Cursor, entries: Mapping[str, Cursor], metric: str, what: str, *,
              bound: bool = False) -> tuple[float | None, float | None]:
    """(min, max) of a threshold or a bound on a metric, at least one of them given, and such as can fail."""
    low, high = (entries[key].number() if key in entries else None for key in ("min", "max"))
    if low is None and high is None:
        raise cursor.error(f"{what} needs min, max or both")
    if low is not None and high is not None and low > high:
        raise entries["min"].error(f"min {low:g} is above max {high:g}: nothing could hold")
    beyond = METRICS[metric].out_of_reach(low, high)
    if beyond:
        raise cursor.error(beyond)
    fault = METRICS[metric].fault_in_limits(low, high, bound=bound)
    if fault:
        raise cursor.error(f"{what} could never fail: {fault}")
    return low, high


def thresholds_of(cursor: Cursor, roi_names: list[str]) -> list[Threshold]:
    """One entry of ``thresholds``: a threshold for each region it names, for every region when it names none."""
    entries = cursor.mapping(known=("metric", "rois", "min", "max", "why", *PARAMETERS))
    with reading_on():
        cursor.require(entries, ("metric", "why"))
    chosen = part(entries, "rois", lambda entry: _regions(entry, roi_names), roi_names)
    why = part(entries, "why", Cursor.text, "")
    cursor.require(entries, ("metric",))
    metric = _with_parameters(known_metric(entries["metric"]), entries)
    low, high = limits_of(cursor, entries, metric, f"the threshold on {metric}")
    return [Threshold(metric, roi, low, high, why) for roi in chosen]


def _regions(cursor: Cursor, roi_names: list[str]) -> list[str]:
    chosen = []
    for entry in cursor.items():
        with reading_on():
            chosen.append(known_word(entry, roi_names, "region"))
    if not cursor.items():
        raise cursor.error("rois must name at least one region")
    return chosen


def _with_parameters(metric: str, entries: Mapping[str, Cursor]) -> str:
    """The metric's name with the parameters that an entry chooses for it."""
    chosen = {}
    for key in PARAMETERS:
        if key not in entries:
            continue
        if key not in METRICS[metric].parameters:
            raise entries[key].error(f"{metric} takes no {key}")
        chosen[key] = entries[key].number()
        if not 0 <= chosen[key] < math.inf:
            raise entries[key].error(f"{key} must be a number from 0 up, found {chosen[key]:g}")
        if key == "rtol" and chosen[key] >= 1:
            raise entries[key].error(f"rtol {chosen[key]:g} could never fail: from 1 up an image of zeros would pass")
    return called(metric, chosen)


def whole_number(cursor: Cursor, low: int, high: int) -> int:
    value = cursor.integer()
    if not low <= value <= high:
        raise cursor.error(f"{cursor.name} must be {low} to {high}, found {value}")
    return value
