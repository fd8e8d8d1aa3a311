"""What lies beside the bundles of a case and is no evidence: pages and answers, made whenever somebody asks for them.

Bundles may be committed, and then such a file would be a change of the tree, and a gate that wants a clean one red.
So each of these folders tells git to overlook it, as a virtual environment does.
"""

from __future__ import annotations

from pathlib import Path

from nbcompare.bundle.archive.opened import root_of, source_of
from nbcompare.bundle.names import PAGES
from nbcompare.files import write_whole

_IGNORED = ".gitignore"


def page_of(folder: Path) -> Path:
    """Where the report page of a bundle lies."""
    return _home(folder) / PAGES / f"{folder.name}.html"


def _home(folder: Path) -> Path:
    """The folder of the bundles of its case; of one that was opened from an archive, where they would lie."""
    return root_of(folder) / folder.parent.name if source_of(folder) else folder.parent


def overlooked(folder: Path) -> Path:
    """The folder, there and overlooked by git. Raises FileError or OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / _IGNORED).exists():
        write_whole(folder / _IGNORED, "*\n")
    return folder


def overlook(folder: Path, name: str) -> None:
    """Let git overlook one file of a folder, unless somebody wrote there what is overlooked. Raises FileError."""
    if not (folder / _IGNORED).exists():
        write_whole(folder / _IGNORED, f"/{name}\n/{_IGNORED}\n")


def removed_if_empty(folder: Path) -> None:
    """Remove such a folder when nothing is left in it. Raises OSError."""
    if all(entry.name == _IGNORED for entry in folder.iterdir()):
        (folder / _IGNORED).unlink(missing_ok=True)
        folder.rmdir()
