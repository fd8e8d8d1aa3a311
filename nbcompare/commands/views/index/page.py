"""The page: verdicts of every case over time with the smallest margin first, sweeps, phases and their sign-offs, and
below each case its runs, newest first."""

from __future__ import annotations

import base64
import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.bundle.history.kept import History, KeptSignOff
from nbcompare.bundle.history.past_run import PastRun, PastThreshold
from nbcompare.bundle.history.trend import Trend, trend_of
from nbcompare.bundle.listing import archives_in
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.commands.views.index.charts import Chart, margin_chart, seconds_chart
from nbcompare.commands.views.index.runs import DAMAGED, MARKS, ShownRun, address, margin_class, shown_run
from nbcompare.commands.views.index.sweeps import SweepMap, sweeps_of
from nbcompare.commands.views.trend import margin_words
from nbcompare.visible import counted, visible

if TYPE_CHECKING:
    from nbcompare.commands.views.index.gates import ShownGate

FOLDER = Path(__file__).parent
IN_A_STRIP = 60
"""Cells of a case in the first table; older runs stand below."""


@dataclass(frozen=True)
class ThresholdHistory:
    """A threshold over the runs of its case."""

    metric: str
    roi: str
    newest: PastThreshold
    chart: Chart


@dataclass(frozen=True)
class ShownCase:
    """A case: its runs, newest first, and what is drawn of them."""

    trend: Trend
    number: int
    runs: tuple[ShownRun, ...]
    margins: Chart
    seconds: tuple[Chart, Chart] | None
    most_seconds: float
    thresholds: tuple[ThresholdHistory, ...]

    @property
    def name(self) -> str:
        return visible(self.trend.case)

    @property
    def newest(self) -> ShownRun:
        return self.runs[0]

    @property
    def title(self) -> str:
        return next((shown.run.title for shown in self.runs if shown.run.title), "")

    @property
    def strip(self) -> list[ShownRun]:
        """The newest runs, oldest first."""
        return list(reversed(self.runs[:IN_A_STRIP]))

    @property
    def older(self) -> int:
        """How many runs are not in the strip."""
        return max(0, len(self.runs) - IN_A_STRIP)

    @property
    def loosened(self) -> int:
        return sum(bool(shown.step.loosened) for shown in self.runs)

    @property
    def is_cell(self) -> bool:
        """Whether it is a cell of a matrix, which is shown in the map of its sweep."""
        return bool(self.newest.run.cell)

    @property
    def shrank_words(self) -> str:
        """Which margin shrank in the newest run; of several that which did most."""
        shrunk = sorted(self.newest.step.shrunk, key=lambda entry: -entry.factor)
        if not shrunk:
            return ""
        more = f" and {len(shrunk) - 1} more" if len(shrunk) > 1 else ""
        return f"shrank: {shrunk[0].metric} on {shrunk[0].roi}{more}"

    @property
    def loosened_words(self) -> str:
        times = self.loosened
        return "loosened" + ("" if times == 1 else f" {times} times") if times else ""


def index_page(root: Path, history: History, factor: float, gates: Sequence[ShownGate] = ()) -> str:
    """The page of all that a folder of bundles keeps, and of the gates of a plan. The template escapes everything."""
    import jinja2

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True,
                                     undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"figure": _figure, "seconds": _seconds, "margin": margin_words,
                            "margin_class": margin_class, "visible": visible}
    made = sorted((_case(root, trend_of(name, runs, factor)) for name, runs in history.cases.items()),
                  key=lambda case: case.newest.order)
    cases = [replace(case, number=at) for at, case in enumerate(made)]
    sweeps = sweeps_of([case.newest for case in cases])
    style = (FOLDER / "index.css").read_text(encoding="utf-8")
    return environment.get_template("index.html.j2").render(
        policy=policy(style), style=style, root=visible(root.absolute().name), cases=cases, rows=_rows(cases, sweeps),
        factor=factor, sweeps=sweeps, signoffs=_signoffs(history.signoffs), gates=gates,
        counts=_counts(cases), bundles=sum(len(case.runs) for case in cases), marks=MARKS, damaged=DAMAGED,
        newest=max((case.newest.run.stamp for case in cases), default=""), archives=len(archives_in(root)))


