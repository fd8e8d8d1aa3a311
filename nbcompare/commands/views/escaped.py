"""Text of strangers in the forms that continuous integration reads: nothing in it becomes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_BYTES = 1_000_000
"""GitHub shows at most 1 MiB of summary a step."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")


def for_xml(text: str) -> str:
    """Text without the characters that XML 1.0 cannot hold (section 2.2); its writer escapes the others."""
    return _NOT_XML.sub("\ufffd", text)


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Text as code of Markdown on one line, also where it holds backticks."""
    text = " ".join(text.split()).replace("|", "\\|")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def within(parts: Sequence[str], most_bytes: int) -> str:
    """As many of the parts as there is room for, and a word on the rest."""
    room = most_bytes - 100
    kept: list[str] = []
    for at, part in enumerate(parts):
        room -= len(part.encode())
        if room < 0:
            return "".join(kept) + f"\n{len(parts) - at} more lines were left out: there is no room for them.\n"
        kept.append(part)
    return "".join(kept)
