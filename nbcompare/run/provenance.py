"""Where what a run rests on comes from: repositories, the variables that engines got and did not get, and what a
reader of the verdict has to know about that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

from nbcompare.bundle.names import RECORD
from nbcompare.bundle.record import HARNESS_ROLE, PROJECT, Surroundings
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.further_subject import known_as
from nbcompare.case.project import CODE_VARIABLES
from nbcompare.engine.adapter import adapt
from nbcompare.engine.engine import Engine, Run
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.installation import HARNESS, SIMULATOR
from nbcompare.engine.processes.asking import once
from nbcompare.engine.processes.process import allowed_environment, not_passed, withheld
from nbcompare.engine.rendering.renderer import OF_THE_SESSION
from nbcompare.engine.repository.git import Repositories, RepositoryState, not_committed
from nbcompare.engine.safety.safe_start import made_absolute
from nbcompare.engine.sandbox import protection_of
from nbcompare.engine.sources.libraries import is_elf
from nbcompare.engine.sources.real_paths import RealPaths
from nbcompare.errors import FileError, UsageError
from nbcompare.files import sum_of
from nbcompare.visible import counted, some_of

_MOST_TEXT = 1 << 20
_MOST_REASONS = 3
_MOST_NAMES = 6
_MOST_PLACES = 20
"""Folders of an engine that are looked into for repositories."""

_BUILT = (".so", ".pyd", ".dylib", ".o", ".a", ".pyc")
"""Ends of names of files that are made of others, and so in no commit; their bytes are in the engine's sum. So are
compiled programs, however they are called."""

_OF_INSTALLATION = re.compile(r"\.(dist|egg)-info/|\.pth$|-packages/(site|user)customize\.py$")
"""Files that an installer writes, also into an environment that lies in the repository; no commit holds them."""

_OPTION = {REFERENCE: "--c-bin", SUBJECT: "--py-bin"}


# --- repositories ------------------------------------------------------------------------------------------------


def repositories_of(case: Case, engines: Mapping[str, Engine],
                    identities: Mapping[str, EngineIdentity]) -> dict[str, RepositoryState]:
    """The repositories of project (where the case lies), subject, reference, the engines of further subjects, and
    nb-compare itself."""
    known = Repositories()
    roles = (SUBJECT, REFERENCE, *(role for role in engines if role not in (SUBJECT, REFERENCE)))
    own = {role: _once_of_engine(engines[role], identities[role], known) for role in roles}
    return {PROJECT: known.of(case.folder), **own, HARNESS_ROLE: known.of(HARNESS)}


def _once_of_engine(engine: Engine, identity: EngineIdentity, known: Repositories) -> RepositoryState:
    """``_of_engine``, asked once for the cells of a group as git is; that its files stay what they were is looked at
    elsewhere (drift.py)."""
    return once(("git", "engine", engine, identity.program_sha256, identity.source_sha256),
                lambda: _of_engine(engine, identity, known))


def _of_engine(engine: Engine, identity: EngineIdentity, known: Repositories) -> RepositoryState:
    """The repository of an engine, as declared or else the first in which its code lies. Files of its own that no
    commit holds as they are make it dirty, in whatever repository they lie."""
    places = _places_of(engine, identity)
    in_one = [state for state in dict.fromkeys(map(known.of, places)) if state.root]
    if not in_one:
        return RepositoryState(None)
    first, others = _with_sources(in_one[0], identity), in_one[1:]
    for state in others:
        loose = _not_committed(state, _own_files(state, identity))
        first = _loose(first, [f"{state.root}/{name}" for name in loose]) if loose and first.root else first
    return first


def _places_of(engine: Engine, identity: EngineIdentity) -> list[Path]:
    """Folders in the repositories of an engine, the one that it is called after first. A script that an installer wrote
    lies where the environment does, and its code elsewhere."""
    declared, made_of = engine.declaration, identity.made_of
    origin = (made_of.origin or made_of.base) if made_of else None
    first = Path(origin) if origin else engine.program
    folders = [Path(folder) for folder in (made_of.folders if made_of else ()) if folder != str(SIMULATOR)]
    files = [Path(entry.path).parent for entry in (made_of.files if made_of else ())
             if not _OF_INSTALLATION.search(entry.path) and not entry.path.endswith(_BUILT)]
    places = [*folders, first] if _is_installed_script(str(first)) else [first, *folders]
    if declared and declared.repository:
        places = [declared.repository, *places]
    beside = [place for place in files if not any(place.is_relative_to(folder) for folder in folders)]
    found = dict.fromkeys(place if place.is_dir() else place.parent for place in (*places, *beside))
    return [place for place in found if "site-packages" not in place.parts][:_MOST_PLACES] or [first.parent]


def _is_installed_script(path: str) -> bool:
    above, folder = os.path.split(os.path.dirname(path))
    return folder in ("bin", "Scripts") and os.path.isfile(os.path.join(above, "pyvenv.cfg"))


def _with_sources(state: RepositoryState, identity: EngineIdentity) -> RepositoryState:
    """The state with those of an engine's files that no commit holds as they are, git's ignored ones too. Where none
    is in a commit the engine lies in a repository by chance, as an installed package does."""
    own = _own_files(state, identity)
    loose = _not_committed(state, own)
    if own and len(loose) == len(own):
        return RepositoryState(None) if "site-packages" in own[0].parts else _loose(state, loose)
    return _loose(state, loose) if loose else state


def _own_files(state: RepositoryState, identity: EngineIdentity) -> list[Path]:
    """The files of an engine that lie in a repository and that people write."""
    if state.root is None or identity.made_of is None:
        return []
    return written_by_people(state.root, [entry.path for entry in identity.made_of.files])


def written_by_people(root: str, files: Iterable[str]) -> list[Path]:
    """Of files those that lie in a repository and that people write."""
    real, top = RealPaths(), os.path.join(root, "")
    paths = [path for path in files if real.of(path).startswith(top)]
    return [Path(path) for path in paths if not _OF_INSTALLATION.search(path) and not _is_built(path)
            and not _is_installed_script(path)]


def _is_built(path: str) -> bool:
    return path.endswith(_BUILT) or (os.path.isfile(path) and is_elf(Path(path)))


def _not_committed(state: RepositoryState, own: list[Path]) -> list[str]:
    return not_committed(Path(str(state.root)), own) if own else []


def _loose(state: RepositoryState, names: Sequence[str]) -> RepositoryState:
    more = [name for name in names if name not in state.names]
    return replace(state, dirty=True, untracked=(*state.untracked, *more)[:20])


# --- variables -----------------------------------------------------------------------------------------------------


def surroundings_of(engines: Mapping[str, Engine], case: Case) -> Surroundings:
    """Which of the user's variables each engine did not get, by name, and which search paths it got made absolute."""
    return Surroundings({role: tuple(not_passed(allowed_environment(engine.variables(case.environment))))
                         for role, engine in engines.items()}, made_absolute())


