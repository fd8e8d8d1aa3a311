"""The programs that parity tests run: the torch simulator in one process for many commands, and any program.

Both are started as a user starts them, with arguments in and files out. Nothing here looks inside either.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[2]
REFERENCE_SOURCES = CHECKOUT / "simulator" / "reference"
PRECISE = ("-dtype", "float64", "-render", "plain")
"""The torch simulator on the path whose bits are those of the C programs."""

QUIET = ("-nonoise", "-nopgm", "-noprogress")


@dataclass(frozen=True)
class Ran:
    """One command that ended: its exit status, what it said, and the folder it wrote to."""

    status: int
    stdout: str
    stderr: str
    folder: Path

    def image(self, name: str = "floatimage.bin") -> np.ndarray:
        """A float image as it lies in the file, flat."""
        return np.fromfile(self.folder / name, dtype="<f4")


class TorchBatch:
    """``python -m nanobrag_torch -batch``: one process, one command after another, also where threads share it."""

    def __init__(self, *common: str):
        command = [sys.executable, "-m", "nanobrag_torch", "-batch", "-threads", "1", *common]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._one_at_a_time = threading.Lock()

    def run(self, argv, folder: Path) -> Ran:
        """Run a command in a folder that is there."""
        with self._one_at_a_time:
            print(json.dumps({"argv": [str(word) for word in argv], "folder": str(folder)}), file=self._process.stdin,
                  flush=True)
            answer = json.loads(self._process.stdout.readline())
        return Ran(answer["exit_code"], answer["stdout"], answer["stderr"], folder)

    def close(self) -> None:
        """End the process by ending its input."""
        self._process.stdin.close()
        self._process.wait(timeout=60)


def served(batch: TorchBatch, programs: dict[str, list[str]]):
    """nbcompare's ``run_program``, with runs of the torch simulator answered by a process that is kept."""
    from nbcompare.engine.processes.process import ProcessEnd
    from nbcompare.engine.processes.process import run_program as start

    def answered(argv, *, folder: Path, stdout: Path, stderr: Path, **more):
        words = [str(word) for word in argv if word != "-P"]
        program, *arguments = words[1:] if len(words) > 1 and words[1] in programs else words
        if program in programs:
            arguments += programs[program]
        elif words[:3] == [sys.executable, "-m", "nanobrag_torch"]:
            arguments = words[3:]
        else:
            return start(argv, folder=folder, stdout=stdout, stderr=stderr, **more)
        began = time.monotonic()
        ran = batch.run(arguments, folder.absolute())
        stdout.write_text(ran.stdout)
        stderr.write_text(ran.stderr)
        return ProcessEnd(ran.status, time.monotonic() - began, False)

    return answered


def run_program(program: Path, argv, folder: Path, timeout_s: float = 120) -> Ran:
    """Run a program with one thread in a folder that is there; status 124 when it did not end in time."""
    command = [str(program), *map(str, argv)]
    try:
        done = subprocess.run(command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=timeout_s,
                              capture_output=True, text=True, errors="replace", check=False)
    except subprocess.TimeoutExpired:
        return Ran(124, "", f"did not end within {timeout_s:g} s", folder)
    return Ran(done.returncode, done.stdout, done.stderr, folder)


def built_reference(folder: Path = REFERENCE_SOURCES / "build") -> Path:
    """The C reference, built where it lies or into a folder. Raises CalledProcessError when it does not build."""
    subprocess.run(["make", "-s", "-j2", "-C", str(REFERENCE_SOURCES), f"BUILD={folder}"], check=True, timeout=300)
    return folder / "nanobragg_reference"


def relative_difference(obtained: np.ndarray, expected: np.ndarray) -> float:
    """Largest absolute difference as a fraction of the expected peak; pixels that are undefined in both agree.

    Infinite for different sizes, for pixels undefined in one alone, and for any difference from an image of
    zeros.
    """
    if obtained.shape != expected.shape:
        return float("inf")
    if obtained.tobytes() == expected.tobytes():
        return 0.0
    defined = np.isfinite(expected)
    if (defined != np.isfinite(obtained)).any():
        return float("inf")
    expected, obtained = (image[defined].astype(np.float64) for image in (expected, obtained))
    largest = float(np.abs(obtained - expected).max(initial=0.0))
    peak = float(np.abs(expected).max(initial=0.0))
    return largest / peak if peak > 0 else 0.0 if largest == 0 else float("inf")
