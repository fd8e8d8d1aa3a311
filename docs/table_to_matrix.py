#!/usr/bin/env python3
"""A table of runs, as ports keep them for parity tests, made into case files with a matrix.

    python docs/table_to_matrix.py tests/parity_cases.yaml cases/ --claims docs/table_claims.yaml

The table is YAML: cases, each with id, base_args, thresholds (corr_min, sum_ratio_min, sum_ratio_max, max_abs_max) and
runs of name and extra_args, a run perhaps with thresholds of its own. Each case becomes ID.yaml, whose matrix has the
runs. A key that is not known is refused, as what it asks for would be lost.

A limit in photons (max_abs_max) above the brightest pixel could not fail, and a table does not say how bright that is:
--of-peak, a share of each image's own peak, stands in its place, and that is told. --claims is a file of claims as in a
case, each with the runs that it is made for: those whose command holds one of the expressions of ``when``.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

KNOWN = {"case": {"id", "description", "base_args", "thresholds", "runs"}, "run": {"name", "extra_args", "thresholds"}}
METRICS = {"corr_min": ("correlation", "min"), "sum_ratio_min": ("sum_ratio", "min"),
           "sum_ratio_max": ("sum_ratio", "max"), "max_abs_max": ("max_abs_diff_of_peak", "max")}
"""The keys of a table's thresholds: the metric and the side that each bounds."""

PHOTONS = "max_abs_max"
OF_PEAK = 1e-3
"""What a pixel may differ by, of the brightest one, where the table has a limit in photons."""


class WrittenOut(yaml.SafeDumper):
    """Writes what stands in several places out in each: a case file has no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class TableFault(Exception):
    """What a table holds that cannot be made into a case, in a sentence."""


def cases_of(table: Any, claims: Sequence[Mapping[str, Any]], of_peak: float) -> Iterator[dict[str, Any]]:
    """The cases of a table as documents to write. Raises TableFault."""
    if not isinstance(table, Mapping) or not isinstance(table.get("cases"), list) or not table["cases"]:
        raise TableFault("the table has no list called cases")
    for entry in table["cases"]:
        yield _case(entry, claims, of_peak)


def _case(entry: Any, claims: Sequence[Mapping[str, Any]], of_peak: float) -> dict[str, Any]:
    _check(entry, "case", ("id", "base_args", "thresholds", "runs"))
    words = f"{entry['base_args']} {_LIKE_THE_C_PROGRAM}"
    runs = {}
    for run in entry["runs"]:
        _check(run, "run", ("name",))
        arguments = " ".join(str(run.get("extra_args") or "").split())
        if run["name"] in runs:
            raise TableFault(f"{entry['id']}: two runs are called {run['name']}")
        own: dict[str, Any] = {"thresholds": thresholds(run["thresholds"], of_peak)} if "thresholds" in run else {}
        made = claims_for(f"{' '.join(words.split())} {arguments}", claims)
        own |= {"divergences": made} if made else {}
        runs[run["name"]] = {"args": arguments or [], **own} if own else arguments or []
    return {"name": entry["id"], "title": entry.get("description", entry["id"]), "command": " ".join(words.split()),
            "matrix": {"runs": runs}, "image": _image(words), "rois": {"full": "full"},
            "thresholds": thresholds(entry["thresholds"], of_peak), "environment": dict(_ONE_THREAD),
            "limits": {"reference_seconds": 600, "subject_seconds": 600}}


_ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""Each thread of the original program begins with an untouched crystal, so that where a step is at phi 0 the first
pixel of every further thread is another one, and no emulation gives it."""

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


def claims_for(command: str, claims: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The claims that are made for a command: one of the expressions of ``when`` is found in it, none of ``unless``."""
    return [{key: value for key, value in claim.items() if key not in WHICH} for claim in claims
            if any(re.search(pattern, command) for pattern in claim["when"])
            and not any(re.search(pattern, command) for pattern in claim.get("unless", ()))]


WHICH = ("when", "unless")


def read_claims(text: str) -> list[dict[str, Any]]:
    """The claims of a file. What is in them is checked where the case is read. Raises TableFault."""
    found = yaml.safe_load(text)
    if not isinstance(found, list) or not all(isinstance(claim, dict) and isinstance(claim.get("when"), list)
                                              for claim in found):
        raise TableFault("a file of claims is a list of mappings, each with a list called when")
    return found


def thresholds(bounds: Mapping[str, Any], of_peak: float) -> list[dict[str, Any]]:
    """The list of a case, with both sides of one metric together."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in bounds.items():
        if key not in METRICS:
            raise TableFault(f"unknown threshold {key!r}; known are {', '.join(METRICS)}")
        metric, side = METRICS[key]
        entry = found.setdefault(metric, {"metric": metric, "why": "the bound of the table it was converted from"})
        entry[side] = value
        if key == PHOTONS:
            entry |= {side: of_peak, "why": f"the table allows {value} photons, which no image without such a pixel "
                                            f"could fail; {of_peak:g} of its brightest pixel stands in its place"}
    return list(found.values())


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
    parser.add_argument("--claims", type=Path, help="a file of claims and for which commands they are made")
    parser.add_argument("--of-peak", type=float, default=OF_PEAK, metavar="SHARE",
                        help=f"what stands in place of {PHOTONS}, of the brightest pixel; default {OF_PEAK:g}")
    asked = parser.parse_args()
    try:
        claims = read_claims(asked.claims.read_text(encoding="utf-8")) if asked.claims else []
        table = yaml.safe_load(asked.table.read_text(encoding="utf-8"))
        found = list(cases_of(table, claims, asked.of_peak))
        asked.folder.mkdir(parents=True, exist_ok=True)
        for case in found:
            path = asked.folder / f"{case['name']}.yaml"
            with path.open("x", encoding="utf-8") as stream:
                yaml.dump(case, stream, WrittenOut, sort_keys=False, width=110)
            print(f"{path}: {len(case['matrix']['runs'])} runs")
        if PHOTONS in asked.table.read_text(encoding="utf-8"):
            print(f"{PHOTONS}: limits in photons, which no image without a pixel as bright could fail, are limits of "
                  f"{asked.of_peak:g} of the brightest pixel now (--of-peak)")
    except (TableFault, OSError, ValueError, yaml.YAMLError) as fault:
        print(f"table_to_matrix: error: {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
