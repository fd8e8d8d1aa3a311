"""What a person reads on the terminal. A pass is a table; a failure says, in a dozen lines, what differs, how big that
is against the noise, where, the likely cause, and what to type next.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbcompare.bundle.archive.opened import source_of
from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.names import PICTURES, SUMMARY, TODO_FILE, output_name, tests_log
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.commands.options import programs_again, run_again
from nbcompare.commands.views.next_steps import DIAGNOSE, explaining
from nbcompare.compare.compare import Comparison, WorstPixel
from nbcompare.compare.metrics import METRICS
from nbcompare.engine.engine import Run
from nbcompare.errors import to_type
from nbcompare.run.options import RunOptions
from nbcompare.verdict.divergence import factor, proof_rows, traced_of
from nbcompare.verdict.further_evidence import FurtherEvidence, plain_verdict
from nbcompare.verdict.proof import CONTROL, Proof
from nbcompare.verdict.verdict import Check, Label, Verdict
from nbcompare.visible import visible

if TYPE_CHECKING:
    from nbcompare.run.one_shot import OneShot

_COLOURS = {Label.PASS: "green", Label.PROVEN: "cyan"}
_WIDEST = 200
BODY_LINES = 6
"""What a failure may take between the engines and the bundle, so that the whole stays within a dozen lines."""

FAILED_LINES = 14
"""What failed engines may take: a sentence and five last lines of each, and two hints."""

_MEASURED = "Measured: "
"""After this the why of a threshold that init wrote says how far the reference was from itself."""

SOURCES_KEY = "sources: ["
"""In a note that proposes a line of the project file."""

IN_DOCUMENT = "with --format json"
"""Where the reasons are that a report has no room for, of a command that writes no summary."""

_TO_BE_EXPLAINED = (Label.FAIL, Label.NOT_PROVEN)


def bundle_report(bundle: Bundle, asked: RunOptions | None = None) -> str:
    """The report of a published bundle; ``asked`` is what the user said of the run that just made it."""
    record = bundle.record
    lines = [headline(record.verdict, record.case.name, record.stamp)]
    if not record.inputs_as_pinned:
        named = ", ".join(entry.name for entry in record.inputs if not entry.as_pinned)
        lines.append(line("inputs", f"the user's own: {named}"))
    for run, engine in zip(record.runs, record.engines, strict=False):
        source = record.reference_from if run.role == REFERENCE else None
        how = f"reference from bundle {source.name}" if source else _how_it_ended(run)
        lines.append(line(run.role, f"{engine.name}: {how}"))
    notes = _notes(record.notes, whole_text=record.verdict.accepted)
    lines += [*notes, *body(record.comparison, record.verdict, record.further, room=BODY_LINES - len(notes),
                                                rest=f"in {SUMMARY}")]
    lines += subjects_table(record.comparison, record.case.thresholds, record.further)
    lines.append(uncut("bundle", shown(bundle.folder)))
    lines.append(uncut("next", next_step(bundle, asked)))
    return "\n".join(lines)


def _notes(notes: Sequence[str], *, whole_text: bool) -> list[str]:
    """Each note in full beside a success; on a line of its own where a failure has more to say, two lines at most. One
    that says what to write into a file is never cut."""
    if whole_text:
        return [entry for note in notes for entry in whole("note", note)]
    told = notes if len(notes) <= 2 else notes[:1]
    lines = [uncut("note", note) if SOURCES_KEY in note else line("note", note) for note in told]
    if len(told) < len(notes):
        lines.append(line("note", f"and {len(notes) - 1} more notes, all of them in the record"))
    return lines


def headline(verdict: Verdict, name: str, stamp: str) -> str:
    return f"{styled(verdict)}  {name}  {stamp}"


def styled(verdict: Verdict) -> str:
    """The word of a verdict, in its colour where there are colours."""
    return click.style(str(verdict.word), fg=_COLOURS.get(verdict.word, "red"), bold=True)


def line(name: str, text: str) -> str:
    """One line of a report; an overlong text is cut, as all of it is in the record."""
    return uncut(name, text if len(text) <= _WIDEST else text[:_WIDEST - 3] + "...")


def uncut(name: str, text: str) -> str:
    """One line of a report, however long: it holds what is to be copied."""
    return f"  {name:<10} {text}"


def whole(name: str, text: str) -> list[str]:
    """A text of any length, on as many lines of a report as it needs."""
    return [line("" if i else name, part) for i, part in enumerate(textwrap.wrap(text, _WIDEST - 20))]


def _how_it_ended(run: Run) -> str:
    if run.failure:
        return run.failure.sentence
    parts = f", {run.how}" if "row bands" in run.how else ""  # asked for by --shards
    return f"{run.seconds:.3f} s{parts}, exit code {run.exit_code}"


def body(comparison: Comparison | None, verdict: Verdict, further: FurtherEvidence | None = None,
         room: int = BODY_LINES, rest: str = IN_DOCUMENT) -> list[str]:
    """The checks of a pass as a table, a proof as one too; of anything else the reasons, noise, place and cause.

    Without ``further`` nothing is said of noise, cause and claims. What is no success takes ``room`` lines at most.
    """
    notes = [line("note", note) for note in comparison.notes] if comparison else []
    if verdict.word is Label.PASS:
        return [*notes, *checks_table(verdict), *_beside(further, verdict)]
    if verdict.word is Label.PROVEN and further and further.proof:
        return [*notes, *_claims(further.proof), *proof_table(verdict, further.proof),
                *(entry for said in traced_of(further.proof) for entry in whole("trace", said)),
                *_beside(further, verdict)]
    before = [*notes, *(_claims(further.proof) if further and further.proof else ())]
    after = _explained(comparison, verdict, further) if verdict.word in _TO_BE_EXPLAINED else []
    return [*before, *_reasons(verdict, max(1, room - len(before) - len(after)), rest), *after]


def _claims(proof: Proof) -> list[str]:
    first = proof.claims[0]
    if len(proof.claims) == 1:
        return [line("claim", f"{first.id}, of the {first.engine}, until {first.expires}: {first.title}")]
    return [line("claims", ", ".join(f"{claim.id} (until {claim.expires})" for claim in proof.claims))]


def _explained(comparison: Comparison | None, verdict: Verdict, further: FurtherEvidence | None) -> list[str]:
    """How big a difference is against the noise, where, and the likely cause."""
    failed = [check for check in verdict.checks if not check.holds]
    if not failed:
        return []  # on another device than the one whose image and figures these are
    lines = []
    if further and verdict.word is Label.FAIL:
        lines.append(line("noise", _against_noise(failed[0], further)))
    if comparison:
        lines.append(line("where", _where(comparison, failed)))
    if further:
        lines.append(line("cause", further.cause or "none of the known signatures fits"))
    return lines


def _reasons(verdict: Verdict, room: int, rest: str) -> list[str]:
    name = "what" if verdict.word is Label.FAIL else "why"
    reasons = list(verdict.reasons)
    room = FAILED_LINES if verdict.word is Label.ENGINE_FAILED else room
    if len(reasons) > room:
        most = max(1, room - 1)
        reasons = [*reasons[:most], f"and {len(reasons) - most} more, all {rest}"]
    return [line("" if i else name, reason) for i, reason in enumerate(reasons)]


def _against_noise(check: Check, further: FurtherEvidence) -> str:
    """How big the difference is in units of how far the reference is from itself."""
    if check.noise is None:
        _, measured, said = check.threshold.why.partition(_MEASURED)
        if measured:
            return f"not measured in this run; as the threshold says: {said.partition('; ')[0]}"
        return "of the reference not measured (nb-compare run --noise-floor)"
    distance = METRICS[check.threshold.metric].distance
    if check.value is None or not distance(check.noise):
        return further.noise.sentence if further.noise else "none: the reference repeats its figure exactly"
    times = distance(check.value) / distance(check.noise)
    return f"the difference is {factor(times)} times that of the reference with itself ({check.noise:.10g})"


def _beside(further: FurtherEvidence | None, verdict: Verdict) -> list[str]:
    """What else a reader of a success should know."""
    noise = [line("noise", further.noise.sentence)] if further and further.noise else []
    if further and further.device:
        noise.append(line("device", further.device.sentence([check.threshold for check in verdict.checks])))
    unused = further.ablation.remarks if further and further.ablation else ()
    return noise + [line("probe", remark) for remark in unused]


def _where(comparison: Comparison, failed: Sequence[Check]) -> str:
    """The worst pixel of the region of the first threshold that does not hold."""
    region = comparison.region(failed[0].threshold.roi) if failed else None
    return worst_pixel((region or comparison.regions[0]).worst)


def checks_table(verdict: Verdict) -> list[str]:
    """One row per threshold: region, metric, value, what was allowed; where the noise was measured, the margin."""
    noisy = any(check.noise is not None for check in verdict.checks)
    rows = [(check.threshold.roi, check.threshold.metric, _value(check.value), check.threshold.allowed,
             "ok" if check.holds else "NO", *([margin(check)] if noisy else [])) for check in verdict.checks]
    head = ("region", "metric", "value", "allowed", "", *(["margin to noise"] if noisy else []))
    return ["  " + row for row in table(head, rows)] if rows else []  # of a refusal that was expected there are none


def subjects_table(comparison: Comparison | None, thresholds: Sequence[Threshold],
                   further: FurtherEvidence) -> list[str]:
    """Where there are further subjects, a row for each and for the subject: its verdict, and the threshold that it is
    nearest to or furthest outside of."""
    if not further.subjects or comparison is None:
        return []
    plain = plain_verdict(comparison, thresholds, further)
    rows = [_subject_row(SUBJECT, "", plain.word, plain.checks, "")]
    rows += [_subject_row(entry.name, entry.described, entry.word(thresholds), entry.checks(thresholds),
                          "; ".join(entry.faults(thresholds))) for entry in further.subjects]
    return ["  " + row for row in table(("subject", "with", "", "nearest threshold", "value", "allowed"), rows)]


def _subject_row(name: str, words: str, word: Label, checks: Sequence[Check], said: str) -> tuple[str, ...]:
    if not checks:
        return name, words, str(word), said, "", ""
    nearest = min(checks, key=lambda check: (check.holds, _room(check)))
    return (name, words, str(word), f"{nearest.threshold.metric} on {nearest.threshold.roi}", _value(nearest.value),
            nearest.threshold.allowed)


def _room(check: Check) -> float:
    """How far a value is from its limit, in units of what it could be off; where that is not known, as far as any."""
    room = check.threshold.margin(check.value)
    return math.inf if room is None else room


def margin(check: Check) -> str:
    """How many times the noise of the reference a threshold allows, in words."""
    times = check.margin
    if times is None:
        return "not measured"
    return "no noise" if math.isinf(times) else f"{times:.3g} x"


def proof_table(verdict: Verdict, proof: Proof) -> list[str]:
    """Plain, emulated and, where there is one, control: the value of every threshold's figure."""
    rows = proof_rows(verdict, proof)
    kinds = ["plain", "emulated", *(["control"] if proof.trial(CONTROL) else [])]
    cells = [(row["roi"], row["metric"], *(_value(row[kind]) for kind in kinds), row["allowed"]) for row in rows]
    return ["  " + row for row in table(("region", "metric", *kinds, "allowed"), cells)]


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


