"""Where the direct beam meets the detector, as the reference says it in its own output.

A comparison gets the pixel as two numbers, and never the text.
"""

from __future__ import annotations

import re

_NUMBER = r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)"
_BEAM = re.compile(rf"\bFbeam\s*=\s*{_NUMBER}\s+Sbeam\s*=\s*{_NUMBER}")
_PIXEL = re.compile(rf"\bpixel\s*=\s*{_NUMBER}\s+meters")


def direct_beam_px(stdout: str) -> tuple[float, float] | None:
    """The pixel (x fast, y slow; pixel centres are whole numbers) of the direct beam, or None where not said.

    From the lines "Fbeam=... Sbeam=..." and "pixel=... meters" of nanoBragg: metres from the outer edge of the
    first pixel, as recomputed for the final geometry.
    """
    beam, pixel = _BEAM.search(stdout), _PIXEL.search(stdout)
    if not beam or not pixel or not float(pixel[1]) > 0:
        return None
    size = float(pixel[1])
    return float(beam[1]) / size - 0.5, float(beam[2]) / size - 0.5
