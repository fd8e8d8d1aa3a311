"""Which programs are run: as the options, the environment, the case and the project file name them, in this order.

An option or variable names a program by its path, by a name on PATH, by a whole command ("python -m myport") or by
the name of a declared engine. Nothing named gives the bundled programs.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.case.project import declared_engines, project_above, refuse_code_variables
from nbcompare.engine.bundled_reference import build_reference, found_program
from nbcompare.engine.engine import Engine
from nbcompare.engine.progress import Progress
from nbcompare.engine.safety.safe_start import BUNDLED_SUBJECT
from nbcompare.engine.sources.entry import entry_of
from nbcompare.engine.sources.interpreter import ask
from nbcompare.errors import UsageError, nearest

_SCRIPTS = (".py", ".pyz", ".zip", ".pl", ".rb", ".js", ".mjs", ".jl", ".R", ".r", ".sh", ".lua", ".awk",
            ".tcl", ".php", ".jar", ".m")
_NAMED_BY = {REFERENCE: ("--c-bin", "NB_C_BIN"), SUBJECT: ("--py-bin", "NB_PY_BIN")}


class ProgramOptions(Protocol):
    """What the user said about programs."""

    @property
    def c_bin(self) -> str | None: ...

    @property
    def py_bin(self) -> str | None: ...

    @property
    def trust_case(self) -> bool: ...


def choose_engines(options: ProgramOptions, progress: Progress, declared: Mapping[str, EngineDeclaration] = {},
                   roles: Sequence[str] = (REFERENCE, SUBJECT)) -> dict[str, Engine]:
    """The engines of the roles. ``declared`` are those of case and project, by name.

    Raises UsageError when a program was named that is not there or cannot be executed.
    """

    def bundled() -> Path:
        progress.begin("C reference (make)")
        path = build_reference()
        progress.end("ready")
        return path

    makers = {REFERENCE: lambda: reference_engine(options.c_bin, os.environ, bundled, declared),
              SUBJECT: lambda: subject_engine(options.py_bin, os.environ, declared)}
    return {role: makers[role]() for role in roles}


def engines_of(case: Case, options: ProgramOptions, progress: Progress,
               roles: Sequence[str] = (REFERENCE, SUBJECT)) -> dict[str, Engine]:
    """The engines of a case, with the project file above it.

    Raises CaseError for a project file that cannot be trusted, and for a case whose environment decides what code is
    run although neither the user nor the project allows it; UsageError as ``choose_engines`` does.
    """
    project = project_above(case.folder)
    refuse_code_variables(case, project, trusted=options.trust_case)
    return choose_engines(options, progress, declared_engines(case, project), roles)


def other_subjects(case: Case) -> dict[str, Engine]:
    """The engines of the further subjects that name one, by the name of the subject; a stored image is allowed there.

    Raises UsageError for an engine that neither the case nor the project file declares.
    """
    declared, found = declared_engines(case, project_above(case.folder)), {}
    for name, further in case.subjects.items():
        if further.engine and further.engine not in declared:
            raise UsageError(f"subject {name} names the engine {further.engine}, which neither the case nor a project "
                             f"file declares; {nearest(further.engine, sorted(declared)) if declared else 'none is'}")
        if further.engine:
            found[name] = _as_declared(SUBJECT, declared[further.engine], declared[further.engine].file.name,
                                       may_be_stored=True)
    return found


def reference_engine(option: str | None, environment: Mapping[str, str], bundled: Callable[[], Path],
                     declared: Mapping[str, EngineDeclaration] = {}) -> Engine:
    """--c-bin, else $NB_C_BIN, else the declared one, else the bundled C reference (``bundled`` builds it)."""
    return named_engine(REFERENCE, option, environment, declared) or _bundled_reference(bundled())


def subject_engine(option: str | None, environment: Mapping[str, str],
                   declared: Mapping[str, EngineDeclaration] = {}) -> Engine:
    """--py-bin, else $NB_PY_BIN, else the declared one, else ``python -P -m nanobrag_torch`` of this interpreter."""
    return named_engine(SUBJECT, option, environment, declared) or _default_subject()


def bundled_engines() -> list[Engine]:
    """The bundled engines as they are called: the simulator, and the C reference where it is built already."""
    program = found_program()
    reference = [_bundled_reference(program)] if program else []
    return [_bundled_subject(), *reference]


def _bundled_reference(program: Path) -> Engine:
    return Engine(REFERENCE, "bundled C reference", (str(program),), "default")


def _bundled_subject() -> Engine:
    return Engine(SUBJECT, "nanobrag_torch", BUNDLED_SUBJECT, "default")


def _default_subject() -> Engine:
    """The bundled simulator; or what Python finds under its name in its place, which is not called so."""
    bundled = _bundled_subject()
    said = ask(bundled, entry_of(bundled.start))
    if said is None or said["bundled"] or not said["files"]:
        return bundled
    place = Path((said["folders"] or list(said["files"].values()))[0]).parent
    return Engine(SUBJECT, f"nanobrag_torch in {place}", BUNDLED_SUBJECT, "Python's path")


def named_engine(role: str, option: str | None, environment: Mapping[str, str],
                 declared: Mapping[str, EngineDeclaration]) -> Engine | None:
    """The engine that an option, a variable or a declaration names, in this order; None where none does."""
    flag, variable = _NAMED_BY[role]
    if option == "":
        raise UsageError(f"{flag} is empty; name a program, or leave it out for the one that is declared or bundled")
    if option is None and environment.get(variable) == "":
        raise UsageError(f"${variable} is set and empty; name a program by it, or unset it for the one that is "
                         "declared or bundled")
    text, chosen_by = (option, flag) if option else (environment.get(variable), f"${variable}")
    if not text:
        return _as_declared(role, declared[role], declared[role].file.name) if role in declared else None
    if text in declared:
        return _as_declared(role, declared[text], chosen_by)
    words = command_words(text, chosen_by)
    start = start_words(words, Path.cwd(), chosen_by)
    return Engine(role, _short_name(words, start), start, chosen_by, searched=os.sep not in words[0])


def _as_declared(role: str, declaration: EngineDeclaration, chosen_by: str, *, may_be_stored: bool = False) -> Engine:
    where = f"{declaration.file}: engine {declaration.name}"
    if role == SUBJECT and declaration.adapter and declaration.adapter.stored and not may_be_stored:
        raise UsageError(f"{where}: a stored image can only be the reference, as it shows nothing of any program",
                         hint="nb-compare images A B judges two images that are there already")
    search = dict(declaration.set_variables).get("PATH")
    start = start_words(declaration.command, declaration.folder, where, search)
    name = declaration.name if declaration.name not in (REFERENCE, SUBJECT) else _short_name(declaration.command, start)
    return Engine(role, name, start, chosen_by, declaration, searched=os.sep not in declaration.command[0])


def command_words(text: str, named_by: str) -> tuple[str, ...]:
    """The words of an option's text: one for a program that is there under the whole text, else as a shell splits."""
    if Path(text).is_file() or shutil.which(text):
        return (text,)
    try:
        words = tuple(shlex.split(text))
    except ValueError as fault:
        raise UsageError(f"{named_by}: {text!r} cannot be split into words: {fault}") from None
    if not words:
        raise UsageError(f"{named_by}: there is no program {text!r}")
    return words if len(words) > 1 and _is_there(words[0]) else (text,)


