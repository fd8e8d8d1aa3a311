"""What a command line comes to, as the bundled simulator says it: its answer to -describe, as read from JSON.

The C reference is asked where it is built or can be built, as it answers in milliseconds; else the torch simulator, in
one process that is kept. Nothing of what is asked here is worked out in the harness; docs/describe.md explains the
document.
"""

from __future__ import annotations

import atexit
import functools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbcompare.case.described_ring import SCHEMA
from nbcompare.engine.bundled_reference import build_reference
from nbcompare.engine.choose import subject_engine
from nbcompare.engine.processes.process import run_program
from nbcompare.engine.rendering.batch import BatchEngine, BatchFault
from nbcompare.errors import FileError, UsageError

SECONDS = 60.0


class DescriptionRefused(UsageError):
    """The bundled simulator does not take these arguments; the message is its own."""


def description_of(arguments: Sequence[str], folder: Path) -> dict[str, Any]:
    """The document that -describe prints for a command whose input files lie in ``folder``.

    Raises DescriptionRefused for a command that cannot be simulated, and UsageError when no simulator can be asked.
    """
    words = [*arguments, "-describe"]
    code, out, err = _ask_reference(words, folder) if _reference() else _ask_torch(words, folder)
    if code != 0:
        raise DescriptionRefused(err.strip().rpartition(" error: ")[2] or f"the simulator ended with exit code {code}")
    try:
        found = json.loads(out)
    except ValueError:
        raise UsageError("the bundled simulator printed no description") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise UsageError(f"the bundled simulator's description is not {SCHEMA}", hint="build the simulators anew")
    return found


# --- the C reference ------------------------------------------------------------------------------------------


@functools.cache
def _reference() -> Path | None:
    """The program, built on first use; None where it cannot be."""
    try:
        return build_reference()
    except (FileError, UsageError):
        return None


def _ask_reference(words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
        out, err = Path(scratch, "out"), Path(scratch, "err")
        home = folder if folder.is_dir() else Path(scratch)  # a command without files needs no folder
        ended = run_program([str(_reference()), *words], folder=home, stdout=out, stderr=err, seconds=SECONDS)
        if ended.exit_code is None or ended.timed_out:
            raise UsageError(f"the C reference gave no description: {ended.not_started or 'its time was over'}")
        return ended.exit_code, out.read_text(errors="replace"), err.read_text(errors="replace")


# --- the torch simulator --------------------------------------------------------------------------------------


@functools.cache
def _torch() -> BatchEngine:
    """A process of the torch simulator, kept until this one ends."""
    kept = BatchEngine(subject_engine(None, {}))
    atexit.register(kept.close)
    return kept


def _ask_torch(words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    try:
        answer = _torch().ask(words, folder, SECONDS)
    except BatchFault as fault:
        raise UsageError(f"no simulator can be asked: {fault}",
                         hint="install a C compiler, or the torch simulator") from None
    return answer["exit_code"], answer["stdout"], answer["stderr"]
