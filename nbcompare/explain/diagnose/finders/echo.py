"""Echo: both engines print the parameters they use; line them up and report the first that differ.

The texts are those of the C program (printf formats, six digits); a line that one engine does not print is not
compared. What differs here is known before a single pixel is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nbcompare.case.arguments.command import is_number
from nbcompare.explain.diagnose.cause import Cause, guess, guessed
from nbcompare.explain.diagnose.causes import CATALOGUE, ECHOED, echo_id
from nbcompare.explain.diagnose.question import Question

_N = r"([-+0-9.einfa]+)"
_TOLERANCE = 1.2e-5


@dataclass(frozen=True)
class EchoLine:
    """A parameter that engines print: its key, words, pattern and the topics of the causes it speaks for."""

    key: str
    words: str
    pattern: re.Pattern[str]
    speaks_for: tuple[str, ...]


def _line(key: str, pattern: str, *speaks_for: str) -> EchoLine:
    return EchoLine(key, ECHOED[key], re.compile(pattern, re.MULTILINE), speaks_for)


LINES = (
    _line("convention", r"^(\w+) convention selected", "convention"),
    _line("pivot", r"^pivoting detector around (.+?)\s*$",
          "pivot", "twotheta", "twotheta-axis", "distance", "beam-centre"),
    _line("beam-direction", rf"^XDS incident beam: {_N} {_N} {_N}", "beam-vector", "convention"),
    _line("cell", rf"^Unit Cell: {_N} {_N} {_N} {_N} {_N} {_N}", "cell", "matrix", "wavelength"),
    _line("crystal-size", rf"^crystal is {_N} x {_N} x {_N} microns", "cells", "sample-size"),
    _line("sources", r"created a total of (\d+) sources",
          "sources", "divergence", "divergence-step", "divergence-steps", "divergence-corners", "dispersion",
          "dispersion-steps"),
    _line("mosaic-domains", r"created a total of (\d+) mosaic domains",
          "mosaic-spread", "mosaic-domains", "mosaic-seed"),
    _line("reflections", rf"(\d+) initialized hkls \(all others ={_N}\)", "hkl", "default-F"),
    _line("cells", r"^\s*(\S+) xtal: ([-0-9.]+)x([-0-9.]+)x([-0-9.]+) cells", "cells", "crystal-shape", "sample-size"),
    _line("wavelength", rf"wave={_N} meters \+/- {_N}% in (\d+) steps", "wavelength", "dispersion", "dispersion-steps"),
    _line("polarization", r"(Kahn polarization factor: \S+|polarization effect disabled)", "polarization"),
    _line("fluence", rf"incident fluence: {_N} photons", "fluence", "flux", "exposure", "beamsize"),
    _line("detector", rf"distance={_N} detsize={_N}x{_N}\s+pixel={_N} meters \((\d+)x(\d+) pixels\)",
          "distance", "pixel-size", "detector-rotation"),
    _line("sensor", rf"sensor is {_N} m thick in (\d+) layers with mu= {_N}",
          "sensor-thickness", "layers", "absorption"),
    _line("beam-centre", rf"Fbeam={_N}\s+Sbeam={_N}", "beam-centre", "pivot", "convention"),
    _line("fast-axis", rf"DIRECTION_OF_DETECTOR_X-AXIS= {_N} {_N} {_N}",
          "fast-axis", "detector-rotation", "twotheta", "twotheta-axis", "convention"),
    _line("slow-axis", rf"DIRECTION_OF_DETECTOR_Y-AXIS= {_N} {_N} {_N}",
          "slow-axis", "detector-rotation", "twotheta", "twotheta-axis", "convention"),
    _line("spindle", rf"spindle ROTATION_AXIS= {_N} {_N} {_N}", "spindle-axis", "convention"),
    _line("detector-origin", rf"dials origin= {_N} {_N} {_N}",
          "beam-centre", "distance", "pivot", "twotheta", "twotheta-axis", "detector-rotation"),
    _line("roi", r"roi: (-?\d+) < x < (-?\d+) && (-?\d+) < y < (-?\d+)", "roi"),
    _line("mosaic", rf"(\d+) mosaic domains over mosaic spread of {_N} degrees",
          "mosaic-spread", "mosaic-domains", "mosaic-seed"),
    _line("phi", rf"(\d+) phi steps from {_N} to {_N} degrees", "phi", "phi-step", "phi-steps", "oscillation"),
    _line("oversample", r"(\d+)x(\d+) pixel oversample steps(.*)$",
          "oversample", "oversample-thick", "oversample-polar", "oversample-omega"),
)


@dataclass(frozen=True)
class Difference:
    """A parameter that both engines print, with different values."""

    line: EchoLine
    reference: str
    subject: str

    @property
    def sentence(self) -> str:
        return f"{self.line.words}: the reference printed {self.reference}, the subject {self.subject}"


def differences(reference: str, subject: str) -> list[Difference]:
    """All parameters printed with different values, in the order in which engines print them."""
    found = []
    for line in LINES:
        ours, theirs = line.pattern.search(reference), line.pattern.search(subject)
        if ours and theirs and not _same(ours.groups(), theirs.groups()):
            found.append(Difference(line, *(" ".join(text.strip() for text in m.groups()) for m in (ours, theirs))))
    return found


def _same(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    return all(_same_word(a.strip(), b.strip()) for a, b in zip(ours, theirs, strict=True))


def _same_word(ours: str, theirs: str) -> bool:
    a, b = (re.split(r"\s+", text) for text in (ours, theirs))
    if len(a) != len(b):
        return False
    for left, right in zip(a, b, strict=True):
        if is_number(left) and is_number(right):
            x, y = float(left), float(right)
            if not abs(x - y) <= _TOLERANCE * max(abs(x), abs(y)) + 1e-9:
                return False
        elif left != right:
            return False
    return True


def question_differences(question: Question) -> list[Difference]:
    return differences(*question.echoes) if question.echoes else []


def find_echo(question: Question) -> Iterator[Cause]:
    """The first parameter that the engines print differently; the others are its evidence."""
    found = question_differences(question)
    if not found or question.pair.agree:
        return
    first, rest = found[0], found[1:]
    yield guessed(echo_id(first.line.key), first.sentence,
                  ("read from what both engines printed", *(f"then also {d.sentence}" for d in rest[:4])),
                  confidence=guess(0.6), prior=0.4)


def speaks_for(found: list[Difference], id: str) -> list[Difference]:
    """The differences that are evidence for a cause."""
    return [d for d in found if CATALOGUE[id].topic in d.line.speaks_for]


FINDERS = (find_echo,)
