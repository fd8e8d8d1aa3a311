"""Emulation sticky-interpolation, fast and compiled: pixels up to the first point out of range, and those after it.

Rows are rendered with interpolation, and those that have such a point, or nearly, are marked. Whether they have is
what sticky_interpolation.py says, pixel by pixel in raster order; from the first one on F is that of the nearest
reflection. Rows are rendered some at a time, so that few are rendered in vain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from nanobrag_torch.render.plain import render_tile
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.sticky_interpolation import StickyInterpolation
from nanobrag_torch.render.tile import make_tile

FIRST_PIXELS, GROWTH = 20_000, 64
"""Of the first rows; interpolation ends at high resolution, and so in the first corner as a rule. The next are so many
times as many each time."""

Progress = Callable[[int], None]


class RowRenderer(Protocol):
    """What renders some rows of a scene to an image: ``CompiledRenderer`` or ``FastRows``."""

    rows: range
    columns: range

    def render_rows(self, image, rows: range, workers: int, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """The solid angles (sr) of each row, and a number that is not 0 for each that may have a point out of range."""
        ...

    def mend(self, image, rows: range, undefined: np.ndarray) -> None:
        """Render anew what is not right in some rows; ``undefined`` are those numbers."""
        ...


class StickyRenderer:
    """Renders a scene whose interpolation ends somewhere, by what ``making`` makes of a scene."""

    def __init__(self, scene: Scene, making: Callable[[Scene], RowRenderer]):
        self.scene, self.making = scene, making
        self.before = making(scene)

    def render_to(self, image, workers: int = 1, progress: Progress = lambda rows: None) -> np.ndarray:
        """As ``CompiledRenderer.render_to``."""
        rows, columns = self.before.rows, self.before.columns
        angles, start, height, most = [], rows.start, max(1, FIRST_PIXELS // len(columns)), 0

        def told(done: int) -> None:
            nonlocal most
            most = max(most, start - rows.start + done)  # some rows are done twice
            progress(most)

        while start < rows.stop:
            some = range(start, min(start + height, rows.stop))
            of_some, undefined = self.before.render_rows(image, some, workers, told)
            end = self._end(some, undefined)
            start, height = (some.stop if end is None else end[0]), GROWTH * height
            angles.append(of_some[: start - some.start])
            if end is None:
                self.before.mend(image, some, undefined)
                continue
            slow, fast = end
            done = range(some.start, slow + 1)
            self.before.mend(image, done, undefined[: len(done)])
            kept = np.array(image[slow : slow + 1][:, columns.start : columns.stop])
            after = self.making(replace(self.scene, F=replace(self.scene.F, interpolate=False)))
            of_some, undefined = after.render_rows(image, range(slow, rows.stop), workers, told)
            after.mend(image, range(slow, rows.stop), undefined)
            kept[:, fast + 1 - columns.start :] = image[slow : slow + 1][:, fast + 1 : columns.stop]
            kept[0, fast - columns.start] = self._pixel(slow, fast)
            image[slow : slow + 1, columns.start : columns.stop] = kept
            angles.append(of_some)
            break
        return np.concatenate(angles)

    def _end(self, rows: range, undefined: np.ndarray) -> tuple[int, int] | None:
        """(slow, fast) of the first pixel in which interpolation ends; None where it goes on. Only rows with marks are
        looked at, and those that start a sweep with another cell."""
        columns = self.before.columns
        turned = {slow for slow, _ in self.scene.first_turned}
        for slow, marks in zip(rows, undefined, strict=True):
            if marks or slow in turned:
                tile = make_tile(self.scene, range(slow, slow + 1), columns)
                ended = StickyInterpolation(self.scene).prepare(tile)
                if ended is not None:
                    return slow, columns.start + ended.pixel
        return None

    def _pixel(self, slow: int, fast: int):
        """The value of the pixel in which interpolation ends."""
        tile = make_tile(self.scene, range(slow, slow + 1), range(fast, fast + 1))
        return render_tile(self.scene, tile, StickyInterpolation(self.scene))[0][0, 0]
