"""The ``divergences`` of a case file, read strictly."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from typing import Any

from nbcompare.case.options import REFERENCE, SUBJECT
from nbcompare.case.parts import NAME, arguments, known_word, limits_of, matching
from nbcompare.case.strict_yaml import Cursor
from nbcompare.case.threshold import Threshold
from nbcompare.compare.metrics import METRICS
from nbcompare.errors import nearest

KEYS = ("id", "title", "engine", "emulate", "bounds", "why", "reference", "owner", "expires", "control")
REQUIRED = tuple(key for key in KEYS if key != "control")


def claims_of(cursor: Cursor | None, roi_names: list[str]) -> tuple[Claim, ...]:
    """All claims of a case. Raises CaseError for the first fault."""
    if cursor is None:
        return ()
    places = cursor.items()
    claims = tuple(_claim(place, roi_names) for place in places)
    if not claims:
        raise cursor.error("divergences must list at least one claim, or be left out")
    for i, claim in enumerate(claims):
        if claim.id in [other.id for other in claims[:i]]:
            raise places[i].error(f"two claims are called {claim.id}")
        if bool(claim.control) != bool(claims[0].control):
            raise places[i].error("of several claims, either each gives a control or none does; the plain subject is "
                                  "held against a reference that avoids all the defects at once")
    return claims


def _claim(cursor: Cursor, roi_names: list[str]) -> Claim:
    entries = cursor.mapping(known=KEYS, required=REQUIRED)
    engine = known_word(entries["engine"], (REFERENCE, SUBJECT), "engine")
    emulate = arguments(entries["emulate"])
    if not emulate:
        raise entries["emulate"].error("emulate must hold the arguments that the subject is run with")
    if "control" in entries and engine == SUBJECT:
        raise entries["control"].error("a control are arguments for the reference that avoid its defect; here the "
                                       "defect is the subject's")
    why = entries["why"].text()
    return Claim(
        id=matching(entries["id"], NAME, "a name of letters, digits, '.', '_' and '-'"),
        title=entries["title"].text(), engine=engine, emulate=emulate,
        bounds=_bounds(entries["bounds"], roi_names, why), why=why, reference=entries["reference"].text(),
        owner=entries["owner"].text(), expires=_day(entries["expires"]), control=arguments(entries.get("control")))


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
            found.append(Threshold(metric, roi, *limits_of(bound, entries, metric, f"the bound on {metric}"), why))
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
    region, how large its effect may be."""

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

    @property
    def rois(self) -> tuple[str, ...]:
        """The regions that the claim names, in the order of its bounds."""
        return tuple(dict.fromkeys(bound.roi for bound in self.bounds))

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "emulate": list(self.emulate), "bounds": [asdict(bound) for bound in self.bounds],
                "expires": self.expires.isoformat(), "control": list(self.control)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Claim:
        return cls(**{**stored, "emulate": tuple(stored["emulate"]), "control": tuple(stored["control"]),
                      "bounds": tuple(Threshold(**bound) for bound in stored["bounds"]),
                      "expires": datetime.date.fromisoformat(stored["expires"])})
