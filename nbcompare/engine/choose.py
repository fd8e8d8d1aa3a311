"""Which programs are run: as the options and the environment name them."""

from __future__ import annotations

import os
from pathlib import Path

from nbcompare.case.options import REFERENCE, SUBJECT
from nbcompare.engine.bundled_reference import build_reference
from nbcompare.engine.engine import Engine, reference_engine, subject_engine
from nbcompare.engine.progress import Progress


def choose_engines(options, progress: Progress) -> dict[str, Engine]:
    """Reference and subject, as the options and the environment name them."""

    def bundled() -> Path:
        progress.begin("C reference (make)")
        path = build_reference()
        progress.end("ready")
        return path

    return {REFERENCE: reference_engine(options.c_bin, os.environ, bundled),
            SUBJECT: subject_engine(options.py_bin, os.environ)}
