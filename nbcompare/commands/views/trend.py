"""The trend of a case as text: its runs, the margin of every threshold over them, and what changed between them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import click

from nbcompare.bundle.check.loosened import Loosened
from nbcompare.bundle.history.past_run import COMMIT_OF, PastRun, PastThreshold
from nbcompare.bundle.history.trend import ChangedFact, Shrunk, Step, Trend
from nbcompare.commands.views.terminal import table
from nbcompare.visible import counted, visible

_WIDEST = 150
_ABREAST = 4
"""Thresholds beside each other in one table."""
MOST_SHOWN = 30
"""Runs."""
_HEADS = ("stamp", "verdict", "smallest margin", "of", "reference", "subject", "commits", "signed")


def trend_report(trend: Trend) -> str:
    """Runs, margins, changes, and the last word. Of many runs the newest are shown; all of them are judged."""
    steps = trend.steps[-MOST_SHOWN:]
    older = len(trend.steps) - len(steps)
    lines = [f"{visible(trend.case)}: {_runs(len(trend.steps))}, {trend.steps[0].run.stamp} to {steps[-1].run.stamp}"
             + (f", the newest {len(steps)} are shown" if older else ""), "",
             *_indented(table(_HEADS, [_run_row(step.run) for step in steps]))]
    keys = _keys(steps)
    for at in range(0, len(keys), _ABREAST):
        lines += ["", *_indented(_margins_table(steps, keys[at:at + _ABREAST]))]
    changes = [line for step in steps for line in _changes(step)]
    if changes:
        lines += ["", "  what changed", *changes]
    return "\n".join([*lines, "", _last_word(trend)])


def _indented(lines: list[str], by: int = 2) -> list[str]:
    return [" " * by + line for line in lines]


def _runs(count: int) -> str:
    return counted(count, "run")


def _run_row(run: PastRun) -> tuple[str, ...]:
    if run.damage:
        return (run.stamp, "DAMAGED", "", _short(visible(run.damage), 60), "", "", "", visible(", ".join(run.signed)))
    smallest = run.smallest
    return (run.stamp, str(run.verdict), margin_words(run.smallest_margin, identical=run.identical),
            smallest.words if smallest else "",
            _seconds(run, "reference"), _seconds(run, "subject"), commits_words(run),
            visible(", ".join([*run.signed, *(["imported"] if run.imported else [])])))


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
    if math.isinf(margin):
        return "unlimited"
    return f"{margin:,.0f} x" if 999.5 <= margin < 1e6 else f"{margin:.3g} x"


def _keys(steps: Sequence[Step]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(held.key for step in steps for held in step.run.held))


def _margins_table(steps: Sequence[Step], keys: Sequence[tuple[str, str]]) -> list[str]:
    """Margin and value of some thresholds, a row for each run that was judged; what each allows stands above, and
    again where it changed."""
    rows, allowed = [], dict.fromkeys(keys, "")
    for step in steps:
        held = {entry.key: entry for entry in step.run.held}
        limits = {key: held[key].threshold.allowed if key in held else "not asked for" for key in keys}
        if held and limits != allowed:
            rows.append(("allowed", *(limits[key] for key in keys)))
            allowed = limits
        if held:
            shrunk = {(entry.metric, entry.roi) for entry in step.shrunk}
            rows.append((step.run.stamp, *(_margin_cell(held.get(key), shrank=key in shrunk) for key in keys)))
    return table(("margin, value", *(f"{metric} on {roi}" for metric, roi in keys)), rows)


def _margin_cell(held: PastThreshold | None, *, shrank: bool) -> str:
    mark = "  SHRANK" if shrank else ""
    if held is None:
        return f"-{mark}"
    value = "undefined" if held.value is None else f"{held.value:.10g}"
    emulated = "" if held.emulated is None else f" (emulated {held.emulated:.10g})"
    return f"{margin_words(held.margin)}, {value}{emulated}{mark}"


def shrunk_words(entry: Shrunk) -> str:
    """From what to what a margin shrank."""
    if entry.after is None:
        return f"from {margin_words(entry.before)} to none: {entry.why}"
    times = "" if math.isinf(entry.factor) else f", {entry.factor:.3g} times smaller"
    return f"from {margin_words(entry.before)} to {margin_words(entry.after)}{times}"


def _changes(step: Step) -> Iterator[str]:
    lines = [click.style("LOOSENED", fg="yellow", bold=True) + f"  {_visible(entry.sentence)}"
             for entry in step.loosened]
    lines += [f"tightened {_visible(limit_words(entry))}" for entry in step.tightened]
    lines += [f"{_visible(what)}: {_short(visible(before))} -> {_short(visible(after))}"
              for what, before, after in grouped(step.changed)]
    for at, line in enumerate(lines):
        yield f"    {step.run.stamp if at == 0 else '':16}  {line}"


def limit_words(entry: Loosened) -> str:
    """What a limit was and is, with the reason that is given."""
    now = f"now {entry.new}" if entry.new else "now not asked for at all"
    return f"{entry.what}: was {entry.old}, {now}" + (f"; why: {entry.why}" if entry.why else "")


def grouped(changes: Sequence[ChangedFact]) -> list[tuple[str, str, str]]:
    """What changed, before and after; repositories that went from one commit to another together are one line."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for entry in changes:
        is_commit = entry.what.startswith(COMMIT_OF)
        key = (COMMIT_OF if is_commit else entry.what, entry.before, entry.after)
        found.setdefault(key, []).append(entry.what.removeprefix(COMMIT_OF) if is_commit else entry.what)
    return [(what + ", ".join(names) if what == COMMIT_OF else what, before, after)
            for (what, before, after), names in found.items()]