def not_passed_line(surroundings: Surroundings, runs: Sequence[Run]) -> str | None:
    """One line about the user's variables that no engine got: counted, and named where an engine failed."""
    names = sorted(set().union(*surroundings.not_passed.values())) if surroundings.not_passed else []
    if not names:
        return None
    theirs = f"{counted(len(names), 'variable')} of your shell"
    if any(run.failure for run in runs):
        shown = [name for name in names if not OF_THE_SESSION.fullmatch(name)]
        said = some_of(shown, _MOST_NAMES) or theirs
        return f"{said} {'was' if said in names else 'were'} not passed to the engines; {RECORD} names all"
    return f"engines run in a clean environment: {RECORD} names the {theirs} left out of it"


def _unread_notes(engines: Mapping[str, Engine], identities: Mapping[str, EngineIdentity],
                  surroundings: Surroundings) -> Iterator[str]:
    """A variable of the user's that an engine did not get, although its own text speaks of it, or its declaration
    passes it on by its whole name."""
    for role, identity in identities.items():
        declared = engines[role].declaration
        names = [name for name in surroundings.not_passed.get(role, ()) if not OF_THE_SESSION.fullmatch(name)]
        spoken = sorted(_spoken_of(names, identity))
        private = [name for name in withheld(declared.pass_variables if declared else ())
                   if name in surroundings.not_passed.get(role, ()) and (
                       name in spoken or (declared and name in declared.pass_variables))]
        if private and declared:
            verb = "looks" if len(private) == 1 else "look"
            yield (f"{some_of(private, _MOST_NAMES)} {verb} like a secret by name or value, and what does is "
                   f"never passed on: the {role} did not get it, although {declared.file.name} says so; write it "
                   "into environment: {set: ...} if it is none")
        spoken = [name for name in spoken if name not in private]
        if spoken:
            verb = "is" if len(spoken) == 1 else "are"
            yield (f"{some_of(spoken, _MOST_NAMES)} {verb} set here and named in the source of the {role}, but not "
                   f"passed to it; to pass it, declare environment: {{pass: [{', '.join(spoken[:_MOST_NAMES])}]}} in "
                   "nb-compare.yaml")


