"""A job summary in Markdown: all cases in one table, worst first, then what is to be said of each failure.

GitHub shows at most 1 MiB of summary a step, so the text stops before that and says what it left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nbcompare.commands.views.results import WEAK, Result, worst_first
from nbcompare.verdict.verdict import Check

MOST_BYTES = 1_000_000
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")


def markdown(results: Sequence[Result], most_bytes: int = MOST_BYTES) -> str:
    """The summary of all results, at most ``most_bytes`` bytes of UTF-8."""
    ordered = worst_first(list(results))
    good = sum(result.verdict.accepted for result in ordered)
    parts = [f"## nb-compare: {good} of {len(ordered)} accepted\n\n"
             "| verdict | case | smallest margin | seconds | bundle |\n|---|---|---|---|---|\n"]
    parts += [row for result in ordered for row in (_row(result), *_subject_rows(result), *_weak_rows(result))]
    parts += [part for result in ordered if not result.verdict.accepted for part in _section(result)]
    return within(parts, most_bytes)


def within(parts: Sequence[str], most_bytes: int) -> str:
    """As many of the parts as there is room for, and a word on the rest."""
    room = most_bytes - 100
    kept: list[str] = []
    for at, part in enumerate(parts):
        room -= len(part.encode())
        if room < 0:
            return "".join(kept) + f"\n{len(parts) - at} more lines were left out: there is no room for them.\n"
        kept.append(part)
    return "".join(kept)


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


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Text as code on one line, also where it holds backticks."""
    text = " ".join(text.split()).replace("|", "\\|")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"
