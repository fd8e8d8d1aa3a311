"""What a person reads on the terminal. A pass is a table; a failure says what, how much, where and what next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from nbcompare.bundle import Bundle
from nbcompare.compare import Comparison, WorstPixel
from nbcompare.engine import REFERENCE, SUBJECT, Run
from nbcompare.verdict import Verdict

_COLOURS = {"PASS": "green"}
_MOST_REASONS = 6


def bundle_report(bundle: Bundle) -> str:
    """The report of a published bundle."""
    record = bundle.record
    lines = [headline(record.verdict, record.facts["case"]["name"], record.stamp)]
    if not record.facts["inputs_as_pinned"]:
        named = ", ".join(entry.name for entry in record.inputs if not entry.as_pinned)
        lines.append(f"  inputs     the user's own: {named}")
    for run, engine in zip(record.runs, record.engines, strict=False):
        source = record.facts.get("reference_from") if run.role == REFERENCE else None
        how = f"image of bundle {source['case']}/{source['stamp']}" if source else _how_it_ended(run)
        lines.append(f"  {run.role:<10} {engine.name}: {how}")
    lines += body(record.comparison, record.verdict)
    lines.append(f"  bundle     {shown(bundle.folder)}")
    lines.append(f"  next       {_next_step(bundle)}")
    return "\n".join(lines)


def headline(verdict: Verdict, name: str, stamp: str) -> str:
    word = click.style(str(verdict.word), fg=_COLOURS.get(str(verdict.word), "red"), bold=True)
    return f"{word}  {name}  {stamp}"


def _how_it_ended(run: Run) -> str:
    return run.failure.sentence if run.failure else f"{run.seconds:.3f} s, exit code {run.exit_code}"


def body(comparison: Comparison | None, verdict: Verdict) -> list[str]:
    """The checks of a pass as a table; of anything else the reasons and the worst pixel."""
    lines = [f"  note       {note}" for note in comparison.notes] if comparison else []
    if verdict.passed:
        return lines + checks_table(verdict)
    shown_reasons = verdict.reasons[:_MOST_REASONS]
    lines += [f"  {'why' if i == 0 else '':<10} {reason}" for i, reason in enumerate(shown_reasons)]
    if len(verdict.reasons) > len(shown_reasons):
        lines.append(f"  {'':<10} and {len(verdict.reasons) - len(shown_reasons)} more, all in the summary")
    if comparison:
        lines.append(f"  where      {worst_pixel(comparison.regions[0].worst)}")
    return lines


def checks_table(verdict: Verdict) -> list[str]:
    """One row per threshold: region, metric, value, what was allowed."""
    rows = [(check.threshold.roi, check.threshold.metric, _value(check.value), check.threshold.allowed,
             "ok" if check.holds else "NO") for check in verdict.checks]
    return ["  " + line for line in table(("region", "metric", "value", "allowed", ""), rows)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they need to be."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (head, *rows)]


def worst_pixel(worst: WorstPixel) -> str:
    if worst.difference is None:
        return f"pixel x={worst.x} y={worst.y} is not finite in one image"
    return (f"largest difference {worst.difference:.6g} at pixel x={worst.x} (fast) y={worst.y} (slow): "
            f"reference {worst.reference:.6g}, subject {worst.subject:.6g}")


def _value(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.10g}"


def _next_step(bundle: Bundle) -> str:
    folder = shown(bundle.folder)
    if bundle.verdict.passed:
        return f"nb-compare verify {folder}"
    if bundle.verdict.word == "BLOCKED":
        return f"read {folder}/tests/pytest_cpu.log"
    if bundle.record.comparison:
        return f"look at {folder}/results/diff.png; figures in {folder}/results/summary.json"
    return f"read {folder}/inputs/*_cli_stderr.txt"


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


# --- one-shot -------------------------------------------------------------------------------------------


def one_shot_report(result) -> str:
    """The lines that scripts look for first, then one line of summary and a small table."""
    by_role = {run.role: run for run in result.runs}
    lines = [f"C runtime: {by_role[REFERENCE].seconds:.3f} s", f"Py runtime: {by_role[SUBJECT].seconds:.3f} s"]
    lines += [f"note: {note}" for note in result.notes]
    word = click.style(str(result.verdict.word), fg=_COLOURS.get(str(result.verdict.word), "red"), bold=True)
    if result.comparison is None:
        return "\n".join([*lines, word, *body(None, result.verdict), f"  results    {shown(result.folder)}"])
    region = result.comparison.regions[0]
    get = region.figure
    lines.append(f"{word}  correlation {_value(get('correlation').value)}, sum ratio {_value(get('sum_ratio').value)}, "
                 f"max |difference| {_value(get('max_abs_diff').value)}")
    lines += checks_table(result.verdict)
    if not result.verdict.passed:
        lines += body(result.comparison, result.verdict)
    rows = [("sum", _value(region.reference_sum), _value(region.subject_sum)),
            ("max", _value(region.reference_max), _value(region.subject_max))]
    lines += ["  " + line for line in table(("", "C", "Py"), rows)]
    lines.append(f"  results    {shown(result.folder)}")
    return "\n".join(lines)
