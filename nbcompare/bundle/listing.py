"""Which bundles there are: BUNDLES/CASE/STAMP, in the order in which they were made."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbcompare.bundle.archive.sealed import Archive, cells_in_text, index_in
from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.imported import is_imported
from nbcompare.bundle.manifest import record_sum
from nbcompare.bundle.names import ARCHIVE, RECORD, SIGNOFFS, STAMP, archives_about, newest_stamp
from nbcompare.bundle.record import Record
from nbcompare.bundle.signoffs import read as read_signoff
from nbcompare.errors import EvidenceError, FileError
from nbcompare.files import sha256_of


@dataclass(frozen=True)
class ListedBundle:
    """One stored bundle. ``damage`` says why its record cannot be read; ``signed`` are the phases that rest on it."""

    folder: Path
    record: Record | None
    damage: str | None = None
    signed: tuple[str, ...] = ()

    @property
    def case(self) -> str:
        return self.folder.parent.name

    @property
    def stamp(self) -> str:
        return self.folder.name

    @property
    def name(self) -> str:
        """CASE/STAMP, as sign-offs, ledgers and other records name a bundle."""
        return f"{self.case}/{self.stamp}"

    @property
    def imported(self) -> bool:
        """Whether it came from elsewhere."""
        return is_imported(self.folder)

    def as_dict(self) -> dict[str, Any]:
        """What a machine wants to know of it without opening it; null where the record does not say."""
        said = {"bundle": str(self.folder), "case": self.case, "stamp": self.stamp, "damage": self.damage,
                "imported": self.imported, "signed": list(self.signed),
                "verdict": None, "exit_code": None, "git_sha": None, "git_dirty": None,
                "correlation": None, "sum_ratio": None, "engines": []}
        if self.record is None:
            return said
        record = self.record
        first = record.comparison.regions[0] if record.comparison else None
        figures = {name: first.figure(name).value if first else None for name in ("correlation", "sum_ratio")}
        return {**said, "verdict": str(record.verdict.word), "exit_code": int(record.verdict.exit_code),
                "git_sha": record.git.sha, "git_dirty": record.git.dirty, **figures,
                "engines": [{"role": e.role, "name": e.name, "version": e.version, "sha256": e.program_sha256}
                            for e in record.engines]}


def list_bundles(root: Path, case: str | None = None) -> list[ListedBundle]:
    """Every bundle below ``root`` (of one case, if named), by case and then by stamp. Raises FileError."""
    signed = phases_by_bundle(root)
    return [listed(folder, signed.get(f"{folder.parent.name}/{folder.name}", ()))
            for home in homes_in(root) if case in (None, home.name) for folder in stamped_in(home)]


def phases_by_bundle(root: Path) -> dict[str, tuple[str, ...]]:
    """The phases whose sign-offs name a bundle, by CASE/STAMP.

    Raises EvidenceError for a sign-off that cannot be read: whatever it names must not be guessed away.
    """
    named: dict[str, set[str]] = {}
    for path in sorted((root / SIGNOFFS).glob("*/*.json")):
        signoff = read_signoff(path)
        for bundle in signoff.bundles:
            named.setdefault(bundle, set()).add(signoff.phase)
    return {bundle: tuple(sorted(phases)) for bundle, phases in named.items()}


def newest_bundle(root: Path, case: str) -> Path:
    """The newest bundle of a case. Raises EvidenceError when there is none."""
    found = newest_in(root / case)
    if found is None:
        raise EvidenceError(f"{root / case}: there is no bundle of case {case}", hint="nb-compare run makes one")
    return found


def newest_in(home: Path) -> Path | None:
    """What has the newest stamp in the folder of a case, a bundle or not: there is no choosing a kinder one. A path
    into a sealed archive where that holds a newer one of a cell, or cannot be looked into."""
    stamp = newest_stamp(home) if home.is_dir() else None
    for archive in archives_about(home.parent, home.name):
        its = archive.name.rpartition("-")[0]
        if stamp and its <= stamp:
            break
        if _may_hold(archive, home.name):
            return archive / home.name / its
    return home / stamp if stamp else None


def _may_hold(path: Path, cell: str) -> bool:
    try:
        with Archive(path) as archive:
            return cell in archive.cells
    except (EvidenceError, FileError):
        return True


def homes_in(root: Path) -> list[Path]:
    """The folders of the cases, by name. Raises FileError when they cannot be listed."""
    try:
        return sorted(path for path in root.iterdir()
                      if path.is_dir() and not path.name.startswith(".") and path.name != SIGNOFFS)
    except FileNotFoundError:
        return []
    except OSError as fault:
        raise FileError(f"{root}: cannot list the bundles: {fault.strerror}") from None


def archives_in(root: Path) -> list[Path]:
    """Every sealed archive below ``root``, by case and then by stamp. Raises FileError as ``homes_in`` does."""
    return [path for home in homes_in(root) for path in sorted(home.iterdir()) if ARCHIVE.fullmatch(path.name)]


def archived_in(root: Path, case: str | None = None) -> list[str]:
    """The cells that sealed archives below ``root``, or those of one case, say they hold; nothing is verified. Raises
    FileError as above."""
    found: dict[str, None] = {}
    for path in archives_in(root):
        if case not in (None, path.parent.name):
            continue
        with suppress(ValueError):
            found.update(dict.fromkeys(cell.cell for cell in cells_in_text(index_in(path) or "")))
    return list(found)


def stamped_in(home: Path) -> list[Path]:
    """What has a stamp for a name in the folder of a case, oldest first; a bundle or not."""
    if not home.is_dir():
        return []
    return sorted(path for path in home.iterdir() if STAMP.fullmatch(path.name) and path.is_dir())


def listed(folder: Path, signed: tuple[str, ...] = (), text: str | None = None) -> ListedBundle:
    """The bundle in a folder as it is listed; what cannot be read is said in it, not raised. ``text`` is that of its
    record where it was read already."""
    try:
        record = load_bundle(folder, text).record
        if (record.stamp, record.case.name) != (folder.name, folder.parent.name):
            return ListedBundle(folder, None, f"its record is that of {record.name}", signed)
        damage = _contradiction(record) if text is not None else damage_of(folder, record)
        return ListedBundle(folder, None if damage else record, damage, signed)
    except (EvidenceError, FileError) as fault:
        return ListedBundle(folder, None, fault.message, signed)


def damage_of(folder: Path, record: Record) -> str | None:
    """What can be seen of damage in a bundle, wherever it lies, without looking at any file but its record: that this
    is not the one whose sum the manifest states, or contradicts itself. Raises FileError where one cannot be read."""
    if record_sum(folder)[1] != sha256_of(folder / RECORD):
        return f"{RECORD} is not the file that its manifest names"
    return _contradiction(record)


def _contradiction(record: Record) -> str | None:
    """What a record says against itself of its verdict: a limit that its own value does not meet, or a pass beside one.
    Whether the values are those of the images only verify can tell."""
    for check in record.verdict.checks:
        value = check.value
        if check.holds != (value is not None and check.threshold.admits(value)):
            said = "holds" if check.holds else "does not hold"
            return f"its record says that {check.sentence} {said}"
        if record.comparison and record.comparison.figure(check.threshold.metric, check.threshold.roi).value != value:
            return f"its record has two values of {check.threshold.metric} on {check.threshold.roi}"
    if record.verdict.passed and not all(check.holds for check in record.verdict.checks):
        return "its record says PASS of a threshold that does not hold"
    return None


def size_of(folder: Path) -> int:
    """Bytes of all files of a folder; files that vanish meanwhile are not counted."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(place, name).lstat().st_size
    return total