def _is_there(word: str) -> bool:
    return Path(word).is_file() or bool(shutil.which(word))


def start_words(words: Sequence[str], folder: Path, named_by: str, search: str | None = None) -> tuple[str, ...]:
    """The words that start a program from anywhere: the program, and files that lie in ``folder``, made absolute.

    A program without a folder in its name is looked for in ``search`` (the user's PATH). A Python file is run by
    this interpreter. Raises UsageError for a program that is not there or cannot be executed.
    """
    named = words[0]
    found = named if os.sep in named else (shutil.which(named, path=search) or named)
    path = Path(os.path.abspath(folder / found))  # links stay: one is what makes a virtual environment
    if path.is_dir():
        raise UsageError(f"{named_by}: {named} is a folder", hint="name the program, or the script that starts it")
    if not path.is_file():
        raise UsageError(f"{named_by}: there is no program {named}")
    script = path.suffix == ".py"
    if not script and not os.access(path, os.X_OK):
        raise UsageError(f"{named_by}: {named} is not executable", hint=f"chmod +x {named}")
    rest = tuple(str(folder / word) if _is_file_beside(word, before, folder) else word
                 for before, word in pairwise(words))
    return (sys.executable, str(path), *rest) if script else (str(path), *rest)


def _is_file_beside(word: str, before: str, folder: Path) -> bool:
    """Whether a word of a command is a file in the folder: it has one in its name, or ends in .py."""
    looks_like_one = os.sep in word or word.endswith(_SCRIPTS)
    return looks_like_one and before not in ("-m", "-c") and not word.startswith("-") and (folder / word).is_file()


def _short_name(words: Sequence[str], start: Sequence[str]) -> str:
    """What to call a command: its module, its script, or its program."""
    if "-m" in words[:-1]:
        return words[list(words).index("-m") + 1]
    script = next((word for word in start if word.endswith(".py")), start[0])
    return Path(script).name
