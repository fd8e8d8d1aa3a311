"""Whether both engines of a run go at the same time, where --side-by-side asks for it.

It may take no protection away: both have to be confined to places that the other cannot read, else the run is refused
before anything is started. Where that holds and there are not cores enough, or nobody says how many an engine uses,
one runs after the other, and a note says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nbcompare.engine.cores import THREADS_VARIABLE, cores_of, usable_cores
from nbcompare.engine.rendering.runs import Job
from nbcompare.engine.rendering.side_by_side import require_apart, unconfined
from nbcompare.errors import UsageError
from nbcompare.run.options import RunOptions
from nbcompare.visible import counted


@dataclass(frozen=True)
class SideBySide:
    """Whether the engines run ``together``, and the sentence that says so, or why not."""

    together: bool
    sentence: str


ALONE = SideBySide(together=False, sentence="")
"""What holds where nobody asked."""


def refuse_without_sandbox(options: RunOptions) -> None:
    """Raises UsageError where --side-by-side is asked for and nothing would keep one engine from the other's image, or
    row bands fill the cores anyway."""
    if not options.side_by_side or options.reference:
        return
    if not options.sandbox:
        raise unconfined()
    if options.shards > 1:
        raise UsageError("--side-by-side: the row bands of --shards run side by side already, an engine at a time",
                         hint="give one of the two")


def refuse_in_reach(jobs: Mapping[str, Job], options: RunOptions) -> None:
    """Raises UsageError where --side-by-side is asked for and one engine may read where the other's files would lie."""
    if options.side_by_side and not options.reference:
        require_apart(jobs)


def side_by_side(jobs: Mapping[str, Job], options: RunOptions, *, stored: bool) -> SideBySide:
    """What comes of --side-by-side, for jobs that were not refused; ``stored`` says that the reference
    is not run at all."""
    if not options.side_by_side:
        return ALONE
    if stored:
        return SideBySide(together=False, sentence="--side-by-side: the image of the reference is there already, so "
                                                   "that the subject ran alone")
    wanted = {role: cores_of(job.engine, job.environment) for role, job in jobs.items()}
    there = usable_cores()
    unknown = [role for role, count in wanted.items() if count is None]
    known = [count for count in wanted.values() if count is not None]
    if unknown:
        return _one_by_one(f"nobody says how many cores the {' and the '.join(unknown)} may use; set "
                           f"{THREADS_VARIABLE}, in environment: of the case or for both")
    if sum(known) > there:
        shares = " and ".join(f"the {role} is told to use {counted(count or 0, 'core')}"
                              for role, count in wanted.items())
        return _one_by_one(f"{shares}, and {counted(there, 'core')} may be used here; {THREADS_VARIABLE} says how many "
                           "each takes")
    shares = " and ".join(f"{role} ({counted(count or 0, 'core')})" for role, count in wanted.items())
    return SideBySide(together=True, sentence=f"{shares} ran side by side, of {counted(there, 'core')}: their run "
                                              "times are to be compared neither with each other nor with other runs")


def _one_by_one(why: str) -> SideBySide:
    return SideBySide(together=False, sentence=f"--side-by-side: one engine ran after the other, as {why}")
