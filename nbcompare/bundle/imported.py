"""The mark of a bundle that was imported: a file beside the bundles of its case, written before the bundle is there."""

from __future__ import annotations

import datetime
from pathlib import Path

from nbcompare.bundle.names import IMPORTED
from nbcompare.files import dump_json


def mark(home: Path, stamp: str, source: Path, manifest_sha256: str) -> None:
    """Write down, for good, that the bundle of this stamp came from ``source``; an older mark stays."""
    path = home / IMPORTED / f"{stamp}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    path.write_text(dump_json({"from": source.name, "on": now, "manifest_sha256": manifest_sha256}), encoding="utf-8")
    path.chmod(0o444)


def is_imported(folder: Path) -> bool:
    """Whether the bundle in a folder was imported."""
    return (folder.absolute().parent / IMPORTED / f"{folder.name}.json").exists()
