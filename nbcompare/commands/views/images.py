"""What a person reads of two image files that were judged."""

from __future__ import annotations

from pathlib import Path

from nbcompare.bundle.names import SUMMARY
from nbcompare.commands.views.terminal import BODY_LINES, IN_DOCUMENT, body, line, styled, table
from nbcompare.run.images.pair import JudgedFiles
from nbcompare.run.images.targets import ANY_DIFFERENCE
from nbcompare.verdict.verdict import Label


def images_report(pair: JudgedFiles, bundle: Path | None = None) -> str:
    """The verdict, each file as it was read, the checks or the reasons, and what more there is to say."""
    names = [file.path.name for file in pair.files.values()]
    lines = [f"{styled(pair.verdict)}  {' against '.join(reversed(names))}"]
    for role, file in pair.files.items():
        slow, fast = file.pixels.shape
        masked = f", {pair.masked[role]} masked" if pair.masked[role] else ""
        shape = f"{fast} x {slow} pixels (fast x slow)"
        lines.append(line(role, f"{file.path}: {file.format}, {shape}, {file.dtype}{masked}"))
    lines += [line("note", note) for note in pair.notes]
    lines += body(pair.comparison, pair.verdict, room=BODY_LINES, rest=f"in {SUMMARY}" if bundle else IN_DOCUMENT)
    lines += [line("pixels", said) for said in pair.pixels]
    lines += [line("detail", said) for said in _details(pair)]
    if pair.cause:
        lines.append(line("cause", pair.cause))
    if pair.verdict.word is Label.FAIL and pair.comparison:
        region = pair.comparison.regions[0]
        rows = [("sum", _number(region.reference_sum), _number(region.subject_sum)),
                ("max", _number(region.reference_max), _number(region.subject_max))]
        lines += ["  " + row for row in table(("", "reference", "subject"), rows)]
    if bundle:
        lines.append(line("bundle", str(bundle)))
    return "\n".join(lines)


def _details(pair: JudgedFiles) -> list[str]:
    """What figures that were judged say beside their value, where they are outside; all that differs is told anyway."""
    judged = {(check.threshold.metric, check.threshold.roi) for check in pair.verdict.checks
              if not check.holds and check.threshold.metric != ANY_DIFFERENCE}
    return [f"{figure.metric} on {region.roi.name}: {figure.detail}"
            for region in (pair.comparison.regions if pair.comparison else ())
            for figure in region.figures if figure.detail and (figure.metric, region.roi.name) in judged]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.10g}"
