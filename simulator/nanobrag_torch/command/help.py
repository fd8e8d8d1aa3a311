"""The table of options in words: for a terminal, for docs/flags.md, and the option that a wrong word stood for."""

from __future__ import annotations

import difflib

from nanobrag_torch.command.flag import Flag
from nanobrag_torch.command.flags import BY_NAME, FLAGS
from nanobrag_torch.units import unit_name

_MISTAKEN = {word: flag.names[0] for flag in FLAGS for word in flag.mistaken}


def nearest(word: str) -> str:
    """The option that people mean by a word, else the known option most like it."""
    return _MISTAKEN.get(word) or difflib.get_close_matches(word, BY_NAME, n=1, cutoff=0.0)[0]


def help_text() -> str:
    """The table for a terminal."""
    lines = ["usage: python -m nanobrag_torch [options]", "",
             "Simulates the diffraction image of a small crystal. Needs a cell (-mat or -cell) and structure",
             "factors (-hkl, -dump or -default_F)."]
    for group in dict.fromkeys(flag.group for flag in FLAGS):
        lines += ["", f"{group}:"]
        for flag in (flag for flag in FLAGS if flag.group == group):
            head = f"  {' '.join(flag.names)} {flag.synopsis}".rstrip()
            lines += [head] if len(head) > 40 else []
            lines.append(f"{head if len(head) <= 40 else '':<42}{_described(flag)}")
    return "\n".join(lines) + "\n"


def _described(flag: Flag) -> str:
    unit = f", {unit_name(flag.unit)}" if flag.unit else ""
    return f"{flag.help}{unit}" + (f" [{flag.shown_default}]" if flag.default else "")


def markdown_table() -> str:
    """The table as docs/flags.md shows it."""
    lines = ["| Option | Values | Unit | Default | Sets | Meaning |", "|---|---|---|---|---|---|"]
    for flag in FLAGS:
        names = " ".join(f"`{name}`" for name in flag.names)
        cells = (names, flag.synopsis, unit_name(flag.unit), flag.shown_default, flag.topic, flag.help)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"
