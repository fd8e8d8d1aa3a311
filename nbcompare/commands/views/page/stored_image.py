"""The image of a further run as the bundle holds it."""

from __future__ import annotations

import numpy as np

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.evidence_again import further_image
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.engine.engine import Run
from nbcompare.errors import FileError, ShapeError


def stored_image(bundle: Bundle, pair: ShownPair, files: str, run: Run) -> np.ndarray | None:
    """The image [slow, fast] of a run whose files are called so, masked as it was compared, where it lies on the grid
    of the pair; that of a plain run where it was the same, as no image is kept twice. None where there is none."""
    images = {REFERENCE: pair.reference, SUBJECT: pair.subject}
    try:
        image = further_image(bundle.folder, files, run, bundle.record, images)
    except (FileError, ShapeError):
        return None
    return image if image is not None and image.shape == pair.reference.shape else None
