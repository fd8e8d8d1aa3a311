"""The polarization factor in force of each pixel: that of its first sub-pixel and source, unless -oversample_polar.

As in the C program, that is the first source that is not culled and whose factor is not exactly 0, and the direction to
the sub-pixel is made a unit vector once more, in place, where a factor is worked out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from nanobrag_torch.physics.arithmetic import number, sqrt
from nanobrag_torch.physics.polarization import polarization_factor
from nanobrag_torch.physics.vectors import dot
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.tile import Subpixel, Tile


def polarizes(scene: Scene) -> bool:
    """Whether there is polarization: not with -nopolar (which the C program forgets with -oversample_polar)."""
    forgotten = scene.oversample_polar and "nopolar-oversample" in scene.emulate
    return forgotten or not scene.illumination.no_polarization


def source_polarization(scene: Scene, source, diffracted, *, quick=False):
    """Kahn's factor of a source, or 1 without polarization."""
    light = scene.illumination
    if not polarizes(scene):
        return 1.0
    return polarization_factor(light.polarization, source.incident, diffracted, light.polarization_axis, quick=quick)


class Polarization:
    """The factor in force of each pixel of a tile, [n, m] or one number, and None before there is any. ``missing`` says
    where (bool, [n, m]) it is still to be worked out; None is nowhere."""

    def __init__(self, scene: Scene, tile: Tile):
        self.scene, self.tile = scene, tile
        self.factor: Any = None
        self.missing: Any = None

    def taken(self, culled):
        """Where the factor of a source comes into force: True or False for all pixels, or a mask [n, m]."""
        if self.factor is None or self.scene.oversample_polar:
            return True if culled is None else ~culled
        if self.missing is None:
            return False
        return self.missing if culled is None else ~culled & self.missing

    def take(self, source, diffracted, culled, *, quick=False) -> None:
        """Bring the factor of a source into force where it is taken."""
        take = self.taken(culled)
        if take is False:
            return
        found = source_polarization(self.scene, source, diffracted, quick=quick)
        if take is True:
            self.factor = found
        else:
            if self.factor is None:
                untouched = 1.0 if self.scene.illumination.no_polarization else 0.0
                self.factor = torch.full(self.tile.shape, untouched, dtype=torch.float64, device=self.scene.device)
            self.factor = torch.where(take, found, self.factor)
        self.missing = self._zeros(take)

    def _zeros(self, take):
        """Where the factor is 0, as only one that is not worked out yet can be while |K| < 1."""
        never = take is True and abs(number(self.scene.illumination.polarization)) < 1.0
        if never or self.scene.oversample_polar or not polarizes(self.scene):
            return None
        zeros = (self.factor == 0.0).expand(self.tile.shape)
        return zeros if bool(zeros.any()) else None

    def made_unit_again(self, sub: Subpixel, culled, *, quick=False) -> Subpixel:
        """A sub-pixel whose directions are made unit vectors once more where the factor of a source is taken.

        The sources that follow see these directions, too, with another last bit. ``quick`` is for where last digits do
        not count: they hardly show where there is one source, and no part of its beam is polarized.
        """
        light = self.scene.illumination
        hardly_shows = quick and len(light.sources) == 1 and isinstance(light.polarization, float) \
            and light.polarization == 0.0
        take = not hardly_shows and polarizes(self.scene) and self.taken(culled)
        if take is False:
            return sub
        square = dot(sub.diffracted, sub.diffracted)
        size = sqrt(square.masked_fill(square == 0.0, 1.0))  # the null vector, infinitely far away, stays null
        again = tuple(x / size for x in sub.diffracted)
        if take is not True:
            again = tuple(torch.where(take, new, old) for new, old in zip(again, sub.diffracted, strict=True))
        return replace(sub, diffracted=again)
