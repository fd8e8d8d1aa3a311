"""An audit as a table of text, and as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nbcompare.explain.audit.audit import Audit
from nbcompare.explain.audit.catalogue import kinds
from nbcompare.explain.audit.defect_result import SEEDED, DefectResult
from nbcompare.explain.audit.score import Tally, by_kind, limits, tallies
from nbcompare.visible import counted

_PLACES = {1: "first", 2: "second", 3: "third"}
_HEADS = ("class", "defect", "amount", "caught by", "diagnosis", "detection limit")
_WIDEST = 58


def audit_report(audit: Audit) -> str:
    """The table, what slipped through, and the score."""
    if audit.fault:
        return f"audit of {audit.named}: nothing was audited\n  {audit.fault}"
    counts = tallies(audit)
    lines = [f"audit of {audit.named}, seed {audit.options.seed}, judged by {_judged_by(audit)}", "",
             *table(audit), "", *_left_out(audit), *_slipped(audit), *map(_score_line, counts)]
    return "\n".join(lines)


def _judged_by(audit: Audit) -> str:
    if audit.options.alone:
        rules = sorted({f"{t.metric} {t.allowed}" for t in audit.thresholds})
        return f"{', '.join(rules)} alone"
    return f"the case's {counted(len(audit.thresholds), 'threshold')}"


# --- the table ---------------------------------------------------------------------------------------------------


def rows(audit: Audit) -> list[tuple[str, ...]]:
    """One row of words for every kind that could be seeded: its strongest defect, and its limit."""
    limit_of = {limit.kind.id: limit.sentence for limit in limits(audit)}
    strongest = [next((result for result in results if result.state == SEEDED), None)
                 for results in by_kind(audit).values()]
    return [(result.of.group, result.kind, amount_words(result), audit.caught_by(result) or "SLIPS THROUGH",
             named_words(result), limit_of[result.kind]) for result in strongest if result]


def table(audit: Audit) -> list[str]:
    """The rows in columns."""
    told = [tuple(map(_shortened, row)) for row in rows(audit)]
    widths = [max(len(row[i]) for row in (_HEADS, *told)) for i in range(len(_HEADS))]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
            for row in (_HEADS, tuple("-" * width for width in widths), *told)]


def amount_words(result: DefectResult) -> str:
    """How much of the defect there was, or what it was."""
    if result.of.full is None:
        return result.words
    return f"{result.amount:.3g} {result.of.unit}".rstrip()


def named_words(result: DefectResult) -> str:
    """Where the right cause stood, and what stood first."""
    if result.named is None:
        return "not asked"
    said = result.named.ids[0] if result.named.ids else "nothing"
    return f"{_PLACES[result.place]}: {result.named.ids[result.place - 1]}" if result.place else f"MISSED: {said}"


def _shortened(words: str) -> str:
    return words if len(words) <= _WIDEST else f"{words[:_WIDEST - 3]}..."


# --- what follows it ---------------------------------------------------------------------------------------------


def _left_out(audit: Audit) -> list[str]:
    """Kinds of which no defect could be seeded, with the reason; and defects that left the image as it is."""
    lines = []
    for kind, results in by_kind(audit).items():
        if any(result.state == SEEDED for result in results):
            continue
        lines.append(f"  {kind}: {results[0].state}, {results[0].words}")
    return ["not seeded:", *lines, ""] if lines else []


def _slipped(audit: Audit) -> list[str]:
    lines = [f"  {result.kind}: {result.of.title} ({amount_words(result)})" for result in audit.results
             if result.state == SEEDED and audit.caught_by(result) is None]
    return ["slipped through:", *lines, ""] if lines else []


def _score_line(count: Tally) -> str:
    if not count.seeded:
        return f"strength {count.strength:g}: nothing was seeded"
    line = (f"strength {count.strength:g}: {count.caught} of {count.seeded} defects caught "
            f"({_percent(count.score)})")
    if count.asked:
        line += (f"; of {count.asked} diagnosed the right cause is first for {count.first} "
                 f"({_percent(count.share_named(count.first))}), in the first three for {count.among_first} "
                 f"({_percent(count.share_named(count.among_first))})")
    return line


def _percent(share: float | None) -> str:
    return "undefined" if share is None else f"{100 * share:.1f} %"


def audit_as_dict(audit: Audit) -> dict[str, Any]:
    """Plain values of everything the audit found."""
    options = audit.options
    return {"of": audit.named, "fault": audit.fault, "seed": options.seed, "alone": bool(options.alone),
            "thresholds": [asdict(threshold) for threshold in audit.thresholds],
            "strengths": [count.as_dict() for count in tallies(audit)],
            "limits": [limit.as_dict() for limit in limits(audit)],
            "defects": [_defect(audit, result) for result in audit.results]}


def _defect(audit: Audit, result: DefectResult) -> dict[str, Any]:
    caught_by = audit.caught_by(result) if result.state == SEEDED else None
    return {"kind": result.kind, "class": result.of.group, "title": result.of.title, "strength": result.strength,
            "amount": result.amount if result.of.full is not None else None, "unit": result.of.unit,
            "state": result.state,
            "words": result.words, "change_of_peak": result.change, "caught": caught_by is not None,
            "caught_by": caught_by, "right_causes": sorted(result.of.named_by), "place": result.place,
            "diagnosis": result.named.as_dict() if result.named else None}


def kinds_report() -> str:
    """Every kind with its class and its sentence."""
    entries = kinds()
    width = max(len(entry.id) for entry in entries)
    return "\n".join(f"{entry.group:<9} {entry.id:<{width}}  {entry.title}"
                     + (f" (full strength {entry.full:g} {entry.unit}".rstrip() + ")" if entry.full is not None else "")
                     for entry in entries)
