"""The trend of a case as text: its runs, the margin of every threshold over them, and what changed between them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import click

from nbcompare.bundle.history.past_run import Held, PastRun
from nbcompare.bundle.history.trend import Changed, Shrunk, Step, Trend
from nbcompare.commands.views.terminal import table
from nbcompare.visible import visible

_WIDEST = 150
_HEADS = ("stamp", "verdict", "smallest margin", "of", "reference", "subject", "commits", "signed")


def trend_report(trend: Trend) -> str:
    """Runs, margins, changes, and the last word."""
    steps = trend.steps
    lines = [f"{trend.case}: {_runs(len(steps))}, {steps[0].run.stamp} to {steps[-1].run.stamp}", "",
             *_indented(table(_HEADS, [_run_row(step.run) for step in steps]))]
    for key in _keys(trend):
        lines += ["", f"  {key[0]} on {key[1]}", *_indented(_threshold_table(trend, key), 4)]
    changes = [line for step in steps for line in _changes(step)]
    if changes:
        lines += ["", "  what changed", *changes]
    return "\n".join([*lines, "", _last_word(trend)])


def _indented(lines: list[str], by: int = 2) -> list[str]:
    return [" " * by + line for line in lines]


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _run_row(run: PastRun) -> tuple[str, ...]:
    if run.damage:
        return (run.stamp, "DAMAGED", "", _short(visible(run.damage), 60), "", "", "", ", ".join(run.signed))
    smallest = run.smallest
    return (run.stamp, str(run.verdict), margin_words(run.smallest_margin, identical=run.identical),
            f"{smallest.threshold.metric} on {smallest.threshold.roi}" if smallest else "",
            _seconds(run, "reference"), _seconds(run, "subject"), commits_words(run),
            ", ".join([*run.signed, *(["imported"] if run.imported else [])]))


def _seconds(run: PastRun, role: str) -> str:
    if role == "reference" and run.reference_from:
        return "stored"
    return f"{run.seconds[role]:.3g} s" if role in run.seconds else ""


def commits_words(run: PastRun) -> str:
    """The commits of the repositories, each once, with the names of those that are at it."""
    by_commit: dict[str, list[str]] = {}
    for name, commit in run.commits.items():
        by_commit.setdefault(commit, []).append(name)
    if len(by_commit) == 1:
        return next(iter(by_commit))
    return ", ".join(f"{'/'.join(names)} {commit}" for commit, names in by_commit.items())


def margin_words(margin: float | None, *, identical: bool = False) -> str:
    """A margin for people; 1 is the limit."""
    if margin is None:
        return "none"
    if identical and math.isinf(margin):
        return "identical"
    return "unlimited" if math.isinf(margin) else f"{margin:.3g} x"


def _keys(trend: Trend) -> list[tuple[str, str]]:
    return list(dict.fromkeys(held.key for step in trend.steps for held in step.run.held))


def _threshold_table(trend: Trend, key: tuple[str, str]) -> list[str]:
    """One row for each run that was judged."""
    what = f"{key[0]} on {key[1]}"
    rows = []
    for step in trend.steps:
        held = next((held for held in step.run.held if held.key == key), None)
        marks = [f"LOOSENED from {entry.old}" for entry in step.loosened if entry.what == what]
        marks += [f"tightened from {entry.old}" for entry in step.tightened if entry.what == what]
        marks += [f"SHRANK {_by(entry)}" for entry in step.shrunk if (entry.metric, entry.roi) == key]
        if held or marks:
            rows.append((step.run.stamp, *_value_cells(held), ", ".join(marks)))
    return table(("stamp", "value", "allowed", "margin", ""), rows)


def _value_cells(held: Held | None) -> tuple[str, str, str]:
    if held is None:
        return ("", "not asked for", "")
    value = "undefined" if held.value is None else f"{held.value:.10g}"
    emulated = "" if held.emulated is None else f" (emulated {held.emulated:.10g})"
    return value + emulated, held.threshold.allowed, margin_words(held.margin)


def _by(entry: Shrunk) -> str:
    if entry.after is None:
        return f"from {margin_words(entry.before)} to none: {entry.why}"
    times = "" if math.isinf(entry.factor) else f", {entry.factor:.3g} times smaller"
    return f"from {margin_words(entry.before)} to {margin_words(entry.after)}{times}"


def _changes(step: Step) -> Iterator[str]:
    lines = [click.style("LOOSENED", fg="yellow", bold=True) + f"  {_visible(entry.sentence)}"
             for entry in step.loosened]
    lines += [f"tightened {_visible(entry.what)}: was {entry.old}, now {entry.new}" for entry in step.tightened]
    lines += [_change(entry) for entry in step.changed]
    for at, line in enumerate(lines):
        yield f"    {step.run.stamp if at == 0 else '':16}  {line}"


def _change(entry: Changed) -> str:
    return f"{_visible(entry.what)}: {_short(visible(entry.before))} -> {_short(visible(entry.after))}"


def _visible(text: str) -> str:
    return _short(visible(text), 2 * _WIDEST)


def _short(text: str, most: int = _WIDEST // 2) -> str:
    return text if len(text) <= most else f"{text[:most - 3]}..."


def _last_word(trend: Trend) -> str:
    newest = trend.steps[-1].run
    lines = [f"{click.style('SHRANK', fg='red', bold=True)}  {entry.metric} on {entry.roi}, since {entry.since}: "
             f"{_by(entry)}" for entry in trend.shrunk]
    damaged = sum(bool(step.run.damage) for step in trend.steps)
    if damaged:
        lines.append(f"DAMAGED  {damaged} of {_runs(len(trend.steps))}: nb-compare verify says how")
    if not newest.held and not newest.damage:
        lines.append(f"NO MARGIN  the newest run was not judged: {newest.verdict}")
    if not lines:
        only = len([step for step in trend.steps if step.run.held]) < 2
        lines.append("one judged run: there is nothing to hold it against" if only else
                     f"no margin shrank by more than {trend.factor:g} times")
    return "\n".join(lines)
