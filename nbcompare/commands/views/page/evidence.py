"""Tables of a page that need more than the record: peaks, a kept trace, effective parameters, checksums, commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.manifest import read_text
from nbcompare.bundle.names import DATA, MANIFEST
from nbcompare.case.arguments.command import parse_command
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.commands.views.terminal import shown
from nbcompare.errors import FileError, NbCompareError, to_type

_SHOWN_NUMBERS = 3


def evidence(bundle: Bundle, peaks: Mapping[str, Any] | None, trace: Mapping[str, Any] | None) -> dict[str, Any]:
    """Everything of the section, as the template takes it."""
    return {"peaks": peak_rows(peaks) if peaks else [], "lost": len(peaks["lost"]) if peaks else 0,
            "traces": trace_tables(trace) if trace else [], "parameters": parameters(bundle),
            "sums": checksums(bundle), "reproduce": reproduce(bundle)}


def peak_rows(peaks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Peaks found again with how far they moved, then those that were lost."""
    rows = [{"x": x, "y": y, "dx": to_x - x, "dy": to_y - y, "moved": float(np.hypot(to_x - x, to_y - y)),
             "reference": before, "subject": after, "ratio": after / before if before else None}
            for x, y, to_x, to_y, before, after in peaks["matched"]]
    return rows + [{"x": x, "y": y, "dx": None, "dy": None, "moved": None, "reference": intensity, "subject": None,
                    "ratio": None} for x, y, intensity in peaks["lost"]]


def trace_tables(trace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One table for each traced pixel: of every factor the entry that comes first or differs, the first to differ
    marked. What cannot be read of a kept trace is left out."""
    tables = []
    for pixel in trace.get("pixels") or ():
        try:
            first = pixel["first"]
            rows = [{"name": _label(entry), "unit": entry["unit"], "reference": _numbers(entry["reference"]),
                     "subject": _numbers(entry["subject"]), "difference": entry["difference"],
                     "agrees": bool(entry["agrees"]),
                     "first": bool(first) and (entry["name"], entry["index"]) == (first["name"], first["index"])}
                    for entry in _worst_of_each(pixel["factors"])]
            tables.append({"fast": int(pixel["pixel"]["fast"]), "slow": int(pixel["pixel"]["slow"]), "rows": rows,
                           "first": _label(first) if first else None})
        except (KeyError, TypeError, ValueError):
            continue
    return tables


def _worst_of_each(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    chosen: dict[str, dict[str, Any]] = {}
    for entry in entries:
        held = chosen.get(entry["name"])
        if held is None or (held["agrees"] and not entry["agrees"]):
            chosen[entry["name"]] = entry
    return list(chosen.values())


def _label(entry: Mapping[str, Any]) -> str:
    index = " ".join(map(str, entry["index"]))
    return f"{entry['name']} [{index}]" if index else str(entry["name"])


def _numbers(numbers: list[float | None] | None) -> str:
    if numbers is None:
        return "absent"
    text = " ".join("none" if number is None else f"{number:.9g}" for number in numbers[:_SHOWN_NUMBERS])
    return text + (" …" if len(numbers) > _SHOWN_NUMBERS else "")


# --- what the arguments come to ---------------------------------------------------------------------------------


def parameters(bundle: Bundle) -> list[dict[str, Any]]:
    """Effective parameters of each role's arguments side by side, by the bundled simulator's description, those that
    differ first; none where the words are another program's or cannot be described."""
    from nbcompare.explain.description import describe_command

    case = bundle.record.case
    if case.own_options or bundle.record.images is not None:
        return []
    try:
        found = [describe_command(parse_command(case.arguments(role)), bundle.folder / DATA, case.shape)
                 for role in (REFERENCE, SUBJECT)]
    except NbCompareError:
        return []
    both = [dict(_flat(entry.setting)) | dict(_flat(entry.detector)) for entry in found]
    rows = [{"name": name, "reference": both[0][name], "subject": both[1][name],
             "same": both[0][name] == both[1][name]} for name in both[0]]
    return sorted(rows, key=lambda row: bool(row["same"]))


def _flat(record: Any) -> Iterator[tuple[str, str]]:
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, tuple | np.ndarray):
            entries = [f"{number:.9g}" for number in np.ravel(value)]
            yield field.name, " ".join(entries[:6]) + (f" … ({len(entries)})" if len(entries) > 6 else "")
        elif isinstance(value, float):
            yield field.name, f"{value:.9g}"
        else:
            yield field.name, str(value)


# --- files and commands -----------------------------------------------------------------------------------------


def checksums(bundle: Bundle) -> list[tuple[str, str]]:
    """(name, sha256) of every file of the bundle, as its manifest has them."""
    try:
        lines = read_text(bundle.folder / MANIFEST).splitlines()
    except FileError:
        return []
    return [(name, digest) for digest, _, name in (line.partition("  ") for line in lines)]


def reproduce(bundle: Bundle) -> list[tuple[str, str]]:
    """(what it does, command) to check, to run again and to judge again; then what each engine was started with."""
    folder = shown(bundle.folder)
    found = [("check every file, figure and word", to_type("nb-compare", "verify", folder)),
             ("run both engines again and compare with this bundle", to_type("nb-compare", "regenerate", folder)),
             ("judge the stored images again", to_type("nb-compare", "check", folder))]
    return found + [(f"what the {run.role} was started with", shlex.join(run.argv)) for run in bundle.record.runs
                    if run.argv]
