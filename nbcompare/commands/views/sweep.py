"""The outcome of a sweep as one table, and as plain values."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nbcompare.bundle.archive.opened import in_archive
from nbcompare.bundle.bundle import load_bundle
from nbcompare.case.lines import CaseLines, lines_of
from nbcompare.commands.views.results import Result, result_of
from nbcompare.commands.views.terminal import shown, table
from nbcompare.errors import ExitCode, to_type
from nbcompare.run.sweep.result import FAILED, RAN, STORED, CellResult
from nbcompare.run.sweep.sweep import Sweep
from nbcompare.verdict.verdict import Label, Verdict

_MOST_WORDS = 90


def sweep_report(sweep: Sweep) -> str:
    """One row per cell, failing ones with their first reason; then the count of each verdict. Where a reference came
    from a bundle, each row says whether its own did. The first bundle that failed is to be looked at next."""
    borrowed = any(result.reference_from for result in sweep.results)
    rows = [(result.cell, result.word, _figure(result, "correlation"), _figure(result, "sum_ratio"),
             f"{result.seconds:.2f} s" if result.how != STORED else "stored",
             *([f"bundle {result.reference_from}" if result.reference_from else "-"] if borrowed else []),
             _shortened(result.why)) for result in sweep.results]
    lines = table(("cell", "verdict", "correlation", "sum ratio", "took", *(["reference from"] if borrowed else []),
                   "why"), rows)
    stored = sweep.count(STORED)
    made = (f"{sweep.count(RAN)} run, {stored} already done{' (--force runs them again)' if stored else ''}, "
            f"{sweep.count(FAILED)} without bundle")
    failed = [result.bundle for result in sweep.results if result.exit_code != ExitCode.PASS and result.bundle]
    cut = [result.why for result in sweep.results if result.bundle is None and len(result.why) > _MOST_WORDS]
    following = [f"  why   {why}" for why in cut[:1]]
    following += [f"  next  {to_type('nb-compare', 'show', shown(Path(folder)))}" for folder in failed[:1]]
    return "\n".join([*lines, _counts(sweep.results), made, *following])


def _figure(result: CellResult, name: str) -> str:
    value = result.figures.get(name)
    return "-" if value is None else f"{value:.8g}"


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_WORDS else text[:_MOST_WORDS - 3] + "..."


def _counts(results: Sequence[CellResult]) -> str:
    words = sorted({result.word for result in results}, key=lambda word: (word != "PASS", word))
    return ", ".join(click.style(f"{sum(result.word == word for result in results)} {word}",
                                 fg="green" if word == "PASS" else "red", bold=True) for word in words)


def result_of_cell(result: CellResult) -> Result:
    """A cell as continuous integration is told of it; the checks are those of its bundle. Of one in a sealed archive,
    which is not opened, the verdict is told alone."""
    file = Path(result.file) if result.file else None
    if result.bundle is None:
        failed = Verdict(Label.BLOCKED, result.exit_code, (), (result.why or "the cell left no bundle",))
        return Result(result.cell, failed, result.seconds, file, _lines(file))
    if _is_archive(os.path.dirname(result.bundle)):
        said = Verdict(Label(result.word), result.exit_code, (), (result.why,) if result.why else ())
        return Result(result.cell, said, result.seconds, file, _lines(file), Path(result.bundle),
                      next_step=to_type("nb-compare", "show", result.bundle))
    return result_of(load_bundle(Path(result.bundle)), file, to_type("nb-compare", "show", result.bundle))


@functools.lru_cache(64)
def _is_archive(place: str) -> bool:
    """Asked once of an archive, and not for each of its hundred cells: no archive of a sweep goes while it runs."""
    return in_archive(Path(place)) is not None


def _lines(file: Path | None) -> CaseLines:
    """The lines of a case file, which is read once for all its cells while it stays as it is."""
    try:
        found = file.stat() if file else None
    except OSError:
        return CaseLines()
    return _lines_then(file.absolute(), found.st_mtime_ns, found.st_size) if file and found else CaseLines()


@functools.lru_cache(64)
def _lines_then(file: Path, _written: int, _size: int) -> CaseLines:
    return lines_of(file)


def sweep_as_dict(sweep: Sweep) -> dict[str, Any]:
    return {"schema_version": 1, "kind": "nb-compare sweep", "exit_code": int(sweep.exit_code),
            "cells": len(sweep.results), "run": sweep.count(RAN), "stored": sweep.count(STORED),
            "without_bundle": sweep.count(FAILED), "results": [result.as_dict() for result in sweep.results]}
