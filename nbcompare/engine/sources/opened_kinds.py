"""Of what kind a file is that an engine opened: its own, one of Python or the system, of an installed distribution, or
one that is no source of anything.

No source are devices and what the kernel shows as files, caches, fonts, time zones and texts of languages, and what the
C library reads for every program (/etc/ld.so.cache, /etc/passwd, ...): these change with the machine and from day to
day. The kind goes by the path; what lies there is looked at only to tell a Python installation.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import source_from_cache
from pathlib import Path

from nbcompare.files import sum_of

_NO_FILES = ("/proc/", "/sys/", "/dev/", "/run/systemd/", "/run/nscd/", "/run/udev/", "/run/dbus/", "/var/run/nscd/")
_NO_DEVICES = "/dev/shm/"
_SYSTEM = ("/usr/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/bin/", "/sbin/", "/nix/store/", "/gnu/store/")
_NOT_SYSTEM = ("/usr/local/", "/usr/src/")
_OF_THE_MACHINE = ("/usr/lib/locale/", "/usr/share/locale/", "/usr/share/zoneinfo/", "/usr/share/fonts/",
                   "/usr/share/fontconfig/", "/usr/share/terminfo/", "/usr/lib/terminfo/", "/lib/terminfo/",
                   "/usr/share/ca-certificates/", "/usr/share/i18n/", "/usr/share/X11/", "/usr/local/share/fonts/",
                   "/etc/fonts/", "/etc/ssl/", "/etc/ld.so.conf.d/", "/etc/terminfo/", "/etc/OpenCL/",
                   "/etc/alternatives/", "/var/cache/", "/var/lib/dpkg/", "/var/lib/rpm/", "/var/lib/dbus/",
                   "/var/lib/systemd/", "/var/lib/sss/")
_OF_ETC = frozenset(f"/etc/{name}" for name in (
    "ld.so.cache", "ld.so.conf", "localtime", "timezone", "passwd", "group", "shadow", "nsswitch.conf", "hosts",
    "resolv.conf", "host.conf", "hostname", "gai.conf", "locale.alias", "machine-id", "mime.types", "os-release",
    "lsb-release", "debian_version", "services", "protocols", "networks", "inputrc", "gitconfig", "shells"))
_CACHES = frozenset(("GLCache", "mesa_shader_cache", ".nv", ".triton", ".ccache", ".pytest_cache",
                     ".mypy_cache", ".ruff_cache", ".fontconfig"))
_OF_GIT = frozenset(("HEAD", "index", "objects", "refs", "logs", "packed-refs", "ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD",
                     "CHERRY_PICK_HEAD", "REBASE_HEAD", "AUTO_MERGE", "COMMIT_EDITMSG", "description", "shallow",
                     "commondir", "gitdir", "reftable", "fsmonitor--daemon", "fsmonitor--daemon.ipc"))
_OF_REPOSITORIES = {".git": _OF_GIT, ".hg": frozenset(("store", "cache", "wcache", "dirstate", "branch", "bookmarks")),
                    ".svn": frozenset(("wc.db", "pristine", "tmp", "entries", "format"))}
"""By folder what a system of versions writes there in its daily work; all else that lies there is as any other file."""

_OF_PUSHING = re.compile(r"\s*\[(remote|branch|user|author|committer|credential|http|submodule|gc|maintenance|alias"
                         r"|safe|color|pull|push|fetch|advice|init|url|gpg|commit|tag|rebase|rerere|gui|sendemail)\b",
                         re.IGNORECASE)
_CONFIGURATIONS = ("/.git/config", "/.gitconfig", "/git/config")
_CACHE_FILES = re.compile(r".*(\.pid|/__pycache__/[^/]*\.pyc|gconv-modules\.cache)")
_PACKAGES = re.compile(r"(.*/(?:site|dist)-packages)/(.+)")
_STDLIB = re.compile(r"(.*/lib(?:64)?/(?:python|pypy)3(?:\.\d+)?t?)/(.+)")
OWN, PYTHON, SYSTEM, INSTALLED = "own", "python", "system", "installed"


@dataclass(frozen=True)
class FileKind:
    """What a file is: the word, the folder that it is counted under, and its name below that."""

    word: str
    place: str
    name: str


@functools.lru_cache(1 << 14)
def kind_of(path: str) -> FileKind | None:
    """The kind of a file by its path; None for one that is no source of a program."""
    if path.startswith((*_NO_FILES, *_OF_THE_MACHINE)) and not path.startswith(_NO_DEVICES):
        return None
    if path in _OF_ETC or _CACHE_FILES.fullmatch(path):
        return None
    parts = path.split("/")
    if not _CACHES.isdisjoint(parts[:-1]) or _is_of_repository(parts):
        return None
    packages = _PACKAGES.fullmatch(path)
    if packages:
        return FileKind(INSTALLED, *packages.groups())
    stdlib = _STDLIB.fullmatch(path)
    if stdlib and _is_stdlib(stdlib[1]):
        return FileKind(PYTHON, *stdlib.groups())
    if path.startswith(_SYSTEM) and not path.startswith(_NOT_SYSTEM):
        return FileKind(SYSTEM, "/", path[1:])
    return FileKind(OWN, "", path)


def _is_of_repository(parts: list[str]) -> bool:
    """Whether a file is one that a system of versions keeps its commits and its state in, also for a work tree
    (.git/worktrees/NAME) and a submodule (.git/modules/NAME)."""
    for place, own in _OF_REPOSITORIES.items():
        if place in parts[:-1]:
            inside = parts[parts.index(place) + 1:]
            if inside[0] in ("worktrees", "modules"):
                return not own.isdisjoint(inside[1:])
            return inside[0] in own or inside[-1].endswith(".lock")
    return False


def sum_as_opened(path: str) -> str:
    """The sum of a file that was opened; of a configuration of git, a repository's or the user's, without what says
    where it is pushed, who works in it and how it is shown, which other programs write. Raises FileError."""
    if not path.endswith(_CONFIGURATIONS):
        return sum_of(path)
    try:
        sections = re.split(r"(?m)^(?=\s*\[)", Path(path).read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return sum_of(path)
    kept = "".join(text for text in sections if not _OF_PUSHING.match(text))
    return hashlib.sha256(os.fsencode(kept)).hexdigest()


def can_be_made_again(path: str) -> bool:
    """Whether a file lies in a cache, from which it may be taken without harm; what it says counts all the same."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return "/.cache/" in path or bool(cache and path.startswith(os.path.join(cache, "")))


