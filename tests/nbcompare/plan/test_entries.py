"""What an entry of a ledger says, word for word, and how files are replaced; of records in memory."""

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Things

import pytest

from nbcompare.bundle.lock import is_locked
from nbcompare.bundle.names import MANIFEST, NO_TEST_USES_DEVICE
from nbcompare.bundle.record import TestsOutcome
from nbcompare.bundle.signoffs import SignOff
from nbcompare.case.phases import Phase, Phases, Requirements
from nbcompare.case.threshold import Threshold
from nbcompare.engine.failure import Failure
from nbcompare.engine.repository.git import RepositoryState
from nbcompare.errors import FileError, UsageError
from nbcompare.files import sha256_of
from nbcompare.plan import ledger_entry
from nbcompare.plan.ledger import Edit
from nbcompare.plan.requirements import Requirement
from nbcompare.verdict.verdict import Check, Label, verdict
from tests.nbcompare.frozen import are_frozen

A = "a" * 40
OUTSIDE = Check(Threshold("sum_ratio", "full", 0.99, 1.01, "w"), 2.0, False)
WITHIN = Check(Threshold("correlation", "mid", 0.9, None, "w"), 1.0, True)
FIGURES = ["- figure: sum_ratio on full: 2, allowed 0.99 .. 1.01; does not hold",
           "- figure: correlation on mid: 1, allowed >= 0.9; holds"]
ENVIRONMENT = {"cpu": "Xeon", "platform": "Linux 6", "python": "3.11", "numpy": "2.0", "torch": "2.1", "scipy": "1.9",
               "torch_device": "cpu", "torch_dtype": "", "cpu_count": "4"}


def record_of(**changes):
    run = Things(role="reference", image_sha256="1" * 64, failure=None)
    said = {"case": Things(name="small", divergences=()), "stamp": "20261125T000000Z", "name": "small/20261125T000000Z",
            "verdict": verdict(Label.FAIL, ["sum_ratio  on\nfull <!-- x"], [OUTSIDE, WITHIN]),
            "tests": {"cpu": TestsOutcome((), None, "the case names no tests", None)},
            "runs": (run, Things(role="subject", image_sha256=None, failure=None)), "git": Things(sha=A, dirty=False),
            "repositories": None, "environment": ENVIRONMENT, "comparison": None, "uncompared": False}
    return Things(**said | changes)


def body(record, folder="/b/small/1", ledger="/b/fix.md"):
    return list(ledger_entry._body(Path(folder), record, Path(ledger)))


LINKS = "- evidence: [commands.txt](small/1/inputs/commands.txt), [sha256.txt](small/1/inputs/sha256.txt)"


def test_the_lines_of_an_entry_in_their_order():
    assert ledger_entry._headline(record_of()) == "FAIL, small 20261125T000000Z"
    assert body(record_of()) == [
        "- verdict: FAIL (exit code 3)", "- why: sum_ratio on full <! -- x", *FIGURES,
        "- failure signature: outside: sum_ratio on full", "- pytest (cpu): the case names no tests",
        "- CUDA: skipped, no log", f"- float sha256 (reference): {'1' * 64}", "- float sha256 (subject): no image",
        "- claims cited: none", f"- commit: {A}",
        "- environment: Xeon, Linux 6, python 3.11, numpy 2.0, torch 2.1, torch_device cpu", LINKS,
        "- not run: mapped tests: the case names none; the comparison of the images"]


@pytest.mark.parametrize(("dirty", "words"), [(True, " with uncommitted changes"), (None, ", cleanliness unknown")])
def test_the_commits_of_engines_of_other_repositories_are_entered(dirty, words):
    own = RepositoryState("/port", "b" * 40, "main", False)
    repositories = {"project": own, "harness": own, "reference": RepositoryState(None), "subject": own,
                    "subject old": replace(own, sha="c" * 40, dirty=None)}
    lines = body(record_of(git=Things(sha=A, dirty=dirty), repositories=repositories))
    assert [line for line in lines if "commit" in line] == [
        f"- commit: {A}{words}", f"- commit of the subject: {'b' * 40}",
        f"- commit of the subject old: {'c' * 40} (git cannot tell whether it is clean)"]


