"""Running: the mapped tests, and both engines of a staged case, each image held with the sum it was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.bundle.bundle import Staging
from nbcompare.bundle.names import (
    CUDA,
    DATA,
    FAILED,
    failed_tests_names,
    image_name,
    mask_name,
    output_name,
    tests_log,
)
from nbcompare.bundle.record import TestsOutcome
from nbcompare.case.arguments.options import PREFIX, REFERENCE
from nbcompare.case.case import Case
from nbcompare.engine.engine import Rendering, Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.process import allowed_environment
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.evidence_folder import EvidenceFolder
from nbcompare.engine.rendering.runs import RunFiles
from nbcompare.engine.sources.made_of import MadeOf
from nbcompare.engine.sources.opened import OpenedFiles
from nbcompare.engine.sources.opened_again import OpenedAgain
from nbcompare.run.mapped_tests import CUDA_MISSING, collect_tests, cuda_is_available, run_mapped_tests
from nbcompare.run.staged_case import StagedCase
from nbcompare.run.tests_made_of import place_of_tests

if TYPE_CHECKING:
    import numpy as np

_MOST_NAMES = 5


@dataclass(frozen=True)
class EngineRuns:
    """The run of each engine, reference first; ``images`` by role [slow, fast] where a run gave one, masked arrays
    where pixels are masked, ``outputs``
    the files of what the engines printed, and ``opened`` by role what they opened."""

    runs: tuple[Run, ...]
    images: Mapping[str, np.ndarray]
    outputs: Mapping[str, Path]
    opened: Mapping[str, OpenedFiles] = field(default_factory=dict)


def run_engines(staged: StagedCase, place: EvidenceFolder,
                on_end: Callable[[str], object] = lambda _: None) -> EngineRuns:
    """Run both engines, or take the reference's image from the stored bundle. What failed is a run like any other.
    ``on_end`` is told the role of one that has ended while the other has yet to run."""
    stored = staged.stored
    places = {role: _places(staged.bundle, role) for role in staged.jobs}
    found = place.run_pair({role: job for role, job in staged.jobs.items() if not (stored and role == REFERENCE)},
                           places, beside=staged.beside.together, on_end=on_end)
    if stored:
        found = {REFERENCE: stored.restore(place, places[REFERENCE]), **found}
    shown = {role: masked_rendering(staged, found[role]).pixels for role in staged.jobs}
    return EngineRuns(tuple(found[role].run for role in staged.jobs),
                      {role: pixels for role, pixels in shown.items() if pixels is not None},
                      {role: files.stdout for role, files in places.items()})


def masked_rendering(staged: StagedCase, found: Rendering) -> Rendering:
    """What a run gave, its pixels masked as the case and its file say."""
    if found.pixels is None:
        return found
    return replace(found, pixels=staged.case.masking.applied(found.run.role, found.pixels, found.masked,
                                                             staged.bundle.folder / DATA))


def _places(bundle: Staging, role: str) -> RunFiles:
    key = PREFIX[role]
    return RunFiles(bundle.path(image_name(role)), bundle.path(output_name(role, "stdout")),
                    bundle.path(output_name(role, "stderr")), bundle.folder / FAILED / key,
                    bundle.path(mask_name(role)))


def empty_logs(bundle: Staging) -> None:
    """A blocked run has no engine output; the files say so by being there and empty."""
    for role in PREFIX:
        for stream in ("stdout", "stderr"):
            bundle.write(output_name(role, stream), "")


def with_changed(runs: tuple[Run, ...], changed: Mapping[str, str]) -> tuple[Run, ...]:
    """The runs, where an engine that is not what it was when the run began has failed, whatever it gave."""
    return tuple(replace(run, failure=Failure("changed", changed[run.role])) if run.role in changed else run
                 for run in runs)


def with_opened(ran: EngineRuns, staged: StagedCase, place: EvidenceFolder,
                account: Callable[[str], OpenedAgain]) -> EngineRuns:
    """The runs with what their engines opened, where an engine has failed that opened what somebody changed since;
    ``account`` gives by role what was put together of them in earlier runs."""
    opened, changed = {}, {}
    for role, calls in place.opened.items():
        if role not in staged.identities:
            continue  # of a further subject (other_subjects.py)
        opened[role], faults = account_of(staged, role, calls, account)
        if faults:
            changed[role] = f"opened what was changed while it ran: {', '.join(faults[:_MOST_NAMES])}"
    return replace(ran, opened=opened, runs=with_changed(ran.runs, changed))


def account_of(staged: StagedCase, role: str, calls: FileUses,
               account: Callable[[str], OpenedAgain]) -> tuple[OpenedFiles, list[str]]:
    """What an engine opened, by what was seen, and what of it was changed since by others."""
    engine = staged.engines[role]
    search = allowed_environment(engine.variables(staged.case.environment)).get("PATH", "")
    return account(role).by(calls, staged.identities[role].made_of, str(engine.program), search)


def collect_after_failure(case: Case, bundle: Staging, *, confined: bool = False) -> None:
    """Keep what pytest collects for the mapped tests, when an engine failed: which tests there are to look into it."""
    if case.tests:
        collect_tests(case.tests, place_of_tests(case), bundle.path(failed_tests_names("cpu")[0]),
                      case.limits.tests_seconds, confined=confined)


def left_out(case: Case, bundle: Staging) -> dict[str, TestsOutcome]:
    """The mapped tests where they are not to be run: nothing is shown about them, and no gate takes it for that."""
    said = f"{len(case.tests)} mapped tests were not run: this run is about the images alone"
    for device in ("cpu", CUDA):
        bundle.path(tests_log(device)).write_text(f"{said}\n", encoding="utf-8")
    return {"cpu": TestsOutcome((), None, said, None)}


def mapped_tests(case: Case, bundle: Staging, progress: Progress, *, confined: bool = False,
                 made_of: MadeOf | None = None) -> dict[str, TestsOutcome]:
    """The mapped tests on the CPU and, where torch sees a device and they passed, on CUDA too; ``confined`` as engines
    are. They have to be tests of what the subject is ``made_of``."""
    if case.tests:
        progress.begin(f"mapped tests ({len(case.tests)})")
    place = place_of_tests(case)
    outcomes = {"cpu": run_mapped_tests(case.tests, place=place, log=bundle.path(tests_log("cpu")),
                                        seconds=case.limits.tests_seconds, confined=confined, made_of=made_of,
                                        bundles=bundle.folder.parent.parent)}
    if case.tests:
        progress.end(outcomes["cpu"].failure or outcomes["cpu"].summary)
    cuda_log = bundle.path(tests_log("cuda"))
    if case.tests and not outcomes["cpu"].failure and cuda_is_available(bundle.folder):
        outcomes["cuda"] = run_mapped_tests(case.tests, place=place, log=cuda_log,
                                            seconds=case.limits.tests_seconds, device="cuda", confined=confined,
                                            made_of=made_of, bundles=bundle.folder.parent.parent)
    elif outcomes["cpu"].failure and case.tests:
        cuda_log.write_text("not run there: the mapped tests failed on the CPU\n", encoding="utf-8")
    else:
        cuda_log.write_text(CUDA_MISSING, encoding="utf-8")
    return outcomes
