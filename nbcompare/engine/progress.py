"""What a waiting person sees: which step, how long, how far. On standard error, never on standard output."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from nbcompare.visible import visible

_MINUTE = 60.0


def time_left(elapsed: float, percent: int) -> str:
    """How long the rest will take at the pace so far, in words; nothing where that cannot be said yet."""
    if not 0 < percent < 100 or elapsed < 1:
        return ""
    seconds = round(elapsed * (100 - percent) / percent)
    return f", about {seconds // 60}:{seconds % 60:02d} left"


def terminal_width(stream: TextIO) -> int:
    """The columns of the terminal that a stream writes to; 0 where it does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


class Progress:
    """Tells steps as they begin and end; on a terminal the running one is redrawn in place, elsewhere a line a minute
    says how far it is."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False):
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self.live = not quiet and self.stream.isatty() and not os.environ.get("CI")
        self.step, self._told = "", 0.0

    def begin(self, step: str) -> None:
        self.step, self._told = visible(step), 0.0
        if not self.quiet and not self.live:
            self._line(f"{self.step} ...")

    def tick(self, elapsed: float, percent: int | None) -> None:
        """Redraw the running step; ``percent`` is None while the engine has not said any."""
        share = f"  {percent:3d} %{time_left(elapsed, percent)}" if percent is not None else ""
        if elapsed - self._told >= _MINUTE and not (self.live or self.quiet):
            self._told = elapsed
            self._line(f"{self.step}: {elapsed:.0f} s so far{share}")
        if self.live:
            self.stream.write(f"\r\x1b[K{self._fitting(f'  {elapsed:5.1f} s{share}')}")
            self.stream.flush()

    def _fitting(self, figures: str) -> str:
        """The step and its figures on one line of the terminal: one that wraps could not be drawn over. The figures
        stay, and of the step as much as there is room for."""
        width = terminal_width(self.stream)
        room = width - 1 - len(figures)
        if not width or len(self.step) <= room:
            return self.step + figures
        return (f"{self.step[:room - 2]}.." if room > 2 else "") + figures[:width - 1]

    def clear(self) -> None:
        """Take the running step off the terminal, and say nothing of it."""
        if self.live:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def end(self, outcome: str) -> None:
        self.clear()
        if not self.quiet:
            self._line(f"{self.step}: {outcome}")

    def say(self, text: str) -> None:
        if not self.quiet:
            self._line(text)

    def _line(self, text: str) -> None:
        self.stream.write(visible(text) + "\n")
        self.stream.flush()
