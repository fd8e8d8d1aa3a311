"""Folders that a program listed, and which of the names in them count: a new one may be found by the next run."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.sources.opened_kinds import INSTALLED, OWN, kind_of, source_behind
from nbcompare.engine.sources.python_here import lies_beside
from nbcompare.files import hash_of_named

_CODE = frozenset((".py", ".pyc", ".so", ".pyd"))
_HIDDEN, _DEEP = ".", "**"
"""Among endings: of hidden files, and that files in folders of folders count too."""
_MOST_DEEP = 8
_AT_START, _PLUG_INS = (".pth", "sitecustomize.py", "usercustomize.py"), "entry_points.txt"


@dataclass(frozen=True)
class Listing:
    """A folder that was listed, as plug-ins and tables are found by: the endings of names that count, and one sum over
    the names of its files with these, and of its packages and folders that hold such files. Where code alone was opened
    in it, or nothing, code counts; where data were, all but what people and editors leave beside data; ``endings`` are
    then empty. Where such a file was opened all of its ending count, too. Where all folders in it
    were listed as well, it is walked: a new folder then counts also where what it holds lies deeper."""

    place: str
    endings: tuple[str, ...]
    sha256: str

    @property
    def is_deep(self) -> bool:
        """Whether files in folders of folders count too."""
        return _DEEP in self.endings


def listings_of(calls: FileUses, is_known: Callable[[str], bool],
                behind: Callable[[str], str] = source_behind) -> Iterator[Listing]:
    """The folders that were listed. Where files lie that are known from reading (``is_known``) data alone count: Python
    searches its modules there, and what would be new to it is looked for by asking again. Of a folder of packages only
    what every Python looks at counts, and what describes plug-ins where such descriptions were read. ``behind`` says
    which source a compiled file is of."""
    used, beside = _endings_used(calls, behind), _opened_beside(calls)
    listed = {path for path, use in calls.uses.items() if use.is_folder and use.read}
    for path, use in sorted(calls.uses.items()):
        kind = kind_of(path + os.sep + "x") if use.is_folder and use.read and not use.made else None
        if kind is None or kind.word not in (OWN, INSTALLED) or not os.path.isdir(path):
            continue
        if is_known(path):
            endings = tuple(sorted(used.get(path, set()) - _CODE - {""}))
            if not endings:
                continue
        elif kind.word == OWN:
            nothing = path not in used and not names_in(path, ())
            endings = () if used.get(path, set()) - _CODE or nothing else tuple(sorted(_CODE))
        elif kind.place == path:
            endings = (*_AT_START, *(name for name in (_PLUG_INS,) if any(
                seen.startswith(path) and seen.endswith(f"-info/{_PLUG_INS}") for seen in calls.uses)))
        else:
            continue
        more = tuple(sorted(beside.get(path, ())))
        walked = (_DEEP,) if kind.word == OWN and _is_walked(path, listed) else ()
        for those in ((*walked, *endings), (*walked, *more)) if more else ((*walked, *endings),):
            names = names_in(path, those)
            if names is not None:
                yield Listing(path, those, sum_of_names(names))


def _is_walked(folder: str, listed: Collection[str]) -> bool:
    """Whether a folder holds others, and all of them were listed."""
    try:
        with os.scandir(folder) as entries:
            inside = [entry.path for entry in entries if not entry.name.startswith(".") and entry.name != "__pycache__"
                      and entry.is_dir(follow_symlinks=False)]
    except OSError:
        return False
    return bool(inside) and all(path in listed for path in inside)


def _opened_beside(calls: FileUses) -> dict[str, set[str]]:
    """By folder the endings of what was opened there although people and editors leave the like beside data."""
    found: dict[str, set[str]] = {}
    for path, use in calls.uses.items():
        if not (use.stamp and use.read) or use.made:
            continue
        folder, name = os.path.split(path)
        if not name.startswith(".git"):
            if name.startswith("."):
                found.setdefault(folder, set()).add(_HIDDEN)
            elif lies_beside(name):
                found.setdefault(folder, set()).add(os.path.splitext(name)[1])
    return found


def _endings_used(calls: FileUses, behind: Callable[[str], str]) -> dict[str, set[str]]:
    """By folder the endings of what was used in it, and in folders within it that were listed too."""
    found: dict[str, set[str]] = {}
    for path, use in calls.uses.items():
        if use.stamp and not use.made and (use.read or use.run):
            folder, name = os.path.split(behind(path))
            found.setdefault(folder, set()).add(os.path.splitext(name)[1])
    for path, use in calls.uses.items():
        if use.is_folder and use.read and path in found:
            found.setdefault(os.path.dirname(path), set()).update(found[path])
    return found


def names_in(folder: str, endings: tuple[str, ...]) -> list[str] | None:
    """The names in a folder that count, sorted; None where it cannot be read."""
    kinds = tuple(ending for ending in endings if ending != _DEEP)
    levels = _MOST_DEEP if _DEEP in endings else 1
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if _counts(entry, kinds, levels))
    except OSError:
        return None


def _counts(entry: os.DirEntry[str], endings: tuple[str, ...], levels: int) -> bool:
    """Whether a file, or one of the files in a folder, so many levels down, is of the kind that is looked for."""
    if entry.name.startswith("."):
        return _HIDDEN in endings and entry.is_file()
    if entry.name == "__pycache__":
        return False
    if entry.is_file():
        return _is_of(entry.name, endings)
    try:
        with os.scandir(entry.path) as within:
            return any(_is_of(below.name, endings) if below.is_file() else
                       levels > 1 and below.is_dir(follow_symlinks=False) and _counts(below, endings, levels - 1)
                       for below in within)
    except OSError:
        return False


def _is_of(name: str, endings: tuple[str, ...]) -> bool:
    if endings:
        _, dot, ending = name.rpartition(".")  # a folder of packages holds thousands of names
        return dot + ending in endings or name in endings
    return not (lies_beside(name) or name.startswith("."))


def sum_of_names(names: Iterable[str]) -> str:
    return hash_of_named((name, "") for name in names)
