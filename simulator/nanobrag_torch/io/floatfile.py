"""Float images: raw little-endian float32, no header, fast axis first in memory."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from nanobrag_torch.io.atomic import atomic_output, force_to_disk

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FloatImage:
    """An image [slow, fast] that lies in a file, zeros at first, so that no more of it is in memory than what is being
    worked on. Forked processes may set its pixels, too.

    ``image[rows, columns] = values`` writes, ``image[rows]`` reads (slices of one step). Raises OSError, first of all
    where the disk has no room for it.
    """

    dtype = np.dtype("<f4")

    def __init__(self, file: int, shape: tuple[int, int]):
        self.shape, self.size, self._file = shape, shape[0] * shape[1], file
        _reserve(file, self.size * self.dtype.itemsize)

    @property
    def file(self) -> int:
        """The descriptor of its file, for machine code that writes rows to their place."""
        return self._file

    def __setitem__(self, place: tuple[slice, slice], values) -> None:
        rows, columns = place
        values = np.ascontiguousarray(values, dtype=self.dtype)
        if values.shape[1] == self.shape[1]:
            self._write(values, rows.start, 0)
            return
        for row, line in enumerate(values, rows.start):
            self._write(line, row, columns.start)

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        row_bytes = self.shape[1] * self.dtype.itemsize
        raw = os.pread(self._file, (stop - start) * row_bytes, start * row_bytes)
        return np.frombuffer(raw, dtype=self.dtype).reshape(-1, self.shape[1])

    def _write(self, values: np.ndarray, row: int, column: int) -> None:
        left = values.data.cast("B")
        place = (row * self.shape[1] + column) * self.dtype.itemsize
        while left:
            done = os.pwrite(self._file, left, place)
            left, place = left[done:], place + done

    def flush(self) -> None:
        """See to it that what was written is on the disk, where that is asked for."""
        force_to_disk(self._file)


def _reserve(file: int, size: int) -> None:
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, size)
            return
        except OSError as fault:
            if fault.errno in _NO_ROOM:
                raise
    os.ftruncate(file, size)


@contextmanager
def float_image(path, shape: tuple[int, int]) -> Iterator[FloatImage]:
    """An image whose file appears when the block ends well, whole or not at all. Raises InputFileError when it cannot
    be written."""
    with atomic_output(path) as stream:
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            yield FloatImage(stream.fileno(), shape)
            return
        with tempfile.TemporaryFile() as spool:
            yield FloatImage(spool.fileno(), shape)
            spool.seek(0)
            shutil.copyfileobj(spool, stream)
