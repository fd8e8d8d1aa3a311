"""Text of strangers, made so that it can be shown: what a terminal would obey or what would end a line is escaped.

Engines, file names and records of other people's bundles may hold escape sequences, line ends and characters that turn
the direction of writing.
"""

from __future__ import annotations


def visible(text: str) -> str:
    """One line of text in which every character can be seen; blanks stay, all else that cannot be is escaped."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def visible_lines(text: str) -> str:
    """As ``visible``, line by line."""
    return "\n".join(map(visible, text.split("\n")))
