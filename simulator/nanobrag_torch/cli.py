"""``python -m nanobrag_torch``: parse, load, build, render, write. The same arguments as the C program.

Exit status: 0, or 2 for something the user can mend (one line on stderr, and no output written).
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from nanobrag_torch.command.help import help_text
from nanobrag_torch.command.load import LoadedCommand, load_components, read_command
from nanobrag_torch.emulation import list_text
from nanobrag_torch.errors import ArgumentError, SimulatorError
from nanobrag_torch.import_torch import frames_answer
from nanobrag_torch.version import MOST_THREADS, PROGRAM_NAME, default_threads, version_line

BAD_INPUT = 2
DTYPES = ("auto", "float64", "float32")
PATHS = ("auto", "plain", "fast", "compiled")


def main(tokens: Sequence[str]) -> int:
    """Run one command line, or a batch of them, and return the exit status."""
    if "-batch" in tokens:
        from nanobrag_torch.batch import run_batch

        return run_batch(run, [token for token in tokens if token != "-batch"], sys.stdin, sys.stdout)
    return run(tokens)


def run(tokens: Sequence[str], read_from: Path = Path(), write_to: Path = Path()) -> int:
    """Run one command line; relative names are looked up in ``read_from`` and written to ``write_to``."""
    try:
        if "list" in (value for flag, value in itertools.pairwise(tokens) if flag == "-emulate"):
            print(list_text(), end="")
            return 0
        return _run(read_command(tokens, read_from, write_to))
    except SimulatorError as fault:
        sys.stdout.flush()
        print(f"{PROGRAM_NAME}: error: {fault}", file=sys.stderr)
        return BAD_INPUT
    except ModuleNotFoundError as fault:
        if fault.name != "torch":
            raise
        print(f"{PROGRAM_NAME}: error: torch is not installed: pip install 'nb-compare[torch]'", file=sys.stderr)
        return BAD_INPUT
    except (MemoryError, RuntimeError) as fault:
        if not _is_out_of_memory(fault):
            raise
        print(f"{PROGRAM_NAME}: error: out of memory; try fewer pixels, steps or sub-pixels", file=sys.stderr)
        return BAD_INPUT


def _is_out_of_memory(fault: Exception) -> bool:
    """Whether NumPy or torch could not get memory; torch says so in words."""
    return isinstance(fault, MemoryError) or "memory" in str(fault).lower()


def _run(command: LoadedCommand) -> int:
    if command.program.show_help:
        print(help_text(), end="")
        return 0
    if command.program.show_version:
        print(version_line(command.program, command.emulate))
        return 0
    if command.program.compile_step:
        from nanobrag_torch.render.compile_build import build

        folder, error = build()
        print(f"compiled step in {folder}: within {error:.2g} of the plain path")
        return 0
    _check_program(command)
    with frames_answer():
        loaded = _loaded_meanwhile(command)
        if command.outputs.describe:
            from nanobrag_torch.output.describe import print_description as carry_out
        else:
            from nanobrag_torch.job import render_and_write as carry_out
    command, components = loaded()  # the one that was read, with the warnings that came of it
    carry_out(command, components)
    sys.stdout.flush()
    for message in command.options.warnings:
        print(f"{PROGRAM_NAME}: warning: {message}", file=sys.stderr)
    return 0


def _loaded_meanwhile(command: LoadedCommand) -> Callable:
    """What returns the command and its components: files are read while torch is imported, if there are any, it is not
    yet, and there are cores for both."""
    def load():
        return command, load_components(command)

    alone = default_threads() < 2 or command.program.threads == 1
    if "torch" in sys.modules or alone or not command.reads_files:
        return load
    from nanobrag_torch.render.workers import ahead

    return ahead(load)


def _check_program(command: LoadedCommand) -> None:
    """What torch would only notice later."""
    program = command.program
    if program.dtype not in DTYPES:
        raise ArgumentError(f"-dtype: auto, float64 or float32 expected, {program.dtype!r} given")
    if program.render not in PATHS:
        raise ArgumentError(f"-render: {', '.join(PATHS[:-1])} or {PATHS[-1]} expected, {program.render!r} given")
    if program.threads is not None and program.threads < 1:
        raise ArgumentError(f"-threads: at least 1 thread is needed, not {program.threads}")
    if program.threads is not None and program.threads > MOST_THREADS:
        raise ArgumentError(f"-threads: {program.threads} are too many; at most {MOST_THREADS}")
    if program.device != "cpu":
        _check_device(program.device)


def _check_device(name: str) -> None:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError:
        raise ArgumentError(f"-device: cpu, cuda or cuda:N expected, {name!r} given") from None
    if device.type not in ("cpu", "cuda"):
        raise ArgumentError(f"-device: cpu, cuda or cuda:N expected, {name!r} given")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ArgumentError(f"-device: there is no {name} here ({torch.cuda.device_count()} CUDA devices)")