def next_step(bundle: Bundle, asked: RunOptions | None = None) -> str:
    """What to do next, in words or to be typed, with the options that the user gave the run (``asked``) where the next
    command would run other programs without them."""
    folder, word = shown(bundle.folder), bundle.verdict.word
    if bundle.verdict.accepted:
        return to_type("nb-compare", "verify", folder)
    if word is Label.NOT_NEEDED:
        return "remove the claim from the case, or run the engines that it is about (docs/divergences.md)"
    if word is Label.CASE_ERROR:
        return "set the threshold above the noise and say why (docs/noise-floor.md)"
    if word is Label.NOT_COMPARABLE:
        return "give both images one size, or allow --resample"
    if word is Label.BLOCKED and not bundle.record.runs:
        return to_type("read", f"{folder}/{tests_log('cpu')}")
    if bundle.record.uncompared:
        return to_type("nb-compare", "check", folder)
    if word is Label.BLOCKED:
        return to_type("read", f"{folder}/{TODO_FILE}")
    alone = other_subject_alone(bundle, asked)
    if alone:
        return alone
    if bundle.record.comparison:
        return "; ".join([to_type("nb-compare", "diagnose", folder), *_running_again(bundle, asked),
                          to_type("look", "at", f"{folder}/{PICTURES['diff']}")])
    failed = next((run.role for run in bundle.record.runs if run.failure), SUBJECT)
    said = next((name for stream in ("stderr", "stdout")
                 if (bundle.folder / (name := output_name(failed, stream))).stat().st_size), None)
    if said is None:
        return f"the {failed} printed nothing; nb-compare run CASE --dry-run shows how it is called"
    return to_type("read", f"{folder}/{said}")


