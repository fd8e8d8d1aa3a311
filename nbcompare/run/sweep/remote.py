"""What happens on the machines of a cluster: a parcel of plain data comes in, a zipped bundle with its sum goes out.

A worker needs nothing but this package, at the same content as at home, and the engines.
"""

from __future__ import annotations

import functools
import hashlib
import io
import socket
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from nbcompare.case.case import Case
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cell_named
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity, content_hash
from nbcompare.engine.installation import SIMULATOR
from nbcompare.engine.progress import Progress
from nbcompare.engine.repository.git import RepositoryState, repository_of
from nbcompare.errors import ExitCode, NbCompareError, UsageError
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep.worker import Order, identities_of, run_order


class SideOptions(TypedDict):
    """What the user said of the engines, as RunOptions names it."""

    c_bin: str | None
    py_bin: str | None
    c_args: tuple[str, ...]
    py_args: tuple[str, ...]
    resample: bool
    invocation: tuple[str, ...]


@dataclass(frozen=True)
class Parcel:
    """One cell as it travels: the case file, the files it names, the cell's name and the stamp reserved for it.

    ``declared`` are the engines of a project file at home, by role, with who they are there: they must be the same
    where the cell is run. ``project`` is the repository at home.
    """

    cell: str
    stamp: str
    case_name: str
    case_file: bytes
    files: Mapping[str, bytes]
    overrides: Mapping[str, bytes]
    options: SideOptions
    package: str
    in_batch: bool = True
    declared: Mapping[str, tuple[Engine, EngineIdentity]] = field(default_factory=dict)
    project: RepositoryState | None = None


@dataclass(frozen=True)
class CellAnswer:
    """What a worker made of a parcel: a zipped bundle with its sha256; or a fault in words and its exit code."""

    seconds: float = 0.0
    bundle: bytes = b""
    sha256: str = ""
    fault: str = ""
    exit_code: int = 0


@dataclass(frozen=True)
class Engines:
    """Who the engines are where the workers are, and which simulator source lies there; or why that is not known."""

    identities: tuple[dict[str, Any], ...] = ()
    simulator: str = ""
    fault: str = ""
    exit_code: int = 0

    def known(self) -> tuple[tuple[EngineIdentity, ...], str]:
        return tuple(map(EngineIdentity.from_dict, self.identities)), self.simulator


@functools.cache
def package_content() -> str:
    """The content hash of this package as it is installed here."""
    return content_hash(Path(__file__).resolve().parents[2])


def parcel_of(order: Order, stamp: str) -> Parcel:
    """The cell as plain data; generated inputs are made where it runs."""
    case, options = order.case, order.options
    assert case.path is not None, "a sweep reads its cases from files"
    files = [entry.file for entry in case.inputs if entry.file and entry.name not in options.inputs]
    return Parcel(case.name, stamp, case.path.name, case.path.read_bytes(),
                  {name: (case.folder / name).read_bytes() for name in (*files, *case.protected)},
                  {name: path.read_bytes() for name, path in options.inputs.items()},
                  {"c_bin": options.c_bin, "py_bin": options.py_bin, "c_args": options.c_args,
                   "py_args": options.py_args, "resample": options.resample, "invocation": options.invocation},
                  package_content(), order.in_batch,
                  {role: (engine, identities_of({role: engine})[role]) for role, engine in order.declared.items()},
                  repository_of(case.folder))


def engines_here(c_bin: str | None, py_bin: str | None, roles: tuple[str, ...]) -> Engines:
    """The engines of the roles as a worker finds them."""
    try:
        found = choose_engines(RunOptions(c_bin, py_bin), Progress(quiet=True), roles=roles)
        identities = identities_of(found)
    except NbCompareError as fault:
        return Engines(fault=fault.message, exit_code=int(fault.exit_code))
    return Engines(tuple(identity.as_dict() for identity in identities.values()),
                   content_hash(SIMULATOR))


def opened_here(stored: dict[str, Any]) -> bool:
    """Whether the files that an engine opened are here what they were."""
    return EngineIdentity.from_dict(stored).is_as_it_was


def run_parcel(parcel: Parcel) -> CellAnswer:
    """Run the cell of a parcel in a folder of its own and give its bundle back."""
    if parcel.package != package_content():
        return CellAnswer(fault="nb-compare on the worker is not the same as here; install the same version on both",
                          exit_code=int(ExitCode.USAGE))
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder:
        try:
            case, options = _unpacked(parcel, Path(folder))
            _require_same(parcel)
            bundle, seconds = run_order(Order(case, options, parcel.in_batch, parcel.stamp, {
                role: engine for role, (engine, _) in parcel.declared.items()}, parcel.project))
            packed = _zipped(bundle.folder)
        except NbCompareError as fault:
            return CellAnswer(fault=fault.message, exit_code=int(fault.exit_code))
        return CellAnswer(seconds, packed, hashlib.sha256(packed).hexdigest())


def _require_same(parcel: Parcel) -> None:
    """Raises FileError where a declared engine is not there under its path, UsageError where it is another one."""
    here = identities_of({role: engine for role, (engine, _) in parcel.declared.items()})
    for role, (engine, wanted) in parcel.declared.items():
        found = here[role]
        if (found.program_sha256, found.source_sha256) != (wanted.program_sha256, wanted.source_sha256):
            raise UsageError(f"the {role} {engine.name} is declared at home, and under the same path on the worker "
                             f"{socket.gethostname()} lies another one (its sums differ)")


def _unpacked(parcel: Parcel, folder: Path) -> tuple[Case, RunOptions]:
    """The case, with everything it names, below ``folder``."""
    place = folder / "case"
    for name, content in parcel.files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    place.mkdir(exist_ok=True)
    (place / parcel.case_name).write_bytes(parcel.case_file)
    own = folder / "own"
    own.mkdir()
    for name, content in parcel.overrides.items():
        (own / name).write_bytes(content)
    case = cell_named(load_case(place / parcel.case_name), parcel.cell)
    return case, RunOptions(**parcel.options, inputs={name: own / name for name in parcel.overrides},
                            bundles=folder / "bundles")


def _zipped(folder: Path) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return memory.getvalue()
