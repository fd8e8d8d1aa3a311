"""The detector of a bundle in a few lines: beam, distance and what its corners resolve, as the bundled simulator says
it of the command (-describe). Nothing is worked out here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.names import DATA
from nbcompare.case.arguments.options import SUBJECT
from nbcompare.engine.describe import description_of
from nbcompare.errors import UsageError

_COMPLETE = ("-cell", "100", "100", "100", "90", "90", "90", "-default_F", "1")
"""What a command may lack that is asked of its detector alone; an option of the command comes later and counts."""


def detector_summary(bundle: Bundle) -> list[str]:
    """The lines of the summary. Raises UsageError for a bundle of two image files, which has no command, and for a
    command that the bundled simulator does not take."""
    if bundle.record.images is not None:
        raise UsageError(f"{bundle.record.name} holds two image files and no command, so its detector is not known")
    words, data = [*_COMPLETE, *bundle.record.case.arguments(SUBJECT)], bundle.folder / DATA
    detector = description_of(words, data)["detector"]
    last = (detector["fast_pixels"] - 1, detector["slow_pixels"] - 1)
    asked = [word for fast in (0, last[0]) for slow in (0, last[1])
             for word in ("-describe_pixel", str(fast), str(slow))]
    return list(_lines(description_of([*words, *asked], data)))


def _lines(document: dict[str, Any]) -> Iterator[str]:
    detector, beam = document["detector"], document["beam"]
    sides = f"{detector['fast_pixels']} x {detector['slow_pixels']} pixels (fast x slow)"
    yield f"detector    {sides} of {1e3 * detector['pixel_m']:.6g} mm, convention {detector['convention']}"
    yield f"beam        {_pair(detector['beam_centre']['pixel'])} pixels (fast, slow), pivot {detector['pivot']}"
    yield f"wavelength  {beam['wavelength_A']:.6g} A"
    yield (f"distance    {1e3 * detector['distance_m']:.6g} mm along the beam, "
           f"{1e3 * detector['close_distance_m']:.6g} mm at the nearest point")
    for pixel in document["pixels"]:
        d = pixel["resolution_A"]
        where = f"pixel {pixel['fast']} {pixel['slow']} (fast, slow)"
        yield (f"corner      {where}: 2theta {pixel['twotheta_deg']:.6g} deg, "
               f"resolution {'not finite' if d is None else f'{d:.6g} A'}")


def _pair(numbers: list[float]) -> str:
    return " ".join(f"{number:.6g}" for number in numbers)
