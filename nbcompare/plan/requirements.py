"""What a phase requires, one function for each: it looks at the evidence and says whether it holds, and why.

Every answer is found out now, from the files themselves. A requirement that cannot be looked into does not hold.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbcompare.bundle.check.borrowed import lender_note
from nbcompare.bundle.imported import is_imported
from nbcompare.bundle.names import CUDA, DATA, NO_TEST_USES_DEVICE, PICTURES, image_name, tests_log
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.inputs import GENERATORS
from nbcompare.case.phases import ACCEPTED, Requirements
from nbcompare.compare.picture_settings import UNLESS_PASSED
from nbcompare.engine.identity import UNKNOWN, content_hash
from nbcompare.engine.installation import HARNESS
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.errors import ExitCode, FileError
from nbcompare.files import sha256_of
from nbcompare.plan.evidence import Evidence
from nbcompare.plan.origins import clean_tree, engines_unchanged, experiment_of_the_case, same_commit
from nbcompare.run.tests_made_of import changed_tests

_MOST = 4
_SKIPPED = re.compile(r"\b(\d+) (skipped|deselected|xfailed|xpassed)\b")


@dataclass(frozen=True)
class Requirement:
    """One line of the checklist. ``exit_code`` is what it costs when it does not hold."""

    requirement: str
    holds: bool
    why: str
    case: str | None = None
    exit_code: ExitCode = ExitCode.BLOCKED


def items_of(evidence: Evidence, requires: Requirements, now: datetime.datetime) -> Iterator[Requirement]:
    """The checklist for one case, in the order a person would go through it."""
    name = evidence.case.name
    if evidence.folder is None:
        yield Requirement("evidence", False, "there is no bundle of this case", name)
        return
    faults = evidence.faults
    whole = f"{evidence.folder.name} is whole, and its figures come out of its images again"
    yield Requirement("evidence", not faults, _some(faults) or whole, name, ExitCode.EVIDENCE)
    if faults:
        return
    yield from _imported(evidence, requires)
    yield Requirement("experiment", *experiment_of_the_case(evidence), name)
    for switch, look in _LOOKS.items():
        if switch in requires.switches:
            holds, why = look(evidence)
            yield Requirement(switch, holds, why, name)
    if "tests_green" in requires.switches and CUDA in evidence.bundle.record.tests:
        yield Requirement(CUDA, *_on_cuda(evidence), name)
    if requires.verdict:
        yield _verdict(evidence, requires.verdict)
    if requires.max_age_hours is not None:
        yield Requirement("max_age_hours", *_age(evidence, requires.max_age_hours, now), name)


def _imported(evidence: Evidence, requires: Requirements) -> Iterator[Requirement]:
    """Whether the phase takes somebody else's word, where the bundle or its reference image was made elsewhere: what
    is whole in itself may be forged from nothing."""
    folder, record = evidence.bundle.folder, evidence.bundle.record
    said = f"{folder.name} was made elsewhere and imported" if is_imported(folder) else lender_note(folder, record)
    if said is None:
        return
    if not requires.imported:
        said += f"; run the case here (--fresh), or let the phase say imported: {ACCEPTED}"
    yield Requirement("imported", requires.imported, said, evidence.case.name)


def _some(sentences: tuple[str, ...]) -> str:
    more = f"; and {len(sentences) - _MOST} more" if len(sentences) > _MOST else ""
    return "; ".join(sentences[:_MOST]) + more


def _verdict(evidence: Evidence, wanted: tuple[str, ...]) -> Requirement:
    name = evidence.case.name
    if evidence.verdict is None:
        return Requirement("verdict", False, evidence.unjudged or "nothing was judged", name,
                           _as_bad(evidence.bundle.record.verdict.exit_code))
    again, stored = evidence.verdict, evidence.bundle.record.verdict
    if str(again.word) in wanted:
        weak = [said for said in evidence.loosened if said.startswith("weak: ")]
        loosened = [said for said in evidence.loosened if said not in weak]
        looser = (f"; LOOSER than before: {_some(tuple(loosened))}" if loosened else "") + (
            f"; WEAK: {_some(tuple(said.removeprefix('weak: ') for said in weak))}" if weak else "")
        traced = f"; traced, {_some(evidence.traced)}" if evidence.traced else ""
        return Requirement("verdict", True, f"{again.word}, judged again from the float images by the case as it is "
                           f"now{traced}{looser}", name)
    reasons = _some(again.reasons) or f"this phase accepts {', '.join(wanted)}"
    was = f" (the bundle said {stored.word})" if stored.word != again.word else ""
    return Requirement("verdict", False, f"{again.word}{was}: {reasons}", name, _as_bad(again.exit_code))


def _as_bad(code: ExitCode) -> ExitCode:
    """The exit code of a verdict that is not accepted: its own, and never that of a success."""
    return ExitCode.BLOCKED if code is ExitCode.PASS else code


def _age(evidence: Evidence, most_hours: float, now: datetime.datetime) -> tuple[bool, str]:
    hours = (now - evidence.made).total_seconds() / 3600
    if hours < 0:
        return False, f"the stamp lies {-hours:.2f} h in the future; a clock was or is wrong"
    return hours <= most_hours, f"{hours:.1f} h old, at most {most_hours:g} h are allowed"


# --- switches: each gives (holds, why) --------------------------------------------------------------------


def _files_complete(evidence: Evidence) -> tuple[bool, str]:
    refusing = evidence.case.expect
    record = evidence.bundle.record
    wanted = [image_name(role) for role in (REFERENCE, SUBJECT) if role not in refusing]
    undrawn = record.uncompared or (record.pictures == UNLESS_PASSED and record.verdict.passed)
    wanted += PICTURES.values() if not refusing and not undrawn else ()
    missing = [name for name in wanted if not (evidence.bundle.folder / name).is_file()]
    if missing:
        return False, f"not there: {', '.join(missing)}"
    if refusing:
        return True, f"logs and records are there; the {' and the '.join(refusing)} had to refuse and left no image"
    if undrawn:
        why = "they were left uncompared" if record.uncompared else "a sweep draws none of a case that passes"
        return True, f"logs, records and both float images are there; no pictures, as {why}"
    return True, "logs, records, both float images and the pictures are there"


def _tests_green(evidence: Evidence) -> tuple[bool, str]:
    """By the last lines of the logs, which hold what the report of each test was counted to."""
    tests, nodes = evidence.bundle.record.tests, evidence.case.tests
    if not nodes:
        return False, "the case names no tests, so nothing was shown"
    said = []
    for device, outcome in tests.items():
        if outcome.nodes != nodes:
            return False, f"other tests were run ({device}) than the case names now"
        log = read_kept(evidence.bundle.folder / tests_log(device))
        last = next((line.strip("= ") for line in reversed(log.splitlines()) if line.strip()), "nothing")
        skipped = _SKIPPED.search(last)
        passed = re.search(r"\b\d+ passed\b", last) and not re.search(r"failed|error", last)
        if outcome.exit_code != 0 or outcome.failure or not passed:
            return False, f"{device}: {outcome.failure or last}"
        if skipped:
            return False, f"{device}: {skipped.group()}, and a test that did not run shows nothing ({last})"
        if not outcome.files:
            return False, f"the record does not say what the tests were ({device}); run the case again"
        others = changed_tests(outcome, evidence.case)
        if others:
            unseen = outcome.opened.unseen if outcome.opened else ()
            mend = "map tests of which all can be known" if set(others) <= set(unseen) else "run the case again"
            return False, f"{device}: the tests may be others than those that were run: {_some(tuple(others))}; {mend}"
        said.append(f"{device}: {last}" + (f", in {outcome.taken_from} for the same content" if outcome.taken_from
                                           else ""))
    return bool(said), "; ".join(said)


def _on_cuda(evidence: Evidence) -> tuple[bool, str]:
    """Whether a mapped test used the device, and the subject's image there is within the case's thresholds."""
    record = evidence.bundle.record
    tests, found = record.tests[CUDA], record.further.device
    if tests.failure or not tests.on_device:
        return False, tests.failure or NO_TEST_USES_DEVICE
    if found is None:
        return False, "the subject was not run there"
    thresholds = record.case.thresholds  # by those of now the verdict is given
    if found.faults(thresholds):
        return False, found.sentence(thresholds)
    return True, f"{tests.on_device} mapped tests used the device; every threshold holds for the subject's image there"


def _inputs_regenerated(evidence: Evidence) -> tuple[bool, str]:
    for entry in evidence.case.inputs:
        kept = evidence.bundle.folder / DATA / entry.name
        if not kept.is_file():
            return False, _not_kept(entry.name)
        try:
            anew = GENERATORS[entry.made_by]().encode() if entry.made_by else \
                (evidence.case.folder / str(entry.file)).read_bytes()
            if kept.read_bytes() != anew:
                return False, f"{entry.name}, made anew, is not what the engines read"
        except OSError as fault:
            return False, f"{entry.name} cannot be made anew: {fault.strerror}"
        if entry.sha256 and sha256_of(kept) != entry.sha256:
            return False, f"{entry.name} is not what the case pins"
    count = len(evidence.case.inputs)
    return True, f"{count} input file(s) made anew, byte for byte what the engines read" if count else \
        "the case reads no files"


def _not_kept(name: str) -> str:
    return f"{name}, which the case names now, is not in the bundle; run the case again"


def _inputs_pinned(evidence: Evidence) -> tuple[bool, str]:
    """Made by the project, lying beside the case, or brought by the user: each of a sum that the case gives now."""
    brought = 0
    for entry in evidence.case.inputs:
        try:
            found = sha256_of(evidence.bundle.folder / DATA / entry.name)
        except FileError:
            return False, _not_kept(entry.name)
        if not entry.sums:
            return False, f"the case does not pin {entry.name}: give its sha256"
        if found not in entry.sums:
            return False, f"{entry.name} has sha256 {found[:12]}, which the case does not pin"
        brought += found != entry.sha256
    count = len(evidence.case.inputs)
    return True, f"{count} input file(s) of sums that the case pins, {brought} of them brought by the user"


def _inputs_unchanged(evidence: Evidence) -> tuple[bool, str]:
    if evidence.bundle.record.content.case != evidence.case.sha256:
        return False, "the case file is not what it was"
    if not evidence.bundle.record.inputs_as_pinned:
        return False, "the engines read files of the user's own"
    brought = any(entry.origin == "user" for entry in evidence.bundle.record.inputs)
    holds, why = _inputs_pinned(evidence) if brought else _inputs_regenerated(evidence)
    return holds, "case and input files have the bytes they had" if holds else why


def _harness_unchanged(evidence: Evidence) -> tuple[bool, str]:
    same = evidence.bundle.record.content.nbcompare == content_hash(HARNESS) != UNKNOWN
    return same, "nb-compare has the sum it had" if same else "nb-compare is not what it was"


_LOOKS: dict[str, Callable[[Evidence], tuple[bool, str]]] = {
    "files_complete": _files_complete,
    "tests_green": _tests_green,
    "inputs_regenerated": _inputs_regenerated,
    "inputs_pinned": _inputs_pinned,
    "same_commit": same_commit,
    "clean_tree": clean_tree,
    "engines_unchanged": engines_unchanged,
    "inputs_unchanged": _inputs_unchanged,
    "harness_unchanged": _harness_unchanged,
}


def protected_item(evidence: Evidence, files: list[tuple[str, Path]]) -> Requirement:
    """Whether the protected files were watched during the run, stayed as they were, and still are."""
    watched = evidence.bundle.record.protected
    for name, path in files:
        if name not in watched.after:
            return Requirement("protected", False, f"{name} was not watched when the bundle was made",
                               evidence.case.name)
        if not path.is_file() or sha256_of(path) != watched.after[name]:
            return Requirement("protected", False, f"{name} changed since the run", evidence.case.name)
    names = ', '.join(name for name, _ in files)
    return Requirement("protected", True, f"{names} stayed as they were", evidence.case.name)
