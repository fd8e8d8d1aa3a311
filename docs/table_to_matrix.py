#!/usr/bin/env python3
"""A table of runs, as ports keep them for parity tests, made into case files with a matrix.

    python docs/table_to_matrix.py tests/parity_cases.yaml cases/

The table is YAML: cases, each with id, base_args, thresholds (corr_min, sum_ratio_min, sum_ratio_max, max_abs_max) and
runs of name and extra_args, a run perhaps with thresholds of its own. Each case becomes ID.yaml, whose matrix has the
runs. A key that is not known is refused, as what it asks for would be lost.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

KNOWN = {"case": {"id", "description", "base_args", "thresholds", "runs"}, "run": {"name", "extra_args", "thresholds"}}
METRICS = {"corr_min": ("correlation", "min"), "sum_ratio_min": ("sum_ratio", "min"),
           "sum_ratio_max": ("sum_ratio", "max"), "max_abs_max": ("max_abs_diff", "max")}
"""The keys of a table's thresholds: the metric and the side that each bounds."""


class TableFault(Exception):
    """What a table holds that cannot be made into a case, in a sentence."""


def cases_of(table: Any) -> Iterator[dict[str, Any]]:
    """The cases of a table as documents to write. Raises TableFault."""
    if not isinstance(table, Mapping) or not isinstance(table.get("cases"), list) or not table["cases"]:
        raise TableFault("the table has no list called cases")
    for entry in table["cases"]:
        yield _case(entry)


def _case(entry: Any) -> dict[str, Any]:
    _check(entry, "case", ("id", "base_args", "thresholds", "runs"))
    words = f"{entry['base_args']} {_LIKE_THE_C_PROGRAM}"
    runs = {}
    for run in entry["runs"]:
        _check(run, "run", ("name",))
        arguments = " ".join(str(run.get("extra_args") or "").split())
        if run["name"] in runs:
            raise TableFault(f"{entry['id']}: two runs are called {run['name']}")
        runs[run["name"]] = ({"args": arguments or [], "thresholds": thresholds(run["thresholds"])}
                             if "thresholds" in run else arguments or [])
    return {"name": entry["id"], "title": entry.get("description", entry["id"]), "command": " ".join(words.split()),
            "matrix": {"runs": runs}, "image": _image(words), "rois": {"full": "full"},
            "thresholds": thresholds(entry["thresholds"]),
            "limits": {"reference_seconds": 600, "subject_seconds": 600}}


_LIKE_THE_C_PROGRAM = "-nonoise -nopgm"
"""Parity is asked of the float image alone, so noise and pictures are not made."""


def _image(words: str) -> dict[str, int]:
    """The size of the image of what all runs have in common; a run may ask for another."""
    asked = shlex.split(words)
    sides = [int(asked[i + 1]) for i, word in enumerate(asked) if word == "-detpixels"]
    side = sides[-1] if sides else _PIXELS
    return {"fast": side, "slow": side}


_PIXELS = 1024
"""On each side, where a command does not say (docs/flags.md)."""


def thresholds(bounds: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The list of a case, with both sides of one metric together."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in bounds.items():
        if key not in METRICS:
            raise TableFault(f"unknown threshold {key!r}; known are {', '.join(METRICS)}")
        metric, side = METRICS[key]
        found.setdefault(metric, {"metric": metric})[side] = value
    return [{**entry, "why": "the bound of the table it was converted from"} for entry in found.values()]


def _check(entry: Any, what: str, required: tuple[str, ...]) -> None:
    if not isinstance(entry, Mapping):
        raise TableFault(f"a {what} must be a mapping, found {entry!r}")
    for key in required:
        if not entry.get(key):
            raise TableFault(f"a {what} lacks {key}: {dict(entry)!r:.60}")
    unknown = set(entry) - KNOWN[what]
    if unknown:
        raise TableFault(f"a {what} has a key that is not known: {', '.join(sorted(map(str, unknown)))}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("folder", type=Path, help="where the case files go; none that is there is overwritten")
    asked = parser.parse_args()
    try:
        found = list(cases_of(yaml.safe_load(asked.table.read_text(encoding="utf-8"))))
        asked.folder.mkdir(parents=True, exist_ok=True)
        for case in found:
            path = asked.folder / f"{case['name']}.yaml"
            with path.open("x", encoding="utf-8") as stream:
                yaml.safe_dump(case, stream, sort_keys=False, width=110)
            print(f"{path}: {len(case['matrix']['runs'])} runs")
    except (TableFault, OSError, ValueError, yaml.YAMLError) as fault:
        print(f"table_to_matrix: error: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
