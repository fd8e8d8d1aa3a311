"""Many commands in one process of an engine, for work that needs many small runs.

An engine that knows ``-batch`` reads one JSON object per line, {"argv": [...], "folder": "DIR"}, and answers each with
one JSON line. Whether an engine knows it is found out by asking; and whether it does the same in a batch as in a
process of its own, by running one command both ways (a wrapper may mend or spoil arguments that it never sees here).
Each command still has a folder of its own with copies of the inputs, and its image is judged as any other; the run says
that it came from a batch.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from nbcompare.case.arguments.options import FLOAT_FILE
from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Engine, Rendering
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.kept_stream import MOST_BYTES
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import ProcessEnd, end_group, start
from nbcompare.engine.processes.readable import is_readable
from nbcompare.engine.run_engine import as_watched, rendering, run_engine
from nbcompare.engine.safety.safe_start import is_bundled_subject

BATCH = "batch"
PROBE_SECONDS = 60.0


class BatchFault(Exception):
    """The process gave no answer: it ended, took too long, or said something that is no answer."""


class BatchEngine:
    """A process of an engine that is kept for many commands; one that died is started anew for the next command."""

    def __init__(self, engine: Engine, environment: Mapping[str, str] = {}):
        self.engine = engine
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self.unread = b""
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        self.home: tempfile.TemporaryDirectory[str] | None = None
        self.watch: OpenCalls | None = None

    def run(self, arguments: Sequence[str], shape: Shape, *, inputs: Path, folder: Path, stdout: Path, stderr: Path,
            seconds: float) -> Rendering:
        """Run one command in the new ``folder`` on copies of all files in ``inputs``; as engine.run_engine does."""
        shutil.copytree(inputs, folder)
        words = (*arguments, "-floatfile", FLOAT_FILE)
        begun, started = time.monotonic(), time.time()
        try:
            answer = self.ask(words, folder, seconds)
            ended = ProcessEnd(answer["exit_code"], answer["seconds"], False)
        except BatchFault as fault:
            answer = {"stdout": "", "stderr": f"{self._last_errors()}{fault}\n"}
            ended = self._how_it_died(time.monotonic() - begun, seconds)
        stdout.write_text(answer["stdout"], encoding="utf-8")
        stderr.write_text(answer["stderr"], encoding="utf-8")
        found = rendering(self.engine.role, (*self.engine.start, *words), shape, ended, seconds, folder / FLOAT_FILE,
                          started, BATCH)
        opened = self._opened(folder)
        if self.watch is None or opened is None:
            return found
        if self.watch.lost:
            self.close()
        return as_watched(found, self.watch, opened)

    def _opened(self, folder: Path) -> FileUses | None:
        """What the process has opened since it was started, outside of the folders of its commands."""
        if self.watch is None:
            return None
        self.watch.calls.forget(folder)
        return self.watch.calls.outside(*([Path(self.home.name)] if self.home else ()))

    def ask(self, argv: Sequence[str], folder: Path, seconds: float) -> dict[str, Any]:
        """The answer to one command. Raises BatchFault, and lets the process go, when there is none."""
        request = json.dumps({"argv": list(argv), "folder": str(folder.absolute())}) + "\n"
        try:
            words, answers = _pipes(self._process())
            words.write(request.encode())
            words.flush()
            return _checked(json.loads(self._line(answers, time.monotonic() + seconds)))
        except (OSError, EOFError, ValueError) as fault:
            raise BatchFault(f"{self.engine.name} -batch gave no answer: {fault}") from None

    def _process(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.process.poll() is not None:
            self.close()
            self.home = tempfile.TemporaryDirectory(prefix="nb-compare-")  # nobody else can put a file there
            self.watch = self.engine.watch()
            variables = self.engine.variables(self.environment)
            self.process = start([*self.engine.start, "-batch"], Path(self.home.name), variables, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=self.errors.fileno(),
                                 watch=self.watch)
        return self.process

    @property
    def processor_seconds(self) -> float:
        """What the process has worked so far, as Linux tells it; 0 where that is not told."""
        if self.process is None:
            return 0.0
        with contextlib.suppress(OSError, LookupError, ValueError):
            told = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def _line(self, answers: IO[bytes], deadline: float) -> bytes:
        """The next line of what the process answers."""
        while b"\n" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not is_readable(answers.fileno(), left):
                raise TimeoutError("its time was over")
            piece = os.read(answers.fileno(), 1 << 16)
            if not piece:
                raise EOFError("it ended")
            self.unread += piece
            if len(self.unread) > MOST_BYTES:
                raise ValueError(f"its answer is longer than {MOST_BYTES >> 20} MiB")
        line, _, self.unread = self.unread.partition(b"\n")
        return line

    def _how_it_died(self, elapsed: float, seconds: float) -> ProcessEnd:
        """How the process ended that gave no answer; one that still lived is ended here."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process and self.process.wait(timeout=0.2)
        code = self.process.poll() if self.process else None
        self.close()
        if code is None:
            return ProcessEnd(None, elapsed, True)
        return ProcessEnd(code or 1, elapsed, False)

    def _last_errors(self) -> str:
        """The last lines the process itself wrote to its standard error."""
        self.errors.seek(max(0, os.fstat(self.errors.fileno()).st_size - 10_000))
        return self.errors.read().decode(errors="replace")

    def close(self) -> None:
        """End the process and everything it started."""
        process, self.process, self.unread = self.process, None, b""
        home, self.home = self.home, None
        if process is not None:
            self._end(process)
        if self.watch is not None:
            self.watch.close()
        if home is not None:
            home.cleanup()

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        for pipe in _pipes(process):
            with contextlib.suppress(OSError):
                pipe.close()
        end_group(process)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """Where a batch process reads commands, and where it writes answers."""
    assert process.stdin is not None and process.stdout is not None, "a batch process is started with pipes"
    return process.stdin, process.stdout


