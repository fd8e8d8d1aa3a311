"""What was to be reached, held against what was measured: the last table on the terminal, and the first of the page."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from tests.bench.commands import XFEL
from tests.bench.measure import BUSY

ACCURACY = 1e-6
OF_SUPERVISOR = {"fast": 12.0, "compiled": 60.0}
OF_OPTIONS = {"fast": 3.0, "compiled": 8.0}
OF_XFEL = {"fast": 10.0, "compiled": 60.0}
MOST_NAMED = 4
_GOAL = re.compile(r"(<=?|>=) ([\d.]+)$")


@dataclass(frozen=True)
class Goal:
    """One line: what it is about, what is asked for, what was measured, and whether that is enough."""

    about: str
    goal: str
    measured: str
    reached: bool

    def as_dict(self) -> dict:
        return asdict(self)


def goals_of(groups: dict[str, list[dict]]) -> list[Goal]:
    """Every goal of which something was measured."""
    return [*_supervisor(groups.get("supervisor", [])), *_options(groups.get("options", [])),
            *_accuracy(groups), *_stated(groups)]


def told(goals: list[Goal]) -> str:
    """The goals for the terminal, and how many are reached."""
    wide = [max(len(text) for text in column) for column in zip(*((goal.about, goal.goal) for goal in goals),
                                                                strict=True)] if goals else []
    lines = [f"{'reached' if goal.reached else 'MISSED ':<8}{goal.about:<{wide[0]}}  {goal.goal:<{wide[1]}}  "
             f"{goal.measured}" for goal in goals]
    missed = sum(not goal.reached for goal in goals)
    return "\n".join([*lines, f"{len(goals) - missed} of {len(goals)} goals are reached, {missed} missed"])


def table(goals: list[Goal]) -> str:
    """The same in markdown."""
    return "\n".join(["| | goal | measured | reached |", "|---|---|---|---|",
                      *(f"| {goal.about} | {goal.goal} | {goal.measured} | {'yes' if goal.reached else '**no**'} |"
                        for goal in goals)])


def ratio(row: dict, name: str) -> float:
    """How many times as fast as C a contestant is, in one row and under the same circumstances."""
    rival = f"C {BUSY}" if name.endswith(BUSY) else "C"
    return row["figures"][rival]["seconds"] / row["figures"][name]["seconds"]


def _supervisor(rows: list[dict]) -> Iterator[Goal]:
    for row in rows:
        for path, least in OF_SUPERVISOR.items():
            if path in row["figures"]:
                times = ratio(row, path)
                yield Goal(f"supervisor, {path}", f">= {least:g} x C", f"{times:.1f}", times >= least)


def _options(rows: list[dict]) -> Iterator[Goal]:
    """The slowest row of every kind of contestant; those that miss the goal by name, as do those that are rendered on
    another path."""
    kinds = dict.fromkeys(name for row in rows for name in row["figures"] if name != "C")
    for kind in kinds:
        path = kind.partition(",")[0]
        if path not in OF_OPTIONS:
            continue
        for title, least, chosen in (
                ("every option row", OF_OPTIONS[path], [row for row in rows if row["name"] != XFEL]),
                ("XFEL still, a hundredth of it", OF_XFEL[path], [row for row in rows if row["name"] == XFEL])):
            times = sorted((ratio(row, kind), row["name"]) for row in chosen if kind in row["figures"])
            other = kind.replace(path, "fast", 1)
            missed = [f"{row['name']} is not {path}" for row in chosen
                      if kind not in row["figures"] and other in row["figures"]]
            if times:
                missed += [f"{name} {value:.1f}" for value, name in times if value < least]
                more = f"; and {len(missed) - MOST_NAMED} more" if len(missed) > MOST_NAMED else ""
                said = f"{times[0][0]:.1f} at least"
                if missed:
                    said = "; ".join(missed[:MOST_NAMED]) + more if len(chosen) > 1 else f"{times[0][0]:.1f}"
                yield Goal(f"{title}, {kind}", f">= {least:g} x C", said, not missed)


def _accuracy(groups: dict[str, list[dict]]) -> Iterator[Goal]:
    errors = [math.nan if math.isnan(error + excess) else max(error, abs(excess))
              for rows in groups.values() for row in rows
              for name, (error, excess) in row.get("errors", {}).items() if not name.startswith("peer")]
    if errors:
        bad = [error for error in errors if not error <= ACCURACY]
        yield Goal("error of every image, of the peak and of the sum", f"<= {ACCURACY:g}",
                   f"{len(bad)} of {len(errors)} images are not" if bad else f"{max(errors):.1e} at most", not bad)


def _stated(groups: dict[str, list[dict]]) -> Iterator[Goal]:
    """Rows that bring their goal with them; one with a condition, as a number of cells, is judged where that is met."""
    for rows in groups.values():
        for row in rows:
            found = _GOAL.match(row.get("goal") or "")
            if found:
                sign, limit = found[1], float(found[2])
                held = row["value"] >= limit if sign == ">=" else row["value"] <= limit if sign == "<=" else \
                    row["value"] < limit
                yield Goal(row["name"], row["goal"], f"{row['value']:.3g} {row['unit']}".strip(), held)
