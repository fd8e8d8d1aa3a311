"""What happens on the machines of a cluster: a parcel of cells comes in, zipped bundles with their sums go out.

A worker needs nothing but this package, at the same content as at home, and the engines.
"""

from __future__ import annotations

import functools
import hashlib
import io
import socket
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from nbcompare.case.case import Case
from nbcompare.case.case_file import load_cells
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity, content_hash
from nbcompare.engine.installation import SIMULATOR
from nbcompare.engine.progress import Progress
from nbcompare.engine.repository.git import RepositoryState, repository_of
from nbcompare.errors import EvidenceError, NbCompareError, UsageError
from nbcompare.files import sum_of
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep.groups import Left, make_archive
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
    """Cells of one case file as they travel: each cell's name and the stamp reserved for it, and by name the sums of
    the files: the case file, those that it names, and the user's own inputs. Their bytes travel beside the parcel, once
    for all parcels that name the same sum.

    ``declared`` are the engines of a project file at home, by role, with who they are there: they must be the same
    where the cells are run. ``project`` is the repository at home.
    """

    cells: tuple[tuple[str, str], ...]
    case_name: str
    case_file: str
    files: Mapping[str, str]
    overrides: Mapping[str, str]
    options: SideOptions
    package: str
    in_batch: bool = True
    declared: Mapping[str, tuple[Engine, EngineIdentity]] = field(default_factory=dict)
    project: RepositoryState | None = None

    @property
    def sums(self) -> tuple[str, ...]:
        """The sums of all its files, each once."""
        return tuple(dict.fromkeys((self.case_file, *self.files.values(), *self.overrides.values())))


@dataclass(frozen=True)
class CellAnswer:
    """What a worker made of a cell: a zipped bundle with its sha256; or a fault in words and its exit code."""

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


def parcel_of(orders: Sequence[Order], stamps: Sequence[str]) -> tuple[Parcel, dict[str, Path]]:
    """Cells of one case file as plain data, and by sum where their files lie; generated inputs are made where the cells
    run. A file that stays as it was is summed for the first group alone."""
    case, options = orders[0].case, orders[0].options
    assert case.path is not None, "a sweep reads its cases from files"
    found: dict[str, Path] = {}

    def sent(path: Path) -> str:
        digest = sum_of(str(path))
        found[digest] = path
        return digest

    files = [entry.file for entry in case.inputs if entry.file and entry.name not in options.inputs]
    parcel = Parcel(
        tuple((order.case.name, stamp) for order, stamp in zip(orders, stamps, strict=True)), case.path.name,
        sent(case.path), {name: sent(case.folder / name) for name in (*files, *case.protected)},
        {name: sent(path) for name, path in options.inputs.items()},
        {"c_bin": options.c_bin, "py_bin": options.py_bin, "c_args": options.c_args, "py_args": options.py_args,
         "resample": options.resample, "invocation": options.invocation},
        package_content(), orders[0].in_batch,
        {role: (engine, identities_of({role: engine})[role]) for role, engine in orders[0].declared.items()},
        repository_of(case.folder))
    return parcel, found


def engines_here(c_bin: str | None, py_bin: str | None, roles: tuple[str, ...]) -> Engines:
    """The engines of the roles as a worker finds them."""
    try:
        found = choose_engines(RunOptions(c_bin, py_bin), Progress(quiet=True), roles=roles)
        identities = identities_of(found)
    except NbCompareError as fault:
        return Engines(fault=fault.in_a_line, exit_code=int(fault.exit_code))
    return Engines(tuple(identity.as_dict() for identity in identities.values()),
                   content_hash(SIMULATOR))


def opened_here(stored: dict[str, Any]) -> bool:
    """Whether the files that an engine opened are here what they were."""
    return EngineIdentity.from_dict(stored).is_as_it_was


def as_it_is(content: bytes) -> bytes:
    """What a worker keeps of a file under its sum, for every parcel that names it."""
    return content


def run_parcel(parcel: Parcel, contents: Sequence[bytes]) -> tuple[CellAnswer, ...]:
    """Run the cells of a parcel one after another in a folder of their own and give their bundles back, in order.
    ``contents`` are the bytes of ``parcel.sums``. A cell that cannot be run stops none of the others."""
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder:
        try:
            _require_package(parcel)
            cells, options = _unpacked(parcel, contents, Path(folder))
            _require_same(parcel)
        except NbCompareError as fault:
            return (_faulty(fault),) * len(parcel.cells)
        return tuple(_run_cell(parcel, cells[name], options, stamp) for name, stamp in parcel.cells)


