"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from nanobrag_torch.errors import InputFileError

_OWN_FILES = Path("/proc/self/fd")


@contextmanager
def atomic_output(path):
    """A binary stream, to be written and read, whose bytes become the file ``path`` when the block ends well, and
    vanish otherwise; where the system has files without a name, even when this process is killed.

    A device (such as /dev/null) is written directly. Raises InputFileError when it cannot be written.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        with _reported(path), open(path, "wb") as stream:
            yield stream
        return
    with _reported(path), _unnamed(path.parent) or _named(path) as stream:
        partial = None if isinstance(stream.name, int) else stream.name
        try:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            partial = partial or _link(stream, path)
            os.replace(partial, path)
        except BaseException:
            if partial:
                with suppress(FileNotFoundError):
                    os.unlink(partial)
            raise


def _unnamed(folder: Path):
    """A stream to a file of a folder that has no name yet; None where there is no such thing."""
    if not hasattr(os, "O_TMPFILE") or not _OWN_FILES.is_dir():
        return None
    with suppress(OSError):
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666), "w+b")
    return None


def _named(path: Path):
    """A stream to a new file beside ``path``."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    os.close(handle)
    os.chmod(name, 0o666 & ~_umask())
    return open(name, "w+b")


def _link(stream, path: Path) -> str:
    """Give an unnamed file a name beside ``path``: a copy's where the system refuses to."""
    name = str(path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial"))
    try:
        os.link(_OWN_FILES / str(stream.fileno()), name, follow_symlinks=True)
    except OSError:
        stream.seek(0)
        with _named(path) as copy:
            shutil.copyfileobj(stream, copy)
            copy.flush()
            os.fsync(copy.fileno())
        return copy.name
    return name


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