def test_claims_are_cited_each_with_its_reason():
    claims = [Things(id=name, why=f"{name} is\nknown", reference="docs/x.md") for name in ("phi", "cell")]
    lines = body(record_of(case=Things(name="small", divergences=claims)))
    at = lines.index("- claims cited: phi, cell")
    assert lines[at + 1:at + 3] == ["- claim phi: phi is known (see docs/x.md)",
                                    "- claim cell: cell is known (see docs/x.md)"]


def test_a_failure_is_known_again_by_its_kind_its_error_and_the_figures_outside():
    failed = Things(role="subject", image_sha256=None, failure=Failure("signal", "was\nkilled"))
    other = replace(OUTSIDE, threshold=replace(OUTSIDE.threshold, roi="mid"))
    tests = {"cpu": TestsOutcome(("t",), 1, "1 failed", "first failing test: t", "E assert 1 == 2"),
             "cuda": TestsOutcome(("t",), 1, "1 failed", "it was stopped"),
             "third": TestsOutcome(("t",), 0, "2 passed", None)}
    lines = body(record_of(runs=(failed,), tests=tests, verdict=verdict(Label.FAIL, (), [OUTSIDE, WITHIN, other])))
    assert [line for line in lines if line.startswith(("- failure", "- pytest"))] == [
        "- failure signature: subject: signal: was killed", "- failure signature: pytest (cpu): E assert 1 == 2",
        "- failure signature: pytest (cuda): it was stopped",
        "- failure signature: outside: sum_ratio on full, sum_ratio on mid", "- pytest (cpu): first failing test: t",
        "- pytest (cuda): it was stopped", "- pytest (third): 2 passed"]
    assert not any("signature" in line for line in body(record_of(verdict=verdict(Label.PASS, (), [WITHIN]))))


def test_what_ran_on_cuda_is_told_with_its_log(tmp_path):
    folder, outcome = tmp_path / "b c", TestsOutcome(("t",), 0, "1 passed", None, on_device=1)
    (folder / "tests").mkdir(parents=True)

    def told(**tests):
        return ledger_entry._cuda(folder, record_of(tests=tests), tmp_path / "fix.md")

    assert told() == "skipped, no log" and told(cuda=outcome) == "ran, 1 test used the device, no log"
    (folder / "tests/pytest_cuda.log").write_text("x")
    log = "[pytest_cuda.log](b%20c/tests/pytest_cuda.log)"
    assert told() == f"skipped, {log}"
    assert told(cuda=replace(outcome, on_device=3)) == f"ran, 3 tests used the device, {log}"


def test_nothing_left_out_is_said_in_words():
    tests = {"cpu": TestsOutcome(("t",), 0, "1 passed", None), "cuda": TestsOutcome(("t",), 0, "1 passed", None,
                                                                                    on_device=1)}
    noisy = verdict(Label.PASS, (), [replace(WITHIN, noise=1.0)])
    assert body(record_of(tests=tests, comparison="c", verdict=noisy))[-1] == "- not run: nothing was left out"
    idle = tests | {"cuda": TestsOutcome(("t",), 0, "1 passed", None)}
    assert body(record_of(tests=idle, comparison="c", verdict=noisy))[-1] == (
        f"- not run: any test on CUDA: {NO_TEST_USES_DEVICE}")


# --- what a gate judged later -----------------------------------------------------------------------------


def gate_of(*evidence, wanted=("PASS",), items=(), green=True, signers=None):
    phase = Phase("N2", "t", (), Requirements(verdict=wanted))
    phases = Phases("t", (phase,), Path("p.yaml"), "0", signers)
    return Things(phase=phase, phases=phases, evidence=evidence, items=items, green=green)


