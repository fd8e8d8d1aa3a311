"""The text of a first case: YAML that a person will read, change and keep, and that is valid as it is."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbcompare import __version__
from nbcompare.case.arguments.command import parse_command
from nbcompare.compare.image import Roi
from nbcompare.run.begin.limits import NoiseLimit
from nbcompare.run.begin.measured import MeasuredCommand

_WIDTH = 116
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.,/=")
_SAID = {"full": "the whole image", "corner": "little is here; a wrong background or a lost row is seen first here"}


def case_text(name: str, title: str, found: MeasuredCommand, limits: Sequence[NoiseLimit], folder: Path) -> str:
    """The case file, for a place in ``folder``."""
    parts = [_head(found), [f"name: {name}", f"title: {json.dumps(title, ensure_ascii=False)}", ""],
             [*_command(found.command.command), ""], _inputs(found, folder),
             [f"image: {{fast: {found.shape.fast}, slow: {found.shape.slow}}}", ""],
             [*_rois(found.rois), ""], _thresholds(limits, found.rois), _more()]
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(found: MeasuredCommand) -> list[str]:
    """What the file is and where its numbers come from."""
    return [f"# Written by nb-compare {__version__} init from an image of {found.engine.name}. Everything below can be "
            "changed;", "# nb-compare validate says whether it still holds together, nb-compare explain what it means.",
            "# docs/cases.md describes every key.", ""]


def _command(words: Sequence[str]) -> Iterator[str]:
    """The arguments, wrapped between options; a list of quoted words where a word is not plain."""
    items = [item.tokens for item in parse_command(words).items]
    if all(set(word) <= _PLAIN for word in words):
        yield "command: >-                      # what both engines get; the runner adds -floatfile for each"
        yield from _wrapped([" ".join(tokens) for tokens in items])
        return
    yield "command:                         # what both engines get; the runner adds -floatfile for each"
    yield from (f"  - {json.dumps(word, ensure_ascii=False)}" for word in words)


def _wrapped(pieces: Sequence[str]) -> Iterator[str]:
    line = " "
    for piece in pieces:
        if len(line) + len(piece) >= _WIDTH and line.strip():
            yield line
            line = " "
        line += f" {piece}"
    yield line


def _inputs(found: MeasuredCommand, folder: Path) -> list[str]:
    if not found.command.files:
        return []
    lines = ["inputs:                          # copied for each engine; a file that changes is an error"]
    for name, source in found.command.files.items():
        file = os.path.relpath(source, folder.absolute())
        lines += [f"  {json.dumps(name)}:", f"    file: {json.dumps(file, ensure_ascii=False)}",
                  f"    sha256: {found.sums[name]}"]
    return [*lines, ""]


def _rois(rois: Sequence[Roi]) -> list[str]:
    lines = ["rois:                            # xmin, xmax, ymin, ymax; inclusive; x fast, y slow"]
    for roi in rois:
        bounds = "full" if roi.name == "full" else "[" + ", ".join(map(str, roi.bounds)) + "]"
        said = _SAID.get(roi.name, "the strongest spots" if roi.name == "spot-1" else "")
        lines.append(f"  {roi.name}: {bounds}".ljust(33) + f"# {said}" if said else f"  {roi.name}: {bounds}")
    missing = [what for what, name in (("spot", "spot-1"), ("corner that is not empty", "corner"))
               if name not in {roi.name for roi in rois}]
    return [*lines, *(f"  # no {what} was found that is worth a region of its own" for what in missing)]


def _thresholds(limits: Sequence[NoiseLimit], rois: Sequence[Roi]) -> list[str]:
    lines = ["thresholds:                      # every one must hold, in every region (or in those named by rois:)"]
    for limit in limits:
        lines.append(f"  - metric: {limit.metric}")
        if len(limit.rois) < len(rois):
            lines.append(f"    rois: [{', '.join(limit.rois)}]")
        lines += [f"    {word}: {_number(value)}" for word, value in limit.bounds.items()]
        lines += ["    why: >-", *(f"      {line}" for line in textwrap.wrap(limit.why, _WIDTH - 6))]
    return lines


def _number(value: float) -> str:
    """A decimal number that YAML reads as one: with a point, also before an exponent."""
    text = f"{value:.12g}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{e}{exponent}"


def _more() -> list[str]:
    return ["", "# repeat: 1                      # measure the noise of the reference again in every run",
            "# threads: [1, 2]",
            "# tests: [tests/test_port.py]     # pytest nodes that must pass before the engines are run"]