def _passed_notes(engines: Mapping[str, Engine]) -> Iterator[str]:
    """The variables that a declaration passes on and that are set: the result may hang on them."""
    for role, engine in engines.items():
        sets = dict(engine.declaration.set_variables) if engine.declaration else {}
        names = sorted(name for name in engine.declared_variables if name not in sets)
        if names:
            yield f"from your shell the {role} got {some_of(names, _MOST_NAMES)}, as {_file_of(engine)} says"


def _file_of(engine: Engine) -> str:
    return engine.declaration.file.name if engine.declaration else "its declaration"


def _spoken_of(names: Sequence[str], identity: EngineIdentity) -> set[str]:
    """Of the names those that stand, as words, in a text file that the engine is made of."""
    if not names or identity.made_of is None or identity.made_of.bundled:
        return set()
    return _found_once(("spoken of", tuple(names)), identity, lambda: _words_of(names, identity))


def _words_of(names: Sequence[str], identity: EngineIdentity) -> set[str]:
    assert identity.made_of is not None, "it is made of files"
    pattern = re.compile(rb"(?<![A-Za-z0-9_])(" + b"|".join(re.escape(name.encode()) for name in names)
                         + rb")(?![A-Za-z0-9_])")
    paths = {identity.started_as[0], *(entry.path for entry in identity.made_of.files)}
    return {found.decode() for path in paths for found in pattern.findall(_text_of(path))}


def _content_of(identity: EngineIdentity) -> tuple[Hashable, ...]:
    """What tells the text of an engine's program and files from any other: the words that start it, and their sums."""
    return (identity.started_as, identity.program_sha256, identity.source_sha256,
            identity.made_of.origin if identity.made_of else None)


def _found_once(asked: tuple[Hashable, ...], identity: EngineIdentity, find: Callable[[], _Answer]) -> _Answer:
    """What is found in the texts of an engine, read once while these have the same sums: hundreds of cells ask. Texts
    that are not of these sums any more, as an engine may change its own while it runs, answer this one time alone."""
    try:
        question = *asked, *_content_of(identity), sum_of(identity.started_as[0])
    except FileError:
        return find()
    if question in _FOUND:
        return cast(_Answer, _FOUND[question])
    found = find()
    if _has_its_sums(identity):
        while len(_FOUND) >= _MOST_FOUND:
            _FOUND.pop(next(iter(_FOUND)), None)
        _FOUND[question] = found
    return found


def _has_its_sums(identity: EngineIdentity) -> bool:
    """Whether the files of an engine are now what its sums are of."""
    try:
        return identity.made_of is not None and all(sum_of(entry.path) == entry.sha256
                                                    for entry in identity.made_of.files)
    except FileError:
        return False


_Answer = TypeVar("_Answer")
_FOUND: dict[Hashable, object] = {}
_MOST_FOUND = 64


# --- notes -----------------------------------------------------------------------------------------------------------


def notes_of(case: Case, engines: Mapping[str, Engine], identities: Mapping[str, EngineIdentity],
             runs: Mapping[str, Run], surroundings: Surroundings) -> tuple[str, ...]:
    """What a reader of the verdict has to know about the engines and their surroundings; all by what they are called:
    reference, subject, and further subjects that are other programs."""
    from nbcompare.verdict.refusals import refusal_notes  # what only notes need is loaded after the engines began

    return (*_case_notes(case, engines), *refusal_notes(case.expect), *_adapter_notes(case, identities),
            *_source_notes(case, identities), *_elsewhere_notes(case, engines, identities),
            *_unread_notes(engines, identities, surroundings), *_passed_notes(engines),
            *_wrapper_note(identities, runs))


def _case_notes(case: Case, engines: Mapping[str, Engine]) -> Iterator[str]:
    from nbcompare.case.weak_thresholds import weaknesses

    held = protection_of(engines)
    if held:
        yield held
    named = [name for name in case.environment if CODE_VARIABLES.fullmatch(name)]
    if named:
        yield f"the case sets {', '.join(named)}, which decides what code is run"
    for role, engine in engines.items():
        if engine.declaration and case.path and engine.declaration.file == case.path.absolute():
            yield f"the case itself names the program of the {role}: {' '.join(engine.declaration.command)}"
    yield from (weak.sentence for weak in weaknesses(case.thresholds, case.rois))
    if made_absolute():
        yield f"relative folders in {', '.join(made_absolute())} were taken from {os.getcwd()}"


