"""How large a run may be without -force: its terms and its memory, known before anything of that size is made.

How the limits were set: images of 16 million pixels with 100 steps have 1.6e9 terms, and 100 mosaic domains of 100
wavelengths on a million pixels have 1e10; a hundred times the larger is allowed, about a week of one core. In a pixel
as many as 100 domains of 100 wavelengths at 100 phi steps with 10 x 10 sub-pixels. Memory is that of an image of 2^31
pixels. The C reference has the same limits, words and estimates (size_limits.c).
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nanobrag_torch.errors import ArgumentError, InputFileError

MOST_COUNT = 2**31 - 1
"""Of anything that is counted by an int of the C reference."""

MOST_TERMS, MOST_TERMS_OF_A_PIXEL, MOST_BYTES = 1e12, 1e8, 2.0**33
TERMS_PER_HOUR = 7.2e9
"""Of one core: 2 million a second, as the C reference does them."""

BYTES_OF_A_PIXEL, BYTES_OF_A_ROW, BYTES_OF_AN_ENTRY = 4.0, 8.0, 500.0
"""Of the float image, of what is kept of a row, and of a source or of the cell of one phi step and domain."""

MOST_INPUT_BYTES = 2**32


@dataclass(frozen=True)
class Size:
    """The counts that make a run large. ``rendered`` are the pixels of the region of interest, ``pixels`` and ``rows``
    those of the image."""

    pixels: float
    rows: float
    rendered: float
    sources: float
    phi_steps: float
    domains: float
    oversample: float
    layers: float

    @property
    def terms_of_a_pixel(self) -> float:
        return self.sources * self.phi_steps * self.domains * self.oversample * self.oversample * self.layers

    @property
    def bytes(self) -> float:
        entries = self.sources + self.phi_steps * self.domains
        return BYTES_OF_A_PIXEL * self.pixels + BYTES_OF_A_ROW * self.rows + BYTES_OF_AN_ENTRY * entries


def check_size(size: Size) -> None:
    """Raises ArgumentError, with the estimate, for a run beyond the limits."""
    terms = size.rendered * size.terms_of_a_pixel
    if terms <= MOST_TERMS and size.terms_of_a_pixel <= MOST_TERMS_OF_A_PIXEL and size.bytes <= MOST_BYTES:
        return
    counts = (f"{size.rendered:g} pixels x {size.sources:g} sources x {size.phi_steps:g} phi steps x "
              f"{size.domains:g} mosaic domains x {size.oversample:g}^2 sub-pixels x {size.layers:g} layers")
    estimate = (f"{terms:.3g} terms, about {terms / TERMS_PER_HOUR:.2g} hours of a core, with "
                f"{size.bytes / 2**30:.3g} GiB")
    limits = f"{MOST_TERMS:g} terms, {MOST_TERMS_OF_A_PIXEL:g} in a pixel, and {MOST_BYTES / 2**30:g} GiB"
    raise ArgumentError(f"{_largest(size)}: {counts} are {estimate}; the limits are {limits} (-force goes on all the "
                        "same)")


def _largest(size: Size) -> str:
    """The option of the count that is the largest."""
    if BYTES_OF_A_PIXEL * size.pixels > MOST_BYTES:
        return "-detpixels"
    counts = {"-detpixels": size.rendered, "-divsteps": size.sources, "-phisteps": size.phi_steps,
              "-mosaic_domains": size.domains, "-oversample": size.oversample * size.oversample,
              "-detector_thicksteps": size.layers}
    return max(counts, key=lambda option: counts[option])


def check_count(value: float, what: str) -> int:
    """A whole number of something, rounded up. Raises ArgumentError for more than can be counted."""
    count = math.ceil(value) if math.isfinite(value) else value
    if not count < MOST_COUNT:
        raise ArgumentError(f"{what}: {float(count):g} steps are too many")
    return int(count)


def check_inputs(paths: Iterable[tuple[str, Path]]) -> None:
    """Raises InputFileError for an input, given by its name and place, that is too large, or of no known size; one
    that is not there is left to its reader."""
    for name, path in paths:
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            continue
        if stat.S_ISDIR(found.st_mode):
            continue
        if not stat.S_ISREG(found.st_mode):
            raise InputFileError("a device or pipe, whose size nobody knows (-force reads it all the same)", name)
        if found.st_size > MOST_INPUT_BYTES:
            raise InputFileError(f"{found.st_size / 2**30:.3g} GiB; the limit of an input is "
                                 f"{MOST_INPUT_BYTES / 2**30:g} GiB (-force reads it all the same)", name)
