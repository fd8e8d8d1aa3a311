"""Cores: how many this process may use, and how many an engine is told to use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbcompare.engine.engine import Engine
from nbcompare.engine.processes.process import allowed_environment

THREADS_VARIABLE = "OMP_NUM_THREADS"
_GROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Those that this process may be put on, or fewer where its control group has a quota of their time."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([found, *_quotas()]))


def _quotas() -> Iterator[int]:
    """Whole cores that the control group of this process and those above it may use (cgroup v2)."""
    try:
        own = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return
    place = _GROUPS / own.lstrip("/")
    for folder in (place, *place.parents):
        if not folder.is_relative_to(_GROUPS):
            return
        try:
            quota, period = (folder / "cpu.max").read_text().split()
        except (OSError, ValueError):
            continue
        if quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) // int(period)


def cores_of(engine: Engine, environment: Mapping[str, str]) -> int | None:
    """How many cores an engine is told to use; None where nobody says, or it is declared not to listen."""
    if engine.capabilities.get("threads") is False:
        return None
    said = allowed_environment(engine.variables(environment)).get(THREADS_VARIABLE, "").partition(",")[0].strip()
    return int(said) if said.isdecimal() and int(said) else None
