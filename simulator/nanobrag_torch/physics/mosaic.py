"""Mosaic domains: how many, and how each is turned."""

from __future__ import annotations

from nanobrag_torch.config import Crystal
from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.random_stream import RandomStreams, cap_angle_factor, cap_axis, cap_rotation
from nanobrag_torch.physics.vectors import axis_rotation, transform
from nanobrag_torch.units import DEGREES_PER_RADIAN

DOMAINS_OF_SPREAD_ALONE = 10
LARGEST_SPREAD_RAD = 1e30
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def domain_count(crystal: Crystal, warn) -> tuple[object, int]:
    """(spread, domains) from what was given: no spread means one domain, a spread alone means ten."""
    spread = crystal.mosaic_spread_rad
    if spread is None or number(spread) <= 0:
        if crystal.mosaic_domains is not None and crystal.mosaic_domains > 1:
            warn("-mosaic_domains has no effect without a mosaic spread: one domain")
        return 0.0, 1
    if not number(spread) < LARGEST_SPREAD_RAD:
        raise ArgumentError(f"-mosaic: a spread of {number(spread) * DEGREES_PER_RADIAN:g} degrees is out of all range")
    if crystal.mosaic_domains is None or crystal.mosaic_domains <= 0:
        warn(f"a mosaic spread without -mosaic_domains: using {DOMAINS_OF_SPREAD_ALONE} domains")
        return spread, DOMAINS_OF_SPREAD_ALONE
    return spread, crystal.mosaic_domains


def domain_rotations(spread, domains: int, seed: int, streams: RandomStreams) -> tuple:
    """A rotation (three rows) for each domain, drawn within the spread, in order; the first draws its numbers
    and is then the identity. With a tensor as spread, derivatives flow to it."""
    streams.seed("mosaic", -seed)
    rotations = []
    for _ in range(domains):
        draws = [streams.uniform("mosaic") for _ in range(3)]
        if isinstance(spread, float):
            rotations.append(tuple(tuple(float(x) for x in row) for row in cap_rotation(spread, *draws)))
        else:
            rotations.append(axis_rotation(cap_axis(*draws[:2]), spread * cap_angle_factor(draws[2])))
    return (IDENTITY, *rotations[1:])


def domain_cell(rotations: tuple, domain: int, cell):
    """The cell of a domain: U a, U b, U c. A single domain is left as it is."""
    if len(rotations) == 1:
        return cell
    return tuple(transform(rotations[domain], v) for v in cell)
