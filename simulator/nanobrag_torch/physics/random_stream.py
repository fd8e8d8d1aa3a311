"""Random numbers of the C program, bit for bit: the minimal standard generator with a shuffle.

x -> 16807 x mod (2^31 - 1) (Park & Miller, Comm. ACM 31 (1988) 1192) with the shuffle of Bays & Durham
(ACM TOMS 2 (1976) 59), widely known as "ran1". Every stream (misset, mosaic, noise) has a state of its own;
the shuffle table and the last output are shared by all.
"""

from __future__ import annotations

import math
import os

import numpy as np

from nanobrag_torch.physics.vectors import axis_rotation

_A, _M, _Q, _R = 16807, 2147483647, 127773, 2836
_TABLE = 32
_DIVISOR = 1 + (_M - 1) // _TABLE
_SCALE = 1.0 / _M
_CAP = 1.0 - 1.2e-7


def fresh_seed() -> int:
    """A seed from the system's randomness, 1 to 2^31 - 1, for who gave none."""
    return int.from_bytes(os.urandom(4), "little") % _M or 1


class RandomStreams:
    """Named streams of uniform deviates in (0, 1), float32 values, as one run of the program draws them."""

    def __init__(self):
        self._states: dict[str, int] = {}
        self._table = [0] * _TABLE
        self._last = 0

    def seed(self, name: str, internal_seed: int) -> None:
        """Begin a stream. A seed that is not positive makes a fresh table at its first draw; a positive one
        goes on with whatever table the other streams have left."""
        self._states[name] = internal_seed

    def uniform(self, name: str) -> float:
        """The next deviate of a stream."""
        state = self._states[name]
        if state <= 0 or self._last == 0:
            state = self._fresh_table(state)
        state = _step(state)
        at = self._last // _DIVISOR
        self._last = self._table[at]
        self._table[at] = state
        self._states[name] = state
        return float(np.float32(min(_SCALE * self._last, _CAP)))

    def block(self, name: str, count: int) -> list[float]:
        """The next ``count`` deviates of a stream, faster than one by one."""
        first = self.uniform(name)
        state, last, table, outputs = self._states[name], self._last, self._table, []
        for _ in range(count - 1):
            state = _step(state)
            at = last // _DIVISOR
            last = table[at]
            table[at] = state
            outputs.append(last)
        self._states[name], self._last = state, last
        return [first, *np.minimum(_SCALE * np.array(outputs, dtype=np.float64), _CAP).astype(np.float32).tolist()]

    def _fresh_table(self, state: int) -> int:
        state = max(-state, 1)
        for at in range(_TABLE + 7, -1, -1):
            state = _step(state)
            if at < _TABLE:
                self._table[at] = state
        self._last = self._table[0]
        return state


def _step(x: int) -> int:
    k = x // _Q
    x = _A * (x - k * _Q) - _R * k
    return x + _M if x < 0 else x


# --- rotations ------------------------------------------------------------------------------------------


def cap_axis(d1: float, d2: float) -> tuple[float, float, float]:
    """Unit axis from two deviates: (xy sin pi r1, xy cos pi r1, r2), r = 2 d - 1, xy = sqrt(1 - r2^2)."""
    r1, r2 = 2.0 * d1 - 1.0, 2.0 * d2 - 1.0
    across = math.sqrt(1.0 - r2 * r2)
    return across * math.sin(math.pi * r1), across * math.cos(math.pi * r1), r2


def cap_angle_factor(d3: float) -> float:
    """(1 - r3^2)^(1/3), base, exponent and power in float32 as the program's powf has them."""
    r3 = 2.0 * d3 - 1.0
    base, third = np.float32(1.0 - r3 * r3), np.float32(1.0 / 3.0)
    return float(np.float32(float(base) ** float(third)))


def cap_rotation(max_angle_rad: float, d1: float, d2: float, d3: float):
    """Rotation (three rows) by at most ``max_angle_rad``, held as float32, from three deviates."""
    angle = np.float32(np.float32(max_angle_rad) * np.float32(cap_angle_factor(d3)))
    return axis_rotation(cap_axis(d1, d2), float(angle))


def uniform_rotation(d1: float, d2: float, d3: float):
    """Uniformly distributed rotation (three rows) from three deviates: the unit quaternion
    (sqrt(d1) cos 2 pi d3, sqrt(1-d1) sin 2 pi d2, sqrt(1-d1) cos 2 pi d2, sqrt(d1) sin 2 pi d3)
    (K. Shoemake, Graphics Gems III (1992) 124)."""
    near, far = math.sqrt(d1), math.sqrt(1.0 - d1)
    w, z = near * math.cos(2 * math.pi * d3), near * math.sin(2 * math.pi * d3)
    x, y = far * math.sin(2 * math.pi * d2), far * math.cos(2 * math.pi * d2)
    return ((1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)))
