"""Which cells a sweep has, and which of them are done: a bundle of the same inputs, engines and case is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from nbcompare.bundle.bundle import Bundle, load_bundle
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.imported import is_imported
from nbcompare.bundle.key import key_of_record, key_with, surroundings_of
from nbcompare.bundle.names import moment_of
from nbcompare.bundle.record import Record
from nbcompare.case.case import Case
from nbcompare.case.case_file import load_cells
from nbcompare.case.facts import case_facts
from nbcompare.case.inputs import NOT_AS_PINNED, parse_input_override
from nbcompare.engine.identity import EngineIdentity, computing_variables, place_variables, variable_facts
from nbcompare.errors import CaseError, NbCompareError, UsageError, gathered
from nbcompare.files import hash_of_named, sha256_of
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep.stored import Stored, StoredCell
from nbcompare.run.tests_made_of import tests_are_as_run


def cells_to_run(paths: Sequence[Path], overrides: Sequence[str]) -> list[tuple[Case, Mapping[str, Path]]]:
    """Every cell of the case files, with the user's own input files. Raises CaseError or UsageError."""
    found: list[tuple[Case, Mapping[str, Path]]] = []
    names: set[str] = set()
    for path, (case, cells) in zip(paths, gathered([partial(load_cells, path) for path in paths]), strict=True):
        inputs = dict(parse_input_override(text, case) for text in overrides)
        for cell in cells:
            if cell.name in names:
                raise UsageError(f"{path}: there are two cells called {cell.name}, and they would share a folder")
            names.add(cell.name)
            found.append((cell, inputs))
    return found


# --- done or not ------------------------------------------------------------------------------------------


def key_of_cell(case: Case, options: RunOptions, engines: Sequence[EngineIdentity], simulator: str) -> str:
    """The key of what is to be run. ``simulator`` is the content hash of the bundled simulator's source."""
    return Keys().of(case, options, engines, simulator)


class Keys:
    """The keys of the cells of a sweep. What those of one case file have in common is put into words once, and each
    input file is read once for all of them: they are of one moment, that at which the first is asked for."""

    def __init__(self) -> None:
        self._surroundings: dict[Path | None, str] = {}

    def of(self, case: Case, options: RunOptions, engines: Sequence[EngineIdentity], simulator: str) -> str:
        """The key of a cell; ``options``, ``engines`` and ``simulator`` are those of its case file."""
        if case.path not in self._surroundings:
            self._surroundings[case.path] = surroundings_of(sum_of_inputs(case, options.inputs), engines, simulator,
                                                            options.resample)
        if options.c_args or options.py_args:
            case = replace(case, reference_args=(*case.reference_args, *options.c_args),
                           subject_args=(*case.subject_args, *options.py_args))
        return key_with(case_facts(case), self._surroundings[case.path])


def sum_of_inputs(case: Case, overrides: Mapping[str, Path]) -> str:
    """What inputs.hash_inputs will give once they are staged."""
    sums: list[tuple[str, str]] = []
    for entry in case.inputs:
        path = overrides.get(entry.name) or (case.place_of(entry.file) if entry.file else None)
        sums.append((entry.name, sha256_of(path) if path else str(entry.sha256)))
    return hash_of_named(sorted(sums))


Unchanged = Callable[[Record], bool]
"""Whether what the engines of a record opened, and how they computed, is what it was."""


def opened_is_unchanged(record: Record) -> bool:
    """Whether they are so here and now."""
    return all(engine.is_as_it_was for engine in record.engines)


def computes_as_here(record: Record) -> bool:
    """Whether the engines of a record had the variables for devices, threads and places that they would get here and
    now."""
    here = variable_facts(record.case.environment)
    return all(of(record.environment) == of(here) for of in (computing_variables, place_variables))


def done_before(case: Case, key: str, bundles: Path, *, confined: bool = False,
                unchanged: Unchanged = opened_is_unchanged, stored: Stored | None = None) -> Bundle | StoredCell | None:
    """The newest bundle with this key, in a folder or in an archive that ``stored`` knows, if it is intact and no newer
    run of the cell has failed; ``confined`` says whether its engines must have been confined, or must not. One that was
    imported is what somebody else says, and leaves a cell to be run, as does one whose engines opened files that are
    others now, or had other variables for devices and threads: ``unchanged`` tells.

    A cell whose engine failed, or that was blocked, is not done: what stood in its way may be gone, and what an older
    run shows no longer holds. Nor is one whose mapped tests are others now, or of which a damaged archive may hold a
    newer run. A newer run of other engines or inputs says nothing of these.
    """
    if any(further.engine for further in case.subjects.values()):
        return None  # what those engines are made of now has not been looked at
    home = bundles / case.name
    folders = [path for path in home.iterdir() if moment_of(path.name)] if home.is_dir() else []
    runs: list[Path | StoredCell] = [*folders, *(stored.of(case) if stored else ())]
    for run in sorted(runs, key=lambda run: run.name if isinstance(run, Path) else run.stamp, reverse=True):
        if isinstance(run, StoredCell):
            if run.cell is None or not run.cell.judged:
                return None
            if run.cell.key == key:
                return run if stored and stored.stands(run, case, unchanged, confined=confined) else None
            continue
        try:
            found = load_bundle(run)
            if found.record.comparison is None and not found.record.verdict.passed:
                return None
            if is_imported(run):
                continue
            if key_of_record(found.record) == key:
                as_run = confined == bool(found.record.environment.get("sandbox")) and tests_are_as_run(
                    found.record.tests, case) and unchanged(found.record)
                return found if as_run and verify_bundle(run).intact else None
        except (NbCompareError, KeyError):
            return None
    return None


def check_inputs(cells: Sequence[tuple[Case, Mapping[str, Path]]]) -> None:
    """Raise CaseError for an input file that is not what its case pins, before anything is run."""
    for case in {id(case.inputs): case for case, _ in cells}.values():
        for entry in case.inputs:
            if entry.file and entry.sha256 and sha256_of(case.place_of(entry.file)) != entry.sha256:
                raise CaseError(f"input {entry.name} is not the file that the case pins", path=case.path,
                                hint=NOT_AS_PINNED)
