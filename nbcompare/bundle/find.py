"""Which bundle somebody means: a bundle's folder, the folder of a case, a case file, or a name.

    bundles/supervisor/20261125T174609Z    that bundle, wherever it lies
    bundles/supervisor                     the newest in it
    cases/supervisor.yaml                  the newest of the case that the file holds
    supervisor                             the newest of that case, below --bundles
    supervisor/20261125T174609Z            that bundle, below --bundles
    20261125T174609Z                       the bundle of that stamp, where only one case has one
    comparisons/20261125-174609-1a2b3c4d   the newest of the one-shot that wrote its files there
    bundles/grid/20261125T174609Z-0001.zip/grid.phi0   that bundle of a sealed archive, opened (archive/opened.py)

Nothing else decides; what can mean two bundles is an error that names both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nbcompare.bundle.archive.opened import ENDING, in_archive, open_bundle
from nbcompare.bundle.listing import archived_in, newest_in
from nbcompare.bundle.names import MANIFEST, RECORD, SIGNOFFS, STAMP
from nbcompare.case.case_file import load_case
from nbcompare.case.from_arguments import ONE_SHOT
from nbcompare.errors import EvidenceError, nearest, nearest_of

BUNDLES = Path("bundles")
"""Where bundles are kept, where nobody says otherwise."""


def find_bundle(named: str | os.PathLike[str], bundles: Path = BUNDLES) -> Path:
    """The folder of the bundle that is meant. Raises EvidenceError when there is none, or when it may be one of
    several; CaseError for a case file that cannot be read."""
    text = os.fspath(named)
    path = Path(text)
    inside = next((place for place in (path, bundles / path) if in_archive(place)), None)
    if inside:
        return open_bundle(inside)
    if path.is_file() and path.suffix not in (".yaml", ".yml"):
        raise EvidenceError(f"{text}: a bundle is a folder, and this is a file; a case is a .yaml file")
    if path.is_file():
        return _newest_of(load_case(path).name, bundles)
    found = list(dict.fromkeys(place.resolve() for place in _meant(path, bundles)))
    if len(found) > 1:
        raise EvidenceError(f"{text} can mean more than one bundle", faults=[_shown(place) for place in found],
                            hint="name one of them by its folder")
    if found and in_archive(found[0]):
        return open_bundle(Path(_shown(found[0])))
    if found:
        return _as_named(found[0], path)
    if path.is_dir():
        return path  # no bundle, and whoever asked says what is missing there
    its = archived_in(bundles, path.name)
    if its:
        raise EvidenceError(f"{text}: this case has bundles of each cell of its matrix", hint=f"name one, {its[0]} say")
    known = [*names_of(bundles), *archived_in(bundles)]
    near = nearest(path.name, known if nearest_of(path.name, known) else names_of(bundles))
    raise EvidenceError(f"{text}: there is no bundle of that name; {_without_archive(path) or near}",
                        hint="nb-compare list shows those below bundles/; nb-compare run makes one")


def bundle_at(path: Path) -> Path:
    """The folder of the bundle at a path, which is no name: that itself, or where one of a sealed archive is opened.
    Raises EvidenceError where none lies, with what is missing."""
    if in_archive(path):
        return open_bundle(path)
    missing = next((place for place in (*reversed(path.parents), path) if not os.path.exists(place)), None)
    if missing:
        raise EvidenceError(f"{path}: there is no bundle; {_without_archive(path) or f'nothing lies at {missing}'}",
                            hint="nb-compare list shows those below bundles/; nb-compare run makes one")
    if not path.is_dir():
        raise EvidenceError(f"{path}: there is no bundle; a bundle is a folder, and this is a file")
    if not any((path / name).exists() for name in (RECORD, MANIFEST)):
        raise EvidenceError(f"{path}: there is no bundle in this folder (neither {RECORD} nor {MANIFEST})",
                            hint=f"name a bundle in it, {path}/STAMP, say" if newest_in(path) else None)
    return path


def _without_archive(path: Path) -> str:
    """What to say of a path into an archive that is not there."""
    gone = next((place for place in (*reversed(path.parents), path) if place.suffix == ENDING
                 and not os.path.exists(place)), None)
    return f"there is no archive {gone}" if gone else ""


def names_of(bundles: Path = BUNDLES) -> list[str]:
    """The cases that have bundles."""
    if not bundles.is_dir():
        return []
    return sorted(home.name for home in bundles.iterdir() if home.is_dir() and home.name != SIGNOFFS
                  and not home.name.startswith(".") and newest_in(home))


def _meant(path: Path, bundles: Path) -> Iterator[Path]:
    """Every bundle that a path or name can mean."""
    for place in dict.fromkeys((path, bundles / path) if not path.is_absolute() else (path,)):
        if (place / RECORD).exists() or (STAMP.fullmatch(place.name) and place.is_dir()):
            yield place
        elif newest := newest_in(place) or newest_in(place / BUNDLES / ONE_SHOT):
            yield newest
    if len(path.parts) != 1:
        return
    if STAMP.fullmatch(path.name):
        yield from sorted(bundles.glob(f"*/{path.name}"))
    elif not (bundles / path).is_dir():
        cells = [name for name in names_of(bundles) if name.startswith(f"{path.name}.")]  # of a case with a matrix
        yield from filter(None, (newest_in(bundles / name) for name in cells))


def _newest_of(case: str, bundles: Path) -> Path:
    return find_bundle(bundles / case, bundles) if (bundles / case).is_dir() else find_bundle(case, bundles)


def _as_named(found: Path, path: Path) -> Path:
    """The bundle as it was named where it was named itself; else as short as it can be said from here."""
    return path if path.exists() and path.resolve() == found else Path(_shown(found))


def _shown(place: Path) -> str:
    here = Path.cwd().resolve()
    return str(place.relative_to(here)) if place.is_relative_to(here) else str(place)
