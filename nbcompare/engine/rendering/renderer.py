"""The one way to run an engine: arguments on copies of input files, in a scratch folder, judged, and read once.

Run, one-shot, sweep, trace, reduce, audit, ablation and noise floor all render here. An engine that knows ``-batch``
can be kept for many jobs (batch.py); an answer can be kept on disk under hashes of all that it depends on
(render_cache.py). What a run leaves as evidence, and how that is guarded, is decided in evidence_folder.py.
"""

from __future__ import annotations

import contextlib
import enum
import os
import re
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nbcompare import __version__
from nbcompare.engine.drift import EngineDrift
from nbcompare.engine.engine import Engine, Rendering, Run
from nbcompare.engine.failure import ZERO_IMAGE, Failure
from nbcompare.engine.identity import content_hash, identify
from nbcompare.engine.installation import SIMULATOR
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.engine.processes.process import allowed_environment, not_passed
from nbcompare.engine.processes.redact import redact_file
from nbcompare.engine.rendering.batch import BatchEngine, does_the_same, is_bundled_simulator, open_batch
from nbcompare.engine.rendering.last_words import last_words, odd_inputs, shortened
from nbcompare.engine.rendering.left_elsewhere import left_elsewhere
from nbcompare.engine.rendering.render_cache import RenderCache, key_of
from nbcompare.engine.rendering.row_bands import RunBand, run_in_shards
from nbcompare.engine.rendering.runs import Job
from nbcompare.engine.rendering.self_comparison import copied_input
from nbcompare.engine.run_engine import run_engine
from nbcompare.engine.sources.opened import OpenedFiles, is_as_it_was
from nbcompare.engine.sources.opened_again import OpenedAgain
from nbcompare.files import sha256_of

MOST_BATCHES = 4
"""Processes kept by one thread; the oldest is ended when there are more."""

EXPLAINED = ("not-started", "timed-out", "crashed", "exit-code", "no-image", "left-processes")
"""Failures of which the engine's last words, its inputs and its variables may tell the reason."""

OF_THE_SESSION = re.compile(r"_|PWD|OLDPWD|SHLVL|SHELL|TERM.*|COLOR.*|USER|LOGNAME|HOSTNAME|HOST|MAIL|EDITOR|PAGER"
                            r"|LS_COLORS|LESS.*|DISPLAY|WAYLAND.*|SSH_.*|XDG_.*|DBUS_.*|GNOME.*|KDE.*|GPG_.*|TMUX.*|STY|WINDOWID"
                            r"|(PYENV|NVM|RBENV|ASDF|SDKMAN|HOMEBREW|RUSTUP|CARGO|GO|MODULES?|LMOD|_LM|__LM|LOADED|VSCODE|"
                            r"WSL|POETRY|UV|PIPX?|MISE|DIRENV|ITERM|KONSOLE|GTK|QT|SYSTEMD|INVOCATION|JOURNAL)_.*"
                            r"|GOPATH|LOADEDMODULES|XAUTHORITY|VISUAL|HOSTTYPE|I?NVIM.*|MANPATH|INFOPATH|PS2|HIST.*"
                            r"|PYTEST_.*|COLUMNS|LINES|PS1|DEBIAN_FRONTEND|container")
"""Variables of a shell or desktop, which no engine reads."""

FEW_NAMES = 3
"""Variables that are named where none is spoken of or bears the engine's name: the record has all of them."""

MOST_NAMES = 40
"""Of variables that are named when an engine fails."""

KEPT_FAILURES = ("exit-code", "no-image", "short-image", "long-image", "nan-image", ZERO_IMAGE, "unreadable-image",
                 "other-shape")
"""Failures that the same job would have again; a time limit, a crash or a program that did not start may pass."""

Kept = dict[tuple[Engine, tuple[tuple[str, str], ...]], BatchEngine | None]
"""Batch processes by engine and variables, the oldest first; None where an engine knows no ``-batch``."""

OnProgress = Callable[[float, int | None], None]
OnWatch = Callable[[FileUses], object]


class Batches(enum.Enum):
    """Which engines may be kept running for many jobs: none, the bundled simulator alone, or every one that knows
    ``-batch`` and, by its first job done both ways, does the same there."""

    NONE = "none"
    BUNDLED = "bundled"
    PROVEN = "proven"