def _running_again(bundle: Bundle, asked: RunOptions | None) -> list[str]:
    """The command that runs the engines of a failure again, where it has to be told which."""
    programs, word = programs_again(asked) if asked else [], explaining(bundle.record)[-1]
    if not programs or word == DIAGNOSE:
        return []
    return [f"then {to_type('nb-compare', word, shown(bundle.folder), *programs)}"]


def other_subject_alone(bundle: Bundle, asked: RunOptions | None = None) -> str:
    """How to look into a further subject where the subject itself meets every threshold: run as the subject, its image
    can be diagnosed. It is the one that is furthest off; empty where there is no such one, or it is another engine or
    the subject on a device."""
    record = bundle.record
    if not record.comparison or not record.case.file or not all(check.holds for check in bundle.verdict.checks):
        return ""
    thresholds = record.case.thresholds
    failing = [entry for entry in record.further.subjects
               if entry.engine is None and entry.words and entry.faults(thresholds)]
    if not failing:
        return ""
    worst = min(failing, key=lambda entry: min(
        (_room(check) for check in entry.checks(thresholds) if not check.holds), default=0.0))
    return to_type("nb-compare", "run", record.case.file, *run_again(asked or RunOptions(), worst.words))


def shown(path: Path) -> str:
    """A path as short as it can be said from here; of a bundle that lies in an archive, that of the archive."""
    archived = source_of(path)
    path = (archived[0] / archived[1] if archived else path).absolute()
    return visible(str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path))


