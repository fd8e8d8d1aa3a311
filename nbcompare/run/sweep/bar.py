"""How far a sweep is: a bar on a terminal, a line for each finished cell elsewhere. On standard error."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

from nbcompare.run.sweep.result import CellResult

_WIDTH = 24


class Bar:
    """Counts finished cells by verdict."""

    def __init__(self, total: int, *, quiet: bool = False, stream: TextIO | None = None):
        self.total, self.quiet, self.stream = total, quiet, stream or sys.stderr
        self.begun, self.done = time.monotonic(), 0
        self.words: dict[str, int] = {}

    def finished(self, result: CellResult) -> None:
        """Count a cell and show it."""
        self.done += 1
        self.words[result.word] = self.words.get(result.word, 0) + 1
        if self.quiet:
            return
        if self.stream.isatty() and not os.environ.get("CI"):
            filled = _WIDTH * self.done // self.total
            counts = ", ".join(f"{count} {word}" for word, count in sorted(self.words.items()))
            self.stream.write(f"\r\x1b[K[{'#' * filled}{'.' * (_WIDTH - filled)}] {self.done}/{self.total}  "
                              f"{100 * self.done // self.total} %  {counts}  {self._left()}")
            if self.done == self.total:
                self.stream.write("\n")
        else:
            said = "already done" if result.how == "stored" else f"{result.seconds:.2f} s"
            self.stream.write(f"{self.done}/{self.total} {result.cell}: {result.word}, {said}  ({self._left()})\n")
        self.stream.flush()

    def _left(self) -> str:
        """An estimate of the time left, from the time taken."""
        seconds = (time.monotonic() - self.begun) / self.done * (self.total - self.done)
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} left"
