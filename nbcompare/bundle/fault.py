"""A fault of a bundle: of what kind, in which file, what exactly."""

from __future__ import annotations

from dataclasses import dataclass

from nbcompare.visible import visible

KINDS = ("unreadable", "missing", "changed", "unexpected", "unsafe", "malformed", "schema", "disagrees")
"""In the order in which they are told. ``missing``, ``changed`` and ``unexpected`` are judged by the manifest;
``unsafe`` is a link, a device or a name that leaves the bundle; ``malformed`` and ``schema`` concern the form of
manifest and record; ``disagrees`` is a file, a figure or a verdict that does not follow from the rest."""


@dataclass(frozen=True)
class Fault:
    """One fault, told in one line."""

    kind: str
    file: str
    detail: str = ""

    def __str__(self) -> str:
        return visible(f"{self.kind}: {self.file}" + (f" ({self.detail})" if self.detail else ""))

    def as_dict(self) -> dict[str, str]:
        return dict(vars(self))


def in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    """All different faults, by kind and then by file."""
    return tuple(sorted(dict.fromkeys(faults), key=lambda fault: (KINDS.index(fault.kind), fault.file)))
