"""The history that a folder of bundles keeps: every run of every case, and every sign-off. Nothing here ends in an
error for what a bundle holds: one that is damaged, or none, is a run that says so.

A bundle is not verified. Its record must be the file whose sum its manifest states; then the sum of the manifest names
all that is kept of it here, so that it need not be read again (cache.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.bundle.history.cache import Cache
from nbcompare.bundle.history.past_run import PastRun, past_run
from nbcompare.bundle.imported import is_imported
from nbcompare.bundle.listing import archived_in, homes_in, listed, stamped_in
from nbcompare.bundle.manifest import read_text, record_sum
from nbcompare.bundle.names import MANIFEST, RECORD, SIGNOFFS
from nbcompare.bundle.signoffs import SignOff, read
from nbcompare.case.case_file import load_case
from nbcompare.errors import EvidenceError, FileError, NbCompareError, nearest


@dataclass(frozen=True)
class KeptSignOff:
    """A sign-off, or why it cannot be read. ``changed`` are the bundles that are no longer those that were signed."""

    phase: str
    stamp: str
    signoff: SignOff | None
    damage: str | None = None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class History:
    """The runs of each case, oldest first, and the sign-offs by phase and stamp."""

    cases: Mapping[str, tuple[PastRun, ...]]
    signoffs: tuple[KeptSignOff, ...]
    from_cache: int = 0
    """How many runs were taken from the cache."""


def read_history(root: Path, case: str | None = None, cache: Cache | None = None) -> History:
    """The history below ``root``, of one case if it is named. Raises FileError where the folder cannot be listed."""
    known = Cache(None) if cache is None else cache
    sums: dict[str, str] = {}
    signed = list(_signoffs(root))
    phases = _phases(signed)
    cases: dict[str, tuple[PastRun, ...]] = {}
    for home in homes_in(root):
        if case in (None, home.name):
            runs = tuple(_runs(home, known, sums, phases))
            cases |= {home.name: runs} if runs else {}
    return History(cases, tuple(_with_changes(entry, root, sums) for entry in signed), known.hits)


def runs_of(root: Path, case: str) -> tuple[PastRun, ...]:
    """The runs of a case, oldest first. Raises EvidenceError where there is none."""
    found = read_history(root, case).cases.get(case)
    cell = Path(case).name
    if not found and cell in archived_in(root):
        raise EvidenceError(f"{root}: the bundles of {cell} lie in sealed archives, and only those in folders are "
                            "followed", hint=f"nb-compare show {cell} prints the newest")
    if not found:
        known = [home.name for home in homes_in(root) if stamped_in(home)]
        raise EvidenceError(f"{root}: there is no bundle of case {case}; {nearest(case, known)}",
                            hint="nb-compare list")
    return found


def case_meant(named: str, root: Path) -> tuple[Path, str]:
    """The folder of bundles and the name of the case that somebody means: a name, a case file, or the folder of the
    case's bundles. Raises CaseError for a case file that cannot be read."""
    path = Path(named)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return root, load_case(path).name
    if len(path.parts) > 1 and path.is_dir():
        home = path.resolve()
        return home.parent, home.name
    return root, named


def _runs(home: Path, known: Cache, sums: dict[str, str], phases: Mapping[str, set[str]]) -> Iterator[PastRun]:
    try:
        folders = stamped_in(home)
    except OSError as fault:
        yield PastRun(home.name, "", f"the folder cannot be listed: {fault.strerror}")
        return
    for folder in folders:
        name = f"{home.name}/{folder.name}"
        run = _run(folder, name, known, sums)
        yield replace(run, signed=tuple(sorted(phases.get(name, ()))), imported=is_imported(folder))


def _run(folder: Path, name: str, known: Cache, sums: dict[str, str]) -> PastRun:
    reading = MANIFEST
    try:
        manifest, stated = record_sum(folder)
        reading = RECORD
        text = read_text(folder / RECORD)
    except (NbCompareError, OSError, ValueError) as fault:
        return PastRun(folder.parent.name, folder.name, f"{reading}: {_words(fault)}")
    sums[name] = manifest
    if hashlib.sha256(text.encode()).hexdigest() != stated:
        return PastRun(folder.parent.name, folder.name, f"{RECORD} is not the file that its manifest names")
    kept = known.get(name, manifest)
    if kept is None:
        kept = past_run(listed(folder, text=text))
        known.keep(kept, manifest)
    return kept


def _words(fault: Exception) -> str:
    return fault.message if isinstance(fault, NbCompareError) else str(fault)


# --- sign-offs -----------------------------------------------------------------------------------------------------


def _signoffs(root: Path) -> Iterator[KeptSignOff]:
    """Every sign-off, also one that cannot be read."""
    for path in sorted((root / SIGNOFFS).glob("*/*.json")):
        try:
            yield KeptSignOff(path.parent.name, path.stem, read(path))
        except (NbCompareError, OSError, UnicodeError) as fault:
            yield KeptSignOff(path.parent.name, path.stem, None, _words(fault))


def _phases(signed: list[KeptSignOff]) -> dict[str, set[str]]:
    """The phases that rest on a bundle, by its name."""
    found: dict[str, set[str]] = {}
    for entry in signed:
        for name in entry.signoff.bundles if entry.signoff else ():
            found.setdefault(name, set()).add(entry.phase)
    return found


def _with_changes(entry: KeptSignOff, root: Path, sums: Mapping[str, str]) -> KeptSignOff:
    if entry.signoff is None:
        return entry
    changed = [name for name, digest in entry.signoff.bundles.items() if _sum_now(root, name, sums) != digest]
    return replace(entry, changed=tuple(changed))


def _sum_now(root: Path, name: str, sums: Mapping[str, str]) -> str | None:
    if name in sums:
        return sums[name]
    try:
        return hashlib.sha256(read_text(root / name / MANIFEST).encode()).hexdigest()
    except (FileError, OSError, ValueError):
        return None
