"""Row: one hypothesis of a table, about the command that a question has."""

from __future__ import annotations

from typing import NamedTuple

from nbcompare.case.arguments.command import Command
from nbcompare.explain.diagnose.hypotheses.candidate import FileEdit, ImageFormula


class Row(NamedTuple):
    """``id`` of the cause, the sentence, the command as it would be, how likely the mistake is, edited
    files, and what becomes of the image."""

    id: str
    words: str
    command: Command
    prior: float
    files: tuple[FileEdit, ...] = ()
    formula: ImageFormula | None = None
