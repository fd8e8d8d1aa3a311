"""What a person reads of a diagnosis: the causes in order, what speaks for each, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from nbcompare.explain.diagnose.cause import Cause, Diagnosis
from nbcompare.explain.diagnose.causes import CATALOGUE, CLASSES


def diagnosis_report(diagnosis: Diagnosis) -> str:
    """The whole text; the first line says whether the images agree."""
    lines = [_headline(diagnosis)]
    for rank, cause in enumerate(diagnosis.causes, 1):
        lines += _cause_lines(rank, cause)
    if not diagnosis.agree and not diagnosis.causes:
        lines.append("  no cause was found")
    if diagnosis.tested:
        lines.append(f"  tested     {_tested(diagnosis.tested)}")
        if ruled_out := diagnosis.tested.get("ruled_out"):
            lines.append(f"  not        {', '.join(ruled_out)}: as tried, each leaves most of the difference")
    lines += [f"  note       {note}" for note in diagnosis.notes]
    return "\n".join(lines)


def _headline(diagnosis: Diagnosis) -> str:
    if diagnosis.shape_fault:
        return f"DIFFER  {diagnosis.shape_fault}"
    figures = diagnosis.figures
    ratio = figures["sum_ratio"]
    said = (f"largest difference {figures['max_abs_diff_of_peak']:.4g} of the peak, "
            f"sum ratio {'undefined' if ratio is None else f'{ratio:.10g}'}")
    if diagnosis.agree:
        return f"AGREE   {said}: nothing found"
    return f"DIFFER  {said}, correlation {figures['correlation']:.6g}"


def _cause_lines(rank: int, cause: Cause) -> list[str]:
    word = "proven" if cause.proven else "guess"
    lines = [f"{rank:>2}. {cause.sentence}", f"    {word}, {cause.id}, confidence {cause.confidence:.2f}"]
    lines += [f"    - {line}" for line in cause.evidence]
    if cause.proven and cause.edit and cause.edit.get("kind") == "argv" and rank == 1:
        lines.append(f"    - the command that gives the subject's image: {shlex.join(cause.edit['argv'])}")
    return lines


def _tested(tested: Mapping[str, Any]) -> str:
    if not tested["ready"]:
        return "nothing: see the note"
    emulated = f" with {', '.join(tested['emulations'])}" if tested["emulations"] else ""
    return (f"{tested['tried']} hypotheses in {tested['renders']} renders, {tested['seconds']:.1f} s of "
            f"{tested['budget_s']:g} s; the unedited command{emulated} gives the reference to "
            f"{tested['baseline_residual']:.1g} of its peak")


def catalogue_report() -> str:
    """All causes by class."""
    lines: list[str] = []
    for kind in CLASSES:
        entries = sorted((entry for entry in CATALOGUE.values() if entry.kind == kind), key=lambda entry: entry.id)
        width = max(len(entry.id) for entry in entries)
        lines += [f"{kind}:", *(f"  {entry.id:<{width}}  {entry.sentence}" for entry in entries), ""]
    return "\n".join(lines).rstrip()


def catalogue_as_list() -> Sequence[Mapping[str, str]]:
    return [{"id": entry.id, "class": entry.kind, "sentence": entry.sentence}
            for entry in sorted(CATALOGUE.values(), key=lambda entry: (entry.kind, entry.id))]