def test_what_a_gate_judged_of_uncompared_images_is_an_attempt_of_its_own():
    record = record_of()
    judged = Things(name=record.name, verdict=record.verdict, traced=("it is\nso",))
    other = Things(name="other/1", verdict=verdict(Label.PASS), traced=())

    def later(text, gate, row="N2 x"):
        return ledger_entry._compared_later(text, record, gate, row, "f" * 64, Path("/b/small/1"), Path("/b/fix.md"))

    edit = later("## small\n", gate_of(other, judged))
    assert edit.after == "\n".join([
        "## small", "", "### Attempt 1: FAIL, small 20261125T000000Z, compared for N2 x",
        f"<!-- nb-compare attempt {record.name}:N2%20x manifest-sha256:{'f' * 64} -->", "",
        f"- verdict: FAIL (exit code 3), judged for N2 x from the images of {record.name}, which its run left "
        "uncompared; no engine ran again",
        "- why: sum_ratio on full <! -- x", "- traced, it is so", *FIGURES, LINKS, ""])
    assert not later(edit.after, gate_of(judged)).changes
    assert f":a%2Fb {'manifest'}" in later("", gate_of(judged), "a/b").after
    for gate in (gate_of(other), gate_of(), gate_of(judged, wanted=()),
                 gate_of(Things(name=record.name, verdict=None, traced=()))):
        assert later("## small\n", gate) == Edit("## small\n", "## small\n", "")


# --- whether a row is done --------------------------------------------------------------------------------


@pytest.fixture
def not_done(tmp_path, monkeypatch):
    """Why a row is not done, as its gate, its sign-off and its signature are; what was asked of the signature."""
    plan = tmp_path / "phases.yaml"
    plan.write_text("x")
    path = tmp_path / "s.json"

    def call(gate=None, signers=None, fault=None, whose="signed", names="small/1", phases=plan, newest=path):
        asked = []
        found = gate or gate_of()
        monkeypatch.setattr(ledger_entry, "newest", lambda bundles, row: newest)
        monkeypatch.setattr(ledger_entry, "load_phases", lambda phases: phases)
        monkeypatch.setattr(ledger_entry, "look_at", lambda phases, row, bundles, signers: found)
        monkeypatch.setattr(ledger_entry, "read", lambda path: SignOff(path, "N2", "A", "PASSED", {}, {names: "d"}, {},
                                                                       {}))
        monkeypatch.setattr(ledger_entry, "fault_of", lambda *words: fault)
        monkeypatch.setattr(ledger_entry.ssh, "verified",
                            lambda path, signers, by: asked.append((signers, by)) or whose)
        why, given = ledger_entry._not_done(tmp_path, "N2", "small/1", "d", phases, signers)
        assert given is (found if newest and phases == plan else None)
        return why, asked

    return call


def test_a_row_is_done_when_its_gate_is_green_and_its_sign_off_speaks_of_this_bundle(not_done, tmp_path):
    allowed, planned = Path("allowed"), Path("planned")
    assert not_done() == (None, [(None, None)])
    assert not_done(whose=None) == (None, [(None, None)]), "nobody asks for a signature"
    assert not_done(signers=allowed) == (None, [(allowed, "A")])
    assert not_done(gate_of(signers=planned), whose=None) == (
        "s.json: it has no signature, and planned asks for one", [(planned, "A")])
    assert not_done(newest=None)[0] == "it is not signed off"
    for phases in (None, tmp_path / "no.yaml"):
        assert not_done(phases=phases)[0] == f"there is no plan of phases {phases} to ask (--phases)"
    assert not_done(fault="it is another")[0] == "s.json: it is another"
    assert not_done(names="small/0")[0] == "s.json: it does not speak of small/1"
    lines = (Requirement("evidence", True, "whole"), Requirement("verdict", False, "FAIL: x"),
             Requirement("clean_tree", False, "y"))
    assert not_done(gate_of(items=lines, green=False))[0] == "its gate is red: verdict, FAIL: x"
    assert not_done(gate_of(green=False))[0] == "its gate is red: it requires nothing"


