"""Candidate: a hypothesis that an engine can carry out, which is an edited command line, edited files, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nbcompare.case.arguments.command import Command
from nbcompare.explain.diagnose.causes import CATALOGUE, GEOMETRY_TOPICS


@dataclass(frozen=True)
class FileEdit:
    """Another content of the file that an option names. ``label`` tells edits of one file apart."""

    option: str
    label: str
    make: Callable[[str], str]


@dataclass(frozen=True)
class ImageFormula:
    """What becomes of two images: of the unedited command, and of the candidate's. ``label`` tells formulas apart.

    A factor over the image that is an average over sub-pixels, sources or layers is known exactly only as the ratio of
    an image with it to one without.
    """

    label: str
    make: Callable[[np.ndarray, np.ndarray], np.ndarray]


RunKey = tuple[tuple[str, ...], tuple[tuple[str, str], ...], frozenset[str] | None, str]
"""Arguments, edits of files by option and label, emulations, and the formula: what tells a trial from others."""


@dataclass(frozen=True)
class Candidate:
    """One hypothesis to be tried.

    ``words`` says what is different, ``source`` which table it stands in. ``files`` are edits of input files.
    ``emulate`` is the set of emulations in force, None for those of the baseline. ``formula`` makes the image of the
    rendered one and the unedited one; None where the rendered one is it.
    """

    id: str
    words: str
    command: Command
    prior: float = 0.5
    files: tuple[FileEdit, ...] = ()
    emulate: frozenset[str] | None = None
    source: str = ""
    formula: ImageFormula | None = None

    def __post_init__(self) -> None:
        if self.id not in CATALOGUE:
            raise ValueError(f"{self.id} is not in the catalogue of causes")

    @property
    def geometry(self) -> bool:
        """Whether only the detector is other, so that diffracted rays stay and peaks can be predicted."""
        return CATALOGUE[self.id].topic in GEOMETRY_TOPICS

    @property
    def key(self) -> RunKey:
        """Equal for two candidates that ask for the same image."""
        return (self.command.argv, tuple((edit.option, edit.label) for edit in self.files), self.emulate,
                self.formula.label if self.formula else "")
