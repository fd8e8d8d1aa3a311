"""nb-compare: decides, with evidence, whether two nanoBragg implementations give the same image.

One kind of object flows one way: Case -> Run -> Bundle -> Comparison -> Verdict. See docs/architecture.md; the names
below are those of run/api.py, for people's own scripts and tests.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

__version__ = "0.1.0"


def door(room: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a room: its public names, each imported when it is first asked for (PEP 562).

    ``homes`` says which module of the room defines which names, separated by blanks. So a room can be named without
    loading what it is made of.
    """
    home_of = {name: module for module, names in homes.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{room}.{home_of[name]}"), name)

    return find


if TYPE_CHECKING:
    from nbcompare.run.api import (
        Bundle,
        Case,
        Comparison,
        NbCompareError,
        Roi,
        Shape,
        Threshold,
        Verdict,
        WeakThresholds,
        compare_images,
        diagnose,
        judge,
        load_case,
        open_bundle,
        run_case,
    )
else:
    __getattr__ = door(__name__, {"run.api": "Bundle Case Comparison NbCompareError Roi Shape Threshold Verdict "
                                  "WeakThresholds compare_images diagnose judge load_case open_bundle run_case"})

__all__ = ["Bundle", "Case", "Comparison", "NbCompareError", "Roi", "Shape", "Threshold", "Verdict", "WeakThresholds",
           "compare_images", "diagnose", "judge", "load_case", "open_bundle", "run_case"]
