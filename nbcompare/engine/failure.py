"""Why a run gave no usable image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ZERO_IMAGE = "zero-image"
"""The kind of failure of an image in which every pixel is zero."""


@dataclass(frozen=True)
class Failure:
    """Why a run gave no usable image: a stable word for machines and a sentence for people.

    ``said`` are the last lines that the engine printed, ``hints`` what else may be the reason.
    """

    kind: str
    sentence: str
    said: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "sentence": self.sentence, "said": list(self.said), "hints": list(self.hints)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Failure:
        return cls(stored["kind"], stored["sentence"], tuple(stored.get("said", ())), tuple(stored.get("hints", ())))