def source_behind(path: str, is_file: Callable[[str], bool] = os.path.isfile) -> str:
    """The source that Python compiled a file of __pycache__ from, where it is there; else the file itself."""
    if not path.endswith(".pyc") or os.path.basename(os.path.dirname(path)) != "__pycache__":
        return path
    source = compiled_from(path)
    return source if source and is_file(source) else path


@functools.lru_cache(1 << 14)
def compiled_from(path: str) -> str | None:
    """The source that a file of __pycache__ is named after; None where it is none."""
    try:
        return source_from_cache(path)
    except ValueError:
        return None


@functools.cache
def _is_stdlib(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "os.py"))


# --- installed distributions -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ListedFile:
    """A file as the list of its distribution has it: path of that list, its sum as a wheel writes it, its size."""

    listing: str
    digest: str
    size: str


class ListedFiles:
    """What distributions say of their files at one moment: each folder and each list is looked at once."""

    def __init__(self) -> None:
        self._lists: dict[tuple[str, str], list[str]] = {}
        self._written: dict[str, os.stat_result] = {}

    def entry_of(self, kind: FileKind) -> ListedFile | None:
        """What the distribution of an installed file says of it; None where none lists it with a sum."""
        top = kind.name.partition("/")[0]
        if (kind.place, top) not in self._lists:
            self._lists[kind.place, top] = _listings(kind.place, top)
        for at, listing in enumerate(self._lists[kind.place, top]):
            written = self.written(listing).st_mtime_ns
            if at and not _may_list(listing, written, kind.name):
                continue
            found = rows_of(listing, written).get(kind.name)
            if found:
                return ListedFile(listing, *found)
        return None

    def written(self, listing: str) -> os.stat_result:
        """The times of a list."""
        if listing not in self._written:
            self._written[listing] = os.stat(listing)
        return self._written[listing]


def entry_of(kind: FileKind) -> ListedFile | None:
    """The same for one file."""
    return ListedFiles().entry_of(kind)


def distribution_of(listing: str) -> str:
    """Name and version, as the folder of a list says them."""
    return os.path.basename(os.path.dirname(listing)).removesuffix(".dist-info").replace("-", " ")


def _may_list(listing: str, written: int, name: str) -> bool:
    """Whether a name stands in a list at all: one that is of none of the distributions that it is called like is looked
    for in all lists that there are, and to take each of a hundred apart takes twenty times as long."""
    return name.replace('"', '""') in _text_of(listing, written)


@functools.lru_cache(maxsize=256)
def _text_of(listing: str, _written: int) -> str:
    """What is written in a list; nothing where it cannot be read."""
    try:
        with open(listing, encoding="utf-8", newline="") as stream:
            return stream.read()
    except (OSError, ValueError):
        return ""


@functools.lru_cache(maxsize=256)
def rows_of(listing: str, written: int) -> dict[str, tuple[str, str]]:
    """By name below the folder of packages (sum, size) of all files that a RECORD lists with a sum."""
    text = _text_of(listing, written)
    try:
        rows = csv.reader(io.StringIO(text, newline="")) if '"' in text else \
            (line.rstrip("\r").split(",") for line in text.split("\n"))
        return {row[0]: (row[1], row[2]) for row in rows if len(row) == 3 and row[1].startswith("sha256=")}
    except csv.Error:
        return {}


def names_listed(listing: str) -> list[str]:
    """The names, below the folder of packages, of the files of a distribution by its list of files; none where that is
    gone."""
    return list(rows_of(listing, os.stat(listing).st_mtime_ns)) if os.path.isfile(listing) else []


def _listings(place: str, top: str) -> list[str]:
    """The lists of files in a folder of packages, that of a distribution called ``top`` first."""
    if top.endswith(".dist-info"):
        own = os.path.join(place, top, "RECORD")
        return [own] if os.path.isfile(own) else []
    return _in_order(place, top.partition(".")[0], os.stat(place).st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _in_order(place: str, name: str, written: int) -> list[str]:
    wanted = _plain(name)
    return sorted(_all_listings(place, written),
                  key=lambda path: _plain(os.path.basename(os.path.dirname(path)).partition("-")[0]) != wanted)


@functools.lru_cache(maxsize=16)
def _all_listings(place: str, _written: int) -> list[str]:
    return sorted(str(path) for path in Path(place).glob("*.dist-info/RECORD"))


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(".", "")
