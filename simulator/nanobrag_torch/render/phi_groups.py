"""Phi steps in groups so narrow that within each, Miller indices change by little and by simple means.

Turning a cell moves each of its nine numbers in a plane (Rodrigues): cell_k = cell_ref + w_k1 G1 + w_k2 G2 for all
steps k of a group, and therefore h_k = h_ref + w_k1 G1.q + w_k2 G2.q. A renderer needs h in full precision only once
for each group; the increments are small, and so are their errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.detector import pixel_position
from nanobrag_torch.render.scene import Scene

MOST_CYCLES, MOST_INDEX = 1.0, 0.03
"""Largest increment of N h within a group, whose rounding to float32 is an error of 1e-7 periods of sin(pi N h), and of
h: nearly all pixels keep their nearest reflection."""

WIDE = 2.25, 0.075
"""The same where what is done once for a group costs more than to look at the nearest reflection of some more pixels at
each step: rounding is then an error of 2e-7 periods, which is nothing beside a peak."""

MOST_STEPS = 64
NEGLIGIBLE_INDEX = 1e-13
SQUARE_ROOT_OF_2 = 1.4142
"""|q| times the wavelength at a right angle to the beam."""


@dataclass(frozen=True)
class PhiGroup:
    """Phi steps, the cell [3, 3] (m) at their middle, and its changes: ``weights`` [steps, r] times ``planes``
    [r, 3, 3] (m). r is 0 for a single step. Where wavelengths are taken like phi steps, ``steps`` counts them."""

    steps: tuple[int, ...]
    cell: np.ndarray
    weights: np.ndarray
    planes: np.ndarray

    def of_domain(self, rotation) -> PhiGroup:
        """The same for a mosaic domain: all cell vectors turned by its rotation (three rows)."""
        turn = np.asarray([[number(x) for x in row] for row in rotation])
        return PhiGroup(self.steps, self.cell @ turn.T, self.weights, self.planes @ turn.T)


def cells_of(scene: Scene, steps, domain: int = 0) -> np.ndarray:
    """The cell vectors (m) of some phi steps of a mosaic domain, [steps, 3, 3]."""
    return np.array([[[number(x) for x in v] for v in scene.cells[step][domain]] for step in steps])


PARTS = (0.0, 0.5, 1.0)
"""Where along each side of the detector scattering vectors are looked at: corners, middles and centre."""


def spread_q(scene: Scene) -> np.ndarray:
    """The scattering vectors (1/m) of corners, middles and centre of a detector, for every source, [sources, 9, 3]."""
    geometry = scene.geometry
    size = number(geometry.pixel_size)
    places = np.array([[number(x) for x in pixel_position(geometry, size * x * geometry.fast_pixels,
                                                          size * y * geometry.slow_pixels, 0)]
                       for x in PARTS for y in PARTS])
    places /= np.linalg.norm(places, axis=1)[:, None]
    return np.array([(places - np.array([number(x) for x in source.incident])) / number(source.wavelength)
                     for source in scene.illumination.sources])


def largest_q(scene: Scene) -> float:
    """A bound of |q| (1/m) on the detector: reached at a corner of a flat one that is ahead of the crystal."""
    shortest = min(number(source.wavelength) for source in scene.illumination.sources)
    if scene.geometry.curved:
        return 2.0 / shortest
    largest = float(np.linalg.norm(spread_q(scene), axis=2).max())
    ahead = largest * shortest < SQUARE_ROOT_OF_2
    return 1.01 * largest if ahead else 2.0 / shortest


def may_be_between_peaks(scene: Scene, periods: float) -> bool:
    """Whether all of a detector may lie where the lattice transform is near 0 along some axis: it spans fewer than so
    many periods of it, N h of the first source, and is not all within half a period of a reflection."""
    counts = np.array(scene.lattice.cells)[:, None]
    cells = cells_of(scene, (0, -1))
    h = np.concatenate(cells @ spread_q(scene)[0].T, axis=1)
    narrow = np.ptp(counts * h, axis=1) < periods
    away = np.abs(counts * (h - np.round(h))).max(axis=1) > 0.5
    return bool((narrow & away & (counts[:, 0] > 1)).any())


def same_but_for_wavelength(scene: Scene) -> list[tuple]:
    """Sources, each with the scales by which its cell stands for others that differ from it in wavelength alone: a/L.q
    is (a l/L).q/l, so that these are taken like phi steps. Each stands alone where terms have an order or a limit of
    their own, and where there are phi steps already."""
    sources = scene.illumination.sources
    alone = scene.running_product or scene.d_min > 0.0 or scene.shape in ("gauss", "tophat") or scene.F.interpolate
    if alone or scene.spindle.steps > 1:
        return [(source, (1.0,)) for source in sources]
    alike: dict = {}
    for source in sources:
        alike.setdefault((*map(number, source.incident), number(source.weight)), []).append(source)
    return [(some[0], tuple(number(some[0].wavelength) / number(source.wavelength) for source in some))
            for some in alike.values()]


def phi_groups(scene: Scene, most_steps: int = MOST_STEPS, scales: tuple[float, ...] = (1.0,),
               reach: tuple[float, float] = (MOST_CYCLES, MOST_INDEX)) -> list[PhiGroup]:
    """All phi steps of the first mosaic domain, at each scale of the cell, in groups of ``most_steps`` at most, within
    ``reach`` of N h and of h from their middle; alone where F is interpolated and needs h of each."""
    cells = cells_of(scene, range(len(scene.cells)))
    cells = np.concatenate([cells * scale for scale in scales])
    if scene.F.interpolate:
        return [_group((step,), cells) for step in range(len(cells))]
    q = largest_q(scene)
    counts = np.array(scene.lattice.cells, dtype=float)
    widest = np.minimum(reach[0] / counts, reach[1]) / q
    return [_group(steps, cells) for steps in _neighbours(cells, widest, most_steps)]


def _neighbours(cells: np.ndarray, widest: np.ndarray, most_steps: int) -> list[np.ndarray]:
    """Steps in the order of rotation, cut where a cell vector would be further from the middle than ``widest``, and
    evenly where that is allowed."""
    away = (cells - cells[0]).reshape(len(cells), 9)
    order = np.argsort(away @ away[np.argmax(np.abs(away).sum(axis=1))], kind="stable")
    groups, start = [], 0
    while start < len(order):
        count, most = 1, min(most_steps, len(order) - start)
        while count < most and _within(cells[order[start : start + count + 1]], widest):
            count += 1
        groups.append(order[start : start + count])
        start += count
    even = np.array_split(order, len(groups))
    return even if all(_within(cells[steps], widest) for steps in even) else groups


def _within(cells: np.ndarray, widest: np.ndarray) -> bool:
    middle = cells[len(cells) // 2]
    return bool((np.linalg.norm(cells - middle, axis=2) <= widest).all())


def _group(steps, cells: np.ndarray) -> PhiGroup:
    """The planes of a group are the singular vectors of its changes, of which a rotation has two."""
    middle = cells[steps[len(steps) // 2]]
    changes = (cells[np.asarray(steps)] - middle).reshape(len(steps), 9)
    left, sizes, right = np.linalg.svd(changes, full_matrices=False)
    rank = int((sizes > NEGLIGIBLE_INDEX * np.linalg.norm(middle)).sum())
    return PhiGroup(tuple(int(step) for step in steps), middle, left[:, :rank] * sizes[:rank],
                    right[:rank].reshape(rank, 3, 3))


def groups_of_domains(scene: Scene, groups: list[PhiGroup]) -> Iterator[tuple[int, PhiGroup]]:
    """Every group of every mosaic domain, with the number of the domain."""
    for domain in range(scene.domains):
        for group in groups:
            yield domain, group if scene.domains == 1 else group.of_domain(scene.rotations[domain])


