"""The row bands of one large image on a Dask cluster: a band goes out with the sums of its files, its rows come home.

The engine is taken at its own path there, as on a shared file system, and must be the one that it is at home. A band
whose worker died is given to another by the scheduler; pixels do not depend on who renders them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbcompare.engine.engine import Rendering, Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.identity import EngineIdentity, identify
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.rendering.row_bands import BandJob, Here
from nbcompare.errors import EvidenceError, FileError, NbCompareError, UsageError
from nbcompare.run.options import HandedOver
from nbcompare.run.sweep.connection import connected
from nbcompare.run.sweep.remote import as_it_is, package_content
from nbcompare.visible import counted

IN_FLIGHT_PER_THREAD = 2
RETRIES = 2
"""How often a band is tried again whose worker raised something unexpected; a worker that dies is the scheduler's."""


@dataclass(frozen=True)
class BandParcel:
    """A band as it travels: the job, the sums of its files by name, who the engine is at home, the content of this
    package there, and which machine that is. The bytes of the files travel beside it, once for all bands that name the
    same sum."""

    job: BandJob
    files: Mapping[str, str]
    engine: EngineIdentity
    package: str
    home: str

    @property
    def sums(self) -> tuple[str, ...]:
        """The sums of its files, each once."""
        return tuple(dict.fromkeys(self.files.values()))


@dataclass(frozen=True)
class BandAnswer:
    """What a worker made of a band: the rendering and what was printed; or a fault in words."""

    rendering: Rendering | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    fault: str = ""


class ClusterBands:
    """Renders bands by a client of a Dask cluster whose workers have so many threads."""

    how = ", on the workers of a cluster"

    def __init__(self, client: Any, threads: int) -> None:
        self.client, self.at_once = client, max(1, threads * IN_FLIGHT_PER_THREAD)
        self._lock = threading.Lock()
        self._known: dict[object, Any] = {}

    def __call__(self, job: BandJob, folder: Path, stdout: Path, stderr: Path) -> Rendering:
        """Send a band, wait for it, and leave what was printed. Raises UsageError where the workers have another
        engine or package, EvidenceError for a file that was damaged on its way, FileError where the scheduler is
        lost."""
        with self._lock:
            parcel, contents = self._parcel(job)
        future = self.client.submit(run_band, parcel, contents, retries=RETRIES, pure=False)
        try:
            answer: BandAnswer = future.result()
        except Exception as fault:  # what a worker raised comes home as it was; a lost scheduler cancels
            if self.client.status != "running" or future.status in ("lost", "cancelled"):
                raise FileError("the scheduler is lost; nothing of this image is kept") from None
            for log in (stdout, stderr):
                log.touch()
            return _failed(job, fault)
        stdout.write_bytes(answer.stdout)
        stderr.write_bytes(answer.stderr)
        if answer.rendering is None:
            raise UsageError(answer.fault)
        return answer.rendering

    def _parcel(self, job: BandJob) -> tuple[BandParcel, list[Any]]:
        """The band, and the futures of the bytes of its files, which are sent once."""
        if job.engine not in self._known:
            self._known[job.engine] = identify(job.engine)
        files: dict[str, str] = {}
        for path in sorted(job.inputs.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                files[path.relative_to(job.inputs).as_posix()] = digest
                if digest not in self._known:
                    self._known[digest] = self.client.submit(as_it_is, content, key=f"nb-compare-file-{digest}")
        parcel = BandParcel(job, files, self._known[job.engine], package_content(), machine())
        return parcel, [self._known[digest] for digest in parcel.sums]


@contextlib.contextmanager
def cluster_bands(address: str, progress: Progress) -> Iterator[ClusterBands]:
    """The workers of a scheduler, while the block runs. Raises UsageError without dask.distributed, FileError when
    nobody answers."""
    _, client = connected(address, progress)
    try:
        threads = dict(client.nthreads())
        progress.end(counted(len(threads), "worker"))
        yield ClusterBands(client, sum(threads.values()))
    finally:
        client.close()


@contextlib.contextmanager
def bands_on(cluster: str, progress: Progress) -> Iterator[HandedOver]:
    """What a run is handed that renders its row bands on the workers of a scheduler."""
    with cluster_bands(cluster, progress) as run_band, Renderer(run_band=run_band) as renderer:
        yield HandedOver(renderer=renderer)


def machine() -> str:
    """What says whether two processes see the same files: since when the system runs, and where this package lies."""
    try:
        since = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        since = socket.gethostname()
    place = os.stat(__file__)
    return f"{since} {place.st_dev} {place.st_ino}"


def run_band(parcel: BandParcel, contents: Sequence[bytes]) -> BandAnswer:
    """Render a band where we are; ``contents`` are the bytes of ``parcel.sums``."""
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as name:
        folder = Path(name)
        try:
            _require_same(parcel)
            inputs = _unpacked(parcel, contents, folder / "inputs")
            found = Here()(replace(parcel.job, inputs=inputs), folder / "run", folder / "out", folder / "err")
        except NbCompareError as fault:
            return BandAnswer(fault=fault.message)
        opened = found.opened.outside(folder) if found.opened else None
        if parcel.home != machine():
            opened = FileUses(unwatched=f"it ran on another machine, {socket.gethostname()}")
        return BandAnswer(replace(found, opened=opened, masked=None if found.masked is None else found.masked[:1]),
                          (folder / "out").read_bytes(), (folder / "err").read_bytes())


def _require_same(parcel: BandParcel) -> None:
    """Raises UsageError where this package or the engine is not that of home."""
    where, wanted = socket.gethostname(), parcel.engine
    if parcel.package != package_content():
        raise UsageError(f"nb-compare on the worker {where} is not the same as here; install the same version on both")
    found = identify(parcel.job.engine)
    if (found.program_sha256, found.source_sha256) != (wanted.program_sha256, wanted.source_sha256):
        raise UsageError(f"the {wanted.role} {wanted.name} is another one under the same path on the worker {where} "
                         "(its sums differ)")


def _unpacked(parcel: BandParcel, contents: Sequence[bytes], folder: Path) -> Path:
    """The folder with the files of a band. Raises EvidenceError for one that is not what was sent."""
    known = dict(zip(parcel.sums, contents, strict=True))
    folder.mkdir()
    for name, digest in parcel.files.items():
        if hashlib.sha256(known[digest]).hexdigest() != digest:
            raise EvidenceError(f"the input {name} was damaged on its way to the worker {socket.gethostname()}")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(known[digest])
    return folder


def _failed(job: BandJob, fault: BaseException) -> Rendering:
    """A band that no worker could render."""
    killed = type(fault).__name__ == "KilledWorker"
    why = "was not rendered: every worker that had it died" if killed else \
        f"was not rendered: the worker failed: {type(fault).__name__}: {fault}"
    run = Run(job.engine.role, (*job.engine.start, *job.arguments), job.shape, None, 0.0, Failure("crashed", why), None)
    return Rendering(run, opened=FileUses(unwatched="no worker was left to say what it opened"))
