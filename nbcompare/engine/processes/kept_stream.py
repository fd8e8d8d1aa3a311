"""What a program prints, kept in a file of bounded size: its head and its tail, and in between how much is missing."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

MOST_BYTES = 64 << 20
"""Kept of one stream of one run."""

_PIECE = 1 << 16
_LAST = 400
_MUCH = 1 << 12
"""Bytes that come at once where more may be waiting."""


class KeptStream:
    """A pipe that a program writes to, and the file that keeps what came. Use as a context. ``last`` is the end of what
    came, and it ``took_much`` where that was no mere line."""

    def __init__(self, path: Path, most: int = MOST_BYTES) -> None:
        self.most = most
        self.last, self.took_much = b"", False
        self._room, self._tail_bytes, self._left_out = most // 2, 0, 0
        self._tail: deque[bytes] = deque()
        self._file = open(path, "wb")  # noqa: SIM115 (closed when this is)
        try:
            self.reader, self.writer = os.pipe()
        except OSError:
            self._file.close()
            raise
        os.set_blocking(self.reader, False)

    def __enter__(self) -> KeptStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.started()
        os.close(self.reader)
        with self._file as file:
            if self._left_out:
                file.write(f"\n[nb-compare: {self._left_out} bytes are left out here; {self.most} are kept of a "
                           "stream, its head and its tail]\n".encode())
            for piece in self._tail:
                file.write(piece)

    def started(self) -> None:
        """The program has its end of the pipe; ours is closed."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def take(self) -> bool:
        """Take what is there now; False when nothing will come any more."""
        try:
            piece = os.read(self.reader, _PIECE)
        except BlockingIOError:
            return True
        self._keep(piece)
        self.took_much = len(piece) >= _MUCH
        return bool(piece)

    def drain(self) -> None:
        """Take what is still in the pipe when everybody who wrote to it has been ended."""
        for _ in range(64):
            try:
                piece = os.read(self.reader, _PIECE)
            except BlockingIOError:
                return
            if not piece:
                return
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        self.last = (self.last + piece)[-_LAST:]
        head, tail = piece[:self._room], piece[self._room:]
        if head:
            self._file.write(head)
            self._file.flush()
            self._room -= len(head)
        if tail:
            self._tail.append(tail)
            self._tail_bytes += len(tail)
        while self._tail_bytes - len(self._tail[0] if self._tail else b"") >= self.most // 2:
            gone = self._tail.popleft()
            self._tail_bytes -= len(gone)
            self._left_out += len(gone)


def read_kept(path: Path, most: int = 8 << 20) -> str:
    """The text of a log; of a long one only its first and last ``most``/2 bytes, so that none costs much memory."""
    with open(path, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size <= most:
            return stream.read(most).decode("utf-8", errors="replace")
        head = stream.read(most // 2)
        stream.seek(size - most // 2)
        return (head + b"\n" + stream.read(most // 2)).decode("utf-8", errors="replace")
