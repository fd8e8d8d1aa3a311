"""What became looser: requirements that an earlier bundle of the case held stricter, told until somebody signs them.
What was weak from the first (case/weak_thresholds.py) is told in the same way.

A sign-off of a bundle accepts what that bundle was judged by. Until there is one, every earlier bundle counts, so that
a threshold that was loosened once is told in every later check, gate and report, and not only in the next one.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nbcompare.bundle import ssh_signature as ssh
from nbcompare.bundle.archive.opened import ENDING, opened, root_of, source_of
from nbcompare.bundle.archive.sealed import Archive
from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.check.dropped_requirements import dropped_requirements
from nbcompare.bundle.listing import stamped_in
from nbcompare.bundle.names import MANIFEST, SIGNOFFS, archives_about
from nbcompare.bundle.record import Record
from nbcompare.bundle.signoffs import names_bundle, read
from nbcompare.case.case import Case
from nbcompare.case.claims import Claim
from nbcompare.case.expected_trace import ExpectedTrace
from nbcompare.case.threshold import Threshold
from nbcompare.case.weak_thresholds import Weakness, weaknesses
from nbcompare.compare.image import Roi
from nbcompare.errors import EvidenceError, FileError, NbCompareError
from nbcompare.files import sha256_of


class CaseRequirements(Protocol):
    """What a case asks of two images."""

    @property
    def rois(self) -> Sequence[Roi]: ...

    @property
    def thresholds(self) -> Sequence[Threshold]: ...

    @property
    def divergences(self) -> Sequence[Claim]: ...


USUAL = "what is usual"
UNREAD = "a record that cannot be read"


@dataclass(frozen=True)
class Loosened:
    """A requirement that was stricter before. ``new`` is None where it is gone; ``against`` names the older bundle,
    is USUAL where it is held to what cases ask for, and UNREAD where what a stamp asked for is not known."""

    what: str
    old: str
    new: str | None
    why: str | None
    against: str

    @property
    def sentence(self) -> str:
        if self.against == USUAL:
            return Weakness(self.what, self.new or "not asked for", self.old, self.why).sentence
        if self.against == UNREAD:
            return f"{self.what} has {UNREAD}: whether it asked for more is not known"
        now = f"now {self.new}" if self.new else "now not asked for at all"
        return f"{self.what}: was {self.old} ({self.against}), {now}" + (f"; why: {self.why}" if self.why else "")


def loosened_until_signed(folder: Path, record: Record, case: Case | None = None, *,
                          signers: Path | None = None) -> tuple[Loosened, ...]:
    """What is looser in the thresholds, regions and claims of a case (without one, in those of the bundle itself) than
    in this bundle or in any before it, back to the newest that is signed off; and what is weak in them, unless it was
    as weak in that one.

    ``signers`` is the file of those whose signature counts; without it every sign-off does.
    """
    now = case or record.case
    told: dict[tuple[str, str], Loosened] = {}
    accepted: set[Weakness] = set()
    for past, name, signed in _since_signed(folder.absolute(), record, signers):
        if past is None:
            told[name, UNREAD] = Loosened(name, UNREAD, None, None, UNREAD)
            continue
        less = (Loosened(*entry, None, name) for entry in dropped_requirements(past.case, now))
        for entry in (*loosened(past.case, name, now.rois, now.thresholds, now.divergences), *less):
            told.setdefault((entry.what, entry.old), entry)
        accepted |= set(weaknesses(past.case.thresholds, past.case.rois)) if signed else set()
    weak = (found for found in weaknesses(now.thresholds, now.rois) if found not in accepted)
    return (*told.values(), *(Loosened(found.what, found.usual, found.allowed, found.why, USUAL) for found in weak))


def _since_signed(folder: Path, record: Record, signers: Path | None) -> Iterator[tuple[Record | None, str, bool]]:
    """This bundle and those before it, newest first, with what to call them, and whether it is the one that is signed
    off: the last. None for one whose record cannot be read."""
    signed = _is_signed(folder, signers)
    yield record, "this bundle", signed
    if signed:
        return
    for before in _before(folder, record):
        try:
            found: Record | None = load_bundle(before).record
        except EvidenceError:
            found = None
        if found and found.case.name != record.case.name:
            continue
        signed = found is not None and _is_signed(before, signers)
        yield found, f"stamp {before.name}", signed
        if signed:
            return


def _before(folder: Path, record: Record) -> Iterator[Path]:
    """The bundles of the case before this one, newest first, those of sealed archives among them; of an archive that
    cannot be looked into a path that is no bundle."""
    root, cell = root_of(folder), record.case.name
    home = root / cell if source_of(folder) else folder.parent
    found = [(path.name, path) for path in (*stamped_in(home), *archives_about(root, cell))]
    for name, path in sorted(found, reverse=True):
        if name[:len(record.stamp)] >= record.stamp or path == folder:
            continue
        if not path.name.endswith(ENDING):
            yield path
            continue
        try:
            with Archive(path) as archive:
                if cell in archive.cells:
                    yield opened(archive, cell)
        except (EvidenceError, FileError):
            yield path / cell / name[:len(record.stamp)]


def _is_signed(folder: Path, signers: Path | None) -> bool:
    """Whether a sign-off of its verdict names this very bundle; one that cannot be read or verified is none."""
    manifest, name = folder / MANIFEST, f"{folder.parent.name}/{folder.name}"
    for path in (root_of(folder) / SIGNOFFS).glob("*/*.json"):
        try:
            signoff = read(path)
            if signoff.requires.get("verdict") and names_bundle(signoff, name, sha256_of(manifest)) and (
                    ssh.verified(path, signers) or not signers):
                return True
        except (NbCompareError, AttributeError):
            continue
    return False


def loosened(past: CaseRequirements, name: str, rois: Sequence[Roi], thresholds: Sequence[Threshold],
             claims: Sequence[Claim] = ()) -> Iterator[Loosened]:
    """Every requirement of an older case that is less strict, or gone, in these thresholds, regions and claims."""
    now = {(threshold.metric, threshold.roi): threshold for threshold in thresholds}
    for old in past.thresholds:
        what = f"{old.metric} on {old.roi}"
        new = now.get((old.metric, old.roi))
        if new is None:
            yield Loosened(what, old.allowed, None, None, name)
        elif _is_looser(old, new):
            yield Loosened(what, old.allowed, new.allowed, new.why, name)
    bounds = {roi.name: roi for roi in rois}
    for old_roi in past.rois:
        new_roi = bounds.get(old_roi.name)
        if new_roi is not None and new_roi.bounds != old_roi.bounds:
            yield Loosened(f"region {old_roi.name}", f"{list(old_roi.bounds)}", f"{list(new_roi.bounds)}",
                           "a region was moved; what it holds is another question than before", name)
        if new_roi is not None and new_roi.weak_allowed and not old_roi.weak_allowed:
            yield Loosened(f"region {old_roi.name}", "judged only where it holds signal",
                           "judged even where it is weak", new_roi.weak_allowed, name)
    yield from _loosened_claims(past.divergences, name, claims)


def _loosened_claims(past: Sequence[Claim], name: str, now: Sequence[Claim]) -> Iterator[Loosened]:
    """Claims that are new, and such as excuse more or longer than before."""
    known = {claim.id: claim for claim in past}
    for claim in now:
        old = known.get(claim.id)
        if old is None:
            yield Loosened(f"claim {claim.id}", "not made", "made, and may excuse a difference", claim.why, name)
            continue
        for key in ("emulate", "control", "control_of_both"):
            words, then = getattr(claim, key), getattr(old, key)
            if words != then:
                yield Loosened(f"claim {claim.id}, {key}", shlex.join(then) or "none", shlex.join(words) or None,
                               claim.why, name)
        if claim.expires > old.expires:
            yield Loosened(f"claim {claim.id}", f"until {old.expires}", f"until {claim.expires}", claim.why, name)
        if old.trace and not _asks_as_much(old.trace, claim.trace):
            yield Loosened(f"claim {claim.id}, what the trace must show", old.trace.allowed,
                           claim.trace.allowed if claim.trace else None, claim.why, name)
        bounds = {(bound.metric, bound.roi): bound for bound in old.bounds}
        for bound in claim.bounds:
            before = bounds.get((bound.metric, bound.roi))
            if before is None or _is_looser(before, bound):
                yield Loosened(f"claim {claim.id}, {bound.metric} on {bound.roi}",
                               before.allowed if before else "not excused", bound.allowed, claim.why, name)


def _asks_as_much(old: ExpectedTrace, new: ExpectedTrace | None) -> bool:
    """Whether what a trace must show now admits nothing that it did not."""
    if new is None or new.later > old.later or new.pixel != old.pixel:
        return False
    named = {factor.name: factor for factor in new.factors}
    if named.keys() != {factor.name for factor in old.factors}:
        return False
    return all(abs(named[was.name].percent - was.percent) + named[was.name].within <= was.within
               for was in old.factors)


def _is_looser(old: Threshold, new: Threshold) -> bool:
    return (_or(new.min, -math.inf) < _or(old.min, -math.inf)) or (_or(new.max, math.inf) > _or(old.max, math.inf))


def _or(limit: float | None, absent: float) -> float:
    return absent if limit is None else limit
