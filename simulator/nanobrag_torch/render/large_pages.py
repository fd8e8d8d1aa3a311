"""Memory for the tensors of tiles that one process works in, again and again, in pages of megabytes.

A worker that takes its tensors from the heap writes to thousands of small pages, each of which is first copied from its
parent's: that was a quarter of the time of a still of one megapixel.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from nanobrag_torch.render.workers import large_array

LINE = 64
"""Bytes of a line of the cache."""


class LargePages:
    """``size`` bytes on a device, made at their first use, so after the fork; pages nobody writes to cost nothing."""

    def __init__(self, size: int, device):
        self.device, self._size, self._used = torch.device(device), size, 0
        self._memory: torch.Tensor | None = None

    def clear(self) -> None:
        """Let what was taken be taken again."""
        self._used = 0

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """A tensor with anything in it; an ordinary one on other devices than the CPU, and where no room is left."""
        start = self._used
        stop = start + math.prod(shape) * dtype.itemsize
        if self.device.type != "cpu" or stop > self._size:
            return torch.empty(shape, dtype=dtype, device=self.device)
        if self._memory is None:
            self._memory = torch.from_numpy(large_array((1, self._size), np.uint8))[0]
        self._used = -(-stop // LINE) * LINE
        return self._memory[start:stop].view(dtype).view(shape)
