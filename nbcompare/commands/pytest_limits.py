"""What a test is judged by: limits as people write them, and those of its ``parity`` markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from nbcompare.case.case import Case
    from nbcompare.case.threshold import Threshold

Limit = float | tuple[float | None, float | None]
Limits = Mapping[str, Limit]
"""Thresholds by metric: (least, most), or one number, the most that a metric of differences may be."""


@dataclass(frozen=True)
class Marked:
    """What the markers of a test say: a case that judges, or limits; neither where there is no marker."""

    case: Path | None = None
    limits: Limits = field(default_factory=dict)


def marked(node: pytest.Item) -> Marked:
    """The limits of all ``parity`` markers of a test, its own before those of its class and module, or their case.

    Raises UsageError for a marker that cannot be understood, and where a case and limits would both judge.
    """
    from nbcompare.errors import UsageError

    cases: list[tuple[object, str]] = []
    limits: dict[str, Limit] = {}
    for owner, marker in node.iter_markers_with_node("parity"):
        named, own = _of_marker(marker)
        cases += [(owner, case) for case in named]
        limits = {**own, **limits}
    nearest = {case for owner, case in cases if owner is cases[0][0]}
    if len(nearest) > 1:
        raise UsageError(f"markers of one test name several cases: {', '.join(sorted(nearest))}")
    if nearest and limits:
        raise UsageError(f"the parity markers name a case, {cases[0][1]}, and limits ({', '.join(limits)}); one of the "
                         "two can judge")
    return Marked(node.path.parent / nearest.pop() if nearest else None, limits)


def _of_marker(marker: pytest.Mark) -> tuple[list[str], Limits]:
    from nbcompare.errors import UsageError

    more: dict[str, Any] = dict(marker.kwargs)
    cases = [*marker.args, *([more.pop("case")] if more.get("case") is not None else [])]
    more.pop("case", None)
    if len(cases) > 1 or not all(isinstance(case, str | Path) for case in cases):
        raise UsageError(f"the parity marker takes one case file, found {', '.join(map(repr, cases))}")
    return list(map(str, cases)), together(more.pop("limits", {}), more)


def is_ours(marker: pytest.Mark) -> bool:
    """Whether a marker that is called parity says what this plugin reads; others may use the word, too."""
    from nbcompare.compare.metrics import METRICS

    named = [str(word) for word in marker.args]
    return any(word in METRICS or word in ("case", "limits") for word in marker.kwargs) \
        or any(word.endswith((".yaml", ".yml")) for word in named)


def together(limits: object, more: Limits) -> Limits:
    """Limits given as a mapping and as arguments. Raises UsageError for what is no mapping, or both for a metric."""
    from nbcompare.errors import UsageError

    if not isinstance(limits, Mapping):
        raise UsageError(f"limits are given by metric, as in {{\"sum_ratio\": (0.99, 1.01)}}, found {limits!r}")
    twice = sorted(map(str, limits.keys() & more.keys()))
    if twice:
        raise UsageError(f"{twice[0]} is given twice, in limits and as an argument")
    return {**limits, **more}


def thresholds_of(limits: Limits) -> Sequence[Threshold]:
    """A threshold on the whole image for each. Raises UsageError for a metric that there is not, and for a limit that
    is no number or could never fail."""
    from nbcompare.case.threshold import Threshold
    from nbcompare.run.given_limits import checked_thresholds, known_metric

    found = []
    for name, limit in limits.items():
        low, high = _ends(known_metric(name), limit)
        found.append(Threshold(name, "full", low, high, ""))
    return checked_thresholds(found)


def _ends(metric: str, limit: object) -> tuple[Any, Any]:
    from nbcompare.compare.metrics import METRICS
    from nbcompare.errors import UsageError

    if isinstance(limit, tuple | list):
        if len(limit) != 2:
            raise UsageError(f"the limits of {metric} are (least, most), found {limit!r}")
        return limit[0], limit[1]
    entry = METRICS[metric]
    if entry.best not in (None, entry.lowest):
        raise UsageError(f"{metric} takes (least, most), None for no limit, found {limit!r}: one number is the most of "
                         f"a metric of differences, and equal images have {entry.best:g} here")
    return None, limit


def case_for_arrays(path: Path, shape: tuple[int, ...]) -> Case:
    """The case by whose regions and thresholds two arrays of that shape are judged.

    Raises CaseError for one that cannot be read, UsageError for a matrix, whose cells have thresholds of their own, and
    for a mask, which would be lost; ShapeError for arrays of another shape, of which its regions would be a part.
    """
    from nbcompare.case.case_file import load_case
    from nbcompare.compare.image import Shape
    from nbcompare.errors import ShapeError, UsageError

    case = load_case(path)
    if case.matrix:
        raise UsageError(f"{path}: a matrix of cells judges no arrays")
    if case.masking.any:
        raise UsageError(f"{path}: this case masks pixels, which arrays in a test are not; name limits in its place")
    if shape != (case.shape.slow, case.shape.fast):
        raise ShapeError(f"the case {path.name} is about {case.shape}, the arrays are {Shape(*shape)}")
    return case
