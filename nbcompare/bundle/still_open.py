"""What a bundle leaves open: what was not run, and what a reader should know before believing the rest.

Written into each bundle (notes/todo_nb_compare.md) and into the ledger, from the record alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nbcompare.verdict.verdict import Label

if TYPE_CHECKING:
    from nbcompare.bundle.record import Record

_LEFT_OUT = re.compile(r"\b\d+ (?:skipped|deselected)\b")


def not_run(record: Record) -> list[str]:
    """What could have been run and was not, a sentence each."""
    return list(_not_run(record))


def _not_run(record: Record) -> Iterator[str]:
    tests = record.tests
    if not tests["cpu"].nodes:
        yield "mapped tests: the case names none"
    elif "cuda" not in tests:
        yield "mapped tests on CUDA: " + ("they failed on the CPU" if tests["cpu"].failure else
                                          "no CUDA device was available")
    for device, outcome in tests.items():
        left_out = _LEFT_OUT.findall(outcome.summary) if outcome.nodes else []
        if left_out:
            yield f"some mapped tests ({device}): {', '.join(left_out)}"
    if not record.runs:
        yield "the engines"
    if record.comparison is None:
        yield "the comparison of the images"
    elif all(check.noise is None for check in record.verdict.checks):
        yield "a repetition of the reference: how far it reproduces itself is not known"


def open_points(record: Record) -> list[str]:
    """Everything still open: reasons against a pass, what was not run, and doubts about the surroundings."""
    return [*(f"{record.verdict.word}: {reason}" for reason in record.verdict.reasons),
            *(f"not run: {sentence}" for sentence in not_run(record)), *_doubts(record)]


def _doubts(record: Record) -> Iterator[str]:
    git = record.git
    if git.dirty:
        yield "the checkout had uncommitted changes; commit them and run again"
    elif git.dirty is None:
        yield "git could not tell which commit was run"
    for entry in record.inputs:
        if not entry.as_pinned:
            yield f"the input {entry.name} is the user's own, not the one the case pins"
    if record.comparison:
        yield from record.comparison.notes
    if record.verdict.word is Label.PROVEN:
        yield "the images differ; the verdict rests on the proof of a known divergence"


def todo_text(record: Record) -> str:
    """notes/todo_nb_compare.md: a list to tick off."""
    lines = [f"- [ ] {' '.join(point.split())}" for point in open_points(record)] or ["Nothing is open."]
    name = record.case.name
    return "\n".join([f"# Still open: {name} {record.stamp}", "", *lines]) + "\n"
