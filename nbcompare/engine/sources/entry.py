"""What kind of program the words of an engine start: compiled, a Python module or script, or a wrapper of another."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COMPILED, MODULE, SCRIPT, WRAPPER = "compiled program", "Python module", "Python script", "wrapper"

_PYTHON = re.compile(r"(python|pypy)[0-9.]*(t|d|\.exe)?")
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")
_LAUNCHERS = ("env", "nice", "taskset", "time", "timeout", "stdbuf", "uv", "uvx", "pixi", "poetry", "conda", "mamba",
              "micromamba", "srun", "mpirun", "mpiexec", "singularity", "apptainer", "docker", "podman", "sh", "bash",
              "dash", "zsh", "perl", "ruby", "node", "java", "julia", "Rscript", "wine", "qemu-x86_64", "valgrind",
              "strace", "numactl", "sudo", "busybox", "xargs", "nohup", "setsid", "chrt", "ionice")
_HEAD_BYTES = 4096


@dataclass(frozen=True)
class Entry:
    """What is started. ``interpreter`` are the words that start Python, with its own options; empty for others."""

    kind: str
    interpreter: tuple[str, ...] = ()
    module: str = ""
    script: str = ""


def entry_of(start: Sequence[str], search: str | None = None) -> Entry:
    """What the words start, by the program's name and first bytes. ``search`` is the PATH that it is started with,
    where that is not the user's."""
    if _PYTHON.fullmatch(Path(start[0]).name):
        return _of_python(start)
    head = _head(start[0])
    if head.startswith(b"#!"):
        python = _python_of(head, start[0], search)
        return Entry(SCRIPT, python, script=start[0]) if python else Entry(WRAPPER)
    is_launcher = Path(start[0]).name in _LAUNCHERS or any(_names_a_program(word) for word in start[1:])
    compiled = head.startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ"))
    return Entry(COMPILED if compiled and not is_launcher else WRAPPER)


def _of_python(start: Sequence[str]) -> Entry:
    """Python with its options, then -m and a module, or a script; whatever else it is given is not followed."""
    at = 1
    while at < len(start) and start[at].startswith("-") and start[at] not in ("-m", "-c", "-"):
        at += 2 if start[at] in _WITH_VALUE else 1
    rest = start[at:]
    if len(rest) > 1 and rest[0] == "-m":
        starts = _starts_another(rest[1], rest[2:])
        return Entry(WRAPPER) if starts else Entry(MODULE, tuple(start[:at]), module=rest[1])
    if rest and not rest[0].startswith("-") and os.path.isfile(rest[0]):
        return Entry(SCRIPT, tuple(start[:at]), script=rest[0])
    return Entry(WRAPPER)


def _starts_another(module: str, words: Sequence[str]) -> bool:
    """Whether a module runs another program that its words name, as runpy, cProfile, coverage and torchrun do: one of
    Python's own, or one that is given a module, a script or a program."""
    named = any(word == "-m" or _names_a_program(word) or (word.endswith(".py") and os.path.isfile(word))
                for word in words)
    return named or module.partition(".")[0] in sys.stdlib_module_names


def _python_of(head: bytes, script: str, search: str | None) -> tuple[str, ...]:
    """The words by which a script's first line starts Python; empty when it starts something else."""
    lines = head.decode("utf-8", errors="replace").splitlines()
    words = shlex.split(lines[0][2:], comments=False) if lines[0].count("'") % 2 == 0 else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if word != "-S" and "=" not in word]
    if words and _PYTHON.fullmatch(Path(words[0]).name):
        found = words[0] if os.sep in words[0] else shutil.which(words[0], path=search)
        return (found, *words[1:]) if found else ()
    # pip writes this where the path of Python is too long, or holds a blank, for a first line
    long = re.match(r"'''exec' (\"[^\"]+\"|\S+) \"\$0\" \"\$@\"", lines[1]) if len(lines) > 1 else None
    return (long.group(1).strip('"'),) if long and Path(words[0] if words else "").name == "sh" else ()


def _names_a_program(word: str) -> bool:
    """Whether a word of a command may be a program that is started in turn."""
    return not word.startswith("-") and bool(shutil.which(word))


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError:
        return b""
