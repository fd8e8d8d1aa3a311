"""What a run says in its end, made ready while its engines run: what the subject opens is looked at as it is opened,
and put together while it computes, and again when it has ended, beside the reference.

Nothing is decided here, and nothing is started: what an engine leaves running is told from our own programs by their
numbers. Sums are kept by the times of their files, texts by themselves; in the end all that an account goes by is
looked at again, and where anything is another then it is put together anew (OpenedAgain).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from nbcompare.case.arguments.options import SUBJECT
from nbcompare.case.case import Case
from nbcompare.engine.processes.file_uses import FileUses, Use, copy_of
from nbcompare.engine.rendering.evidence_folder import EvidenceFolder
from nbcompare.engine.sources.account import files_of_distribution
from nbcompare.engine.sources.opened_again import OF_PROCESSES
from nbcompare.engine.sources.opened_kinds import INSTALLED, OWN, ListedFiles, kind_of, source_behind, sum_as_opened
from nbcompare.run.engine_runs import account_of
from nbcompare.run.options import HandedOver
from nbcompare.run.ready import Meanwhile, Step, of_a_record, of_modules
from nbcompare.run.shown_engines import ShownEngines, shown
from nbcompare.run.staged_case import StagedCase
from nbcompare.visible import each_text

_PAUSE_SECONDS = 0.01
_NEEDED_AFTER = ("numpy", "nbcompare.run.judged", "nbcompare.run.copied_images", "nbcompare.bundle.text_files",
                 "nbcompare.run.other_copies", "nbcompare.run.sources_to_declare", "_strptime")
"""What a run needs when its engines have ended, and not before."""

_QUIET = 1
"""Pauses in which nothing new was opened, after which there is time to put together what was: an engine that begins to
compute may be done in a few hundredths of a second."""


class AccountAhead:
    """Of one run that is the only one of its engines; of the cells of a sweep accounts are kept from cell to cell.
    ``draft`` makes the record as far as it is known, so that its texts are known in the end."""

    def __init__(self, staged: StagedCase, handed: HandedOver, meanwhile: Meanwhile,
                 draft: Callable[[], object]) -> None:
        self._staged, self._meanwhile, self._draft = staged, meanwhile, draft
        self._account, self._shown = handed.account, handed.shown or ShownEngines()
        self._is_wanted, self._needed_after = handed.renderer is None, handed.needed_after
        self._calls: FileUses | None = None
        self._has_begun, self._has_ended, self._one_at_a_time = threading.Event(), threading.Event(), threading.Lock()
        self._newest: tuple[dict[str, Use], dict[str, None]] | None = None

    def sees(self, calls: FileUses) -> None:
        """An engine is about to start; ``calls`` fills with what it opens. The first one is the subject."""
        self._calls = self._calls or calls
        self._has_begun.set()

    def steps(self) -> Iterable[Step]:
        """What can be done while the subject runs (``made_ready``)."""
        return self._steps() if self._is_wanted else ()

    def _steps(self) -> Iterator[Step]:
        while not self._has_begun.is_set():  # what is done before would keep the subject from its start
            yield partial(self._has_begun.wait, _PAUSE_SECONDS)
        yield from of_modules(*_NEEDED_AFTER, *self._needed_after)
        yield from of_a_record()
        for identity in self._staged.identities.values():
            yield partial(each_text, identity.as_dict(), shown)
        yield partial(_rehearse, self._staged.case)
        yield self._draft
        known, listed, listings, own = set[str](), ListedFiles(), set[str](), self._own_place
        quiet, writes, is_new = 0, False, False
        while not self._has_ended.is_set():
            if self._calls:
                self._calls.settle()
            uses = self._calls.uses if self._calls else {}
            found = [path for path in list(uses) if path not in known]
            known.update(found)
            for path in found:
                if self._has_ended.is_set():
                    return  # the account looks at the rest, and two threads would wait for each other
                yield partial(_look_at, path, uses.get(path), listed, listings)
            others = [path for path in found if not path.startswith(own)]
            quiet, is_new = 0 if others else quiet + 1, is_new or bool(others)
            writes = writes or any(path.startswith(own) and uses[path].written for path in found)
            if is_new and (writes or quiet == _QUIET):
                is_new = False
                yield self._put_together_so_far
            yield partial(self._has_ended.wait, _PAUSE_SECONDS)

    @property
    def _own_place(self) -> str:
        """How the paths begin of what lies in the bundle, where engines have their folders."""
        return os.path.join(os.path.realpath(self._staged.bundle.folder), "")

    def _put_together_so_far(self) -> None:
        """As in the end: an engine that has begun to write what it gives has, as a rule, opened all that it will."""
        if self._calls is not None:
            self._put_together(SUBJECT, self._as_it_is(self._calls))

    def ended(self, place: EvidenceFolder, role: str) -> None:
        """An engine has ended, and the next one begins: put together what the subject opened, with its texts."""
        self._has_ended.set()
        calls = place.opened.get(role)
        if self._is_wanted and role == SUBJECT and calls is not None:
            self._meanwhile.begin(partial(self._put_together, role, self._as_it_is(calls)))

    def _as_it_is(self, calls: FileUses) -> FileUses:
        """A copy of what counts: neither what lies in the bundle nor what the kernel shows of a process."""
        others = self._own_place, OF_PROCESSES
        uses = {path: copy_of(use) for path, use in list(calls.uses.items()) if not path.startswith(others)}
        return replace(calls, uses=uses, unseen=dict(calls.unseen))

    def _put_together(self, role: str, seen: FileUses) -> None:
        with self._one_at_a_time:
            if self._newest == (seen.uses, seen.unseen):
                return  # it is looked at again in the end
            self._newest = seen.uses, dict(seen.unseen)
            opened, _ = account_of(self._staged, role, seen, self._account)
            self._shown.of(self._staged.identities[role], opened)


def _rehearse(case: Case) -> None:
    from nbcompare.run.rehearsal import rehearse  # which loads NumPy

    rehearse(case)


def _look_at(path: str, use: Use | None, listed: ListedFiles, listings: set[str]) -> None:
    """Take the sum of a file, and read the texts of it, as its account will need them. Of one that was installed its
    distribution is held against its list, once for all of its files: that of torch alone has 10,000."""
    kind = kind_of(source_behind(path) if use and use.stamp else path)
    if kind is None or use is None or use.is_folder:
        return
    if kind.word != INSTALLED:
        shown(path if kind.word == OWN else kind.name)
    if use.stamp is None or not (use.read or use.run):
        return
    if kind.word != INSTALLED:
        shown(sum_as_opened(source_behind(path)))
    elif (entry := listed.entry_of(kind)) and entry.listing not in listings:
        listings.add(entry.listing)
        for part in files_of_distribution(entry.listing):
            each_text(vars(part), shown)