# --- one-shot -------------------------------------------------------------------------------------------


def one_shot_report(result: OneShot) -> str:
    """The lines that scripts look for first, then one line of summary and a small table."""
    record = result.bundle.record
    by_role = {run.role: run for run in record.runs}
    lines = [f"C runtime: {by_role[REFERENCE].seconds:.3f} s", f"Py runtime: {by_role[SUBJECT].seconds:.3f} s"]
    lines += [f"note: {note}" for note in record.notes]
    kept = result.bundle.folder.relative_to(result.folder)
    word, places = styled(record.verdict), [line("results", f"{shown(result.folder)}, with the bundle {kept}")]
    if record.comparison is None:
        return "\n".join([*lines, word, *body(None, record.verdict, rest="in summary.json"), *places])
    region = record.comparison.regions[0]
    get = region.figure
    lines.append(f"{word}  correlation {_value(get('correlation').value)}, sum ratio {_value(get('sum_ratio').value)}, "
                 f"max |difference| {_value(get('max_abs_diff').value)}")
    lines.append(line("judged", result.judged))
    if result.let_through:
        lines.append(line("passed", f"{result.let_through}; see nb-compare diagnose {shown(result.bundle.folder)}"))
    lines += body(record.comparison, record.verdict, record.further, room=BODY_LINES - 1 - bool(result.let_through),
                  rest="in summary.json")
    lines.append(line("sum", f"C {_value(region.reference_sum)}, Py {_value(region.subject_sum)}; brightest pixel "
                             f"C {_value(region.reference_max)}, Py {_value(region.subject_max)}"))
    return "\n".join([*lines, *places])