def test_a_gate_that_cannot_be_looked_into_leaves_a_row_as_it_is(not_done, tmp_path, monkeypatch):
    (tmp_path / "s.json").write_text("x")
    monkeypatch.setattr(ledger_entry, "newest", lambda bundles, row: tmp_path / "s.json")

    def refusing(path):
        raise UsageError("no plan")

    monkeypatch.setattr(ledger_entry, "load_phases", refusing)
    assert ledger_entry._not_done(tmp_path, "N2", "a", "d", tmp_path / "phases.yaml", None) == ("no plan", None)


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """Enter a bundle of this record: the edits, where the row is not done for this reason."""
    folder = tmp_path / "bundles" / "small" / "1"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text("m")
    (tmp_path / "fix.md").write_text("")
    (tmp_path / "plan.md").write_text("- [ ] N2 x\n")
    monkeypatch.setattr(ledger_entry, "_body", lambda *words: ["- a\x07b"])

    def call(why=None, record=None, plan="plan.md", row="N2", gate=None):
        asked = []
        monkeypatch.setattr(ledger_entry, "_not_done", lambda *words: asked.append(words) or (why, gate))
        found = ledger_entry._edits(folder, record or record_of(), tmp_path / "fix.md", plan and tmp_path / plan, row,
                                    None, None)
        assert all(words[0] == tmp_path / "bundles" and words[2:4] == (record_of().name, sha256_of(folder / MANIFEST))
                   for words in asked)
        return found

    return call


def test_an_entry_is_said_and_the_row_with_it(bundle, tmp_path):
    named = "small/20261125T000000Z is Attempt 1 of small"
    assert bundle(plan=None).said == bundle(row=None).said == (named,)
    assert "- a\\x07b\n" in bundle(plan=None).edits[tmp_path / "fix.md"].after, "no control characters of strangers"
    done = bundle()
    assert done.said == (named, "row N2: [ ] becomes [D]") and done.edits[tmp_path / "plan.md"].after == "- [D] N2 x\n"
    assert bundle("it is not signed off").said == (named, "row N2: [ ] becomes [P]",
                                                   "row N2 is not done: it is not signed off")
    (tmp_path / "both.md").write_text("- [ ] N2 x\n")
    (tmp_path / "fix.md").unlink()
    (tmp_path / "fix.md").symlink_to(tmp_path / "both.md")
    both = bundle(plan="both.md")
    assert list(both.edits) == [tmp_path / "both.md"]
    edit = both.edits[tmp_path / "both.md"]
    assert edit.before == "- [ ] N2 x\n" and edit.after.startswith("- [D] N2 x\n\n## small\n")


def test_a_second_attempt_is_entered_where_the_gate_is_green_and_the_run_compared_nothing(bundle, tmp_path):
    judged = gate_of(Things(name=record_of().name, verdict=verdict(Label.PASS), traced=()))
    record = record_of(uncompared=True)
    found = bundle(record=record, gate=judged)
    assert found.said == ("small/20261125T000000Z is Attempt 1 of small",
                          "small/20261125T000000Z:N2 is Attempt 2 of small", "row N2: [ ] becomes [D]")
    assert found.edits[tmp_path / "fix.md"].after.count("### Attempt") == 2
    for other in (bundle("red", record, gate=judged), bundle(record=record), bundle(gate=judged)):
        assert other.edits[tmp_path / "fix.md"].after.count("### Attempt") == 1
    silent = bundle(record=record, gate=gate_of())
    assert silent.said == ("small/20261125T000000Z is Attempt 1 of small", "row N2: [ ] becomes [D]")


def test_all_changes_are_one_diff(tmp_path):
    entry = ledger_entry.LedgerEntry({Path("a"): Edit("x\n", "x\ny", ""), Path("b"): Edit("1\n", "2\n", "")}, ())
    assert are_frozen(entry, *entry.edits.values())
    assert entry.diff == ("--- a\n+++ a\n@@ -1 +1,2 @@\n x\n+y\n\\ No newline at end of file\n"
                          "--- b\n+++ b\n@@ -1 +1 @@\n-1\n+2\n")


# --- files ------------------------------------------------------------------------------------------------