def run_sealed(parcel: Parcel, contents: Sequence[bytes]) -> Left:
    """Run the cells of a parcel and give back the sealed archive of their bundles, each of which was verified in full;
    ``contents`` as above."""
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder:
        made = Path(folder, "made.zip")
        try:
            _require_package(parcel)
            cells, options = _unpacked(parcel, contents, Path(folder))
            _require_same(parcel)
            left = make_archive(tuple(_order(parcel, cells[name], options, stamp) for name, stamp in parcel.cells),
                                parcel.cells[0][1], made, Path(folder, "work"), verify=True)
        except NbCompareError as fault:
            return Left({name: (int(fault.exit_code), fault.in_a_line) for name, _ in parcel.cells})
        content = made.read_bytes() if made.exists() else b""
        return Left(left.faults, content, hashlib.sha256(content).hexdigest() if content else "")


def _order(parcel: Parcel, case: Case, options: RunOptions, stamp: str) -> Order:
    engines = {role: engine for role, (engine, _) in parcel.declared.items()}
    return Order(case, options, parcel.in_batch, stamp, engines, parcel.project)


def _run_cell(parcel: Parcel, case: Case, options: RunOptions, stamp: str) -> CellAnswer:
    try:
        bundle, seconds = run_order(_order(parcel, case, options, stamp))
        packed = _zipped(bundle.folder)
    except NbCompareError as fault:
        return _faulty(fault)
    return CellAnswer(seconds, packed, hashlib.sha256(packed).hexdigest())


def _faulty(fault: NbCompareError) -> CellAnswer:
    return CellAnswer(fault=fault.in_a_line, exit_code=int(fault.exit_code))


def _require_package(parcel: Parcel) -> None:
    if parcel.package != package_content():
        raise UsageError("nb-compare on the worker is not the same as here; install the same version on both")


def _require_same(parcel: Parcel) -> None:
    """Raises FileError where a declared engine is not there under its path, UsageError where it is another one."""
    here = identities_of({role: engine for role, (engine, _) in parcel.declared.items()})
    for role, (engine, wanted) in parcel.declared.items():
        found = here[role]
        if (found.program_sha256, found.source_sha256) != (wanted.program_sha256, wanted.source_sha256):
            raise UsageError(f"the {role} {engine.name} is declared at home, and under the same path on the worker "
                             f"{socket.gethostname()} lies another one (its sums differ)")


def _unpacked(parcel: Parcel, contents: Sequence[bytes], folder: Path) -> tuple[dict[str, Case], RunOptions]:
    """The cells by name, with everything that their case names, below ``folder``, wherever these names would lead.
    Raises EvidenceError for a file that is not what was sent."""
    known = dict(zip(parcel.sums, contents, strict=True))
    for digest, content in known.items():
        if hashlib.sha256(content).hexdigest() != digest:
            raise EvidenceError(f"a file of {parcel.case_name} was damaged on its way to the worker "
                                f"{socket.gethostname()}")
    place, own = folder / "case", folder / "own"
    place.mkdir()
    elsewhere = {name: folder / f"file-{at}" for at, name in enumerate(parcel.files) if _leads_out(name)}
    for name, digest in parcel.files.items():
        path = elsewhere.get(name, place / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(known[digest])
    (place / parcel.case_name).write_bytes(known[parcel.case_file])
    own.mkdir()
    for name, digest in parcel.overrides.items():
        (own / name).write_bytes(known[digest])
    wanted = {name for name, _ in parcel.cells}
    _, cells = load_cells(place / parcel.case_name, elsewhere=elsewhere, cells=wanted)
    options = RunOptions(**parcel.options, inputs={name: own / name for name in parcel.overrides},
                         bundles=folder / "bundles")
    return {cell.name: cell for cell in cells}, options


def _leads_out(name: str) -> bool:
    """Whether a name may mean a file outside the folder that it is taken from: it gets a name of our own."""
    return Path(name).is_absolute() or ".." in Path(name).parts


def _zipped(folder: Path) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return memory.getvalue()
