"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from nanobrag_torch.errors import InputFileError


@contextmanager
def atomic_output(path):
    """A binary stream whose bytes become the file ``path`` when the block ends well, and vanish otherwise.

    A device (such as /dev/null) is written directly. Raises InputFileError when it cannot be written.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        with _reported(path), open(path, "wb") as stream:
            yield stream
        return
    with _reported(path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def _reported(path: Path):
    try:
        yield
    except OSError as fault:
        raise InputFileError(f"cannot be written: {fault.strerror}", path) from None
