"""Compiled files that were built before their sources were written: what runs then is of a text that no file has any
more, while the commit names the new one.

A compiler writes the names of its sources into what it makes. They are looked for among the files of the repository in
which the compiled file lies without being kept by it, and the times are compared, as make does.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbcompare.engine.repository.git import tracked_beside
from nbcompare.engine.sources.libraries import is_elf
from nbcompare.engine.sources.opened_kinds import OWN, kind_of
from nbcompare.files import sum_of

_SOURCES = ("c", "cc", "cpp", "cxx", "C", "cu", "f", "for", "f77", "f90", "f95", "f03", "F", "F90", "m", "pyx", "rs")
_HEADERS = ("h", "hh", "hpp", "hxx", "cuh", "inc", "pxd")
_ENDING = re.compile(rb"\.(?:" + "|".join(_SOURCES).encode() + rb")\0")
"""How the name of a source ends. It is looked for first, as its dot is rare: of 20 million bytes in 0.1 s."""
_NAME, _LONGEST_NAME = re.compile(rb"[\w.+-]+\Z"), 255
_MOST_BYTES = 64 << 20


def built_before(paths: Iterable[str]) -> Iterator[str]:
    """For each compiled file that no commit holds and of which a source is newer, one sentence that says so."""
    for path in compiled_among(paths):
        newer = next(_newer_sources(Path(path)), None)
        if newer:
            yield f"{path} was built before {newer} was written, and may be of its text before (build it again)"


def compiled_among(paths: Iterable[str]) -> Iterator[str]:
    """The files that were made by a compiler, and brought by neither the system nor an environment."""
    return filter(_is_compiled, paths)


def _is_compiled(path: str) -> bool:
    kind = kind_of(path)
    if kind is None or kind.word != OWN:
        return False
    try:
        if os.path.getsize(path) > _MOST_BYTES or not is_elf(Path(path)):
            return False
    except OSError:
        return False
    return not any(_is_environment(place) or (_has_python(place) and path.startswith(_parts_of_python(place)))
                   for place in Path(path).parents)


@functools.lru_cache(1024)
def _is_environment(place: Path) -> bool:
    return any((place / name).exists() for name in ("pyvenv.cfg", "conda-meta"))


@functools.lru_cache(1024)
def _has_python(place: Path) -> bool:
    """Whether a Python is installed there, as pyenv does below a repository of its own."""
    return place != Path(place.anchor) and next(place.glob("lib/python3*/os.py"), None) is not None


def _parts_of_python(place: Path) -> tuple[str, ...]:
    return tuple(f"{place}/{part}/" for part in ("bin", "lib"))


def _newer_sources(built: Path) -> Iterator[str]:
    """The names of sources, and of headers in their folders, that were written after the file was built."""
    patterns = tuple(f"*.{ending}" for ending in (*_SOURCES, *_HEADERS))
    found = tracked_beside(built, patterns)
    if found is None:
        return
    top, names = found
    stems = _stems_named_in(str(built), sum_of(str(built)))
    sources = [name for name in names if Path(name).stem in stems and not _is_header(name)]
    folders = {os.path.dirname(name) for name in sources}
    for name in (*sources, *(name for name in names if _is_header(name) and os.path.dirname(name) in folders)):
        try:
            if os.stat(top / name).st_mtime_ns > os.stat(built).st_mtime_ns:
                yield name
        except OSError:
            continue  # it was removed


@functools.lru_cache(64)
def _stems_named_in(built: str, _sha256: str) -> frozenset[str]:
    """The names of sources, without their endings, that a compiled file of these bytes holds."""
    content = Path(built).read_bytes()
    before = (content[max(0, found.start() - _LONGEST_NAME):found.start()] for found in _ENDING.finditer(content))
    return frozenset(name[0].decode("latin-1") for name in map(_NAME.search, before) if name)


def _is_header(name: str) -> bool:
    return name.rpartition(".")[2] in _HEADERS
