"""Who can be asked for a trace, as far as that is known before asking."""

from __future__ import annotations

import re

from nbcompare.engine.identity import EngineIdentity

_TRACERS = re.compile(r"(nanoBragg|nanobragg_reference|nanobrag_torch)\b")
"""How the version lines begin of the programs whose traces are known: the C program, and the engines that ship here."""


def prints_traces(engine: EngineIdentity) -> bool:
    """Whether an engine is known to print what a pixel is made of: as it is declared, else by its version line."""
    if engine.is_stored or engine.capabilities.get("roi") is False:
        return False
    declared = engine.capabilities.get("trace")
    return bool(_TRACERS.match(engine.version)) if declared is None else declared
