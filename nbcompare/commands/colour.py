"""Whether output is coloured: --color, NO_COLOR, FORCE_COLOR and CI, in this order; else on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

AUTO, ALWAYS, NEVER = "auto", "always", "never"


def taken_out(argv: Sequence[str]) -> tuple[str, list[str]]:
    """--color WORD and the other words: it may stand before or after the command's name, never behind --. The last
    counts. A word that is none of the three is left for click, which says so."""
    word, rest, at = AUTO, [], 0
    while at < len(argv) and argv[at] != "--":
        name, equals, value = argv[at].partition("=")
        if name == "--color" and not equals:
            value = argv[at + 1] if at + 1 < len(argv) else ""
        if name == "--color" and value in (AUTO, ALWAYS, NEVER):
            word = value
            at += 1 if equals else 2
        else:
            rest.append(argv[at])
            at += 1
    return word, [*rest, *argv[at:]]


def coloured(word: str, environment: Mapping[str, str]) -> bool | None:
    """True or False where it is decided, None where it depends on what is printed to (a terminal or not)."""
    if word != AUTO:
        return word == ALWAYS
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return False if environment.get("CI") or environment.get("TERM") == "dumb" else None
