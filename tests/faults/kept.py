"""What pieces of the faults have found, kept by the content of the code and tests that found it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.faults.groups import Piece, rows_of
from tests.faults.laboratory import Row

CHECKOUT = Path(__file__).resolve().parents[2]
TRIED = (":/nbcompare", ":/simulator", ":/tests")


@dataclass(frozen=True)
class Kept:
    """Results in a folder of the content that was tried. ``commit``: that of the page, and whether it was changed."""

    folder: Path
    commit: str

    @classmethod
    def of_this_checkout(cls) -> Kept:
        """The place of what lies in this checkout now: a commit that changes neither code nor tests keeps it."""
        trees = _git("rev-parse", *(f"HEAD:{path[2:]}" for path in TRIED))
        changed = _git("status", "--porcelain", "--", *TRIED)
        edited = _git("diff", "HEAD", "--", *TRIED) + changed if changed else ""
        key = hashlib.sha256(f"{trees}\n{edited}".encode()).hexdigest()[:16]
        commit = _git("log", "-1", "--format=%h", "--abbrev=10", "--", *TRIED)
        return cls(CHECKOUT / "build" / "faults" / key, f"`{commit}`" + (" with changes" if changed else ""))

    def rows_of(self, piece: str) -> list[Row] | None:
        """What a piece found; None when it was not tried at this content, or not to its end."""
        path = self.folder / f"{piece}.json"
        if not path.exists():
            return None
        return [Row(**{**row, "codes": tuple(row["codes"])}) for row in json.loads(path.read_text(encoding="utf-8"))]

    def keep(self, piece: str, rows: list[Row]) -> None:
        """Put the rows of a piece down, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.folder / f"{piece}.part"
        fresh.write_text(json.dumps([dataclasses.asdict(row) for row in rows]), encoding="utf-8")
        fresh.replace(self.folder / f"{piece}.json")


def try_and_keep(piece: Piece, kept: Kept) -> None:
    """One piece, in a process of its own (which cannot find a function of ``__main__``)."""
    kept.keep(piece.name, rows_of(piece))


def _git(*words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=CHECKOUT, text=True).strip()
