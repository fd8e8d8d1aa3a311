"""A folder in which evidence is made: run and one-shot start their engines here, and nowhere else.

While an engine runs nothing of the folder may change but its own files (run_folder.py), and the image of another
engine is in no file that it can read: what an engine wrote is read once, into memory, and those bytes are hashed,
judged, compared and, when no engine runs any more, written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.case.arguments.options import FLOAT_FILE, PREFIX, REFERENCE, SUBJECT
from nbcompare.compare.image import stored_mask, stored_pixels
from nbcompare.engine.engine import Rendering
from nbcompare.engine.failure import Failure
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.redact import redact_file
from nbcompare.engine.processes.strays import close_memory
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.kept_names import keep_files
from nbcompare.engine.rendering.renderer import OnWatch, Renderer
from nbcompare.engine.rendering.run_folder import FolderGuard
from nbcompare.engine.rendering.runs import Job, RunFiles
from nbcompare.engine.rendering.side_by_side import FOLDER, STDERR, STDOUT, private_folders, run_side_by_side

if TYPE_CHECKING:
    import numpy as np


class EvidenceFolder:
    """The folder, the images that are not written yet, and by role what the engines ``opened`` outside of it;
    ``on_watch`` is given what fills with that before one is started."""

    def __init__(self, folder: Path, renderer: Renderer, progress: Progress, on_watch: OnWatch | None = None) -> None:
        self.folder, self.renderer, self.progress, self.on_watch = folder, renderer, progress, on_watch
        self.opened: dict[str, FileUses] = {}
        self._unwritten: dict[Path, np.ndarray] = {}
        close_memory()

    def run_pair(self, jobs: Mapping[str, Job], places: Mapping[str, RunFiles], *, beside: bool = False,
                 on_end: Callable[[str], object] = lambda _: None) -> dict[str, Rendering]:
        """Run the jobs there are, the subject first: then there is no image of the reference yet that it could copy.
        With ``beside`` both run at once, confined to folders that the other cannot read (side_by_side.py); of those
        that do not, ``on_end`` is told which has ended."""
        if beside:
            return self._run_beside(jobs, places)
        found = {}
        for role in (SUBJECT, REFERENCE):
            if role in jobs:
                found[role] = self.run(jobs[role], places[role])
                on_end(role)
        return {role: found[role] for role in jobs}

    def _run_beside(self, jobs: Mapping[str, Job], places: Mapping[str, RunFiles]) -> dict[str, Rendering]:
        """Nothing of the evidence belongs to an engine while both run, so that whatever is touched was touched by one
        of the two, and both have failed."""
        rest = places[SUBJECT].rest
        with private_folders(jobs) as folders:
            with FolderGuard(self.folder) as guard:
                found = run_side_by_side(jobs, folders, self.renderer, self.progress)
                trespass = guard.trespass(RunFiles(rest, rest, rest, rest))
            for role, job in jobs.items():
                for name, log in ((STDOUT, places[role].stdout), (STDERR, places[role].stderr)):
                    shutil.move(folders[role] / name, log)
                self._collect(job, found[role], folders[role] / FOLDER, places[role])
                self.progress.step = job.name
                found[role] = self._finished(found[role], places[role], trespass)
        return found

    def run(self, job: Job, places: RunFiles) -> Rendering:
        """Run a job; its files are left at ``places``, the image when ``write_images`` is called.

        What a failed run wrote besides is moved to places.rest, so that nothing of it is lost. An engine that touched
        anything of the folder but its own has failed.
        """
        self.progress.begin(job.name)
        with FolderGuard(self.folder) as guard:
            found = self._run(job, places)
            trespass = guard.trespass(places)
        return self._finished(found, places, trespass)

    def _finished(self, found: Rendering, places: RunFiles, trespass: Failure | None) -> Rendering:
        """A run whose files are in their places, failed where it touched what is not its own; its end is told, and its
        image is held."""
        for path in places.rest.rglob("*"):
            if path.is_file() and not path.is_symlink():
                redact_file(path, text_only=True)
        if trespass:
            found = replace(found, run=replace(found.run, failure=trespass))
        run = found.run
        self.progress.end(f"failed: {run.failure.sentence}" if run.failure else f"{run.seconds:.3f} s")
        if found.pixels is not None:
            self.hold(places.image, found.pixels)
        if found.masked is not None and places.mask:
            self.hold(places.mask, found.masked)
        return found

    def _run(self, job: Job, places: RunFiles) -> Rendering:
        scratch = self.folder / f"scratch-{PREFIX[job.engine.role]}"
        try:
            found = self.renderer.run(job, folder=scratch, stdout=places.stdout, stderr=places.stderr,
                                      on_progress=self.progress.tick, on_watch=self.on_watch)
            self._collect(job, found, scratch, places)
            return found
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _collect(self, job: Job, found: Rendering, scratch: Path, places: RunFiles) -> None:
        """Keep what a run opened, an image that could not be read, and what else a failed one wrote."""
        if found.opened is not None:
            self.opened.setdefault(job.known_as or job.engine.role, FileUses()).add(found.opened, self.folder)
        if found.pixels is None and found.run.image_sha256:
            shutil.move(scratch / FLOAT_FILE, places.image)
        if found.run.failure:
            image = FLOAT_FILE if found.run.image_sha256 else ""
            keep_files(scratch, places.rest, {image, *_names_in(job.inputs)})

    def hold(self, path: Path, pixels: np.ndarray) -> None:
        """Keep an image, or a mask (boolean), in memory until ``write_images``."""
        self._unwritten[path] = pixels

    def held(self, path: Path) -> np.ndarray | None:
        """An image that is not written yet [slow, fast]."""
        return self._unwritten.get(path)

    def forget(self, path: Path) -> None:
        """Do not keep an image."""
        self._unwritten.pop(path, None)

    def write_images(self, put: Callable[[str, bytes | memoryview], object]) -> None:
        """Write every image that is held, by what takes its name below the folder and its bytes; no engine may be run
        after that."""
        while self._unwritten:
            path, pixels = self._unwritten.popitem()
            put(path.relative_to(self.folder).as_posix(),
                stored_mask(pixels) if pixels.dtype == bool else stored_pixels(pixels))


def _names_in(folder: Path) -> set[str]:
    """The files of a folder, by name below it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def protection(*, beside: bool = False) -> str:
    """How the image of one engine is kept from the other, for the record."""
    closed = ("the memory of nb-compare is closed to other processes of the user" if close_memory() else
              "the memory of nb-compare is open to processes of the superuser, as the engines are, or of this system")
    order = ("both engines ran at the same time, each confined to a folder that the other cannot read; images of ended "
             "runs are in memory alone" if beside else
             "the subject ran first; images are in memory alone while an engine runs")
    return f"{order}; {closed}"
