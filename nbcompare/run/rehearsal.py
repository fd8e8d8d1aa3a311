"""What follows the engines, carried out once while they run, on two small images of no meaning: what is done for the
first time takes several times as long, as modules are loaded, fonts read, patterns compiled and tables made. Nothing
comes of it, and nothing is written.
"""

from __future__ import annotations

import numpy as np

from nbcompare.bundle.schema import schema_faults
from nbcompare.case.case import Case
from nbcompare.compare.colours import BRIGHTNESS, DIFFERENCE
from nbcompare.compare.compare import compare_images, radial_profiles
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.picture_frame import PictureFrame
from nbcompare.compare.pictures import percentile_of_positive
from nbcompare.compare.region_pictures import region_picture
from nbcompare.verdict.further_evidence import FurtherEvidence, conclude

_SIDE = 16


def rehearse(case: Case) -> None:
    """Compare, judge and draw two images, with the figures that a case asks for."""
    schema_faults({})
    reference = np.arange(_SIDE * _SIDE, dtype=np.float32).reshape(_SIDE, _SIDE)
    subject = reference * np.float32(1.01)
    view = Roi.full(Shape(_SIDE, _SIDE))
    further = {(name, view.name) for name, _ in case.figures_asked}
    comparison = compare_images(reference, subject, [view], further=further)
    conclude(comparison, (), FurtherEvidence())
    radial_profiles(reference, subject, [view], None)
    percentile_of_positive([reference, subject], 99.5)
    np.asarray(region_picture(reference, subject, comparison.regions[0]))
    frame = PictureFrame(view, [view])
    for colours in (BRIGHTNESS, DIFFERENCE):
        np.asarray(frame.picture(reference, "", colours, (0.0, 1.0)))
