"""What a person reads of stored bundles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from nbcompare.bundle.imported import is_imported
from nbcompare.bundle.listing import archives_in, size_of
from nbcompare.commands.views.results import judging
from nbcompare.commands.views.terminal import body, bundle_report, headline, shown, styled, subjects_table, table
from nbcompare.visible import counted

if TYPE_CHECKING:
    from pathlib import Path

    from nbcompare.bundle.bundle import Bundle
    from nbcompare.bundle.check.loosened import Loosened
    from nbcompare.bundle.check.pairing import Pairing
    from nbcompare.bundle.check.recheck import Recheck
    from nbcompare.bundle.keep.doctor import Finding
    from nbcompare.bundle.keep.leftovers import Leftover
    from nbcompare.bundle.keep.prune import Choice
    from nbcompare.bundle.listing import ListedBundle
    from nbcompare.bundle.record import Record
    from nbcompare.compare.compare import Comparison
    from nbcompare.run.regeneration import Regeneration


def recheck_report(found: Recheck) -> str:
    """The verdict anew; what became looser stands first, where nobody can miss it."""
    record = found.record
    lines = [*loosened_lines(found.loosened), headline(found.verdict, record.case.name, record.stamp),
             f"  judged by  {found.judged_by}"]
    if (found.verdict.word, found.verdict.exit_code) != (record.verdict.word, record.verdict.exit_code):
        lines.append(f"  then       {record.verdict.word}; the verdict is another one now")
    lines += [f"  note       {note}" for note in found.notes]
    lines += body(found.comparison, found.verdict, found.further)
    lines += subjects_table(found.comparison, judging(found), found.further)
    lines.append(f"  bundle     {shown(found.folder)}")
    return "\n".join(lines)


def loosened_lines(entries: Sequence[Loosened]) -> list[str]:
    """One loud line for each requirement that was stricter before, or is weaker than usual."""
    from nbcompare.bundle.check.loosened import USUAL

    return [click.style("WEAK" if entry.against == USUAL else "LOOSENED", fg="yellow", bold=True)
            + f"  {entry.sentence.removeprefix('weak: ')}" for entry in entries]


def listing_table(entries: Sequence[ListedBundle]) -> str:
    """One line for each bundle, newest last."""
    if not entries:
        return "no bundles"
    rows = [_row(entry) for entry in entries]
    return "\n".join(table(("case", "stamp", "verdict", "correlation", "sum ratio", "commit", "signed"), rows))


def unread(bundles: Path) -> str:
    """What a look into the folders below ``bundles`` leaves out, and what looks there; nothing where that is all."""
    archives = archives_in(bundles)
    many = counted(len(archives), "sealed archive")
    return f"the bundles in {many} of sweeps (nb-compare verify {shown(archives[-1])})" if archives else ""


def _row(entry: ListedBundle) -> tuple[str, ...]:
    said = entry.as_dict()
    if entry.record is None:
        return (entry.case, entry.stamp, "DAMAGED", "", "", "", ", ".join(entry.signed) or f"({entry.damage})")
    figures = ("" if said[name] is None else f"{said[name]:.9g}" for name in ("correlation", "sum_ratio"))
    commit = said["git_sha"][:10] + ("+" if said["git_dirty"] else "")
    marks = [*entry.signed, *(["imported"] if entry.imported else [])]
    return (entry.case, entry.stamp, said["verdict"], *figures, commit, ", ".join(marks))


def bundle_page(bundle: Bundle, signed: Sequence[str]) -> str:
    """All that a record says that a person may want to know, on a page."""
    record = bundle.record
    came_from = {"reference from": record.reference_from, "regenerates": record.regenerates}
    lines = [bundle_report(bundle), "", f"  case       {record.case.title}",
             f"  command    {' '.join(record.case.command)}",
             f"  made       {record.created_utc} by nb-compare {record.program.version}",
             *(f"  {name:<10} {state}" for name, state in _repositories(record)),
             f"  machine    {record.environment.get('cpu')}, {record.environment.get('platform')}",
             f"  size       {size_of(bundle.folder):,} bytes",
             f"  signed     {', '.join(signed) or 'by no phase'}"]
    lines += [f"  came from  {how} {source.name}" for how, source in came_from.items() if source]
    if is_imported(bundle.folder):
        lines.append("  came from  elsewhere: it was imported")
    lines += ["", "  engines"] + [f"    {e.role:<10} {e.name}, sha256 {e.program_sha256[:16]}, {e.version_told}"
                                  for e, _ in record.programs]
    lines += ["  inputs"] + [f"    {i.name}, {i.origin}, {i.bytes:,} bytes, sha256 {i.sha256[:16]}"
                             for i in record.inputs]
    lines += ["  tests"] + [f"    {device}: {said.failure or said.summary}"
                            f"{f', taken from {said.taken_from}' if said.taken_from else ''}"
                            for device, said in record.tests.items()]
    if record.comparison:
        lines += ["  figures"] + ["  " + line for line in _figures_table(record.comparison)]
    return "\n".join(lines)


def _repositories(record: Record) -> Iterator[tuple[str, str]]:
    """The commit of the project, and of the engines and nb-compare where they lie elsewhere."""
    states = record.repositories
    if states is None:
        yield "project", f"{record.git.sha}{' (uncommitted changes)' if record.git.dirty else ''}"
        return
    roots = set()
    for name, state in states.items():
        if name == "project" or (state.root and state.root not in roots):
            files = f": {state.shown_names}" if state.names else ""
            yield name, f"{state}{files}"
        roots.add(state.root)


def _figures_table(comparison: Comparison) -> list[str]:
    regions = comparison.regions
    names = [figure.metric for figure in regions[0].figures]
    rows = [(name, *(_value(region.figure(name).value) for region in regions)) for name in names]
    rows += [(key.replace("_", " "), *(_value(getattr(region, key)) for region in regions))
             for key in ("reference_sum", "subject_sum", "reference_max", "subject_max")]
    return ["  " + line for line in table(("", *(region.roi.name for region in regions)), rows)]


def pairing_report(pairing: Pairing) -> str:
    """Each pair with its verdict, and what else differs between the bundles."""
    lines = []
    for pair in pairing.pairs:
        how = "bit-identical" if pair.identical else "not the same bits"
        lines += [f"{styled(pair.verdict)}  {pair.a.name}", f"{'':{len(pair.verdict.word)}}  {pair.b.name}",
                  f"  images     {how}", *body(pair.comparison, pair.verdict)]
    return "\n".join(lines + [f"  note       {note}" for note in pairing.notes])


def choices_report(choices: Sequence[Choice]) -> str:
    """Which bundles go, and why each other one stays."""
    if not choices:
        return "no bundles"
    rows = [("remove" if choice.goes else "keep", choice.entry.name, choice.kept_because or "") for choice in choices]
    size = sum(size_of(choice.entry.folder) for choice in choices if choice.goes)
    count = sum(choice.goes for choice in choices)
    return "\n".join([*table(("", "bundle", "why"), rows), f"{count} to remove, {size:,} bytes"])


def regeneration_report(found: Regeneration) -> str:
    """The grade of each engine, what is not as it was, and the new verdict."""
    record = found.old.record
    lines = [f"{record.case.name}  {record.stamp}, run again"]
    rows = [(graded.role, str(graded.grade), graded.why) for graded in found.graded]
    lines += ["  " + line for line in table(("engine", "grade", "why"), rows)]
    lines += [f"  note       {note}" for note in found.notes]
    if found.new:
        lines += [f"  verdict    {styled(found.new.verdict)}; it was {record.verdict.word}",
                  f"  bundle     {shown(found.new.folder)}"]
    else:
        lines.append("  bundle     none was made")
    return "\n".join(lines)


FEW = 3
"""Up to so many leftovers of a kind are told each by its name; --json names all."""


def doctor_report(further: Sequence[Finding], leftovers: Sequence[Leftover]) -> str:
    """A line for everything looked at, with a remedy where one is needed."""
    rows = [(_tick(finding.ok, finding.optional), finding.name, finding.detail) for finding in further]
    lines = table(("", "", ""), rows)[1:]
    lines += [f"  {'if you need it' if finding.optional else 'next'}: {finding.next_step} ({finding.name})"
              for finding in further if not finding.ok]
    lines += _leftover_lines(leftovers)
    if any(leftover.remedy for leftover in leftovers):
        lines.append("  next: nb-compare doctor --clean")
    return "\n".join(lines if leftovers else [*lines, f"{_tick(True)}  nothing was left behind"])


def _leftover_lines(leftovers: Sequence[Leftover]) -> Iterator[str]:
    """Each by its name where they are few; of many of one kind in one place, how many and an example."""
    kinds: dict[tuple[str, str, Path, bool], list[Leftover]] = {}
    for leftover in leftovers:
        kind = (leftover.what, leftover.state_told, leftover.folder.parent, leftover.remedy is None)
        kinds.setdefault(kind, []).append(leftover)
    for (what, state, place, ok), found in kinds.items():
        if len(found) <= FEW:
            yield from (f"{_tick(ok)}  {leftover.sentence}" for leftover in found)
        else:
            size = sum(size_of(leftover.folder) for leftover in found)
            yield (f"{_tick(ok)}  {len(found)} folders in {place}, such as {found[0].folder.name}: each {what}, "
                   f"{state}, {size:,} bytes together")


def _tick(ok: bool, optional: bool = False) -> str:
    if ok:
        return click.style("ok", fg="green")
    return click.style("--", fg="yellow") if optional else click.style("NO", fg="red", bold=True)


def _value(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.9g}"
