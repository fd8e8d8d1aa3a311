"""The beam centre as the options of the present convention have it, and how a move by pixels is written in them."""

from __future__ import annotations

from dataclasses import dataclass

from nbcompare.case.arguments.command import Command
from nbcompare.explain.diagnose.question import Question


@dataclass(frozen=True)
class BeamCentre:
    """The two options that place the beam in the present convention, and how they go with fast and slow."""

    names: tuple[str, str]
    now: tuple[float, float]
    per_pixel: float
    exchanged: bool
    slow_sign: int = 1

    def moved(self, command: Command, dx: float, dy: float) -> Command:
        """The command with the pattern moved by (dx, dy) pixels along fast and slow."""
        along = (dy * self.slow_sign, dx) if self.exchanged else (dx, dy * self.slow_sign)
        for name, now, move in zip(self.names, self.now, along, strict=True):
            command = command.setting(name, float(now + move * self.per_pixel))
        return command


def beam_centre(question: Question) -> BeamCentre:
    """Which options place the beam: X and Y of the beam, or ORGX and ORGY where only these count."""
    detector = question.detector
    convention = detector.convention
    if convention in ("xds", "dials"):
        return BeamCentre(("-ORGX", "-ORGY"), detector.near_xds, 1.0, False)
    x, y = detector.beam_option_m
    return BeamCentre(("-Xbeam", "-Ybeam"), (x * 1e3, y * 1e3), detector.pixel_m * 1e3,
                      convention in ("mosflm", "denzo"), -1 if convention == "adxv" else 1)
