"""A job summary in Markdown: all cases in one table, worst first, then what is to be said of each failure.

The text stops before it is more than is shown, and says what it left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbcompare.commands.views.escaped import MOST_BYTES, code, plain, within
from nbcompare.commands.views.results import WEAK, Result, worst_first
from nbcompare.verdict.verdict import Check


def markdown(results: Sequence[Result], most_bytes: int = MOST_BYTES, error: str | None = None) -> str:
    """The summary of all results, at most ``most_bytes`` bytes of UTF-8; ``error`` is what ended the command early."""
    ordered = worst_first(list(results))
    good = sum(result.verdict.accepted for result in ordered)
    ended = [f"ERROR: {plain(error)}\n\n"] if error else []
    parts = [f"## nb-compare: {good} of {len(ordered)} accepted\n\n", *ended,
             "| verdict | case | smallest margin | seconds | bundle |\n|---|---|---|---|---|\n"]
    parts += [row for result in ordered for row in (_row(result), *_subject_rows(result), *_weak_rows(result))]
    parts += [part for result in ordered if not result.verdict.accepted for part in _section(result)]
    return within(parts, most_bytes)


def _row(result: Result) -> str:
    margin = f"{result.tightness:.3g} x noise" if result.tightness != float("inf") else ""
    source = dict(result.properties).get("reference from bundle")
    bundle = code(str(result.bundle)) if result.bundle else ""
    bundle += f", reference from {code(source)}" if source else ""
    return f"| {result.verdict.word} | {plain(result.name)} | {margin} | {result.seconds:.1f} | {bundle} |\n"


def _subject_rows(result: Result) -> Iterator[str]:
    """A row for each further subject, below that of its case."""
    for subject in result.subjects:
        yield (f"| {subject.word} | {plain(result.name)}: subject {plain(subject.name)} ({plain(subject.words)}) "
               "| | | |\n")


def _weak_rows(result: Result) -> Iterator[str]:
    """A row for whatever the thresholds hardly look at, below that of the case."""
    yield from (f"| | weak: {plain(said)} | | | |\n" for name, said in result.properties if name == WEAK)


def _section(result: Result) -> Iterator[str]:
    yield f"\n### {result.verdict.word}: {plain(result.name)}\n\n"
    for reason in result.verdict.reasons:
        yield f"- {plain(reason)}\n"
    if result.cause:
        yield f"- likely cause: {plain(result.cause)}\n"
    if result.next_step:
        yield f"- next: {code(result.next_step)}\n"
    if result.verdict.checks:
        yield "\n| region | metric | value | allowed | |\n|---|---|---|---|---|\n"
        rows = [("", check) for check in result.verdict.checks]
        rows += [(f"subject {subject.name}: ", check) for subject in result.subjects for check in subject.checks]
        for whose, check in sorted(rows, key=lambda row: row[1].holds):
            yield _check_row(check, whose)


def _check_row(check: Check, whose: str = "") -> str:
    value = "undefined" if check.value is None else f"{check.value:.10g}"
    return (f"| {plain(whose + check.threshold.roi)} | {plain(check.threshold.metric)} | {value} | "
            f"{plain(check.threshold.allowed)} | {'ok' if check.holds else '**outside**'} |\n")