def policy(style: str) -> str:
    """What the page may do: show itself with its own style sheet. No script, no address, no frame, no form."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _case(root: Path, trend: Trend) -> ShownCase:
    runs = [step.run for step in trend.steps]
    most = max((taken for run in runs for taken in run.seconds.values()), default=0.0)
    return ShownCase(
        trend, 0, tuple(shown_run(step, root) for step in reversed(trend.steps)),
        margin_chart([run.smallest_margin for run in runs], _over(runs, "smallest margin")),
        (seconds_chart([run.seconds.get(REFERENCE) for run in runs], most, "seconds of the reference"),
         seconds_chart([run.seconds.get(SUBJECT) for run in runs], most, "seconds of the subject")) if most else None,
        most, tuple(_thresholds(runs)))


def _rows(cases: Sequence[ShownCase], sweeps: Sequence[SweepMap]) -> list[ShownCase | SweepMap]:
    """What the first table has a row for: cases that are no cells, and each sweep at the place of its worst cell."""
    found: list[ShownCase | SweepMap] = [*(case for case in cases if not case.is_cell), *sweeps]
    return sorted(found, key=lambda row: (row.worst if isinstance(row, SweepMap) else row.newest).order)


def _over(runs: Sequence[PastRun], what: str) -> str:
    return f"{what} over {counted(len(runs), 'run')}, oldest at the left"


def _thresholds(runs: Sequence[PastRun]) -> list[ThresholdHistory]:
    """Each threshold that a run was judged by, the one nearest its limit first."""
    newest: dict[tuple[str, str], PastThreshold] = {held.key: held for run in runs for held in run.held}
    margins: dict[tuple[str, str], list[float | None]] = {key: [] for key in newest}
    for run in runs:
        by_key: Mapping[tuple[str, str], PastThreshold] = {held.key: held for held in run.held}
        for key, values in margins.items():
            values.append(by_key[key].margin if key in by_key else None)
    found = [ThresholdHistory(*key, newest[key], margin_chart(values, _over(runs, f"margin of {key[0]} on {key[1]}")))
             for key, values in margins.items()]
    return sorted(found, key=lambda entry: -1.0 if entry.newest.margin is None else entry.newest.margin)


def _counts(cases: Sequence[ShownCase]) -> list[tuple[str, str, str, int]]:
    """Sign, colour, word and number of the verdicts of the newest runs, the worst first."""
    found = Counter((case.newest.mark, case.newest.colour, case.newest.word) for case in cases)
    order = ("damaged", "broken", "bad", "proven", "good")
    return [(*key, count) for key, count in sorted(found.items(), key=lambda entry: order.index(entry[0][1]))]


def _signoffs(entries: Sequence[KeptSignOff]) -> list[dict[str, object]]:
    """The newest sign-off of each phase, and how many there are."""
    by_phase: dict[str, list[KeptSignOff]] = {}
    for entry in entries:
        by_phase.setdefault(entry.phase, []).append(entry)
    return [_signoff(phase, found) for phase, found in by_phase.items()]


def _signoff(phase: str, found: Sequence[KeptSignOff]) -> dict[str, object]:
    newest = found[-1]
    signoff = newest.signoff
    return {"phase": visible(phase), "stamp": visible(newest.stamp), "count": len(found),
            "damage": visible(newest.damage) if newest.damage else None,
            "by": visible(signoff.by) if signoff else "", "result": signoff.result if signoff else "",
            "signature": bool(signoff and signoff.signature.is_file()),
            "bundles": [(name, address(f"{name}/")) for name in signoff.bundles] if signoff else [],
            "changed": newest.changed}


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.9g}"


def _seconds(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.0f} s" if value >= 100 else f"{value:.2g} s"
