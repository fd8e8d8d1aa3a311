"""The question that finders answer: two images, the command line they were to be made by, and its input files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.command import Command, parse_command
from nbcompare.case.arguments.options import DUMP, INPUT
from nbcompare.compare.image import Shape
from nbcompare.explain.description import (
    DescribedDetector,
    DescribedLattice,
    Description,
    Setting,
    describe_command,
    describe_detector,
)
from nbcompare.explain.diagnose.image_pair import ImagePair
from nbcompare.explain.diagnose.list_of_f import Amplitudes, read_amplitudes


class Question:
    """Images, arguments and files; what is read from them is read once, when a finder asks.

    ``subject_argv`` is what the subject was really given, where that is known and not the same; ``echoes`` are
    the texts both engines printed (reference, subject), where kept. ``gaps`` are the pixels [slow, fast] that hold no
    measurement; both images are zero there.
    """

    def __init__(self, reference: np.ndarray, subject: np.ndarray, argv: Sequence[str], folder: Path, *,
                 subject_argv: Sequence[str] | None = None, echoes: tuple[str, str] | None = None,
                 gaps: np.ndarray | None = None) -> None:
        self.pair = ImagePair(reference, subject, gaps)
        self.argv, self.folder = tuple(argv), folder
        self.subject_argv = tuple(subject_argv) if subject_argv is not None else None
        self.echoes = echoes
        self._detectors: dict[tuple[str, ...], DescribedDetector | None] = {}

    @cached_property
    def shape(self) -> Shape:
        return Shape(slow=self.pair.slow, fast=self.pair.fast)

    @cached_property
    def command(self) -> Command:
        return parse_command(self.argv)

    @cached_property
    def description(self) -> Description:
        """What the bundled simulator says of the command. Raises DescriptionRefused when it does not take it."""
        return describe_command(self.command, self.folder, self.shape)

    @property
    def setting(self) -> Setting:
        return self.description.setting

    @property
    def detector(self) -> DescribedDetector:
        return self.description.detector

    @property
    def lattice(self) -> DescribedLattice | None:
        return self.description.lattice

    def detector_of(self, command: Command) -> DescribedDetector | None:
        """The detector of an edited command, for these images; None for one that cannot be."""
        if command.argv not in self._detectors:
            self._detectors[command.argv] = describe_detector(command, self.folder, self.shape)
        return self._detectors[command.argv]

    @cached_property
    def amplitudes(self) -> Amplitudes | None:
        return read_amplitudes(self.command, self.folder)

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """Input files by the first name of the option that names them, those that are there."""
        found = {}
        for item in self.command.known():
            if item.row.file in (INPUT, DUMP) and item.values and (self.folder / item.values[0]).is_file():
                found[item.name] = self.folder / item.values[0]
        return found
