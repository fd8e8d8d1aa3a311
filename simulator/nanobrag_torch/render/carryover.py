"""Emulation phi-carryover: which pixels begin a sweep before any turn of the crystal has come.

In the C program the turned cell is kept by each thread from pixel to pixel, so only the first pixel that a
thread renders sees the unturned crystal at phi 0. Rows are dealt to threads in contiguous blocks.
"""

from __future__ import annotations

import torch

from nanobrag_torch.physics.scattering import beyond_resolution, scattering_vector
from nanobrag_torch.render.tile import make_tile, subpixels


def thread_blocks(rows: int, threads: int) -> list[range]:
    """The rows of each thread: q = rows div T each, and one more for the first rows mod T."""
    q, r = divmod(rows, threads)
    blocks, start = [], 0
    for thread in range(threads):
        size = q + (thread < r)
        blocks.append(range(start, start + size))
        start += size
    return blocks


def first_pixels(scene) -> list[tuple[int, int]]:
    """(slow, fast) of the first pixel of each thread in which the crystal is turned: rendered, and with a source
    that is not beyond the resolution."""
    x0, _, y0, y1 = scene.roi
    found = []
    for block in thread_blocks(scene.geometry.slow_pixels, scene.emulate.threads):
        for slow in range(max(block.start, y0), min(block.stop, y1 + 1)):
            columns = _turned(scene, slow).nonzero()
            if len(columns):
                found.append((slow, x0 + int(columns[0, 0])))
                break
    return found


def _turned(scene, slow: int):
    """Which pixels of a row, within the region of interest, turn the crystal (bool)."""
    x0, x1 = scene.roi[:2]
    tile = make_tile(scene, range(slow, slow + 1), range(x0, x1 + 1))
    turned = torch.ones(tile.shape, dtype=torch.bool, device=scene.device)
    if scene.d_min > 0.0:
        turned = ~turned
        for sub in subpixels(scene, tile):
            for source in scene.illumination.sources:
                q = scattering_vector(sub.diffracted, source.incident, source.wavelength)
                turned = turned | ~beyond_resolution(q, scene.d_min)
    return (turned if tile.rendered is None else turned & tile.rendered)[0]


def first_sweeps(scene, tile):
    """Where the first sweep of a thread is still to come (bool, the tile's shape); None for nowhere."""
    if not scene.first_cells:
        return None
    rows, columns = tile.shape
    inside = [(slow - tile.first_row, fast - tile.first_column) for slow, fast in scene.first_turned]
    inside = [(slow, fast) for slow, fast in inside if 0 <= slow < rows and 0 <= fast < columns]
    if not inside:
        return None
    where = torch.zeros(tile.shape, dtype=torch.bool, device=scene.device)
    for slow, fast in inside:
        where[slow, fast] = True
    return where
