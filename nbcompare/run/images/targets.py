"""What two image files are held to where nobody says otherwise: pattern and scale, as engines are, and every pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbcompare.case.threshold import Threshold, default_targets
from nbcompare.compare.compare import Masks, brightest
from nbcompare.compare.image import Roi
from nbcompare.compare.metrics import called

RTOL = 0.01
ATOL_OF_BRIGHTEST = 1e-3
"""How far one pixel may be off by default where either image holds floats: relative to itself, and to the brightest
pixel of the region. Figures over all pixels cannot see one that is wrong; two programs round each pixel differently."""

ANY_DIFFERENCE = called("share_outside", {"atol": 0.0, "rtol": 0.0})
"""The figure that counts every pixel that is not equal, and names the worst."""


def image_targets(reference: np.ndarray, subject: np.ndarray, masks: Masks | None,
                  rois: Sequence[Roi]) -> Iterator[Threshold]:
    """The default thresholds of each region. Whole numbers have to be equal, as they are counts of one detector; of
    floats each pixel may be off by RTOL of itself and ATOL_OF_BRIGHTEST of the region's brightest."""
    counts = reference.dtype.kind in "iu" and subject.dtype.kind in "iu"
    for roi in rois:
        yield from default_targets(roi.name)
        if counts:
            yield Threshold(ANY_DIFFERENCE, roi.name, None, 0.0, "default: both images hold whole numbers")
            continue
        measured = reference[roi.slices] if masks is None else reference[roi.slices][~masks[0][roi.slices]]
        atol = float(f"{max(0.0, ATOL_OF_BRIGHTEST * brightest(measured)):.2g}")
        yield Threshold(called("share_outside", {"atol": atol, "rtol": RTOL}), roi.name, None, 0.0,
                        "default: no pixel is off by more than 1 % of itself and 0.1 % of the brightest")
