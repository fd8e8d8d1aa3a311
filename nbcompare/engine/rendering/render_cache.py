"""What was rendered and found out already, on disk, under hashes of all that it depends on.

An audit or a reduction that was stopped goes on where it was, and one of another case, engine or code shares nothing
with it. A cache that cannot be written is none, nor is one in which another user could have put an image; an image
that is not what was written is none. Images are large: the oldest go when there are too many.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbcompare.compare.image import FLOAT_DTYPE, Shape, stored_pixels
from nbcompare.files import others_could_write, user_cache
from nbcompare.later import np

MOST_BYTES = 6_000_000_000
"""Images of the cache together."""

_SUM_BYTES = 32
"""The SHA-256 behind the pixels of an image."""
_LOOK_BYTES = MOST_BYTES // 100
"""So much may be written before it is looked again how much is there; the first image is followed by a look."""


def default_cache() -> Path:
    """The user's cache folder for renders and what was concluded from them."""
    return user_cache() / "renders"


def key_of(parts: Iterable[object]) -> str:
    """One name for everything that an answer depends on."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


class RenderCache:
    """Answers (plain values) and images by key, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written = _LOOK_BYTES

    def answer(self, key: str) -> dict[str, Any] | None:
        """What was kept under the key; None when nothing readable is there."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if not self._is_own():
                return None
            found = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
        return None

    def keep(self, key: str, answer: dict[str, Any]) -> None:
        self._write(f"{key}.json", json.dumps(answer, allow_nan=False).encode())

    def image(self, key: str, shape: Shape, dtype: str = FLOAT_DTYPE) -> np.ndarray | None:
        """The image kept under the key [slow, fast], of that type; None where there is none of this size."""
        path = self.folder / f"{key}.bin"
        with contextlib.suppress(OSError):
            size = shape.slow * shape.fast * np.dtype(dtype).itemsize
            if not self._is_own() or path.stat().st_size != size + _SUM_BYTES:
                return None
            os.utime(path)
            content = path.read_bytes()
            if hashlib.sha256(content[:size]).digest() == content[size:]:
                return np.frombuffer(bytearray(content[:size]), dtype=dtype).reshape(shape.slow, shape.fast)
        return None

    def keep_image(self, key: str, image: np.ndarray) -> None:
        pixels = bytes(stored_pixels(image))
        self._write(f"{key}.bin", pixels + hashlib.sha256(pixels).digest())
        self._written += image.nbytes
        if self._written > _LOOK_BYTES:
            self._written = 0
            self._trim()

    def _is_own(self) -> bool:
        """Whether nobody but this user, or the superuser, can have written into the folder."""
        return others_could_write(self.folder) is None

    def _write(self, name: str, content: bytes) -> None:
        """In one go, so that a reader never sees half of it; nothing is kept, and nothing left, on a full disk."""
        part = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._is_own():
                return
            handle, part = tempfile.mkstemp(dir=self.folder, suffix=".part")
            with open(handle, "wb") as stream:
                stream.write(content)
            os.replace(part, self.folder / name)
        except OSError:
            if part:
                with contextlib.suppress(OSError):
                    os.unlink(part)

    def _trim(self) -> None:
        """Remove the images that were not used for longest until the rest is small enough."""
        with contextlib.suppress(OSError):
            images = sorted(((entry.stat().st_mtime, entry.stat().st_size, entry.path)
                             for entry in os.scandir(self.folder) if entry.name.endswith(".bin")), reverse=True)
            total = 0
            for _, size, path in images:
                total += size
                if total > MOST_BYTES:
                    os.unlink(path)
