"""The ``divergences`` of a case file, read strictly."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nbcompare.case.arguments.emulations import derived_control, fault_in, fault_in_declared
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.expected_trace import ExpectedTrace, expected_trace
from nbcompare.case.parts import NAME, arguments, known_word, limits_of, matching
from nbcompare.case.reading.strict_yaml import Cursor
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Shape
from nbcompare.compare.metrics import METRICS
from nbcompare.errors import nearest

REQUIRED = ("id", "title", "engine", "emulate", "bounds", "why", "reference", "owner", "expires")
KEYS = (*REQUIRED, "control", "control_of_both", "switch", "changes", "trace")
DECLARED = "declared"
_SELDOM = ("control_of_both", "changes", "trace")


def claims_of(cursor: Cursor | None, roi_names: list[str], shape: Shape | None = None) -> tuple[Claim, ...]:
    """All claims of a case whose image has this shape. Raises CaseError for the first fault."""
    if cursor is None:
        return ()
    places = cursor.items()
    claims = tuple(_claim(place, roi_names, shape) for place in places)
    if not claims:
        raise cursor.error("divergences must list at least one claim, or be left out")
    for i, claim in enumerate(claims):
        if claim.id in [other.id for other in claims[:i]]:
            raise places[i].error(f"two claims are called {claim.id}")
    return claims


def _claim(cursor: Cursor, roi_names: list[str], shape: Shape | None) -> Claim:
    entries = cursor.mapping(known=KEYS, required=REQUIRED)
    engine = known_word(entries["engine"], (REFERENCE, SUBJECT), "engine")
    emulate = arguments(entries["emulate"])
    changes = _declared(entries, engine, emulate)
    controls = {key: arguments(entries.get(key)) for key in ("control", "control_of_both")}
    _check_controls(cursor, entries, engine, emulate)
    why = entries["why"].text()
    return Claim(
        id=matching(entries["id"], NAME, "a name of letters, digits, '.', '_' and '-'"),
        title=entries["title"].text(), engine=engine, emulate=emulate,
        bounds=_bounds(entries["bounds"], roi_names, why), why=why, reference=entries["reference"].text(),
        owner=entries["owner"].text(), expires=_day(entries["expires"]), changes=changes,
        trace=expected_trace(entries["trace"], shape) if "trace" in entries else None, **controls)


def _declared(entries: Mapping[str, Cursor], engine: str, emulate: tuple[str, ...]) -> str | None:
    """What a declared switch changes, None for registered emulations. Raises CaseError for words that are neither."""
    place = entries["emulate"]
    if not emulate:
        raise place.error("emulate must hold the arguments that the subject is run with")
    if "switch" in entries:
        known_word(entries["switch"], (DECLARED,), "kind of switch")
        if "changes" not in entries:
            raise entries["switch"].error("a declared switch needs changes: what it may change, in words")
    elif "changes" in entries:
        raise entries["changes"].error("changes belongs to a switch of an engine of your own: switch: declared")
    elif engine == SUBJECT:
        raise place.error("a defect of the subject is switched off by a switch of its own: switch: declared, with what "
                          "it changes")
    fault = fault_in_declared(emulate) if "switch" in entries else fault_in(emulate)
    if fault:
        raise place.error(f"emulate: {fault}")
    return entries["changes"].text() if "switch" in entries else None


def _check_controls(cursor: Cursor, entries: Mapping[str, Cursor], engine: str, emulate: tuple[str, ...]) -> None:
    """A claim on the reference has one control, its own or one that follows from the emulation."""
    given = [key for key in ("control", "control_of_both") if arguments(entries.get(key))]
    if given and engine == SUBJECT:
        raise entries[given[0]].error("a control are arguments that avoid the reference's defect; here the defect is "
                                      "the subject's")
    if len(given) == 2:
        raise entries[given[1]].error("give either control or control_of_both")
    if not given and engine == REFERENCE and not derived_control(emulate, ()):
        raise cursor.error("the claim needs a control: arguments with which the reference does not show its defect "
                           "(control), or with which neither engine can (control_of_both)")


def _bounds(cursor: Cursor, roi_names: list[str], why: str) -> tuple[Threshold, ...]:
    """Bounds by region and metric."""
    found = []
    for roi, metrics in cursor.mapping().items():
        if roi not in roi_names:
            raise metrics.error(f"unknown region {roi!r} in bounds; {nearest(roi, roi_names)}")
        for metric, bound in metrics.mapping().items():
            if metric not in METRICS:
                raise bound.error(f"unknown metric {metric!r} in bounds; {nearest(metric, METRICS)}")
            entries = bound.mapping(known=("min", "max"))
            limits = limits_of(bound, entries, metric, f"the bound on {metric}", bound=True)
            found.append(Threshold(metric, roi, *limits, why))
    if not found:
        raise cursor.error("bounds must say, for at least one region and metric, how large the divergence may be")
    return tuple(found)


def _day(cursor: Cursor) -> datetime.date:
    try:
        return datetime.date.fromisoformat(cursor.text())
    except ValueError:
        raise cursor.error(f"{cursor.name} must be a day written YYYY-MM-DD, found {cursor.text()!r}") from None


@dataclass(frozen=True)
class Claim:
    """What a case says about a known divergence. ``engine`` is the one with the defect; ``bounds`` say, by
    region, how large its effect may be. With ``control`` the reference, with ``control_of_both`` neither engine shows
    it. ``changes`` says what a declared switch of another engine changes; None for registered emulations. ``trace`` is
    what the factors of a pixel must show."""

    id: str
    title: str
    engine: str
    emulate: tuple[str, ...]
    bounds: tuple[Threshold, ...]
    why: str
    reference: str
    owner: str
    expires: datetime.date
    control: tuple[str, ...] = ()
    control_of_both: tuple[str, ...] = ()
    changes: str | None = None
    trace: ExpectedTrace | None = None

    @property
    def rois(self) -> tuple[str, ...]:
        """The regions that the claim names, in the order of its bounds."""
        return tuple(dict.fromkeys(bound.roi for bound in self.bounds))

    def as_dict(self) -> dict[str, Any]:
        """As plain values; what a claim does not say is left out, as records of before it could be said lack it."""
        said = {**asdict(self), "emulate": list(self.emulate), "bounds": [asdict(bound) for bound in self.bounds],
                "expires": self.expires.isoformat(), "control": list(self.control),
                "control_of_both": list(self.control_of_both),
                "trace": self.trace.as_dict() if self.trace else None}
        return {key: value for key, value in said.items() if value or key not in _SELDOM}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Claim:
        return cls(**{**stored, "emulate": tuple(stored["emulate"]), "control": tuple(stored["control"]),
                      "control_of_both": tuple(stored.get("control_of_both", ())),
                      "trace": ExpectedTrace.from_dict(stored["trace"]) if stored.get("trace") else None,
                      "bounds": tuple(Threshold(**bound) for bound in stored["bounds"]),
                      "expires": datetime.date.fromisoformat(stored["expires"])})