def _visible(text: str) -> str:
    return _short(visible(text), 2 * _WIDEST)


def _short(text: str, most: int = _WIDEST // 2) -> str:
    return text if len(text) <= most else f"{text[:most - 3]}..."


def _newest_of_each(shrunk: Sequence[Shrunk]) -> list[tuple[Shrunk, str]]:
    """The newest time that each margin shrank, with the times before: the table marks every one."""
    newest = {(entry.metric, entry.roi): entry for entry in shrunk}
    times = Counter((entry.metric, entry.roi) for entry in shrunk)
    return [(entry, f" (and {times[key] - 1} times before)" if times[key] > 2 else
             " (and once before)" if times[key] == 2 else "") for key, entry in newest.items()]


def _is_back(entry: Shrunk, newest: PastRun) -> bool:
    """Whether the newest run has the margin again that was there before it shrank."""
    now = next((held.margin for held in newest.held if held.key == (entry.metric, entry.roi)), None)
    return now is not None and now >= entry.before


def _last_word(trend: Trend) -> str:
    newest = trend.steps[-1].run
    told = _newest_of_each(trend.shrunk)
    open_ = [(entry, more) for entry, more in told if not _is_back(entry, newest)]
    word = click.style("SHRANK", fg="red", bold=True)
    lines = [f"{word}  {entry.metric} on {entry.roi}, since {entry.since}: {shrunk_words(entry)}{more}"
             for entry, more in open_]
    if back := len(told) - len(open_):
        words = "margins before, and what they were" if back > 1 else "margin before, and what it was"
        lines.append(f"{word}  {back} {words} then again in the newest run: see the table")
    damaged = sum(bool(step.run.damage) for step in trend.steps)
    if damaged:
        lines.append(f"DAMAGED  {damaged} of {_runs(len(trend.steps))}: nb-compare verify says how")
    if not newest.held and not newest.damage:
        lines.append(f"NO MARGIN  the newest run was not judged: {newest.verdict}")
    if not lines:
        only = trend.steps[0].since is None and len([step for step in trend.steps if step.run.held]) < 2
        lines.append("one judged run: there is nothing to hold it against" if only else
                     f"no margin shrank by more than {trend.factor:g} times")
    return "\n".join(lines)
