"""The one door between the audit and the diagnosis: two images and the arguments go in, ids of causes come out.

What the diagnosis is given is what it would have of any failing run: never the defect, nor the subject's edited
arguments. Where the mistake is one of the subject's setting it gets what the engines printed, as from a bundle.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbcompare.explain.diagnose.diagnose import DiagnosisOptions, diagnose
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.simulator import Simulator

FIRST = 3
"""So many causes are looked at."""
BUDGET_S = limits.BUDGET_S
"""Processor seconds of one diagnosis where nobody says how many."""


@dataclass(frozen=True)
class NamedCause:
    """What the diagnosis said: the ids of its first causes, the first sentence, whether that one was proven, and the
    seconds and renders that it took, and the seconds of processors, which no other work on the machine changes.
    ``equals`` are the ids of causes that it told as giving the same image as the first, each shown by an image."""

    ids: tuple[str, ...]
    sentence: str
    proven: bool
    seconds: float
    renders: int = 0
    processor_seconds: float = 0.0
    equals: tuple[str, ...] = ()

    def place(self, right: frozenset[str]) -> int | None:
        """The place (1, 2, 3) of the first right cause, or None. Causes that give the same image share the first place:
        from the image nobody tells which of them it was."""
        if self.ids and right & {self.ids[0], *self.equals}:
            return 1
        return next((place for place, id in enumerate(self.ids, 1) if id in right), None)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ids": list(self.ids), "equals": list(self.equals)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> NamedCause:
        return cls(**{**stored, "ids": tuple(stored["ids"]), "equals": tuple(stored.get("equals", ()))})


class Diagnostician:
    """Asks the diagnosis; each thread keeps a simulator process of its own."""

    def __init__(self, argv: tuple[str, ...], folder: Path, budget_s: float) -> None:
        self.argv, self.folder = argv, folder
        self.options = DiagnosisOptions(budget_s=budget_s, waits=limits.PATIENT)
        self.own = threading.local()
        self.opened: list[Simulator] = []

    def close(self) -> None:
        for simulator in self.opened:
            simulator.close()

    def name(self, reference: np.ndarray, subject: np.ndarray, echoes: tuple[str, str] | None) -> NamedCause:
        """What it says of two images of one shape; ``echoes`` are what both engines printed, reference first."""
        simulator = self._simulator()
        started, worked = time.monotonic(), _worked(simulator)
        question = Question(reference, subject, self.argv, self.folder, echoes=echoes)
        answer = diagnose(question, self.options, simulator)
        found = answer.causes
        first = found[0] if found else None
        return NamedCause(tuple(cause.id for cause in found[:FIRST]), first.sentence if first else "",
                     bool(first and first.proven), round(time.monotonic() - started, 2),
                     int(str((answer.tested or {}).get("renders", 0))), round(_worked(simulator) - worked, 2),
                     first.rivals if first else ())

    def _simulator(self) -> Simulator:
        found: Simulator | None = getattr(self.own, "simulator", None)
        if found is None:
            self.own.simulator = found = Simulator()
            self.opened.append(found)
        return found


def _worked(simulator: Simulator) -> float:
    """Processor seconds of this process, its children that ended, and the simulator's that are kept."""
    return sum(os.times()[:4]) + simulator.renderer.processor_seconds