class Renderer:
    """Carries out jobs. Use as a context, or close it: batch processes are ended then. Threads may share it; each
    has batch processes of its own, as one process answers in turn. ``run_band`` renders the row bands of a job that is
    to be done in some."""

    def __init__(self, *, batches: Batches = Batches.NONE, cache: RenderCache | None = None,
                 run_band: RunBand | None = None) -> None:
        self.batches, self.cache, self.run_band = batches, cache, run_band
        self._own = threading.local()
        self._opened: list[BatchEngine] = []
        self._identities: dict[Engine, tuple[str, EngineDrift]] = {}
        self._sums: dict[tuple[str, int, int, int], str] = {}
        self._token = secrets.token_hex(16)

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the batch processes of all threads."""
        while self._opened:
            self._opened.pop().close()
        self._own = threading.local()

    @property
    def processor_seconds(self) -> float:
        """What the batch processes that are kept have worked so far."""
        return sum(batch.processor_seconds for batch in self._opened)

    # --- one job ----------------------------------------------------------------------------------------------

    def render(self, job: Job, on_progress: OnProgress | None = None) -> Rendering:
        """Carry out a job of which nothing is kept but the answer; a kept answer is given at once."""
        key = self.key(job) if self.cache else ""
        kept = self._kept(key, job)
        if kept:
            return kept
        with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder:
            work = Path(folder)
            found = self.run(job, folder=work / "run", stdout=work / "out", stderr=work / "err",
                             on_progress=on_progress)
            found = replace(found, stdout=read_kept(work / "out"))
        self._keep(key, found)
        return found

    def run(self, job: Job, *, folder: Path, stdout: Path, stderr: Path, on_progress: OnProgress | None = None,
            on_watch: OnWatch | None = None) -> Rendering:
        """Carry out a job in the new ``folder``, where its files are left: in row bands, in a batch process, or in a
        process of its own."""
        if job.shards > 1:
            found = run_in_shards(job.engine, job.arguments, job.shape, job.shards, inputs=job.inputs, folder=folder,
                                  stdout=stdout, stderr=stderr, seconds=job.seconds, environment=job.environment,
                                  on_progress=on_progress, any_number=job.any_number, run_band=self.run_band)
        elif batch := None if job.any_number else self._batch(job):
            found = batch.run(job.arguments, job.shape, inputs=job.inputs, folder=folder, stdout=stdout, stderr=stderr,
                              seconds=job.seconds)
        else:
            found = run_engine(job.engine, job.arguments, job.shape, inputs=job.inputs, folder=folder, stdout=stdout,
                               stderr=stderr, seconds=job.seconds, environment=job.environment, on_progress=on_progress,
                               on_watch=on_watch, any_number=job.any_number)
        for log in (stdout, stderr):
            redact_file(log)
        if found.run.failure:
            why = _explained(found.run.failure, job, stdout, stderr, found.run.seconds,
                             tuple(found.opened.unseen) if found.opened else ())
            return replace(found, run=replace(found.run, failure=why))
        return replace(found, run=replace(found.run, failure=copied_input(found.run, job.inputs)))

    # --- processes that are kept ---------------------------------------------------------------------------------

    def _batch(self, job: Job) -> BatchEngine | None:
        """This thread's process of the job's engine and variables, where there may be one."""
        bundled = is_bundled_simulator(job.engine)
        if self.batches is Batches.NONE or job.engine.confined or (self.batches is Batches.BUNDLED and not bundled):
            return None
        known = self._of_thread()
        key = (job.engine, tuple(sorted(job.environment.items())))
        if key not in known:
            while len(known) >= MOST_BATCHES:
                self._end(known.pop(next(iter(known))))
            known[key] = self._started(job, bundled)
        return known[key]

    def _of_thread(self) -> Kept:
        known: Kept = vars(self._own).setdefault("batches", {})
        return known

    def begin_anew(self) -> None:
        """End the processes that this thread keeps; the next job of each starts another."""
        for batch in self._of_thread().values():
            if batch:
                batch.close()

    def _started(self, job: Job, bundled: bool) -> BatchEngine | None:
        """A process for the job, None where its engine knows no ``-batch`` or does something else there."""
        made = BatchEngine(job.engine, job.environment) if bundled else open_batch(job.engine, job.environment)
        if made is None:
            return None
        self._opened.append(made)
        if bundled or does_the_same(made, job.arguments, job.shape, inputs=job.inputs, seconds=job.seconds):
            return made
        self._end(made)
        return None

    def _end(self, batch: BatchEngine | None) -> None:
        if batch:
            with contextlib.suppress(ValueError):
                self._opened.remove(batch)
            batch.close()

    # --- answers that are kept -----------------------------------------------------------------------------------

    def key(self, job: Job) -> str:
        """A hash of all that the answer to a job depends on: the engine's bytes, version and sources, arguments,
        the sums of the input files, and every variable that the engine gets."""
        inputs = sorted((path.relative_to(job.inputs).as_posix(), self._sum(path))
                        for path in job.inputs.rglob("*") if path.is_file())
        variables = sorted(allowed_environment(job.engine.variables(job.environment)).items())
        return key_of((__version__, self.identity(job.engine), job.engine.adapter or "", job.any_number,
                       job.arguments, job.shape, inputs, variables))

    def identity(self, engine: Engine) -> str:
        """A hash of which program an engine is and of all it is made of; asked again when one of its files was written.
        Where not all that it is made of is known it is one of this renderer alone, so that no answer of another day
        is taken for one of today."""
        known = self._identities.get(engine)
        if known is None or known[1].written_since():
            who = identify(engine)
            bundled = who.made_of is not None and who.made_of.bundled
            whole = bundled or not who.unknown
            key = key_of((who.program_sha256, who.version, *who.started_as, *who.libraries, who.source_sha256,
                          content_hash(SIMULATOR), "" if whole else self._token))
            known = self._identities[engine] = key, EngineDrift(engine, who)
        return known[0]

    def _sum(self, path: Path) -> str:
        """The sha256 of an input file, taken once of each file."""
        found = os.stat(path)
        known = (os.path.realpath(path), found.st_ino, found.st_size, found.st_mtime_ns)
        if known not in self._sums:
            self._sums[known] = sha256_of(path)
        return self._sums[known]

    def _kept(self, key: str, job: Job) -> Rendering | None:
        found = self.cache.answer(key) if self.cache else None
        if found is None or self.cache is None:
            return None
        if found.get("opened") and not is_as_it_was(OpenedFiles.from_dict(found["opened"])):
            return None
        run = replace(Run.from_dict(found["run"]), role=job.engine.role)
        image = None if run.failure else self.cache.image(key, job.shape, run.dtype)
        return Rendering(run, image, found["stdout"]) if run.failure or image is not None else None

    def _keep(self, key: str, found: Rendering) -> None:
        if self.cache is None or (found.run.failure and found.run.failure.kind not in KEPT_FAILURES):
            return
        if found.image is not None:
            self.cache.keep_image(key, found.image)
        opened, changed = self._opened_again(found.run.role).by(found.opened) if found.opened else (None, [])
        if not changed:
            self.cache.keep(key, {"run": found.run.as_dict(), "stdout": found.stdout,
                                  "opened": opened.as_dict() if opened else None})

    def _opened_again(self, role: str) -> OpenedAgain:
        """This thread's account of what an engine opened so far."""
        known: dict[str, OpenedAgain] = vars(self._own).setdefault("opened", {})
        return known.setdefault(role, OpenedAgain())


