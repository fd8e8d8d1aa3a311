"""What a person reads of a fuzzing: one table of causes, and what was covered."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import click

from nbcompare.commands.views.terminal import line, shown, table, uncut, whole
from nbcompare.errors import to_type
from nbcompare.explain.fuzz.causes import FailureCause
from nbcompare.explain.fuzz.fuzz import Fuzzed

_MOST_NAMES = 160


def fuzz_report(found: Fuzzed, programs: Sequence[str] = ()) -> str:
    """The whole text; the first line says how many causes were found. ``programs`` are the options that named the
    engines, which whoever runs a case of it has to give again."""
    trials = sum(found.counts.values())
    lines = [_headline(found, trials)]
    if found.causes:
        rows = [_row(cause) for cause in sorted(found.causes, key=lambda cause: -len(cause.trials))]
        lines += ["  " + row for row in table(("cause", "times", "needs", "fails by", "likely"), rows)]
    counted = ", ".join(f"{count} {word}" for word, count in sorted(found.counts.items()))
    lines.append(line("trials", f"{trials} ({counted}); {found.new} of them new"))
    for cause in (cause for cause in found.causes if cause.several):
        off = f"cause {cause.number} is off by {min(cause.scales):.4g} to {max(cause.scales):.4g} times"
        lines += whole("note", f"{off}: one mistake that depends on the values, or several at the same options; mend "
                               "one, and fuzz again")
    covered = found.coverage
    lines.append(line("options", f"{len(covered.options)} of {len(covered.pool)} compared, "
                                 f"{len(covered.pairs)} of {covered.possible_pairs} pairs"))
    if covered.never:
        lines += whole("never", textwrap.shorten(", ".join(covered.never), _MOST_NAMES, placeholder=" ..."))
    first = min(found.causes, key=lambda cause: cause.number, default=None)
    if first:
        typed = to_type("nb-compare", "run", shown(found.folder / f"causes/{first.number}/case.yaml"), *programs)
        lines.append(uncut("next", typed))
    return "\n".join(lines)


def _headline(found: Fuzzed, trials: int) -> str:
    if found.causes:
        failed = found.counts.get("failed", 0)
        many = "cause" if len(found.causes) == 1 else "causes"
        return f"{click.style('FAIL', fg='red', bold=True)}  {failed} of {trials} commands fail, by " \
               f"{len(found.causes)} {many}"
    if not found.counts.get("agree"):
        return f"{click.style('BLOCKED', fg='red', bold=True)}  nothing was compared"
    agree = found.counts["agree"]
    return f"{click.style('PASS', fg='green', bold=True)}  {agree} of {trials} commands agree, none fails"


def _row(cause: FailureCause) -> tuple[str, ...]:
    needs = " ".join(cause.needed) or "(cell and amplitudes)"
    return (str(cause.number), str(len(cause.trials)), needs, textwrap.shorten(str(cause.how), 44, placeholder=" ..."),
            textwrap.shorten(cause.note or cause.diagnosis or "-", 60, placeholder=" ..."))


def fuzz_as_dict(found: Fuzzed) -> dict[str, Any]:
    """The same as plain values."""
    return {"schema_version": 1, "kind": "nb-compare fuzz", "counts": found.counts, "new": found.new,
            "causes": [cause.as_dict() for cause in found.causes], "coverage": found.coverage.as_dict(),
            "folder": str(found.folder)}
