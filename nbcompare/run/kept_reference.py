"""A run of the reference that is there already: the same program, arguments, inputs and surroundings gave an image
before, in a bundle of this case, and that image is taken in place of a run.

What is the same is found by content: a sum over all that the image depends on, taken from what would be run now and
from what the record of the bundle says. The bundle is verified as a whole before it is used, so one that was damaged
or edited is not; nor is one that somebody else could have written. Any doubt costs a run and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.imported import is_imported
from nbcompare.bundle.names import moment_of
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import REFERENCE
from nbcompare.case.case import Case
from nbcompare.compare.image import Shape
from nbcompare.engine.engine import PROCESS
from nbcompare.engine.identity import UNKNOWN, EngineIdentity, content_hash, environment_facts
from nbcompare.engine.installation import HARNESS
from nbcompare.engine.progress import Progress
from nbcompare.engine.sandbox import protection_of
from nbcompare.errors import NbCompareError
from nbcompare.files import written_by_more_than_its_owner
from nbcompare.run.options import HandedOver, RunOptions
from nbcompare.run.staged_case import StagedCase
from nbcompare.run.stored_reference import StoredReference, stored_reference

_OF_THE_MACHINE = ("cpu", "cpu_count", "cpus_usable", "sandbox")
"""Facts that may change the last bits of an image, or how many threads a program starts; and what held the engines, so
that no record says of a run that it was confined where it was not."""


def verified_ahead(case: Case, options: RunOptions, handed: HandedOver) -> StoredReference | None:
    """The stored run that is the likeliest to be taken, verified while engines say who they are; None where there is
    none, or anything is wrong with it. Whether it may be taken is decided afterwards."""
    if options.fresh or options.reference or handed.regenerates or handed.renderer or \
            not _one_run_is_all(case, options):
        return None
    with suppress(Exception):  # who takes it finds the fault again, and tells it
        words = (*case.command, *case.reference_args)
        newest = next((found for found in bundles_below(options.bundles / case.name) if _ran_itself(found[1])), None)
        if newest and newest[1].case.arguments(REFERENCE) == words and newest[1].case.environment == case.environment \
                and newest[1].content.nbcompare == content_hash(HARNESS):
            return stored_reference(newest[0])
    return None


def with_kept_reference(staged: StagedCase, options: RunOptions, handed: HandedOver, progress: Progress,
                        verified: StoredReference | None = None) -> StagedCase:
    """The staged case with a stored run of its reference, where there is one that is the same in everything;
    ``verified`` is one that was looked into a moment ago.

    The engine keeps the identity that it has now, which is the one that made the image.
    """
    if staged.stored or options.fresh or handed.regenerates or not _one_run_is_all(staged.case, options):
        return staged
    found = _kept(staged, options.bundles, progress, verified)
    if found is None:
        return staged
    watches = {role: watch for role, watch in staged.watches.items() if role != REFERENCE}
    return replace(staged, stored=found, kept=True, watches=watches)


def _one_run_is_all(case: Case, options: RunOptions) -> bool:
    """Whether nothing is asked of the reference but its image: no noise, no claim, no option left out."""
    asked = (case.repeat, case.threads, case.divergences, case.required_args, options.noise_floor, options.probe_args,
             options.shards > 1)
    return not any(asked)


def _kept(staged: StagedCase, bundles: Path, progress: Progress,
          verified: StoredReference | None) -> StoredReference | None:
    """The newest stored run with the key of what would be run; damaged or doubtful ones are passed over, and told."""
    identity = staged.identities[REFERENCE]
    if not all_is_known(identity):
        return None
    key = None
    for folder, record in bundles_below(bundles / staged.case.name):
        key = key or _key_of_staged(staged)
        if not _ran_itself(record) or key_of_reference(record) != key:
            continue
        doubt = _doubt_of_opened(record.engine_of(REFERENCE)) or doubt_of_writers(folder, bundles)
        if doubt is None and not staged.bundle.rest_on(folder):
            doubt = "it is being removed"
        if doubt is None:
            if verified and (verified.folder, verified.record) == (folder, record):
                return verified
            try:
                return stored_reference(folder)
            except NbCompareError as fault:
                doubt = ": ".join((fault.message.splitlines()[0], *fault.faults[:1]))
        progress.say(f"note: the reference is run, as its image in bundle {folder.name} is not taken: {doubt}")
    return None


def bundles_below(home: Path) -> Iterator[tuple[Path, Record]]:
    """The bundles of a case that can be read, newest first."""
    folders = [path for path in home.iterdir() if moment_of(path.name)] if home.is_dir() else []
    for folder in sorted(folders, reverse=True):
        try:
            yield folder, load_bundle(folder).record
        except NbCompareError:
            continue


def _ran_itself(record: Record) -> bool:
    """Whether the reference was run for this very bundle, by a process of its own, and both images were compared."""
    run = record.run_of(REFERENCE)
    return (run is not None and run.failure is None and run.how == PROCESS and record.reference_from is None
            and record.comparison is not None)


# --- what an image depends on ------------------------------------------------------------------------------


def all_is_known(identity: EngineIdentity) -> bool:
    """Whether every file that the program is made of was hashed; of one whose files are not known, another program may
    hide behind the same words."""
    return identity.made_of is not None and not identity.unknown and UNKNOWN not in identity.libraries


def key_of_reference(record: Record) -> str | None:
    """The key of the reference run of a bundle; None where not all is known that it depends on."""
    identity = record.engine_of(REFERENCE)
    if not all_is_known(identity):
        return None
    run = record.run_of(REFERENCE)
    sums = sorted((entry.name, entry.sha256) for entry in record.inputs)
    return _key(identity, run.shape if run else None, record.case.arguments(REFERENCE), sums, record.case.environment,
                record.environment, record.content.nbcompare)


def _key_of_staged(staged: StagedCase) -> str:
    case, identity = staged.case, staged.identities[REFERENCE]
    sums = sorted((entry.name, entry.sha256) for entry in staged.inputs)
    facts = {**environment_facts(case.environment, ""), "sandbox": protection_of(staged.engines)}
    return _key(identity, staged.jobs[REFERENCE].shape, (*case.command, *case.reference_args), sums, case.environment,
                facts, content_hash(HARNESS))


def _key(identity: EngineIdentity, shape: Shape | None, arguments: tuple[str, ...], inputs: list[tuple[str, str]],
         variables: Mapping[str, str], facts: Mapping[str, str | None], harness: str) -> str:
    """A sum over all that decides an image: the program with all its files and words, what stands between it and the
    case, the image's shape, arguments, inputs, variables, the processor, and the harness that starts it."""
    made_of = identity.made_of
    program = [identity.started_as, identity.program_sha256, identity.program_bytes, identity.version,
               identity.libraries, sorted(identity.variables.items()), identity.source_sha256,
               made_of.kind if made_of else None, made_of.interpreter if made_of else None,
               (made_of.installed, made_of.keeps) if made_of else None,
               identity.adapter.as_dict() if identity.adapter else None,
               str(shape)]
    surroundings = {**{name: facts.get(name) for name in _OF_THE_MACHINE},
                    **{name: value for name, value in facts.items() if name.startswith("$")}}
    text = json.dumps([program, arguments, inputs, sorted(variables.items()), sorted(surroundings.items()), harness],
                      sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _doubt_of_opened(identity: EngineIdentity) -> str | None:
    """Why the program might do something else today, by what it opened then."""
    changed = identity.opened_since()
    if changed:
        return f"{changed[0]} since it was opened"
    return identity.opened.note(REFERENCE) if identity.opened and not identity.opened.is_whole else None


# --- who could have written it -----------------------------------------------------------------------------


def doubt_of_writers(folder: Path, bundles: Path) -> str | None:
    """Why a bundle may be somebody else's work; None where only this user, or the superuser, could have written it."""
    if is_imported(folder):
        return "it was imported"
    for path in (bundles, folder.parent, folder, *sorted(folder.rglob("*"))):
        said = os.lstat(path)
        if stat.S_ISLNK(said.st_mode) and path != bundles:
            return f"{path.name} is a link"
        if said.st_uid not in (os.getuid(), 0):
            return f"{path.name or path} belongs to another user"
        others = None if stat.S_ISLNK(said.st_mode) else written_by_more_than_its_owner(said)
        if others:
            return f"{path.name or path} {others}"
    return None
