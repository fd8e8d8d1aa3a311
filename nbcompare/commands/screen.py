"""The last door to the terminal: what is printed passes here, whatever printed it.

Views make visible what they show, one line a fact; here nothing but line ends, our own colours and the redrawing of our
own progress gets through, and no secret that a file name or a word of the command line holds.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import TextIO, cast

from nbcompare.bundle.archive.opened import as_named
from nbcompare.commands.folding import folded
from nbcompare.engine.processes.redact import redacted
from nbcompare.engine.progress import terminal_width
from nbcompare.visible import visible

_LINE_ENDS = re.compile(r"(\n)")
_OURS = re.compile(r"(\A\r\x1b\[K|\x1b\[(?:0|1|3[1-6])m|\n)")
"""What may be sent as it is: the start of a redrawn line, the colours of click.style, a line end."""


class Screen:
    """A text stream that shows only what can be seen; all but writing is the stream's own. It has no ``buffer``, by
    which bytes could pass. ``wrote`` says whether anything was written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.wrote = False

    def write(self, text: str | bytes) -> int:
        """As any text stream's; returns the number of characters it was given. click hands the shell, whose words it
        completes, bytes of text."""
        self.wrote = self.wrote or bool(text)
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        self._stream.write(folded(shown(text, _OURS), terminal_width(self._stream) if self._stream.isatty() else 0))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        if name in ("buffer", "detach", "reconfigure"):
            raise AttributeError(name)
        return getattr(self._stream, name)


def shown(text: str, allowed: re.Pattern[str] = _LINE_ENDS) -> str:
    """The text with all that cannot be seen escaped, half a character of a file name too, and without secrets."""
    text = as_named(text)
    if text.replace("\n", "").isprintable():  # of thousands of lines, too, at once
        return redacted(text)
    said = allowed.split(text)
    return redacted("".join(part if at % 2 else visible(part) for at, part in enumerate(said)))


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Standard output and standard error are screens while the block runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, Screen(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
