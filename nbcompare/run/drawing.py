"""The pictures of a bundle: the whole image of both engines and their difference, and each region enlarged."""

from __future__ import annotations

from functools import partial

import numpy as np

from nbcompare.bundle.bundle import Staging
from nbcompare.bundle.names import PICTURES, region_picture_name
from nbcompare.compare.compare import Comparison
from nbcompare.compare.picture_settings import DEFAULT_PERCENTILE
from nbcompare.compare.pictures import Scale, write_pictures
from nbcompare.compare.region_pictures import MOST_REGIONS, write_region_pictures
from nbcompare.run.ready import beside


def draw(bundle: Staging, reference: np.ndarray, subject: np.ndarray, comparison: Comparison,
         percentile: float = DEFAULT_PERCENTILE) -> Scale:
    """Draw two compared images of one shape into a bundle that is being made; how brightness was chosen. The
    ``percentile`` of the positive pixels is drawn brightest."""
    regions = comparison.regions
    enlarged = {bundle.path(region_picture_name(at, region.roi.name)): region
                for at, region in enumerate(regions[:MOST_REGIONS], start=1)}
    files = {key: bundle.path(name) for key, name in PICTURES.items()}
    with beside(partial(write_region_pictures, reference, subject, enlarged)) as written:
        scale = write_pictures(reference, subject, regions[0].roi, [region.roi for region in regions], files,
                               percentile)
    written()
    return scale
