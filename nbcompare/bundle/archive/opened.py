"""One bundle of a sealed archive, opened: unpacked into a folder of this process, which goes when it ends, so that
whoever reads bundles reads it as any other. What is printed names the archive and not that folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tempfile

    from nbcompare.bundle.archive.sealed import Archive

_FOLDERS: dict[str, tuple[Path, str]] = {}
"""The folder of each bundle that was opened, with its archive and CELL/STAMP."""
_SCRATCH: list[tempfile.TemporaryDirectory[str]] = []
ENDING = ".zip"


def in_archive(path: Path) -> tuple[Path, str] | None:
    """(archive, what of it is meant: CELL, CELL/STAMP, or nothing) of a path that leads into one; None elsewhere."""
    for place in (path, *path.parents):
        if place.suffix == ENDING and place.is_file():
            inside = path.relative_to(place).as_posix()
            return place, "" if inside == "." else inside
    return None


def open_bundle(path: Path) -> Path:
    """The folder of the bundle that a path into an archive means. Raises EvidenceError where it means none."""
    from nbcompare.bundle.archive.sealed import Archive
    from nbcompare.errors import EvidenceError, nearest

    found = in_archive(path)
    assert found is not None, path
    with Archive(found[0]) as archive:
        cell = found[1].partition("/")[0]
        if not cell and len(archive.cells) == 1:
            cell = next(iter(archive.cells))
        if not cell:
            raise EvidenceError(f"{path}: a sealed archive of {len(archive.cells)} bundles; name one of them",
                                hint=f"{path}/{next(iter(archive.cells), 'CELL')}, say; verify takes all of them")
        if cell not in archive.cells or found[1] not in ("", cell, archive.cells[cell].name):
            raise EvidenceError(f"{path}: there is no such bundle in the archive; {nearest(cell, archive.cells)}")
        return opened(archive, cell)


def opened(archive: Archive, cell: str) -> Path:
    """The folder of a bundle of an archive, unpacked once. Raises EvidenceError where it is damaged."""
    name = archive.cells[cell].name
    known = next((folder for folder, said in _FOLDERS.items() if said == (archive.path, name)), None)
    if known and os.path.isdir(known):
        return Path(known)
    import tempfile  # every command loads this module, few open an archive

    if not _SCRATCH:
        _SCRATCH.append(tempfile.TemporaryDirectory(prefix="nb-compare-"))
    place = Path(tempfile.mkdtemp(dir=_SCRATCH[0].name))
    folder = archive.extract(cell, place)
    _FOLDERS[str(folder)] = archive.path, name
    return folder


def source_of(folder: Path) -> tuple[Path, str] | None:
    """(archive, CELL/STAMP) of a folder in which a bundle of one was opened; None of any other."""
    return _FOLDERS.get(str(folder))


def root_of(folder: Path) -> Path:
    """Where the bundles lie that a bundle lies among: of one in an archive, where that lies."""
    found = source_of(folder)
    return (found[0] if found else folder).absolute().parent.parent


def as_named(text: str) -> str:
    """A text in which the folders of opened bundles are called by their archives."""
    for folder, (archive, name) in _FOLDERS.items():
        text = text.replace(folder, f"{archive}/{name}")
    return text
