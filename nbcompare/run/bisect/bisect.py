"""From two revisions to the first commit with which the verdict of a case changes, and to what it changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbcompare.bundle.bundle import Bundle, load_bundle
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.facts import case_facts
from nbcompare.case.project_file import find_project_file
from nbcompare.compare.picture_settings import UNLESS_PASSED
from nbcompare.engine.choose import engines_of
from nbcompare.engine.identity import identify
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.render_cache import key_of
from nbcompare.engine.repository.revisions import Commit, Revisions
from nbcompare.engine.repository.work_tree import work_tree
from nbcompare.errors import UsageError, to_type
from nbcompare.files import user_cache
from nbcompare.run.bisect.journal import BAD, GOOD, Journal, JudgedCommit, journal_in
from nbcompare.run.bisect.search import FirstBadCommit, Search, Undecided
from nbcompare.run.bisect.step import COMPARED, BisectionSetup, BisectionSteps
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep.plan import sum_of_inputs
from nbcompare.verdict.verdict import Label

OTHER = {SUBJECT: REFERENCE, REFERENCE: SUBJECT}


@dataclass(frozen=True)
class BisectOptions:
    """What the user asks for: the repository, a ``good`` and a ``bad`` revision, the ``side`` whose engine lies there,
    the words that ``build`` a commit, and how many ``tries`` a commit at the boundary gets."""

    run: RunOptions
    repository: Path
    good: str
    bad: str
    side: str = SUBJECT
    build: tuple[str, ...] = ()
    tries: int = 2


@dataclass(frozen=True)
class Bisection:
    """What was found. ``first`` is the first bad commit and ``before`` the good one beside it, each with its bundle;
    where it cannot be told, ``perhaps`` are the commits that it may be. ``trials`` are all that were judged, in this
    run or before, ``count`` the commits of the range, and ``notes`` what has to be known beside."""

    case: str
    side: str
    first: Commit | None
    before: Commit
    perhaps: tuple[Commit, ...]
    flaky: tuple[Commit, ...]
    bundles: dict[str, Bundle]
    trials: tuple[JudgedCommit, ...]
    count: int
    notes: tuple[str, ...] = field(default=())


def bisect(case: Case, options: BisectOptions, progress: Progress) -> Bisection:
    """Find the first bad commit.

    Raises UsageError for revisions that are not what they are said to be, for an engine that does not lie in the
    repository, and where another process is at it; FileError where there is no room.
    """
    revisions = Revisions(options.repository)
    good, bad = _ends(revisions, options)
    engines = engines_of(case, options.run, progress)
    other = identify(engines[OTHER[options.side]], case.environment)
    run = replace(options.run, pictures=UNLESS_PASSED)
    declared = engines[options.side].declaration
    build = options.build or (declared.build if declared else ())
    followed = BisectionSetup(case, run, revisions.top, options.side, engines, other, build)
    home = user_cache() / "bisect" / _key(followed, good, bad)
    notes = tuple(_notes(case, revisions, good, bad))
    for note in notes:
        progress.say(f"note: {note}")
    with journal_in(home, f"{case.name} in {revisions.top}") as journal:
        if options.run.fresh:
            journal.forget()
        with work_tree(revisions.top, home, bad) as tree:
            walk = BisectionWalk(revisions, journal, BisectionSteps(followed, tree, progress), progress, options)
            found = walk.search(good, bad)
        count = len(revisions.between([good], bad))
        return _bisection(case, options, revisions, journal, found, count, notes)


def _ends(revisions: Revisions, options: BisectOptions) -> tuple[str, str]:
    """The commits of --good and --bad. Raises UsageError unless the one comes before the other."""
    good, bad = revisions.resolve(options.good, "--good"), revisions.resolve(options.bad, "--bad")
    if good == bad:
        raise UsageError(f"--good {options.good} and --bad {options.bad} are the same commit, {good[:12]}")
    if not revisions.is_ancestor(good, bad):
        turned = revisions.is_ancestor(bad, good)
        raise UsageError(f"--good {options.good} does not come before --bad {options.bad}",
                         hint="it comes after it: bisect finds what broke, not what mended" if turned else
                         f"a commit before both: git merge-base {options.good} {options.bad}")
    return good, bad


def _key(followed: BisectionSetup, good: str, bad: str) -> str:
    """A name for the question: all that decides what a commit is judged to be, and the range."""
    engine, options = followed.engines[followed.role], followed.options
    facts = {key: value for key, value in case_facts(followed.case).as_dict().items() if key not in ("file", "title")}
    return key_of((good, bad, followed.top, followed.role, engine.start, engine.declaration or "", followed.build,
                   json.dumps(facts, sort_keys=True), followed.other.program_sha256, followed.other.source_sha256,
                   followed.other.own_words, options.c_args, options.py_args, options.resample,
                   sum_of_inputs(followed.case, options.inputs), options.bundles.absolute()))[:24]


def _notes(case: Case, revisions: Revisions, good: str, bad: str) -> Iterator[str]:
    """What is the same for every commit, although the repository has it in several versions."""
    project = find_project_file(case.folder)
    named = [("the case", case.path), ("nb-compare.yaml", project),
             *((f"the input {entry.name}", case.folder / entry.file) for entry in case.inputs if entry.file)]
    for what, path in named:
        if path and path.resolve().is_relative_to(revisions.top) and revisions.changed(good, bad, path):
            yield f"{what} changed between the two revisions; as it is now, in your tree, it counts for every commit"
    if case.tests:
        yield "the mapped tests of the case are not run: they would test your own tree"
    if revisions.has_submodules(bad):
        yield "submodules are not filled in; a build command can do that"


@dataclass
class BisectionWalk:
    """The steps of one bisection, told as they are made and remembered."""

    revisions: Revisions
    journal: Journal
    steps: BisectionSteps
    progress: Progress
    options: BisectOptions

    def search(self, good: str, bad: str) -> FirstBadCommit:
        """Judge both ends and search between them. Raises UsageError where they are not what they are said to be."""
        self._require_good(good)
        self._require_bad(bad)
        search = Search(self.revisions, good, bad, self._judge, self.journal, self.options.tries)
        try:
            return search.run()
        except Undecided as fault:
            which = "good" if fault.sha == good else "bad"
            raise UsageError(f"{fault.sha[:12]}, the {which} end, was judged both ways: its engine depends on chance, "
                             "so nothing can be found out", hint=_look_at(self.journal.of(fault.sha)[-1])) from None

    def _require_good(self, sha: str) -> None:
        trial = self._end(sha, "the good end")
        if trial.outcome != GOOD:
            raise UsageError(f"--good {self.options.good} is not good: {trial.word}"
                             f"{', ' if trial.why else ''}{trial.why}", hint=_look_at(trial))

    def _require_bad(self, sha: str) -> None:
        """The word of the bad end is one that counts as bad from now on."""
        self.steps.bad_words = (*COMPARED, Label.ENGINE_FAILED, Label.BLOCKED)
        trial = self._end(sha, "the bad end")
        if trial.outcome != BAD:
            said = "it passes, as the good one does" if trial.outcome == GOOD else f"{trial.word}, {trial.why}"
            raise UsageError(f"--bad {self.options.bad} is not bad: {said}", hint=_look_at(trial))
        self.steps.bad_words = (*COMPARED, trial.word)

    def _end(self, sha: str, what: str) -> JudgedCommit:
        """The trials of an end, or a first one."""
        known = self.journal.of(sha)
        return known[0] if known else self._judge(sha, what, is_end=True)

    def _judge(self, sha: str, what: str, *, is_end: bool = False) -> JudgedCommit:
        commit = self.revisions.commit(sha)
        self.progress.say(f"step {len(self.journal.trials) + 1}: {commit} ({what})")
        trial = self.steps.judge(sha, again=len(self.journal.of(sha)), is_end=is_end)
        self.journal.add(trial)
        stored = ", from a stored bundle" if trial.stored else ""
        self.progress.say(f"  {trial.outcome}: {trial.word}{f', {trial.why}' if trial.why else ''}{stored}")
        return trial


def _look_at(trial: JudgedCommit) -> str | None:
    return to_type("nb-compare", "show", trial.bundle) if trial.bundle else None


def _bisection(case: Case, options: BisectOptions, revisions: Revisions, journal: Journal, found: FirstBadCommit,
               count: int, notes: tuple[str, ...]) -> Bisection:
    said = {trial.sha: trial.bundle for trial in reversed(journal.trials) if trial.bundle}
    shown = [sha for sha in (found.before, found.first) if sha]
    bundles = {sha: load_bundle(Path(str(said[sha]))) for sha in shown if sha in said}
    return Bisection(case.name, options.side, revisions.commit(found.first) if found.first else None,
                     revisions.commit(str(found.before)), tuple(map(revisions.commit, found.perhaps)),
                     tuple(map(revisions.commit, found.flaky)), bundles, tuple(journal.trials), count, notes)