def _explained(failure: Failure, job: Job, stdout: Path, stderr: Path, seconds: float,
               unseen: tuple[str, ...]) -> Failure:
    """The failure with what the engine said last, and what of its inputs and variables may be the reason."""
    if failure.kind not in EXPLAINED:
        return failure
    withheld = [name for name in not_passed(allowed_environment(job.engine.variables(job.environment)))
                if not OF_THE_SESSION.fullmatch(name)]
    elsewhere = left_elsewhere(job.engine, seconds) if failure.kind == "no-image" else ()
    hints = [*unseen, *odd_inputs(job.inputs), *elsewhere]
    said = last_words(stderr, stdout)
    if withheld:
        likely = [name for name in withheld if _is_spoken_of(name, said)]
        likely += [name for name in withheld if name not in likely and _sounds_like(name, job.engine.name)]
        shown = likely[:MOST_NAMES] or withheld[:FEW_NAMES]
        more = f" and {len(withheld) - len(shown)} more, named in the record" if len(withheld) > len(shown) else ""
        hints.append(f"the {job.engine.role} did not get these variables: {', '.join(shown)}{more}")
    return replace(failure, said=said, hints=tuple(map(shortened, hints)))


def _is_spoken_of(variable: str, said: Sequence[str]) -> bool:
    """Whether a variable is named by what an engine said last, as in KeyError: 'NAME'."""
    return any(re.search(rf"(?<![A-Za-z0-9_]){re.escape(variable)}(?![A-Za-z0-9_])", line) for line in said)


def _sounds_like(variable: str, engine: str) -> bool:
    """Whether a variable bears the engine's name, as those that it reads often do."""
    letters = "".join(sign for sign in Path(engine).stem.upper() if sign.isalnum())
    return len(letters) > 2 and variable.upper().replace("_", "").startswith(letters)


def inputs_with(folder: Path, texts: Mapping[str, str], target: Path) -> Path:
    """The folder of input files, or ``target`` made from it with other texts (latin-1) in some of them."""
    if not texts:
        return folder
    target.mkdir()
    for path in folder.iterdir():
        if path.name not in texts:
            (target / path.name).symlink_to(path.absolute())
    for name, text in texts.items():
        (target / name).write_text(text, encoding="latin-1", newline="")
    return target


@contextlib.contextmanager
def edited_inputs(folder: Path, texts: Mapping[str, str]) -> Iterator[Path]:
    """The folder of input files with other texts in some of them, while the block runs."""
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
        yield inputs_with(folder, texts, Path(scratch) / "inputs")
