"""How far a sweep is: a bar on a terminal; elsewhere a line for each finished cell, and for each minute without one in
which cells are out on a cluster. On standard error."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

from nbcompare.engine.progress import terminal_width
from nbcompare.run.sweep.result import CellResult

_WIDTH, _NARROWEST = 24, 6
_USUAL = 80
_MINUTE, _BLINK, _MANY = 60.0, 0.1, 100
"""Seconds without a line after which one says that cells are out; seconds for which a bar of more cells than so many
stays as it is."""


class Bar:
    """Counts finished cells by verdict."""

    def __init__(self, total: int, *, quiet: bool = False, stream: TextIO | None = None):
        self.total, self.quiet, self.stream = total, quiet, stream or sys.stderr
        self.begun, self.done, self.away = time.monotonic(), 0, 0
        self.told = -_MINUTE
        self.words: dict[str, int] = {}
        self.live = not quiet and self.stream.isatty() and not os.environ.get("CI")
        if self.live:
            self._draw()

    def finished(self, result: CellResult) -> None:
        """Count a cell and show it."""
        self.done += 1
        self.words[result.word] = self.words.get(result.word, 0) + 1
        if self.quiet:
            return
        if self.live:
            if self.total <= _MANY or self.done == self.total or time.monotonic() - self.told >= _BLINK:
                self._draw()
        else:
            self.told = time.monotonic()
            said = "already done" if result.how == "stored" else f"{result.seconds:.2f} s"
            self.stream.write(f"{self.done}/{self.total} {result.cell}: {result.word}, {said}  ({self._left()})\n")
            self.stream.flush()

    def out(self, cells: int) -> None:
        """So many cells are away on a cluster. To be called again while they are."""
        changed, self.away = cells != self.away, cells
        silent = time.monotonic() - self.told
        if self.live and (changed or silent >= 1):
            self._draw()
        elif not self.quiet and not self.live and cells and silent >= _MINUTE:
            self.told = time.monotonic()
            left = f"  ({self._left()})" if self.done else ""
            self.stream.write(f"{self.done}/{self.total} done, {cells} out on the cluster{left}\n")
            self.stream.flush()

    def _draw(self) -> None:
        """The bar and its figures over those of before, on one line: in a narrow terminal the bar gives way first."""
        self.told = time.monotonic()
        counts = ", ".join(f"{count} {word}" for word, count in sorted(self.words.items()))
        percent = 100 * self.done // max(1, self.total)
        away = f"{self.away} out" if self.away else ""
        parts = f"{self.done}/{self.total}", f"{percent} %", away, self._left(), counts
        figures = "  ".join(part for part in parts if part)
        columns = terminal_width(self.stream) or _USUAL
        width = min(_WIDTH, columns - len(figures) - 4)
        filled = width * self.done // max(1, self.total)
        bar = f"[{'#' * filled}{'.' * (width - filled)}] " if width >= _NARROWEST else ""
        self.stream.write(f"\r\x1b[K{(bar + figures)[:columns - 1]}")
        if self.done == self.total:
            self.stream.write("\n")
        self.stream.flush()

    def _left(self) -> str:
        """An estimate of the time left, from the time taken; nothing before the first cell is done. After the last, the
        time that was taken."""
        if not self.done:
            return ""
        seconds, over = time.monotonic() - self.begun, self.done == self.total
        seconds *= 1 if over else (self.total - self.done) / self.done
        return f"{'in ' if over else ''}{int(seconds) // 60}:{int(seconds) % 60:02d}{'' if over else ' left'}"
