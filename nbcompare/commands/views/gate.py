"""A gate as text, JSON, Markdown or JUnit XML: the same checklist in each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import click

from nbcompare.case.lines import CaseLines, lines_of
from nbcompare.case.project_file import PROJECT_FILE
from nbcompare.commands.views.escaped import MOST_BYTES, for_xml, within
from nbcompare.commands.views.results import Result
from nbcompare.errors import ExitCode, to_type, worst
from nbcompare.plan.gate import Gate
from nbcompare.plan.requirements import Requirement
from nbcompare.run.sources_to_declare import TO_DECLARE
from nbcompare.verdict.verdict import Label, Verdict


def as_text(gate: Gate, plan: Sequence[str] = (), bundles: Sequence[str] = ()) -> str:
    """A headline and a line for each requirement, ✓ or ✗, with the reason."""
    word = click.style("GREEN", fg="green", bold=True) if gate.green else click.style("RED", fg="red", bold=True)
    lines = [f"{word}  {gate.phase.name}  {gate.phase.title}"]
    widths = [max((len(text(item)) for item in gate.items), default=0) for text in (_case, _requirement)]
    lines += [f"  {_mark(item.holds)} {_case(item):<{widths[0]}}  {_requirement(item):<{widths[1]}}  {item.why}"
              for item in gate.items]
    return "\n".join([*lines, f"  next  {next_step(gate, plan, bundles)}"])


def next_step(gate: Gate, plan: Sequence[str] = (), bundles: Sequence[str] = ()) -> str:
    """What to do now. ``plan`` and ``bundles`` are the options by which the user named the phases, the signers and the
    place of the bundles: without them the next command looks elsewhere."""
    if gate.green:
        return f"{to_type('nb-compare', 'sign', gate.phase.name, *plan, *bundles)} --by NAME"
    first = next((item for item in gate.items if not item.holds), None)
    if first is None:
        return "give the phase something to require"
    if first.requirement.startswith("signed "):
        return to_type("nb-compare", "gate", first.requirement.removeprefix("signed "), *plan, *bundles)
    entry = next((entry for entry in gate.evidence if entry.case.name == first.case), None)
    if entry and entry.faults:
        return to_type("nb-compare", "verify", entry.folder)
    if entry is None:
        return "see the lines marked above"
    typed = to_type("nb-compare", "sweep" if entry.case.cell else "run", entry.case.path, *bundles)
    return f"write the sources named above into {PROJECT_FILE}, then {typed}" if TO_DECLARE in first.why else typed


def as_dict(gate: Gate) -> dict[str, Any]:
    return {
        "schema_version": 1, "kind": "nb-compare gate", "phase": gate.phase.name, "title": gate.phase.title,
        "green": gate.green, "exit_code": int(gate.exit_code), "phases_sha256": gate.phases.sha256,
        "bundles": {entry.case.name: entry.folder.name if entry.folder else None for entry in gate.evidence},
        "items": [{"case": item.case, "requirement": item.requirement, "holds": item.holds, "why": item.why,
                   "exit_code": 0 if item.holds else int(item.exit_code)} for item in gate.items],
    }


def as_markdown(gate: Gate) -> str:
    """A table of the checklist, what does not hold first, within what GitHub shows of a job summary."""
    head = "\n".join([f"## {gate.phase.name}: {'green' if gate.green else 'RED'}", "", _cell(gate.phase.title), "",
                      "| | case | requirement | why |", "|---|---|---|---|", ""])
    rows = [f"| {_mark(item.holds)} | {_cell(_case(item))} | {_cell(_requirement(item))} | {_cell(item.why)} |\n"
            for item in sorted(gate.items, key=lambda item: item.holds)]
    return within([head, *rows], MOST_BYTES).rstrip("\n")


def as_junit(gate: Gate) -> str:
    """A suite for each case, a test for each requirement; one that does not hold is a failure, and a gate without any
    is an error."""
    suites = [_suite(gate, case, [item for item in gate.items if item.case == case])
              for case in dict.fromkeys(item.case for item in gate.items)]
    failures = sum(not item.holds for item in gate.items)
    if not suites:
        suites = [f"  <testsuite name={_attribute('gate ' + gate.phase.name)} tests=\"1\" failures=\"0\" errors=\"1\" "
                  f"skipped=\"0\" time=\"0\">\n    <testcase classname={_attribute(gate.phase.name)} name=\"gate\">"
                  "<error message=\"nothing was looked at\"/></testcase>\n  </testsuite>"]
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>',
                      f"<testsuites name={_attribute('gate ' + gate.phase.name)} tests=\"{max(1, len(gate.items))}\" "
                      f"failures=\"{failures}\" errors=\"{0 if gate.items else 1}\" skipped=\"0\" time=\"0\">",
                      *suites, "</testsuites>"])


def _suite(gate: Gate, case: str | None, items: Sequence[Requirement]) -> str:
    evidence = next((entry for entry in gate.evidence if entry.case.name == case), None)
    told = {"phase": gate.phase.name, "bundle": str(evidence.folder or "") if evidence else "",
            "case": str(evidence.case.path or "") if evidence else ""}
    lines = [f"  <testsuite name={_attribute(case or 'gate ' + gate.phase.name)} tests=\"{len(items)}\" "
             f"failures=\"{sum(not item.holds for item in items)}\" errors=\"0\" skipped=\"0\" time=\"0\">",
             "    <properties>",
             *(f"      <property name={_attribute(name)} value={_attribute(value)}/>" for name, value in told.items()),
             "    </properties>"]
    for item in items:
        head = f"    <testcase classname={_attribute(case or gate.phase.name)} name={_attribute(item.requirement)}"
        lines.append(f"{head} time=\"0\"><system-out>{_text(item.why)}</system-out></testcase>" if item.holds else
                     f"{head} time=\"0\"><failure message={_attribute(item.why)}/></testcase>")
    return "\n".join([*lines, "  </testsuite>"])


def results_of_gate(gate: Gate, plan: Sequence[str] = (), bundles: Sequence[str] = ()) -> list[Result]:
    """What is told of each case of a gate, and of the phase itself where something is required of it alone."""
    cases = list(dict.fromkeys(item.case for item in gate.items)) or [None]
    following = next_step(gate, plan, bundles)
    return [_result(gate, case, [item for item in gate.items if item.case == case], following) for case in cases]


def _result(gate: Gate, case: str | None, items: Sequence[Requirement], following: str) -> Result:
    evidence = next((entry for entry in gate.evidence if entry.case.name == case), None)
    code = worst(ExitCode.PASS if item.holds else item.exit_code for item in items)
    word = Label.PASS if code is ExitCode.PASS else Label.BLOCKED
    if evidence and evidence.verdict and evidence.verdict.exit_code is code:
        word = evidence.verdict.word
    reasons = tuple(f"{_requirement(item)}: {item.why}" for item in items if not item.holds)
    path = evidence.case.path if evidence else gate.phases.path
    checks = evidence.verdict.checks if evidence and evidence.verdict else ()
    return Result(case or gate.phase.name, Verdict(word, code, checks, reasons), 0.0, path,
                  lines_of(path) if evidence else CaseLines(), evidence.folder if evidence else None,
                  next_step=None if code is ExitCode.PASS else following)


FORMS: dict[str, Callable[[Gate], str]] = {"text": as_text, "markdown": as_markdown, "junit": as_junit}
"""The forms that are printed; ``as_dict`` is the document."""


def _case(item: Requirement) -> str:
    return item.case or ""


def _requirement(item: Requirement) -> str:
    return item.requirement.replace("_", " ")


def _mark(holds: bool) -> str:
    """✓ or ✗, where the output can show them."""
    mark = "✓" if holds else "✗"
    try:
        mark.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "ok" if holds else "NO"
    return mark


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _text(text: str) -> str:
    return escape(for_xml(text))


def _attribute(text: str) -> str:
    return quoteattr(for_xml(text))
