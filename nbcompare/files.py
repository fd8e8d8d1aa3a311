"""Files: their sums, what forces them to the disk, and where what can be made again is kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

from nbcompare.errors import FileError
from nbcompare.visible import meant, visible

ODD_BEGINNINGS = (
    (b"version https://git-lfs.github.com/", "is a git-LFS pointer, not the file it stands for", "git lfs pull"),
    (b"\x1f\x8b", "is packed with gzip", "unpack it with gunzip"),
    (b"BZh", "is packed with bzip2", "unpack it with bunzip2"),
    (b"\xfd7zXZ\x00", "is packed with xz", "unpack it with unxz"),
    (b"PK\x03\x04", "is a zip file", "unpack it with unzip"),
    (b"\xef\xbb\xbf", "begins with a byte-order mark, which is no number", "save it as plain UTF-8"),
    (b"\xff\xfe", "is UTF-16 text", "save it as plain UTF-8"),
    (b"\xfe\xff", "is UTF-16 text", "save it as plain UTF-8"),
)
"""How a file begins that is not what its name says, what it is, and what to do."""

_UNSEEN = re.compile("[^\n -~]")
"""Characters that may have to be escaped in JSON."""


_PIECE = 1 << 18


def sha256_of(path: Path | str) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    try:
        with open(path, "rb", buffering=0) as stream:  # most files are small: no buffer is made for them
            digest = hashlib.sha256()
            while piece := stream.read(_PIECE):
                digest.update(piece)
            return digest.hexdigest()
    except OSError as fault:
        raise FileError(f"{path}: cannot read: {fault.strerror}") from None


_SETTLED_NS = 2_000_000_000
"""Nanoseconds since its last change after which a file cannot change again under the same times: many ticks of any
system's clock."""
_SUMS: dict[str, tuple[tuple[int, ...], str]] = {}


def sum_of(path: str) -> str:
    """The sha256 of a file, taken once in this process while its times, size and place on the disk stay.

    Times alone could be set back, but not the time of the last change (ctime), which is the system's own. A file that
    was changed a moment ago is hashed again. Raises FileError.
    """
    try:
        found = os.stat(path)
    except OSError as fault:
        raise FileError(f"{path}: cannot read: {fault.strerror}") from None
    stamp = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    kept = _SUMS.get(path)
    if kept and kept[0] == stamp:
        return kept[1]
    settled = time.time_ns() - found.st_ctime_ns > _SETTLED_NS
    digest = sha256_of(path)
    if settled:
        _SUMS[path] = stamp, digest
    return digest


_PATH_ALONE = getattr(os, "O_PATH", 0)
"""The flag with which a name is followed, and nothing is opened."""

Stamp = tuple[int, ...]
"""Of a file mode, inode, device, links, owner, group, size and both times; of a folder its mode; other numbers where
nothing is."""
_NOT_THERE, _HANGING = (-1,), (-2,)


def stamp_at(path: str) -> Stamp:
    """What tells that a file is another one, or not the bytes that it was, without a look at those."""
    try:
        found = os.stat(path)
    except OSError:
        return _HANGING if os.path.lexists(path) else _NOT_THERE
    if stat.S_ISDIR(found.st_mode):
        return (found.st_mode,)
    return *found[:7], found.st_mtime_ns, found.st_ctime_ns


def is_settled(stamp: Stamp) -> bool:
    """Whether what has a stamp cannot change any more without getting another one."""
    return len(stamp) == 1 or time.time_ns() - stamp[-1] > _SETTLED_NS


def are_settled(stamps: Iterable[Stamp]) -> bool:
    return all(map(is_settled, stamps))


def real_path(path: str) -> str:
    """Where an absolute path leads, as os.path.realpath has it; the system is asked for the whole of it in one question
    and not for each folder above, of which there are many for each file."""
    try:
        handle = os.open(path, _PATH_ALONE | os.O_CLOEXEC) if _PATH_ALONE else -1
    except OSError:
        handle = -1
    if handle < 0:  # nothing is there, or the system has no such question
        return os.path.realpath(path)
    try:
        found = os.readlink(f"/proc/self/fd/{handle}")
    except OSError:
        return os.path.realpath(path)
    finally:
        os.close(handle)
    return os.path.realpath(path) if found.endswith(" (deleted)") or not found.startswith("/") else found


def on_disk(path: str) -> str:
    """A path of a record as the disk has it: what cannot be seen, as letters of no UTF-8, stands there escaped."""
    return path if "\\" not in path or os.path.lexists(path) else meant(path)


def hash_of_named(named_sums: Iterable[tuple[str, str]]) -> str:
    """One sha256 over (name, sha256) pairs, in the order given; names as a record shows them."""
    return hashlib.sha256("".join(f"{digest}  {visible(name)}\n" for name, digest in named_sums).encode()).hexdigest()


