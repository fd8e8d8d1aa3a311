"""The sentences of a report on a terminal that is narrower than they are: folded between words, below their beginning.

What is to be copied (a command, a place, a declaration) keeps its line, as does a row of a table: a terminal breaks it,
and a click takes it whole. What is written to a file or to another program is never folded.
"""

from __future__ import annotations

import re
import textwrap

_SENTENCE = re.compile(r"  (?:note|what|why|noise|where|cause|trace|tested|not) +(?=\S)|( {13})(?=\S)")
_INDENT = " " * 13
_NARROWEST = 40
"""Columns; on less, a line of its own for each word would say less than the terminal's own breaks."""


def folded(text: str, width: int) -> str:
    """The text with its sentences folded to ``width`` columns; as it is where the width is not known (0)."""
    if width < _NARROWEST or len(text) <= width:
        return text
    return "\n".join(_folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    if len(line) <= width or not _SENTENCE.match(line) or "sources: [" in line:
        return line
    return textwrap.fill(line, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False,
                         drop_whitespace=True)
