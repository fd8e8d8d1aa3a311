"""Output files that appear whole or not at all, and together or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nanobrag_torch.errors import InputFileError

_OWN_FILES = Path("/proc/self/fd")
_FORCED = [True]


def force_to_disk(file: int) -> None:
    """See to it that what was written to a file is on the disk; not within ``left_to_the_system``."""
    if _FORCED[-1]:
        os.fsync(file)


@contextmanager
def left_to_the_system() -> Iterator[None]:
    """Files that are written meanwhile are whole for whoever reads them, but not forced to the disk: a small command of
    a batch waited for that as long as it took to render."""
    _FORCED.append(False)
    try:
        yield
    finally:
        _FORCED.pop()


class Together:
    """Files that are complete, and appear when the last of them is: all, or none where one cannot be. Use as a context;
    what is written to a ``place`` of it becomes a file when the context ends well."""

    def __init__(self) -> None:
        self._held: list[tuple[BinaryIO, Path]] = []

    def __enter__(self) -> Together:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        published: list[Path] = []
        try:
            for stream, path in self._held if kind is None else ():
                with _reported(path):
                    _publish(stream, path)
                published.append(path)
        except BaseException:
            for path in published:
                path.unlink(missing_ok=True)
            raise
        finally:
            for stream, _path in self._held:
                _let_go(stream)

    def place(self, path: Path) -> Place:
        """What to write to for a file of these."""
        return Place(path, self)

    def hold(self, stream: BinaryIO, path: Path) -> None:
        self._held.append((stream, path))


@dataclass(frozen=True)
class Place:
    """A file that appears together with others."""

    path: Path
    together: Together


@contextmanager
def atomic_output(path: str | Path | Place) -> Iterator[BinaryIO]:
    """A binary stream, to be written and read, whose bytes become the file ``path`` when the block ends well, or when
    those do that it shall appear with; and vanish otherwise, where the system has files without a name even when this
    process is killed.

    A device (such as /dev/null) is written directly. Raises InputFileError when it cannot be written.
    """
    together, path = (path.together, path.path) if isinstance(path, Place) else (None, Path(path))
    if path.exists() and not path.is_file():
        with _reported(path), open(path, "wb") as device:
            yield device
        return
    with _reported(path):
        stream = _unnamed(path.parent) or _named(path)
        try:
            yield stream
            stream.flush()
            force_to_disk(stream.fileno())
            if together is None:
                _publish(stream, path)
        except BaseException:
            _let_go(stream)
            raise
        if together is None:
            _let_go(stream)
        else:
            together.hold(stream, path)


def _publish(stream: BinaryIO, path: Path) -> None:
    """Give a complete file its name."""
    name = _link(stream, path) if isinstance(stream.name, int) else stream.name
    try:
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _let_go(stream: BinaryIO) -> None:
    """Close a file; one that still has a name of its own only, loses it."""
    stream.close()
    if not isinstance(stream.name, int):
        with suppress(FileNotFoundError):
            os.unlink(stream.name)


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
        # Python follows the link, by linkat, where a folder is given; that of a whole path counts for nothing
        os.link(_OWN_FILES / str(stream.fileno()), name, src_dir_fd=stream.fileno(), follow_symlinks=True)
    except OSError:
        stream.seek(0)
        with _named(path) as copy:
            shutil.copyfileobj(stream, copy)
            copy.flush()
            force_to_disk(copy.fileno())
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
