"""The image of a further run as the bundle holds it."""

from __future__ import annotations

import numpy as np

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.names import further_names, image_name
from nbcompare.compare.image import read_float_image
from nbcompare.engine.engine import Run
from nbcompare.errors import FileError


def stored_image(bundle: Bundle, files: str, run: Run) -> np.ndarray | None:
    """The image [slow, fast] of a run whose files are called so; that of a plain run where it was the same, as no image
    is kept twice. None where there is none."""
    if run.failure:
        return None
    same = next((plain for plain in bundle.record.runs if plain.image_sha256 == run.image_sha256), None)
    name = image_name(same.role) if same else further_names(files)[0]
    try:
        return read_float_image(bundle.folder / name, run.shape, run.dtype)
    except FileError:
        return None
