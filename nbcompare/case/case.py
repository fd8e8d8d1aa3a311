"""A case: what to simulate, and how close is close enough, as it was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbcompare.case.claims import Claim
from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.case.further_subject import FurtherSubject
from nbcompare.case.masking import FAIL, NO_MASKING, Masking
from nbcompare.case.matrix import Matrix
from nbcompare.case.refusal import Refusal
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi, Shape

NANOBRAGG, OWN = "nanobragg", "own"
"""Whose options a command is written in."""

KEPT_INPUTS = "data"
"""The folder of the inputs beside the copy of a case that a bundle keeps."""


@dataclass(frozen=True)
class CaseInput:
    """A file the engines read: made by one of our generators, or lying beside the case file. ``stands_in`` are other
    files that a user may bring in its place: by their sha256, what each is."""

    name: str
    made_by: str | None
    file: str | None
    sha256: str | None
    stands_in: Mapping[str, str] = field(default_factory=dict)

    @property
    def sums(self) -> tuple[str, ...]:
        """Every sum that the case pins: of its own file, and of those that may stand in for it."""
        return (*filter(None, [self.sha256]), *self.stands_in)


@dataclass(frozen=True)
class Pin:
    """The program that a case asks for: by its bytes, by the first line of its version, or by both."""

    sha256: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Limits:
    """Wall seconds after which an engine, or the mapped tests, are stopped."""

    reference_seconds: float = 1800.0
    subject_seconds: float = 1800.0
    tests_seconds: float = 1800.0


@dataclass(frozen=True)
class Case:
    """One experiment and its tolerances, as loaded; ``path`` is None for a one-shot command line.

    ``options`` says whose options the command's are: NANOBRAGG's, or the engines' OWN, into which nothing is read.
    ``elsewhere`` is where files lie that it names and that are not at their place from the case file, by these names.
    """

    name: str
    title: str
    command: tuple[str, ...]
    shape: Shape
    rois: tuple[Roi, ...]
    thresholds: tuple[Threshold, ...]
    inputs: tuple[CaseInput, ...] = ()
    reference_args: tuple[str, ...] = ()
    subject_args: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    tests: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    limits: Limits = Limits()
    repeat: int = 0
    threads: tuple[int, ...] = ()
    required_args: tuple[str, ...] = ()
    divergences: tuple[Claim, ...] = ()
    matrix: Matrix | None = None
    cell: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, EngineDeclaration] = field(default_factory=dict)
    pins: Mapping[str, Pin] = field(default_factory=dict)
    options: str = NANOBRAGG
    masking: Masking = NO_MASKING
    nan: str = FAIL
    expect: Mapping[str, Refusal] = field(default_factory=dict)
    subjects: Mapping[str, FurtherSubject] = field(default_factory=dict)
    region_files: frozenset[str] = frozenset()
    path: Path | None = None
    sha256: str | None = None
    elsewhere: Mapping[str, Path] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.path.parent if self.path else Path.cwd()

    def place_of(self, name: str) -> Path:
        """Where a file lies that the case names."""
        return self.elsewhere.get(name, self.folder / name)

    @property
    def own_options(self) -> bool:
        """Whether the command is written in options that are not nanoBragg's."""
        return self.options == OWN

    @property
    def figures_asked(self) -> set[tuple[str, str]]:
        """(metric, region) of every threshold and of every bound of a claim."""
        bounds = (bound for claim in self.divergences for bound in claim.bounds)
        return {(threshold.metric, threshold.roi) for threshold in (*self.thresholds, *bounds)}
