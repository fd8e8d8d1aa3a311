"""What the page shows of one run: its mark, where it leads, its margin as a class of colour, and what changed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from nbcompare.bundle.beside import page_of
from nbcompare.bundle.history.past_run import PastRun
from nbcompare.bundle.history.trend import Shrunk, Step
from nbcompare.commands.views.trend import commits_words, grouped, limit_words, margin_words, shrunk_words
from nbcompare.visible import visible

MARKS = {"PASS": ("✓", "good"), "PROVEN": ("◆", "proven"), "FAIL": ("✗", "bad"), "NOT PROVEN": ("✗", "bad"),
         "CLAIM NOT NEEDED": ("◇", "bad"), "ENGINE FAILED": ("!", "broken"), "NOT COMPARABLE": ("≠", "broken"),
         "BLOCKED": ("□", "broken"), "CASE ERROR": ("!", "broken")}
"""The sign and the colour of each verdict; a sign of its own beside the colour, for those who do not see it."""

DAMAGED = ("?", "damaged")
BOUNDS = (1.0, 2.0, 5.0, 20.0, 100.0)
"""Where the colours of a margin change."""


@dataclass(frozen=True)
class ShownRun:
    """One run as a row or a cell. ``href`` is relative to the page; ``has_page`` whether it leads to a report page."""

    step: Step
    href: str
    has_page: bool

    @property
    def run(self) -> PastRun:
        return self.step.run

    @property
    def mark(self) -> str:
        return _mark(self.run)[0]

    @property
    def colour(self) -> str:
        return _mark(self.run)[1]

    @property
    def word(self) -> str:
        """The verdict, or that there is none."""
        return "DAMAGED" if self.run.damage else str(self.run.verdict)

    @property
    def stamp(self) -> str:
        return self.run.stamp or "no stamp"

    @property
    def margin(self) -> str:
        return margin_words(self.run.smallest_margin, identical=self.run.identical)

    @property
    def order(self) -> tuple[bool, float, str]:
        """What is not accepted first, of that what was not judged or cannot be read; then by the smallest margin."""
        margin = self.run.smallest_margin
        return (self.run.accepted, -1.0 if margin is None else margin, self.run.name)

    @property
    def margin_class(self) -> str:
        return margin_class(self.run.smallest_margin)

    @property
    def cell_class(self) -> str:
        """The colour of its cell: that of its margin where it is a plain pass, as the key says; else of its verdict."""
        return self.margin_class if self.colour == "good" and self.run.held else self.colour

    @property
    def of(self) -> str:
        """The threshold of the smallest margin."""
        smallest = self.run.smallest
        return smallest.words if smallest else ""

    @property
    def commits(self) -> str:
        return commits_words(self.run)

    @property
    def title(self) -> str:
        """What is read where the pointer rests on its cell."""
        told = [f"{self.stamp} {self.word}", *([visible(self.run.damage)] if self.run.damage else
                                              [f"smallest margin {self.margin}{f', {self.of}' if self.of else ''}"])]
        told += [f"commit {self.commits}"] if self.commits else []
        return "\n".join([*told, *(words for _, words in self.marks)])

    @property
    def marks(self) -> list[tuple[str, str]]:
        """Kind and words of what must not be overlooked."""
        step = self.step
        return [*(("loosened", f"LOOSENED {limit_words(entry)}") for entry in step.loosened),
                *(("shrank", f"SHRANK {_what(entry)}: {shrunk_words(entry)}") for entry in step.shrunk)]

    @property
    def changes(self) -> list[str]:
        """What else is not as it was."""
        return list(self._changes())

    def _changes(self) -> Iterator[str]:
        for entry in self.step.tightened:
            yield f"tightened {limit_words(entry)}"
        for what, before, after in grouped(self.step.changed):
            yield f"{what}: {_short(before)} → {_short(after)}"


def _what(entry: Shrunk) -> str:
    return f"{entry.metric} on {entry.roi}"


def _short(text: str, most: int = 90) -> str:
    text = visible(text)
    return text if len(text) <= most else f"{text[:most - 1]}…"


def _mark(run: PastRun) -> tuple[str, str]:
    return DAMAGED if run.damage else MARKS.get(str(run.verdict), DAMAGED)


def margin_class(margin: float | None) -> str:
    """The class of a margin's colour: m0 is outside, m5 far from the limit, m6 unlimited, none where there is none."""
    if margin is None:
        return "none"
    return "m6" if math.isinf(margin) else f"m{sum(margin >= bound for bound in BOUNDS)}"


def shown_run(step: Step, root: Path) -> ShownRun:
    """A run with where it leads: to its report page where there is one, else to the bundle's folder."""
    run = step.run
    page = page_of(root / run.case / run.stamp)
    has_page = bool(run.stamp) and page.is_file()
    leads_to = page.relative_to(root).as_posix() if has_page else f"{run.case}/{run.stamp}/"
    return ShownRun(step, address(leads_to), has_page)


def address(path: str) -> str:
    """A path below the page as an address: nothing in a name is taken for a scheme, a host or a query."""
    return f"./{quote(os.fsencode(path))}"
