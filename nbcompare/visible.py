"""Text of strangers, made so that it can be shown: what a terminal would obey or what would end a line is escaped.

Engines, file names and records of other people's bundles may hold escape sequences, line ends and characters that turn
the direction of writing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

_NUMBERS = {int, float, bool, type(None)}
"""Kinds of values without text, which most are."""


def visible(text: str) -> str:
    """One line of text in which every character can be seen; blanks stay, all else that cannot be is escaped."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def meant(text: str) -> str:
    """The text that is shown as one line, where all that looks like an escape in it is one."""
    return re.sub(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt])",
                  lambda found: found[0].encode().decode("unicode_escape"), text)


def counted(number: int, what: str) -> str:
    """A number with its noun, whose plural ends in s: ``1 fault``, ``2 faults``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def some_of(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are: ``a, b and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A value of JSON's kinds in which every text, keys too, was changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(key): entry if type(entry) in _NUMBERS else each_text(entry, change)
                for key, entry in value.items()}
    return [each_text(entry, change) for entry in value] if isinstance(value, list | tuple) else value


def all_seen(value: Any) -> bool:
    """Whether it is plain at once that every character in a value of JSON's kinds can be seen: a quick yes, or no
    answer. In its JSON text all that is escaped stands behind a backslash."""
    import json  # every command loads this module, few ask

    text = json.dumps(value, ensure_ascii=False)
    return text.isprintable() and "\\" not in text


def all_seen_in(text: str) -> bool:
    """The same of the JSON text of a value that was read, without a look at the value: a quick yes, or no answer.
    Characters below the space that are not escaped no text of JSON may hold."""
    return text.isascii() and "\\" not in text and "\x7f" not in text


def unseen(value: Any, place: str = "") -> Iterator[str]:
    """The places in a value of JSON's kinds where a text, or a key, holds a character that cannot be seen."""
    if isinstance(value, str) and not value.isprintable():
        yield place
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            inside = f"{place}.{visible(key)}".removeprefix(".")
            yield from [] if key.isprintable() else [inside]
            yield from unseen(entry, inside)
    elif isinstance(value, list | tuple):
        for at, entry in enumerate(value):
            yield from unseen(entry, f"{place}[{at}]")
