"""The longest question of a run, asked while its case is read: what the bundled simulator is made of, of the Python
that is to run it. Where that is not known from a run before (known_compiled.py), each of its files is compiled to see
whether what lies compiled beside it is of this text.

It is the very question that is asked of an engine when it is chosen (interpreter.py), with the same words and
variables; a case that names another subject, or sets variables, leaves the answer unused. Our own Python says it of our
own files: nothing of a case, and no program of the user's, is run.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nbcompare.case.arguments.options import SUBJECT
from nbcompare.case.project_file import find_project_file
from nbcompare.engine.engine import Engine
from nbcompare.engine.processes.asking import Answers, asked_once
from nbcompare.engine.processes.quick_switches import quick_switches
from nbcompare.engine.safety.safe_start import BUNDLED_SUBJECT
from nbcompare.engine.sources.interpreter import ask_ahead


@contextmanager
def asked_first(case_file: Path, py_bin: str | None, answers: Answers) -> Iterator[None]:
    """Ask beside the block, where the bundled simulator is likely to be the subject: nobody named another, and there is
    no project file, which could."""
    if py_bin is not None or "NB_PY_BIN" in os.environ or find_project_file(case_file.parent):
        yield
        return
    thread = threading.Thread(target=_ask, args=(answers,), daemon=True, name="asked-first")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _ask(answers: Answers) -> None:
    with suppress(Exception), quick_switches(), asked_once(answers):  # who needs the answer asks again, and tells
        ask_ahead(Engine(SUBJECT, "nanobrag_torch", BUNDLED_SUBJECT, "default"), {})