def does_the_same(batch: BatchEngine, arguments: Sequence[str], shape: Shape, *, inputs: Path, seconds: float) -> bool:
    """Whether a command leaves the same bytes when it is run in the batch and in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
        work = Path(scratch)
        batched = batch.run(arguments, shape, inputs=inputs, folder=work / "batch", stdout=work / "out",
                            stderr=work / "err", seconds=seconds)
        alone = run_engine(batch.engine, arguments, shape, inputs=inputs, folder=work / "alone", stdout=work / "out",
                           stderr=work / "err", seconds=seconds, environment=batch.environment)
    return batched.run.image_sha256 == alone.run.image_sha256 and batched.run.failure == alone.run.failure


def is_bundled_simulator(engine: Engine) -> bool:
    """Whether the engine is the simulator of this project, started directly."""
    return engine.chosen_by == "default" and is_bundled_subject(engine.start)


def _checked(answer: object) -> dict[str, Any]:
    """The answer, when it has the four values that we read; raises ValueError otherwise."""
    kinds: dict[str, type | tuple[type, ...]] = {"exit_code": int, "stdout": str, "stderr": str,
                                                 "seconds": (int, float)}
    if not isinstance(answer, dict) or not all(isinstance(answer.get(key), kind) for key, kind in kinds.items()):
        raise ValueError("it said something that is no answer")
    return answer


@contextlib.contextmanager
def batch_engine(engine: Engine, environment: Mapping[str, str] = {}) -> Iterator[BatchEngine | None]:
    """A batch process of the engine while the block runs, or None when the engine knows no ``-batch``."""
    made = open_batch(engine, environment)
    try:
        yield made
    finally:
        if made:
            made.close()


def open_batch(engine: Engine, environment: Mapping[str, str] = {}) -> BatchEngine | None:
    """As ``batch_engine``, to be closed by the caller."""
    if engine.declaration and (engine.declaration.cwd or engine.adapter or engine.capabilities.get("batch") is False):
        return None  # in a batch its commands would begin elsewhere, or be read as nanoBragg's
    made = BatchEngine(engine, environment)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            if made.ask(["-version"], Path(scratch), PROBE_SECONDS)["exit_code"] == 0:
                return made
        except BatchFault:
            pass
    made.close()
    return None