def _adapter_notes(case: Case, identities: Mapping[str, EngineIdentity]) -> Iterator[str]:
    """What adapters kept from their engines: it had no effect on them, so nothing was shown about it."""
    own = {REFERENCE: case.reference_args, SUBJECT: case.subject_args,
           **{known_as(name): further.arguments for name, further in case.subjects.items()}}
    for role, identity in identities.items():
        for lost in adapt(identity.adapter, (*case.command, *own[role])).dropped:
            yield f"the {role} was not given {lost}: its adapter drops it, so nothing is shown about it"


def _source_notes(case: Case, identities: Mapping[str, EngineIdentity]) -> Iterator[str]:
    for role, identity in identities.items():
        if identity.unknown:
            yield not_all_known(role, identity, case.folder)


def _elsewhere_notes(case: Case, engines: Mapping[str, Engine],
                     identities: Mapping[str, EngineIdentity]) -> Iterator[str]:
    from nbcompare.run.other_copies import copies_elsewhere

    for role, identity in identities.items():
        yield from copies_elsewhere(replace(identity, role=role), case.folder, engines.get(role))


def not_all_known(role: str, identity: EngineIdentity, folder: Path) -> str:
    """That more may belong to an engine than its sum covers, why, and the line that mends it."""
    from nbcompare.run.sources_to_declare import line_to_add

    left = len(identity.unknown) - _MOST_REASONS
    more = f", and {left} more reasons" if left > 0 else ""
    return (f"not all that the {role} is made of is known ({', '.join(identity.unknown[:_MOST_REASONS])}{more}); "
            f"{line_to_add(role, identity, folder)}")


def _wrapper_note(identities: Mapping[str, EngineIdentity], runs: Mapping[str, Run]) -> Iterator[str]:
    ours = runs[REFERENCE].image_sha256 if REFERENCE in runs else None
    for role, run in runs.items():
        same = role != REFERENCE and run.image_sha256 == ours is not None
        if same and wraps(identities[role], identities[REFERENCE]):
            yield (f"the image of the {role} is the reference's, byte for byte, and the reference's program is among "
                   "its files")


def wraps(subject: EngineIdentity, reference: EngineIdentity) -> bool:
    """Whether the reference's program is part of the subject, as far as it can be told: the same bytes among the
    files of the subject, or its path in the text of the subject's script."""
    if subject.made_of is None or subject.started_as == reference.started_as:
        return False
    program = next((word for word in reference.started_as[1:] if word.endswith(".py")), reference.started_as[0])
    if program in subject.started_as or reference.program_sha256 in {f.sha256 for f in subject.made_of.files}:
        return True
    return _found_once(("named in", program, reference.chosen_by), subject,
                       lambda: _is_named(program, subject, reference))


def _is_named(program: str, subject: EngineIdentity, reference: EngineIdentity) -> bool:
    """Whether the text of the subject names the reference's program, or the variable that it was chosen by."""
    assert subject.made_of is not None, "it is made of files"
    scripts = {subject.started_as[0], *(entry.path for entry in subject.made_of.files)}
    names = [program.encode(), *([b"NB_C_BIN"] if reference.chosen_by == "$NB_C_BIN" else [])]
    return any(name in _text_of(path) for path in scripts for name in names)


def _text_of(path: str) -> bytes:
    """The beginning of a text file; nothing of any other."""
    try:
        with open(path, "rb") as stream:
            text = stream.read(_MOST_TEXT)
    except OSError:
        return b""
    return b"" if b"\0" in text else text


# --- pins ------------------------------------------------------------------------------------------------------------


def require_pinned(case: Case, identities: Mapping[str, EngineIdentity]) -> None:
    """Raises UsageError when the case pins another program than the one that would be run."""
    for role, pin in case.pins.items():
        found = identities[role]
        if pin.sha256 and pin.sha256 not in (found.program_sha256, found.source_sha256):
            what = f", and its sources {found.source_sha256}" if found.made_of and found.made_of.files else ""
            raise UsageError(f"the case pins the {role} with sha256 {pin.sha256}; {found.name} has "
                             f"{found.program_sha256}{what}", hint=f"name that program with {_OPTION[role]}, or pin "
                             "this one and say why in the commit")
        if pin.version and pin.version != found.version:
            raise UsageError(f"the case pins the {role} with version {pin.version!r}; {found.name} says "
                             f"{found.version!r}", hint=f"name that program with {_OPTION[role]}, or pin this one")