def test_files_are_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    """The second one is changed by somebody else while the first is written: it stays, and no draft is left."""
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("old")
        (tmp_path / name).chmod(0o4640)
    (tmp_path / ".a.md.nb-compare").write_text("of a program that was killed")
    edits = {tmp_path / name: Edit("old", f"new {name}", "") for name in ("a.md", "b.md")}
    ledger_entry._write(edits)
    assert [(tmp_path / name).read_text() for name in ("a.md", "b.md")] == ["new a.md", "new b.md"]
    assert {(tmp_path / name).stat().st_mode & 0o7777 for name in ("a.md", "b.md")} == {0o4640}
    changed = "b.md: it was changed by somebody else just now; nothing was written to it"
    for theirs in ("an earlier word", "the last word"):
        (tmp_path / "a.md").write_text("old")
        (tmp_path / "b.md").write_text(theirs)
        with pytest.raises(FileError, match=changed) as told:
            ledger_entry._write(edits)
        assert told.value.hint == "run the same command again"
        assert [(tmp_path / name).read_text() for name in ("a.md", "b.md")] == ["new a.md", theirs]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.md", "b.md"]


def test_what_cannot_be_written_or_replaced_is_told_and_leaves_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "a.md"
    path.write_text("old")

    def full(*words):
        raise OSError(28, "No space left on device")

    for name, said in (("fsync", "cannot write beside it"), ("replace", "cannot replace")):
        with monkeypatch.context() as patch:
            patch.setattr(ledger_entry.os, name, full)
            with pytest.raises(FileError, match=f"a.md: {said}: No space left on device"):
                ledger_entry._write({path: Edit("old", "new", "")})
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.md"] and path.read_text() == "old"


def test_files_that_cannot_be_read_are_told_with_what_to_do(tmp_path):
    with pytest.raises(FileError, match="there is no such file") as told:
        ledger_entry._read(tmp_path / "no.md")
    assert told.value.hint == f"make it first: touch {tmp_path}/no.md"
    (tmp_path / "bad.md").write_bytes(b"abc\xff")
    with pytest.raises(FileError, match=r"bad.md: not UTF-8 text \(byte 3\)"):
        ledger_entry._read(tmp_path / "bad.md")
    with pytest.raises(FileError, match="not an ordinary file"):
        ledger_entry._read(tmp_path)


def test_folders_are_held_while_their_files_are_edited(tmp_path, monkeypatch):
    with ExitStack() as stack:
        ledger_entry._hold(stack, tmp_path)
        assert is_locked(tmp_path)
        ledger_entry._hold(stack, tmp_path / "gone")
    assert not is_locked(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="file: Not a directory"), ExitStack() as stack:
        ledger_entry._hold(stack, tmp_path / "file")


def test_an_entry_holds_each_folder_once_and_writes_only_what_changes(tmp_path, monkeypatch):
    """A dry run holds nothing and writes nothing."""
    held, wrote = [], []
    edits = {tmp_path / "a.md": Edit("x", "y", ""), tmp_path / "b.md": Edit("x", "x", "")}
    found = ledger_entry.LedgerEntry(edits, ())
    (tmp_path / "c").mkdir()
    monkeypatch.setattr(ledger_entry, "verified", lambda folder: Things(record=None))
    monkeypatch.setattr(ledger_entry, "_hold", lambda stack, home: held.append(home))
    monkeypatch.setattr(ledger_entry, "_edits", lambda *words: found)
    monkeypatch.setattr(ledger_entry, "_write", wrote.append)
    for plan, homes in ((None, [tmp_path]), (tmp_path / "b.md", [tmp_path]),
                        (tmp_path / "c" / "p.md", [tmp_path, tmp_path / "c"])):
        held.clear(), wrote.clear()
        assert ledger_entry.enter(tmp_path, tmp_path / "c" / ".." / "a.md", plan=plan) is found
        assert held == homes and wrote == [{tmp_path / "a.md": edits[tmp_path / "a.md"]}]
    held.clear(), wrote.clear()
    ledger_entry.enter(tmp_path, tmp_path / "a.md", plan=tmp_path / "b.md", dry_run=True)
    assert held == wrote == [] and os.listdir(tmp_path) == ["c"]
