"""What was found out about a bundle after it was published: answers of diagnose and trace, kept beside it.

A bundle is never written again, so an answer lies in a hidden folder beside those of its case, with the sum of the
manifest that it is about: a folder of the same name with other evidence in it has no answer. It is a help for
readers, and no evidence: nothing is judged by it, and ``verify`` does not look at it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbcompare.bundle import strict_json
from nbcompare.bundle.beside import overlooked, removed_if_empty
from nbcompare.bundle.manifest import read_text
from nbcompare.bundle.names import FOUND, MANIFEST, moment_of
from nbcompare.errors import FileError
from nbcompare.files import dump_json, sha256_of

DIAGNOSIS, TRACE = "diagnosis", "trace"
"""The kinds of answers that are kept."""


def keep(folder: Path, kind: str, answer: Mapping[str, Any]) -> None:
    """Keep an answer about the bundle in a folder; a newer one of its kind takes its place.

    What is no bundle of a stamp, or lies where nothing can be written, has no answer kept: whoever asked has it.
    """
    place = _place(folder, kind)
    if moment_of(folder.absolute().name) is None:
        return
    with contextlib.suppress(OSError, FileError):
        text = dump_json({"manifest_sha256": sha256_of(folder / MANIFEST), "answer": dict(answer)})
        overlooked(place.parent.parent)
        place.parent.mkdir(exist_ok=True)
        partial = place.with_name(f".{place.name}.{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(place)


def kept(folder: Path, kind: str) -> dict[str, Any] | None:
    """The answer of that kind about this very bundle, None where there is none that can be read."""
    with contextlib.suppress(FileError, ValueError, KeyError, TypeError):
        stored = strict_json.loads(read_text(_place(folder, kind)))
        if stored["manifest_sha256"] == sha256_of(folder / MANIFEST):
            return dict(stored["answer"])
    return None


def forget(folder: Path) -> None:
    """Remove what was kept about a bundle that is no more. Raises OSError."""
    place = _place(folder, DIAGNOSIS).parent
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
        with contextlib.suppress(OSError):  # answers about other bundles of its case stay
            removed_if_empty(place.parent)


def _place(folder: Path, kind: str) -> Path:
    return folder.absolute().parent / FOUND / folder.absolute().name / f"{kind}.json"
