"""One commit judged: checked out in a work tree of our own, built, identified, and run on the case; or taken from a
bundle that holds the very same run."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.bundle.bundle import Bundle, load_bundle
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.imported import is_imported
from nbcompare.bundle.key import key_of_record
from nbcompare.bundle.names import RECORD, moment_of
from nbcompare.case.case import Case
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity, content_hash, identify
from nbcompare.engine.installation import SIMULATOR
from nbcompare.engine.processes.process import run_program
from nbcompare.engine.progress import Progress
from nbcompare.engine.relocated import relocated, require_moved
from nbcompare.engine.rendering.last_words import last_words
from nbcompare.engine.repository.work_tree import WorkTree
from nbcompare.errors import ExitCode, NbCompareError, UsageError
from nbcompare.run.bisect.journal import BAD, GOOD, SKIPPED, JudgedCommit
from nbcompare.run.one_case import run_case
from nbcompare.run.options import HandedOver, RunOptions
from nbcompare.run.sweep.plan import computes_as_here, key_of_cell, opened_is_unchanged
from nbcompare.verdict.verdict import Label
from nbcompare.visible import visible

BUILD_SECONDS = 3600.0
COMPARED = (Label.FAIL, Label.NOT_COMPARABLE, Label.NOT_PROVEN, Label.NOT_NEEDED)
"""Verdicts of images that were compared, which are bad whatever the bad end is."""


class NotBuilt(Exception):
    """A commit of which there is nothing to run; the message says why."""


@dataclass(frozen=True)
class BisectionSetup:
    """What is the same for every commit: the case, the ``engines`` as they stand in the user's tree, which ``role`` is
    followed through the repository ``top``, who the ``other`` engine is, and the words that build it."""

    case: Case
    options: RunOptions
    top: Path
    role: str
    engines: Mapping[str, Engine]
    other: EngineIdentity
    build: tuple[str, ...] = ()


class StepProgress(Progress):
    """The progress of one run among many: what is running is shown while it runs, and nothing of it stays."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress.stream, quiet=progress.quiet)

    def begin(self, step: str) -> None:
        self.step = visible(step)

    def end(self, outcome: str) -> None:
        if self.live:
            self.stream.write("\r\x1b[K")

    def say(self, text: str) -> None:
        pass


class BisectionSteps:
    """Judges commits in a work tree. ``bad_words`` are the verdicts that count as bad: those of compared images, and
    that of the bad end, once it is known."""

    def __init__(self, followed: BisectionSetup, tree: WorkTree, progress: Progress) -> None:
        self.followed, self.tree, self.progress = followed, tree, StepProgress(progress)
        self.bad_words: tuple[str, ...] = COMPARED

    def judge(self, sha: str, *, again: int, is_end: bool = False) -> JudgedCommit:
        """Judge a commit; a stored result stands for a run, of several the one after those that ``again`` counts.

        Raises FileError where there is no room, and what stands in the way of a run where the commit ``is_end`` of the
        range; any other is skipped then.
        """
        try:
            engine = self._made(sha)
            identity = identify(engine, self.followed.case.environment)
            require_moved(identity, self.followed.top, self.tree.path)
            stored = list(self._stored(identity))[again:]
            bundle = stored[0] if stored else self._run(engine, identity)
        except NotBuilt as fault:
            return JudgedCommit(sha, SKIPPED, "NOT BUILT", str(fault))
        except UsageError as fault:
            if is_end:
                raise
            return JudgedCommit(sha, SKIPPED, "NOT RUN", fault.message)
        reasons = bundle.verdict.reasons
        return JudgedCommit(sha, self.outcome(bundle), str(bundle.verdict.word), reasons[0] if reasons else "",
                     str(bundle.folder.absolute()), bool(stored))

    def outcome(self, bundle: Bundle) -> str:
        """Whether a verdict is good, bad, or says nothing about the question."""
        verdict = bundle.verdict
        if verdict.exit_code is ExitCode.PASS:
            return GOOD
        return BAD if verdict.word in self.bad_words else SKIPPED

    def _made(self, sha: str) -> Engine:
        """The engine of a commit, checked out and built. Raises NotBuilt."""
        followed = self.followed
        self.tree.check_out(sha)
        engine = relocated(followed.engines[followed.role], followed.top, self.tree.path)
        if followed.build:
            self._build(engine)
        gone = [word for word in engine.start if word.startswith(f"{self.tree.path}/") and not Path(word).exists()]
        if gone:
            raise NotBuilt(f"there is no {Path(gone[0]).relative_to(self.tree.path)}")
        declared = engine.declaration
        if declared and declared.cwd and not declared.cwd.is_dir():
            raise NotBuilt("there is no folder to start it in")
        return engine

    def _build(self, engine: Engine) -> None:
        """Run the words that build a commit, in the top of its tree, with the variables that the engine gets."""
        with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
            out, err = Path(scratch, "out"), Path(scratch, "err")
            ended = run_program(self.followed.build, folder=self.tree.path, stdout=out, stderr=err,
                                seconds=BUILD_SECONDS, extra_environment=engine.declared_variables)
            if ended.not_started:
                raise NotBuilt(f"the build could not be started: {ended.not_started}")
            if ended.exit_code:
                said = last_words(err, out)
                raise NotBuilt(f"the build ended with {ended.signal_name or ended.exit_code}"
                               + (f": {said[-1]}" if said else ""))

    def _run(self, engine: Engine, identity: EngineIdentity) -> Bundle:
        """Run the case and publish its bundle. Raises NotBuilt for a commit whose engine cannot take it."""
        followed = self.followed
        engines = {**followed.engines, followed.role: engine}
        identities = {followed.other.role: followed.other, followed.role: identity}
        handed = HandedOver(engines=engines, identities=identities, without_tests=True)
        return run_case(followed.case, followed.options, self.progress, handed)

    def _stored(self, identity: EngineIdentity) -> Iterator[Bundle]:
        """The intact bundles of this case, these engines and inputs, newest first; none where not all is known that an
        engine is made of, as it may be another one behind the same words."""
        followed = self.followed
        if followed.options.fresh or identity.unknown or followed.other.unknown:
            return
        here = replace(identity, variables={name: value.replace(str(self.tree.path), str(followed.top))
                                            for name, value in identity.variables.items()})
        simulator = content_hash(SIMULATOR)
        keys = {key_of_cell(followed.case, followed.options, (one, followed.other), simulator)
                for one in (identity, here)}
        sums = (identity.program_sha256, identity.source_sha256, followed.other.program_sha256)
        for bundle in _bundles_with(sums, followed.options.bundles / followed.case.name):
            if key_of_record(bundle.record) in keys and bundle.record.comparison is not None \
                    and opened_is_unchanged(bundle.record) and computes_as_here(bundle.record) \
                    and not is_imported(bundle.folder) and verify_bundle(bundle.folder).intact:
                yield bundle


def _bundles_with(sums: Iterable[str], home: Path) -> Iterator[Bundle]:
    """The bundles of a case that can be read and in whose record these sums stand, newest first."""
    for folder in sorted(home.iterdir() if home.is_dir() else (), reverse=True):
        with contextlib.suppress(NbCompareError, KeyError, OSError):
            text = (folder / RECORD).read_bytes() if moment_of(folder.name) else b""
            if text and all(entry.encode() in text for entry in sums):
                yield load_bundle(folder)
