"""PNG files of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_QUICKLY = 1
"""The level of packing: higher ones take several times as long for some percent."""


class _Packing:
    """Threads that pack, and what they have begun."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor()
        self.begun: list[Future[None]] = []


_PACKING: ContextVar[_Packing | None] = ContextVar("packing", default=None)


@contextmanager
def packed_beside() -> Iterator[None]:
    """The files that are written in the block are packed by other threads, while the next one is drawn and whatever
    else is done. The block ends when all of them are written, one within another with that. Raises what one of them
    raised."""
    if _PACKING.get() is not None:
        yield
        return
    packing = _Packing()
    token = _PACKING.set(packing)
    try:
        with packing.pool:
            yield
    finally:
        _PACKING.reset(token)
    for one in packing.begun:
        one.result()


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write an image, uint8 [height, width, 3] of red, green and blue, whose first row is the upper one. In a block of
    ``packed_beside`` it is written in the end of that, and must stay as it is until then."""
    packing = _PACKING.get()
    if packing is None:
        _write(path, pixels)
    else:
        packing.begun.append(packing.pool.submit(_write, path, pixels))


def _write(path: Path, pixels: np.ndarray) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(path, format="png", compress_level=_QUICKLY)