def entries_below(folder: Path | str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below a folder, in no order, by its name from there ("a/b"); links are not followed, and what may not
    be looked into is a folder without entries. The looks of pathlib's rglob take several times as long, and a bundle of
    a sweep is gone through a dozen times."""
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(os.path.join(folder, inside)) as found:
                entries = list(found)
        except PermissionError:
            continue
        for entry in entries:
            yield inside + entry.name, entry
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{inside}{entry.name}/")


def files_below(folder: Path | str) -> list[str]:
    """The names of all that is no folder below a folder, links with them, in order."""
    return sorted((name for name, entry in entries_below(folder) if not entry.is_dir(follow_symlinks=False)),
                  key=by_folders)


def by_folders(name: str) -> list[str]:
    """What names below a folder are sorted by."""
    return name.split("/")


def flush_folder(folder: Path) -> None:
    """Force the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def dump_json(value: object) -> str:
    """JSON text without NaN, in characters that can be seen; a number that JSON cannot hold is a defect of ours, and
    raises ValueError."""
    text = _json_text(value, "\n")
    if not text.isascii() or "\x7f" in text:  # all else that cannot be seen is escaped in JSON
        text = _UNSEEN.sub(_escaped, text)
    return text + "\n"


class SameAgain(dict[str, Any]):
    """A part of a value of JSON's kinds that is written many times and never changed: its text is made once for each
    depth that it stands at, or is the ``text`` that its maker knows, as json.dumps gives it with an indent of 2. To
    whoever gets it by another process it is a plain dictionary."""

    def __init__(self, value: Mapping[str, Any], text: str = "") -> None:
        super().__init__(value)
        self._texts = {"\n": text} if text else {}

    def text(self, line: str) -> str:
        """Its text where lines begin with ``line``; no line end in it is one of a text of its own."""
        if line not in self._texts:
            if not self._texts:
                self._texts["\n"] = _json_text(dict(self), "\n")
            self._texts[line] = self._texts["\n"].replace("\n", line)
        return self._texts[line]

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


def _json_text(value: object, line: str) -> str:
    """What json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) gives, where a part may have its text
    already. ``line`` is a line end with the blanks that a line begins with here."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, SameAgain):
        return value.text(line)
    inner = f"{line}  "
    if isinstance(value, dict):
        pairs = [f"{_json_key(key)}: {encode_basestring(entry) if type(entry) is str else _json_text(entry, inner)}"
                 for key, entry in value.items()]
        return f"{{{inner}{f',{inner}'.join(pairs)}{line}}}" if pairs else "{}"
    if isinstance(value, list | tuple):
        entries = [encode_basestring(entry) if type(entry) is str else _json_text(entry, inner) for entry in value]
        return f"[{inner}{f',{inner}'.join(entries)}{line}]" if entries else "[]"
    if type(value) is float and math.isfinite(value):
        return repr(value)
    return json.dumps(value, allow_nan=False)


def _json_key(key: object) -> str:
    if isinstance(key, str):
        return encode_basestring(key)
    return json.dumps({key: 0}, allow_nan=False)[1:].rpartition(":")[0]


def _escaped(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, text or bytes, so that a reader, or a crash, finds the old file or the new one and never a part.

    What is no file, such as /dev/null, /dev/stdout or a pipe, is written to and never put away for one. Raises
    FileError when it cannot be written; the old file is then as it was.
    """
    import tempfile  # every command loads this module, few write

    draft, data = None, content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    try:
        if is_no_file(path):
            with open(path, "wb") as stream:
                stream.write(data)
            return
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}-", delete=False) as stream:
            draft = stream.name
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(draft, 0o666 & ~_umask())
        os.replace(draft, path)
        draft = None
    except OSError as fault:
        raise FileError(f"{path}: cannot write: {fault.strerror}") from None
    finally:
        if draft is not None:
            with contextlib.suppress(OSError):
                os.unlink(draft)


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file, on the disk before this returns. Raises FileError where it cannot be written."""
    try:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as fault:
        raise FileError(f"{path}: cannot write: {fault.strerror}") from None


def user_cache() -> Path:
    """The folder for what can be made again: $XDG_CACHE_HOME/nb-compare, else ~/.cache/nb-compare."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nb-compare"


def others_could_write(path: Path) -> str | None:
    """Why somebody else could have put there what lies there: a sentence without its subject; None where only this
    user, or the superuser, could. Of a link its target counts.

    Raises OSError where there is nothing to look at.
    """
    said = path.stat()
    if hasattr(os, "getuid") and said.st_uid not in (os.getuid(), 0):
        return "belongs to another user"
    return written_by_more_than_its_owner(said)


def written_by_more_than_its_owner(said: os.stat_result) -> str | None:
    """Who else the permissions of a file or folder let write: a sentence without its subject; None where nobody."""
    if said.st_mode & stat.S_IWOTH:
        return "can be written by everybody"
    if said.st_mode & stat.S_IWGRP and not _of_one_user(said.st_gid, said.st_uid):
        return "can be written by its group"
    return None


def _of_one_user(group: int, user: int) -> bool:
    """Whether a group is the one that many systems make for each user, called as he is, with nobody else in it."""
    try:
        import grp
        import pwd

        name, found = pwd.getpwuid(user).pw_name, grp.getgrgid(group)
    except (ImportError, KeyError):
        return False
    return found.gr_name == name and set(found.gr_mem) <= {name}


def is_no_file(path: Path) -> bool:
    """Whether a name stands for something that takes text and is no file: a device, a pipe, or the output of this
    process, whatever that leads to. A folder is none of these."""
    if os.path.isdir(path) or not os.path.exists(path):
        return False
    return not os.path.isfile(path) or os.path.abspath(path).startswith(("/dev/", "/proc/"))


def _umask() -> int:
    """The permissions that new files do not get. It can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def odd_beginning(head: bytes) -> tuple[str, str] | None:
    """(what a file is that begins so, what to do), where it cannot be what people take it for; else None."""
    return next(((what, mend) for mark, what, mend in ODD_BEGINNINGS if head.startswith(mark)), None)
