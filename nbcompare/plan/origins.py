"""Where evidence comes from, looked into now: commits, clean trees, engines' files, and whose experiment it is.

The project is where the case lies; the engines may lie in other repositories. Nothing that a record names is started
here: files are read, and git is asked.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nbcompare.bundle.record import HARNESS_ROLE
from nbcompare.case.arguments.options import REFERENCE
from nbcompare.case.case import Case
from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.case.facts import case_facts
from nbcompare.case.project import declared_engines, project_above
from nbcompare.engine.adapter import adapt
from nbcompare.engine.choose import named_engine, other_subjects, start_words
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity, computing_variables, content_hash, place_variables, variable_facts
from nbcompare.engine.installation import REFERENCE_SOURCE, SIMULATOR
from nbcompare.engine.processes.file_uses import NOT_ASKED
from nbcompare.engine.processes.process import declared_environment, recordable
from nbcompare.engine.rendering.renderer import OF_THE_SESSION
from nbcompare.engine.repository.git import UNKNOWN, RepositoryState, changed_between, repository_of
from nbcompare.engine.sources.kept_state import told
from nbcompare.engine.sources.made_of import changes, look_at
from nbcompare.engine.sources.opened import OpenedFiles
from nbcompare.engine.sources.python_here import lies_beside
from nbcompare.errors import FileError, UsageError
from nbcompare.files import on_disk, sha256_of
from nbcompare.plan.evidence import Evidence
from nbcompare.run.other_copies import copies_elsewhere
from nbcompare.run.provenance import not_all_known
from nbcompare.visible import counted, some_of

_MOST_NAMES = 4
_MODULES = "PYTHONPATH"
_INSTEAD = "require engines_unchanged and inputs_unchanged (sums of contents) instead"


def same_commit(evidence: Evidence) -> tuple[bool, str]:
    """Whether project and engines were at the commits that are checked out now."""
    lacking = _unsaid(evidence)
    if lacking:
        return False, lacking
    said = []
    for name, then, now in _repositories(evidence):
        if then.root is None:
            if name == "project":
                return False, f"the project lay in no git repository; {_INSTEAD}"
            said.append(f"{name} in no repository")
            continue
        if UNKNOWN in (then.sha, now.sha):
            return False, f"git cannot tell the commit of the {name}"
        since = f"{then.sha[:12]}; {now.sha[:12]} is checked out"
        if then.sha != now.sha:
            changed = changed_between(Path(then.root), then.sha, now.sha)
            counting = [file for file in changed or () if _may_count(Path(then.root, file), evidence)]
            if counting or not changed:
                more = f", which changes {some_of(counting, _MOST_NAMES)}; run the case again" if counting else ""
                return False, f"{name}: made at {since}{more}"
            notes = some_of(changed or [], _MOST_NAMES)
            said.append(f"{name} at {since}, which changes notes and evidence alone ({notes})")
        else:
            said.append(f"{name} at {then.sha[:12]}")
    return bool(said), ", ".join(said) or "the record names no repository"


def _may_count(path: Path, evidence: Evidence) -> bool:
    """Whether a file that a later commit changes may have a part in an image: all do but the project's bundles with
    their sign-offs, and notes that no engine opened and no case names."""
    real = os.path.realpath(path)
    if evidence.folder and path.resolve().is_relative_to(evidence.folder.parent.parent.resolve()):
        return False
    parts = [(engine.made_of.files if engine.made_of else ()) + (engine.opened.files if engine.opened else ())
             for engine, _ in evidence.bundle.record.programs]
    used = {os.path.realpath(entry.path) for files in parts for entry in files}
    used |= {os.path.realpath(evidence.case.folder / entry.file) for entry in evidence.case.inputs if entry.file}
    return not lies_beside(path.name) or real in used


def clean_tree(evidence: Evidence) -> tuple[bool, str]:
    """Whether project and engines had no uncommitted changes when the bundle was made."""
    lacking = _unsaid(evidence)
    if lacking:
        return False, lacking
    said, outside = [], []
    for name, then, _ in _repositories(evidence):
        if then.root is None:
            if name == "project":
                return False, f"the project lay in no git repository; {_INSTEAD}"
            outside.append(name)
            continue
        if then.dirty is not False:
            words = f" (among them {then.shown_names})" if then.names else ""
            if then.dirty is None:
                return False, f"{name}: git could not tell whether the tree was clean"
            compiled = any(path.endswith(".pyc") for path in then.names)
            mend = "write __pycache__/ into .gitignore, commit what is left" if compiled else "commit them"
            if not compiled and set(then.names) == set(then.untracked) != set():
                mend += ", or name what is no source (a log) in .gitignore,"
            return False, f"{name}: made with uncommitted changes{words}; {mend} and run again"
        said.append(name)
    more = f"; of {' and '.join(outside)} git knows nothing (in no repository)" if outside else ""
    return bool(said), f"{', '.join(said)}: made from a clean tree{more}" if said else "the record names no repository"


def _unsaid(evidence: Evidence) -> str | None:
    """That a bundle does not say where an engine lies, as once nothing was kept of further subjects."""
    record = evidence.bundle.record
    names = [engine.role for engine, _ in record.programs if engine.role not in (record.repositories or {engine.role})]
    return f"the bundle does not say where the {names[0]} lies; run the case again" if names else None


def _repositories(evidence: Evidence) -> Iterator[tuple[str, RepositoryState, RepositoryState]]:
    """(whose, the state when the bundle was made, the state now) of project and engines."""
    record = evidence.bundle.record
    if record.repositories is None:
        return
    for name, then in record.repositories.items():
        if name == HARNESS_ROLE:
            continue
        place = evidence.case.folder if name == "project" else Path(then.root) if then.root else None
        yield name, then, repository_of(place) if place else RepositoryState(None)


# --- engines ------------------------------------------------------------------------------------------------------


def engines_unchanged(evidence: Evidence) -> tuple[bool, str]:
    """Whether programs, and every file that they are made of or opened, have the sums they had."""
    record = evidence.bundle.record
    others = {entry.name: entry.engine for entry in record.further.subjects if entry.engine}
    for engine in (*record.engines, *others.values()):
        fault = _program_fault(engine) or _source_fault(engine, evidence.case)
        if fault:
            return False, fault
        bundled = engine.chosen_by == "default" and engine.role == REFERENCE
        if bundled and record.content.reference != content_hash(REFERENCE_SOURCE) != UNKNOWN:
            return False, "the source of the reference is not what it was"
    known = (*record.engines, *others.values())
    count = sum(len(engine.made_of.files) for engine in known if engine.made_of)
    adapters = sum(engine.adapter is not None for engine in known)
    opened = sum(engine.opened.count for engine in known if engine.opened)
    more = f", {counted(opened, 'file')} that they opened," if opened else ""
    told = "".join(f"; {note}" for engine in known
                   if engine.opened and (note := engine.opened.note(engine.role)))
    through = f"; {adapters} asked through an adapter, whose declaration is in the record" if adapters else ""
    which = "all programs" if others else "both programs"
    files = counted(count, "file")
    return True, f"{which} and {files} that they are made of{more} have the sums they had{through}{told}"


def _program_fault(engine: EngineIdentity) -> str | None:
    program = Engine(engine.role, engine.name, engine.started_as, engine.chosen_by).program
    try:
        same = sha256_of(program) == engine.program_sha256
    except FileError:
        return f"the program of the {engine.role} ({engine.name}) is no longer there"
    return None if same else f"the program of the {engine.role} ({engine.name}) is not what it was"


def _source_fault(engine: EngineIdentity, case: Case) -> str | None:
    if engine.made_of is None:
        return f"the bundle does not say what the {engine.role} is made of; run the case again"
    if engine.made_of.bundled and SIMULATOR.name not in engine.started_as:
        return f"the bundle takes the {engine.role} for the simulator that it imports, as was once done; run it again"
    if engine.unknown:
        return f"{not_all_known(engine.role, engine, case.folder)}, and run the case again"
    elsewhere = copies_elsewhere(engine, case.folder, _as_named_now(engine, case))
    if elsewhere:
        return f"{elsewhere[0]}; then run the case again"
    own = engine.opened.own if engine.opened else frozenset()
    changed = changes(engine.made_of, own) or engine.opened_since() or _new_files(engine, case)
    if changed:
        return f"the source of the {engine.role} is not what it was: {some_of(changed, _MOST_NAMES)}"
    if engine.opened is None:
        return None
    return _unseen_fault(engine, engine.opened) or (
        told(engine.role, engine.opened.hanging) if engine.opened.hanging else None)


def _unseen_fault(engine: EngineIdentity, opened: OpenedFiles) -> str | None:
    """Why it cannot be told whether the engine would do the same now; None also on a system where nothing can be
    watched. Who takes the watch away vouches for the sources that he names."""
    if opened.unseen:
        return (f"not all that the {engine.role} did is known: {'; '.join(opened.unseen)}; where that has no part in "
                "the image, declare watched: false and name its sources")
    if opened.unwatched == NOT_ASKED and not (engine.made_of and engine.made_of.globs):
        return (f"which files the {engine.role} opens was not asked, as {NOT_ASKED}, and nothing says what they are: "
                "name them as its sources, with the data that it reads")
    return None


def _new_files(engine: EngineIdentity, case: Case) -> list[str]:
    """Files that were not there and would be part of the engine now: a module that comes before another, a file that
    site reads, one that its sources name. The engine is asked as a run asks it, where the user or the project names
    it; of one that a record alone names only its folders are looked into."""
    found = _as_named_now(engine, case)
    if found is None or engine.made_of is None:
        return []
    try:
        now = look_at(found, case.environment)
    except FileError as fault:
        return [fault.message + (f" ({fault.hint})" if fault.hint else "")]
    known = {os.path.realpath(on_disk(entry.path)) for entry in engine.made_of.files}
    known |= engine.opened.own if engine.opened else set()
    return [f"{entry.path} is new" for entry in now.files if os.path.realpath(entry.path) not in known]


def _as_named_now(engine: EngineIdentity, case: Case) -> Engine | None:
    """The engine as the user or the project names it; None where neither does by the same words."""
    declared = declared_engines(case, project_above(case.folder))
    of_its_name = [other for other in other_subjects(case).values() if other.start == engine.started_as]
    found = of_its_name[0] if of_its_name else named_engine(engine.role, None, os.environ, declared)
    return found if found and found.start == engine.started_as else None


# --- the experiment -----------------------------------------------------------------------------------------------


def experiment_of_the_case(evidence: Evidence) -> tuple[bool, str]:
    """Whether what was run is what the case says: arguments, variables, inputs and declared programs."""
    record = evidence.bundle.record
    if record.images is not None:
        return False, "no engine was run: the bundle is of two image files"
    now, then = case_facts(evidence.case), record.case
    for key in ("command", "reference_args", "subject_args", "environment", "options", "masking", "nan", "expect",
                "subjects"):
        if getattr(now, key) != getattr(then, key):
            return False, (f"{key.replace('_', ' ')} was {_shown(getattr(then, key))}, and the case says "
                           f"{_shown(getattr(now, key))}")
    if record.resample:
        return False, "an image of another shape was allowed (--resample), which no case says"
    pins = {entry.name: entry.sums for entry in evidence.case.inputs}
    own = [entry.name for entry in record.inputs if not entry.as_pinned or (
        entry.origin == "user" and entry.sha256 not in pins.get(entry.name, ()))]
    if own:
        return False, f"the engines read files of the user's own in place of {', '.join(own)}"
    return _declared_programs(evidence)


def _declared_programs(evidence: Evidence) -> tuple[bool, str]:
    """Whether the programs were those that case and project declare, where they do, and that the case pins."""
    declared = declared_engines(evidence.case, project_above(evidence.case.folder))
    record, named = evidence.bundle.record, evidence.case.subjects
    asked = [(engine, declared.get(engine.role)) for engine in record.engines]
    for entry in record.further.subjects:
        if entry.engine:
            other = declared.get(named[entry.name].engine or "")
            if other is None:
                return False, f"subject {entry.name} was {entry.engine.name}, which no file declares now"
            asked.append((entry.engine, other))
    for engine, wanted in asked:
        try:
            words = start_words(wanted.command, wanted.folder, str(wanted.file),
                                dict(wanted.set_variables).get("PATH")) if wanted else engine.started_as
        except UsageError as fault:
            return False, fault.message
        if words != engine.started_as:
            return False, (f"the {engine.role} was {' '.join(engine.started_as)} ({engine.chosen_by}), and "
                           f"{wanted.file.name if wanted else ''} declares {' '.join(words)}")
        wrong = _variables_fault(engine, wanted) if wanted else None
        if wrong:
            return False, wrong
        if wanted and wanted.adapter != engine.adapter:
            return False, (f"what stands between the case and the {engine.role} (arguments, config, output) is not "
                           f"what {wanted.file.name} declares now")
        kept = engine.made_of.keeps if engine.made_of else ()
        if wanted and kept != wanted.keeps:
            then, now = (", ".join(keeps) or "nothing" for keeps in (kept, wanted.keeps))
            return False, (f"the {engine.role} was declared to keep {then} from run to run, and {wanted.file.name} "
                           f"says {now} now; run the case again")
        pin = evidence.case.pins.get(engine.role) if engine in record.engines else None
        if pin and pin.sha256 and pin.sha256 not in (engine.program_sha256, engine.source_sha256):
            return False, f"the {engine.role} has not the sum that the case pins"
        if pin and pin.version and pin.version != engine.version:
            return False, f"the {engine.role} has not the version that the case pins"
    shell = _shell_fault(evidence, asked)
    if shell:
        return False, shell
    return True, ("arguments, variables, inputs and programs are those of the case" + _not_given(evidence)
                  + _passed(evidence.bundle.record.engines, declared) + _computing(evidence)
                  + _elsewhere(evidence, asked))


def _passed(engines: Sequence[EngineIdentity], declared: Mapping[str, EngineDeclaration]) -> str:
    """The variables that engines got from whoever ran them, to be read by whoever signs."""
    return "".join(f"; the {engine.role} had {name}={value} from the shell" for engine in engines
                   if engine.role in declared for name, value in sorted(engine.variables.items())
                   if name not in dict(declared[engine.role].set_variables))


def _computing(evidence: Evidence) -> str:
    """The variables for devices and threads that engines got from the shell, to be read as well."""
    said = computing_variables(evidence.bundle.record.environment)
    own = sorted(said.items() - set(evidence.case.environment.items()))
    return f"; the engines had {', '.join(f'{name}={value}' for name, value in own)} from the shell" if own else ""


def _elsewhere(evidence: Evidence, asked: Sequence[tuple[EngineIdentity, EngineDeclaration | None]]) -> str:
    """The variables by which the engines found what is the user's, their modules too where not every engine declares
    where they lie, where they are other ones here."""
    then, here = _places(evidence.bundle.record.environment), _places(variable_facts(evidence.case.environment))
    everywhere = all(wanted and _MODULES in dict(wanted.set_variables) for _, wanted in asked)
    return "".join(f"; {name} was {then.get(name, 'not set')} for the engines and is {here.get(name, 'not set')} here"
                   for name in sorted(then.keys() | here.keys()) if then.get(name) != here.get(name)
                   and not (name == _MODULES and everywhere))


def _places(facts: Mapping[str, str]) -> dict[str, str]:
    modules = facts.get(f"${_MODULES}")
    return {**place_variables(facts), **({_MODULES: modules} if modules else {})}


def _not_given(evidence: Evidence) -> str:
    """What adapters keep from their engines, to be read by whoever signs."""
    record = evidence.bundle.record
    return "".join(f"; NOT GIVEN to the {engine.role}: {lost}" for engine, arguments in record.programs
                   for lost in adapt(engine.adapter, arguments).dropped)


def _variables_fault(engine: EngineIdentity, wanted: EngineDeclaration) -> str | None:
    """How the variables that an engine got are not those that its declaration sets now."""
    sets = recordable(dict(wanted.set_variables))
    for name in sorted({*sets, *engine.variables}):
        passed = any(fnmatch.fnmatchcase(name, glob) for glob in wanted.pass_variables)
        if sets.get(name) != engine.variables.get(name) and not (passed and name not in sets):
            return (f"the {engine.role} had {name}={engine.variables.get(name, '')}, and {wanted.file.name} sets "
                    f"{sets.get(name, 'nothing')}")
    here = declared_environment(wanted.pass_variables)
    for name, value in sorted(recordable(here).items()):
        if name not in sets and value != engine.variables.get(name) and not OF_THE_SESSION.fullmatch(name):
            return (f"the {engine.role} had {name}={engine.variables.get(name, '')}, and {wanted.file.name} passes on "
                    f"{name}={value}, which is set here; unset it, or run the case again")
    return None


def _shell_fault(evidence: Evidence, asked: Sequence[tuple[EngineIdentity, EngineDeclaration | None]]) -> str | None:
    """That a variable for devices and threads, which every engine gets, is set here to another value than it had; not
    one that the case, or the declaration of every engine, sets."""
    then = computing_variables(evidence.bundle.record.environment)
    here = computing_variables(variable_facts(evidence.case.environment))
    for name in sorted(here):
        everywhere = all(wanted and name in dict(wanted.set_variables) for _, wanted in asked)
        if here[name] != then.get(name) and not everywhere:
            return (f"{name} was {then.get(name, 'not set')} for the engines and is {here[name]} here, where they "
                    "would get it; unset it, or run the case again")
    return None


def _shown(value: object) -> str:
    return " ".join(map(str, value)) or "nothing" if isinstance(value, tuple | list) else str(value)
