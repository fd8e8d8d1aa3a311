"""Where evidence comes from, each question by itself, on records in memory: commits, trees and engines' files. What git
and engines say is given; the whole way, with both, is in run/test_second_repository_gates.py.
"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Things

import pytest

from nbcompare.engine.engine import Engine
from nbcompare.engine.processes.file_uses import NOT_ASKED
from nbcompare.engine.repository.git import RepositoryState
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.engine.sources.opened import Group, OpenedFiles
from nbcompare.errors import FileError
from nbcompare.files import sha256_of
from nbcompare.plan import origins
from tests.nbcompare.plan.evidence_in_memory import evidence_of, identity

A, B, C = (letter * 40 for letter in "abc")
INSTEAD = "require engines_unchanged and inputs_unchanged (sums of contents) instead"


# --- commits ----------------------------------------------------------------------------------------------


@pytest.fixture
def commits(home, monkeypatch):
    """The answer of same_commit for commits by name: then, or then and now; and where git was asked."""
    asked = []

    def call(changed=None, subjects=(), harness=None, **states):
        then = {name: RepositoryState(None if pair is None else f"/{name}", *(pair or ())[:1])
                for name, pair in states.items()}
        now = {name: pair[-1] for name, pair in states.items() if pair}

        def state(folder):
            asked.append(folder)
            return RepositoryState("/x", now.get("project" if folder == home else folder.name, A))

        monkeypatch.setattr(origins, "repository_of", state)
        monkeypatch.setattr(origins, "changed_between", lambda top, before, after: changed)
        if harness:
            then["harness"] = RepositoryState("/harness", harness)
        return origins.same_commit(evidence_of(home, repositories=then, subjects=subjects)), asked

    return call


def test_every_commit_is_that_of_now_but_for_the_harness(commits, home):
    found, asked = commits(project=(A, A), reference=(C, C), subject=None, harness=B)
    assert found == (True, "project at aaaaaaaaaaaa, reference at cccccccccccc, subject in no repository")
    assert asked == [home, Path("/reference")]


@pytest.mark.parametrize(("states", "why"), [
    ({"project": None, "reference": (A, A), "subject": (A, A)}, f"the project lay in no git repository; {INSTEAD}"),
    ({"project": ("unknown", A), "reference": None, "subject": None}, "git cannot tell the commit of the project"),
    ({"project": (A, A), "reference": (A, "unknown"), "subject": None}, "git cannot tell the commit of the reference"),
    ({"project": (A, A), "reference": (A, A)}, "the bundle does not say where the subject lies; run the case again")])
def test_a_commit_that_cannot_be_told_is_not_the_same(commits, states, why):
    assert commits(**states)[0] == (False, why)


SINCE = "made at aaaaaaaaaaaa; bbbbbbbbbbbb is checked out"


@pytest.mark.parametrize(("changed", "holds", "why"), [
    (None, False, f"subject: {SINCE}"), ([], False, f"subject: {SINCE}"),
    (["NOTES.md", "a.py"], False, f"subject: {SINCE}, which changes a.py; run the case again"),
    ([f"{n}.py" for n in range(9)], False,
     f"subject: {SINCE}, which changes 0.py, 1.py, 2.py, 3.py and 5 more; run the case again"),
    ([f"{n}.py" for n in range(4)], False,
     f"subject: {SINCE}, which changes 0.py, 1.py, 2.py, 3.py; run the case again"),
    (["NOTES.md"], True, "project at cccccccccccc, reference in no repository, subject at aaaaaaaaaaaa; bbbbbbbbbbbb "
     "is checked out, which changes notes and evidence alone (NOTES.md)")])
def test_another_commit_counts_unless_it_changes_notes_alone(commits, changed, holds, why):
    assert commits(changed, project=(C, C), reference=None, subject=(A, B))[0] == (holds, why)


def test_a_note_that_an_engine_used_or_a_case_names_is_none(home):
    """Bundles and sign-offs of the project are evidence, whatever they are called; other files are not."""
    for name in ("made.md", "opened.md", "named.md", "other.md"):
        (home / name).write_text("x")
    made, opened = (SourceFile(name, str(home / name), "0") for name in ("made.md", "opened.md"))
    engines = (identity(home, "reference", made_of=MadeOf("script", files=(made,))),
               identity(home, "subject", made_of=None, opened=OpenedFiles((opened,))))
    evidence = evidence_of(home, *engines, case={"inputs": (Things(file="named.md"), Things(file=None))})
    counts = {name: origins._may_count(home / name, evidence) for name in (
        "made.md", "opened.md", "named.md", "other.md", "a.py", "bundles/small/2/a.py", "bundles/signoffs/N1/1.json",
        "bundles2/a.py")}
    assert [name for name, counting in counts.items() if counting] == ["made.md", "opened.md", "named.md", "a.py",
                                                                       "bundles2/a.py"]
    evidence.folder = None
    assert origins._may_count(home / "bundles/small/2/a.py", evidence)


def test_without_a_repository_in_the_record_nothing_is_the_same_or_clean(home):
    for repositories in (None, {}):
        evidence = evidence_of(home, repositories=repositories)
        evidence.bundle.record.programs = ()
        for look in (origins.same_commit, origins.clean_tree):
            assert look(evidence) == (False, "the record names no repository")


def state(dirty, untracked=(), changed=(), root="/r"):
    return RepositoryState(root, A, "main", dirty, None, untracked, (), changed)


@pytest.mark.parametrize(("subject", "holds", "why"), [
    (state(False), True, "project, subject: made from a clean tree"),
    (state(None, root=None), True, "project: made from a clean tree; of subject git knows nothing (in no repository)"),
    (state(None), False, "subject: git could not tell whether the tree was clean"),
    (state(True), False, "subject: made with uncommitted changes; commit them and run again"),
    (state(True, ("run.log",)), False, "subject: made with uncommitted changes (among them run.log); commit them, or "
     "name what is no source (a log) in .gitignore, and run again"),
    (state(True, ("run.log",), ("a.py",)), False, "subject: made with uncommitted changes (among them a.py, run.log); "
     "commit them and run again"),
    (state(True, (), ("a.py",)), False, "subject: made with uncommitted changes (among them a.py); commit them and run "
     "again"),
    (state(True, ("__pycache__/a.pyc",)), False, "subject: made with uncommitted changes (among them __pycache__/a.pyc)"
     "; write __pycache__/ into .gitignore, commit what is left and run again")])
def test_a_tree_is_clean_only_when_git_says_so(home, monkeypatch, subject, holds, why):
    monkeypatch.setattr(origins, "repository_of", lambda folder: state(False))
    repositories = {"project": state(False), "subject": subject, "harness": state(True)}
    evidence = evidence_of(home, identity(home, "subject"), repositories=repositories)
    assert origins.clean_tree(evidence) == (holds, why)


def test_a_tree_of_no_repository_or_of_none_that_is_named_is_not_clean(home, monkeypatch):
    monkeypatch.setattr(origins, "repository_of", lambda folder: state(False))
    nowhere, project = state(None, root=None), "the project"[4:]
    evidence = evidence_of(home, repositories={project: nowhere, "reference": nowhere, "subject": nowhere})
    assert origins.clean_tree(evidence) == (False, f"the project lay in no git repository; {INSTEAD}")
    evidence = evidence_of(home, repositories={"project": state(False), "reference": nowhere, "subject": nowhere})
    assert origins.clean_tree(evidence) == (True, "project: made from a clean tree; of reference and subject git knows "
                                                  "nothing (in no repository)")
    evidence = evidence_of(home, repositories={"project": state(False), "reference": state(False)})
    assert origins.clean_tree(evidence) == (False, "the bundle does not say where the subject lies; run the case again")


# --- engines' files ---------------------------------------------------------------------------------------


def test_engines_are_what_they_were_with_all_that_they_opened(home, monkeypatch):
    monkeypatch.setattr("nbcompare.engine.identity.changed_since", lambda opened: [])
    source = SourceFile("port.py", str(home / "port.py"), sha256_of(home / "port.py"))
    subject = identity(home, "subject", made_of=MadeOf("script", files=(source,)), adapter=Things(stored=None),
                       opened=OpenedFiles((source,), groups=(Group("/usr", ("a", "b"), "0"),),
                                          unwatched="it cannot be"))
    found = origins.engines_unchanged(evidence_of(home, identity(home, "reference"), subject))
    assert found == (True, (
        "both programs and 1 file that they are made of, 3 files that they opened, have the sums they had; 1 asked "
        "through an adapter, whose declaration is in the record; which files the subject opened was not seen, as it "
        "cannot be; what it is made of was found by reading its sources alone"))
    bare = identity(home, "reference"), identity(home, "subject", opened=OpenedFiles())
    assert origins.engines_unchanged(evidence_of(home, *bare)) == (
        True, "both programs and 0 files that they are made of have the sums they had")
    other = Things(name="older", engine=identity(home, "port.py", role="subject"))
    assert origins.engines_unchanged(evidence_of(home, subjects=(other, Things(name="f64", engine=None)))) == (
        True, "all programs and 0 files that they are made of have the sums they had")
    (home / "port.py").write_text("another")
    assert origins.engines_unchanged(evidence_of(home, subjects=(other,))) == (
        False, "the program of the subject (port.py) is not what it was")


def test_the_bundled_reference_is_of_the_source_that_is_here(home, monkeypatch):
    def asked(role, chosen_by, then, now):
        monkeypatch.setattr(origins, "content_hash", lambda folder: now)
        engines = [identity(home, name, chosen_by=chosen_by if name == role else "--x")
                   for name in ("reference", "subject")]
        return origins.engines_unchanged(evidence_of(home, *engines, content=Things(reference=then)))

    assert asked("reference", "default", "1", "2") == (False, "the source of the reference is not what it was")
    for role, chosen_by, then, now in (("reference", "default", "1", "1"), ("reference", "--c-bin", "1", "2"),
                                       ("subject", "default", "1", "2"), ("reference", "default", "1", "unknown")):
        assert asked(role, chosen_by, then, now)[0], (role, chosen_by, then, now)


SEEN = ("not all that the subject did is known: it started sudo; where that has no part in the image, declare watched: "
        "false and name its sources")


@pytest.mark.parametrize(("changes", "why"), [
    ({"program_sha256": "0"}, "the program of the subject (subject) is not what it was"),
    ({"started_as": ("/nowhere/at/all",)}, "the program of the subject (subject) is no longer there"),
    ({"made_of": None}, "the bundle does not say what the subject is made of; run the case again"),
    ({"made_of": MadeOf("module", bundled=True)}, "the bundle takes the subject for the simulator that it imports, as "
     "was once done; run it again"),
    ({"opened": OpenedFiles(unseen=("it started sudo",))}, SEEN),
    ({"opened": OpenedFiles(unwatched=NOT_ASKED)}, f"which files the subject opens was not asked, as {NOT_ASKED}, and "
     "nothing says what they are: name them as its sources, with the data that it reads"),
    ({"opened": OpenedFiles(left=("/tmp/state",))},
     "the next run of the subject begins with what this one left (/tmp/state) and may give another image: run the case "
     "again; where it never stays as it is and does not matter, declare of "
     "the engine keeps: [/tmp/state]"),
    ({"opened": OpenedFiles(unwatched="no ptrace here")}, None), ({"opened": OpenedFiles()}, None)])
def test_an_engine_that_may_be_another_now_is_told_by_what_of_it(home, changes, why):
    engines = identity(home, "reference"), identity(home, "subject", **changes)
    found = origins.engines_unchanged(evidence_of(home, *engines))
    assert found[0] is (why is None) and (why is None or found[1] == why)


def test_sources_that_were_named_answer_for_what_was_not_watched(home):
    made_of = MadeOf("compiled", globs=("*.c",), base=str(home))
    evidence = evidence_of(home, identity(home, "subject", made_of=made_of, opened=OpenedFiles(unwatched=NOT_ASKED)))
    assert origins.engines_unchanged(evidence)[0]


def test_what_of_the_sources_changed_is_told_four_names_long(home):
    def asked(count):
        files = tuple(SourceFile(f"{n}.c", str(home / f"{n}.c"), "0") for n in range(count))
        return origins._source_fault(identity(home, "subject", made_of=MadeOf("compiled", files=files)),
                                     Things(folder=home, environment={}))

    gone = "the source of the subject is not what it was: 0.c is gone, 1.c is gone, 2.c is gone, 3.c is gone"
    assert asked(0) is None and asked(4) == gone and asked(9) == f"{gone} and 5 more"


def test_what_is_not_known_of_an_engine_or_ran_from_elsewhere_is_told(home, monkeypatch):
    case = Things(folder=home, environment={})
    asked = []
    unknown = identity(home, "subject", made_of=MadeOf("script", unknown=("it is a wrapper",)))
    monkeypatch.setattr(origins, "not_all_known", lambda role, engine, folder: f"{role}: {engine.unknown[0]}")
    assert origins._source_fault(unknown, case) == "subject: it is a wrapper, and run the case again"
    monkeypatch.setattr(origins, "copies_elsewhere", lambda *words: asked.append(words) or ["take the project's"])
    engine = identity(home, "subject")
    assert origins._source_fault(engine, case) == "take the project's; then run the case again"
    assert asked == [(engine, home, None)]


def test_a_file_that_would_be_part_of_an_engine_now_is_new(home, monkeypatch):
    known, own, more = (SourceFile(name, str(home / name), "0") for name in ("known.py", "own.log", "more.py"))
    engine = identity(home, "subject", made_of=MadeOf("script", files=(known,)),
                      opened=OpenedFiles(rewritten=(str(home / "own.log"),)))
    case = Things(folder=home, environment={"X": "1"})
    looked = []

    def looking(found, environment):
        looked.append((found, environment))
        return MadeOf("script", files=(known, own, more))

    monkeypatch.setattr(origins, "look_at", looking)
    monkeypatch.setattr(origins, "_as_named_now", lambda engine, case: None)
    assert origins._new_files(engine, case) == [] and looked == []
    monkeypatch.setattr(origins, "_as_named_now", lambda engine, case: "it")
    assert origins._new_files(engine, case) == [f"{home}/more.py is new"] and looked == [("it", {"X": "1"})]
    assert origins._new_files(replace(engine, opened=None), case) == [f"{home}/own.log is new",
                                                                      f"{home}/more.py is new"]
    assert origins._new_files(replace(engine, made_of=None), case) == []
    for hint, said in (("make it", ["it is stale (make it)"]), (None, ["it is stale"])):
        def refusing(found, environment, hint=hint):
            raise FileError("it is stale", hint=hint)

        monkeypatch.setattr(origins, "look_at", refusing)
        assert origins._new_files(engine, case) == said


def test_an_engine_is_asked_again_only_where_somebody_names_it_by_the_same_words(home, monkeypatch):
    engine, other = identity(home, "subject"), Engine("subject", "older", (str(home / "port.py"),), "x")
    case = Things(folder=home, environment={})
    same = Engine("subject", "s", (*engine.started_as, "x")[:-1], "x")
    later = Engine("subject", "newest", (f"{engine.started_as[0]}-z",), "x")
    for named, subjects, found in ((None, {}, None), (same, {}, same), (other, {}, None), (None, {"a": other}, None),
                                   (other, {"a": other, "b": same}, same), (None, {"a": later}, None),
                                   (later, {}, None)):
        monkeypatch.setattr(origins, "other_subjects", lambda case, subjects=subjects: subjects)
        monkeypatch.setattr(origins, "named_engine", lambda role, option, environment, declared, named=named: named)
        assert origins._as_named_now(engine, case) is found
