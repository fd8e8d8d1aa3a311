"""What view prints: reference, subject and difference side by side, in characters."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.check.recompute import read_stored_images
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.commands.views.terminal import headline
from nbcompare.compare.text_picture import text_picture
from nbcompare.errors import UsageError, nearest

_PANELS, _GAP = 3, "  "


def picture_lines(folder: Path, region: str | None, columns: int) -> list[str]:
    """The lines for a bundle; none where it holds no two images of one shape. Raises UsageError for a region that it
    does not have."""
    record = load_bundle(folder).record
    if not record.comparison or any(run.failure for run in record.runs) or len({run.shape for run in record.runs}) != 1:
        return []
    rois = {found.roi.name: found.roi for found in record.comparison.regions}
    if region is not None and region not in rois:
        raise UsageError(f"the bundle has no region {region!r}; {nearest(region, rois)}")
    stored = {role: np.ma.getdata(image) for role, image in read_stored_images(folder, record).items()}
    images = {role: image[rois[region].slices] if region else image for role, image in stored.items()}
    difference = np.abs(images[SUBJECT].astype(np.float64) - images[REFERENCE])
    each = max(8, (columns - len(_GAP) * (_PANELS - 1)) // _PANELS)
    finite = images[REFERENCE][np.isfinite(images[REFERENCE])]
    top = float(finite.max()) if finite.size else 0.0
    panels = [("reference", text_picture(images[REFERENCE], each, top)),
              ("subject", text_picture(images[SUBJECT], each, top)), ("|difference|", text_picture(difference, each))]
    width = max(len(line) for name, lines in panels for line in (name, *lines))
    largest = float(np.nanmax(difference)) if np.isfinite(difference).any() else float("nan")
    what = f"region {region}" if region else str(record.runs[0].shape)
    return [headline(record.verdict, record.case.name, record.stamp),
            f"{what}; brightest {top:.4g}, largest difference {largest:.4g}",
            _GAP.join(name.ljust(width) for name, _ in panels).rstrip(),
            *(_GAP.join(part.ljust(width) for part in row).rstrip()
              for row in zip_longest(*(lines for _, lines in panels), fillvalue=""))]
