"""Mapped tests that passed already, for exactly this content: their outcome is taken from the record of a bundle of
this case, and every place that shows it says so.

What is the same is found by content: the tests' files, both engines with all their files, the project's commit without
any change beside it, the sources of nb-compare and of the bundled engines, the inputs, the variables and the machine,
and what is installed in the Python that runs them. The newest run of the tests decides, so that one that failed is
never passed over for an older one. The bundle is verified as a whole, and has to be this user's own. Any doubt costs a
run of the tests and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nbcompare.bundle.bundle import Staging
from nbcompare.bundle.check.verify import verified
from nbcompare.bundle.names import CUDA, tests_log
from nbcompare.bundle.record import PROJECT, Record, TestsOutcome
from nbcompare.case.arguments.options import PREFIX, SUBJECT
from nbcompare.engine.identity import EngineIdentity, content_hash, environment_facts
from nbcompare.engine.installation import HARNESS, REFERENCE_SOURCE, SIMULATOR
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.engine.processes.redact import redacted
from nbcompare.engine.sandbox import protection_of
from nbcompare.errors import NbCompareError
from nbcompare.run.kept_reference import all_is_known, bundles_below, doubt_of_writers
from nbcompare.run.mapped_tests import CUDA_MISSING, cuda_is_available
from nbcompare.run.options import HandedOver, RunOptions
from nbcompare.run.staged_case import StagedCase
from nbcompare.run.tests_made_of import place_of_tests, sum_of_python, tests_are_as_run
from nbcompare.visible import visible


def tests_of_then(staged: StagedCase, options: RunOptions, handed: HandedOver) -> Path | None:
    """The newest bundle that ran the mapped tests, where they passed and it was for this content; None where they have
    to be run."""
    if not staged.case.tests or options.fresh or handed.regenerates or not _may_be_known(staged):
        return None
    newest = next((found for found in bundles_below(options.bundles / staged.case.name) if _ran_tests(found[1])), None)
    return newest[0] if newest and _passed(newest[1]) and _is_same(newest[1], staged) else None


def kept_tests(folder: Path, staged: StagedCase, options: RunOptions) -> dict[str, TestsOutcome] | None:
    """The outcome of the mapped tests from the bundle in a folder (``tests_of_then``); None where that is not to be
    trusted. Their log is put into the new bundle, with a line that says where it comes from."""
    if doubt_of_writers(folder, options.bundles) or cuda_is_available(staged.bundle.folder):
        return None
    if not staged.bundle.rest_on(folder):
        return None  # it is being removed
    try:
        return _taken(folder, _verified(folder, staged), staged.bundle)
    except NbCompareError:
        return None


def _verified(folder: Path, staged: StagedCase) -> Record:
    """The record of a whole bundle, which is not looked at again where the reference was taken from it a moment ago.
    Raises EvidenceError for one that is not."""
    stored = staged.stored
    if stored and staged.kept and stored.folder.resolve() == folder.resolve():
        return stored.record
    return verified(folder).record


def _taken(folder: Path, record: Record, bundle: Staging) -> dict[str, TestsOutcome]:
    name = f"{record.case.name}/{record.stamp}"
    log = read_kept(folder / tests_log("cpu"))
    bundle.write(tests_log("cpu"), f"not run for this bundle: these tests passed for the same content in {name}, and "
                 f"this is their log from there\n\n{log}")
    bundle.write(tests_log(CUDA), CUDA_MISSING)
    return {"cpu": replace(record.tests["cpu"], taken_from=name)}


def _may_be_known(staged: StagedCase) -> bool:
    """Whether all can be known that the tests depend on: in the Python of nb-compare, of engines whose files are all
    known, in a repository without a change, and with no other program in the variables that name engines."""
    programs = {os.path.realpath(engine.program) for engine in staged.all_engines.values()}
    named = [value for name, value in os.environ.items() if name.startswith("NB_") and os.path.exists(value)]
    return (place_of_tests(staged.case).python is None and staged.repositories[PROJECT].dirty is False
            and all(map(all_is_known, staged.all_identities.values()))
            and all(os.path.realpath(value) in programs for value in named))


def _ran_tests(record: Record) -> bool:
    """Whether tests were run for this very bundle, whatever came of it."""
    said = record.tests.get("cpu")
    return said is not None and bool(said.nodes) and said.taken_from is None


def _passed(record: Record) -> bool:
    """Whether they passed, and nothing is unknown about them; those of a device are run again."""
    said = record.tests["cpu"]
    return (not said.failure and said.exit_code == 0 and bool(said.files and said.python_sha256)
            and CUDA not in record.tests)


def _is_same(record: Record, staged: StagedCase) -> bool:
    case, then = staged.case, record.content
    return (tests_are_as_run(record.tests, case)
            and record.tests["cpu"].python_sha256 == sum_of_python()
            and (record.repositories or {}).get(PROJECT) == staged.repositories[PROJECT]
            and all(_engine_sums(record.engine_of(role)) == _engine_sums(staged.identities[role])
                    and record.engine_of(role).is_as_it_was for role in PREFIX)
            and (then.simulator, then.reference, then.nbcompare) == tuple(map(content_hash, (
                SIMULATOR, REFERENCE_SOURCE, HARNESS)))
            and sorted((entry.name, entry.sha256) for entry in record.inputs)
            == sorted((entry.name, entry.sha256) for entry in staged.inputs)
            and _surroundings(record.environment, staged))


def _engine_sums(identity: EngineIdentity) -> tuple[object, ...]:
    """All that an engine is, whatever its path."""
    made_of = identity.made_of
    return (identity.started_as, identity.program_sha256, identity.source_sha256, identity.version, identity.libraries,
            sorted(identity.variables.items()), made_of.interpreter if made_of else None,
            made_of.installed if made_of else None, identity.adapter)


def _surroundings(then: Mapping[str, str], staged: StagedCase) -> bool:
    """Whether machine, libraries and variables are those of then, as a record keeps them."""
    facts = environment_facts(staged.case.environment, staged.identities[SUBJECT].version)
    now = {name: visible(redacted(text)) for name, text in facts.items()}
    variables = {name for name in then if name.startswith("$")} | set(now)
    return (all(then.get(name) == now.get(name) for name in variables)
            and (then.get("sandbox") or None) == (protection_of(staged.engines) or None))
