"""The line to write into the project file, so that all that an engine is made of is known: proposed, and to be read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from nbcompare.case.project import load_project
from nbcompare.case.project_file import PROJECT_FILE, find_project_file
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.sources.entry import COMPILED, MODULE
from nbcompare.engine.sources.libraries import is_elf
from nbcompare.engine.sources.python_here import SKIPPED
from nbcompare.errors import CaseError

_MOST_TEXT = 1 << 16
TO_DECLARE = "(with globs of all its own files)"
"""How such a line ends: it is to be completed by whoever knows the engine."""
_MOST_DEEP = 3
_MANY_GLOBS, _SAME_KIND = 8, 3
_MOST_LOOKED_AT = 20_000
_WORD = re.compile(r"[^\s\"'`=:;|&<>(){}\[\]$]+")
_IN_SHELL = re.compile(r"\$\([^()]*\)|\$\{[^{}]*\}|\$\w+")
"""What a shell puts in; before a path that is most often the folder of the script or of the project."""


def line_to_add(role: str, identity: EngineIdentity, folder: Path) -> str:
    """What to write where, for a case in ``folder``: the sources of an engine that is declared, or all of one that is
    not."""
    file = find_project_file(folder)
    base = file.parent if file else _top_of(folder)
    globs = json.dumps(_in_few_words(list(dict.fromkeys(_globs(identity, base)))))
    name = _declared_as(role, identity, file)
    if name:
        return f"add to the engine {name} in {PROJECT_FILE}: sources: {globs} {TO_DECLARE}"
    words = json.dumps(list(identity.started_as))
    search = _search_path(identity, base)
    more = f", environment: {{set: {{PYTHONPATH: {json.dumps(search)}}}}}" if search else ""
    return (f"add to {PROJECT_FILE}: engines: {{{role}: {{command: {words}{more}, sources: {globs}}}}} "
            f"{TO_DECLARE}")


def _in_few_words(globs: list[str]) -> list[str]:
    """The same files, or some more, where there are many to name: three of one kind in a folder become all of that kind
    there. None is dropped, as the gate would stay red for it."""
    if len(globs) <= _MANY_GLOBS:
        return globs
    kinds = [str(Path(name).with_name("*" + Path(name).suffix)) if Path(name).suffix and "*" not in name else name
             for name in globs]
    return list(dict.fromkeys(kind if kinds.count(kind) >= _SAME_KIND else name
                              for name, kind in zip(globs, kinds, strict=True)))


def _search_path(identity: EngineIdentity, base: Path) -> str | None:
    """The folder that Python has to search for a module of the project that is not installed."""
    made_of = identity.made_of
    if made_of is None or made_of.kind != MODULE or made_of.editable or not made_of.folders:
        return None
    folder = Path(made_of.folders[0]).resolve().parent
    inside = folder.is_relative_to(base.resolve()) and not {"site-packages", "dist-packages"} & set(folder.parts)
    return os.path.relpath(folder, base.resolve()) if inside else None


def _declared_as(role: str, identity: EngineIdentity, file: Path | None) -> str | None:
    """The name under which the project file declares the engine, if it does."""
    try:
        declared = load_project(file).engines if file else {}
    except CaseError:
        return None
    if identity.chosen_by == PROJECT_FILE and role in declared:
        return role
    return identity.name if identity.name in declared else None


def _top_of(folder: Path) -> Path:
    """Where a project file belongs that is not there yet: the repository, else where we stand, as above the evidence of
    a one-shot."""
    here, stand = folder.absolute(), Path.cwd()
    top = stand if here.is_relative_to(stand) else here
    return next((place for place in (here, *here.parents) if (place / ".git").exists()), top)


def _globs(identity: EngineIdentity, base: Path) -> Iterator[str]:
    made_of = identity.made_of
    if made_of and made_of.kind == COMPILED:
        yield from _loaded(identity, base)
        return
    folders = [Path(place) for place in made_of.folders] if made_of else []
    loose = [Path(entry.path) for entry in (made_of.files if made_of and not made_of.globs else ())
             if not any(Path(entry.path).is_relative_to(place) for place in folders)]
    own = [path for path in loose if path.suffix == ".py" or path.is_relative_to(base)]
    scripts = [Path(word) for word in identity.started_as if os.path.isfile(word)]
    inside = [path for path in scripts[1:] if path.resolve().is_relative_to(base.resolve())]
    named = [*inside, *(path for script in scripts for path in _named_in(script, base))]
    yield from (_glob(path, base) for path in (*folders, *own, *named))
    yield from made_of.globs if made_of else ()
    if not folders and not named:
        yield from _seen(identity, scripts[:1], base) or _guessed(scripts[:1], base)


def _seen(identity: EngineIdentity, scripts: list[Path], base: Path) -> list[str]:
    """A wrapper with the files of its project that it was seen to open; of one that lies elsewhere with those of the
    folder in which it was installed. Nothing where none was seen."""
    if identity.opened is None or identity.opened.unwatched or not scripts:
        return []
    home = base if scripts[0].resolve().is_relative_to(base.resolve()) else _installed_in(scripts[0])
    paths = [*scripts, *(Path(entry.path) for entry in identity.opened.files)]
    return [_glob(path, base) for path in paths if path.resolve().is_relative_to(home.resolve())]


def _installed_in(script: Path) -> Path:
    folder = script.resolve().parent
    return folder.parent if folder.name == "bin" and folder.parent != Path(folder.anchor) else folder


def _guessed(scripts: list[Path], base: Path) -> list[str]:
    """What a program that nobody saw may be made of: the code of the project where it is Python, else itself and the
    compiled programs that lie in the project."""
    is_wrapper = bool(scripts) and not is_elf(scripts[0]) and not _is_python(scripts[0])
    programs = sorted(_programs_in(base))[:_MANY_GLOBS] if is_wrapper else []
    if programs:
        return [_glob(path, base) for path in (*scripts, *programs)]
    return ["src/**/*"] if (base / "src").is_dir() else ["**/*.py"]


def _is_python(script: Path) -> bool:
    return script.suffix in (".py", ".pyz") or "python" in _text_of(script).partition("\n")[0]


def _programs_in(base: Path) -> Iterator[Path]:
    """The compiled programs that lie in a project, but for environments and what systems of versions keep; a large one
    is not searched to its end."""
    looked_at = 0
    for place, folders, names in os.walk(base):
        folders[:] = [name for name in folders if name not in SKIPPED and not name.startswith(".")
                      and not os.path.exists(os.path.join(place, name, "pyvenv.cfg"))]
        looked_at += len(names)
        if looked_at > _MOST_LOOKED_AT:
            return
        for path in (Path(place, name) for name in names):
            if path.is_file() and os.access(path, os.X_OK | os.R_OK) and is_elf(path):
                yield path


def _loaded(identity: EngineIdentity, base: Path) -> Iterator[str]:
    """Of a compiled program the files that it was seen to open or run; else the libraries beside it."""
    seen = [Path(entry.path) for entry in (identity.opened.files if identity.opened else ())]
    libraries = [path for path in seen if ".so" in path.suffixes]
    yield from (_glob(path, base) for path in libraries or seen)
    if not seen:
        yield os.path.relpath(Path(identity.started_as[0]).resolve().parent / "*.so", base.resolve())


def _glob(path: Path, base: Path) -> str:
    name = os.path.relpath(os.path.realpath(path), os.path.realpath(base))
    return f"{name}/**/*" if path.is_dir() else name


def _named_in(script: Path, base: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """The files and folders of the project that a script's text names, seen from the script or from the top, and those
    that such a script names in turn."""
    for word in dict.fromkeys(_WORD.findall(_IN_SHELL.sub(".", _text_of(script)))):
        for folder in (script.parent, base):
            path = (folder / word.lstrip("/") if word.startswith("/") and not os.path.exists(word) else folder / word)
            path = path.resolve()
            if path in seen or not word.strip("./") or not path.exists() or path == script.resolve():
                continue
            if path.is_relative_to(base.resolve()) and path != base.resolve() and path != base.resolve() / ".git":
                yield path
                yield from _named_in(path, base, seen | {path}) if path.is_file() and len(seen) < _MOST_DEEP else ()
                break


def _text_of(script: Path) -> str:
    """The beginning of a text file; nothing of any other."""
    try:
        with open(script, "rb") as stream:
            text = stream.read(_MOST_TEXT)
    except OSError:
        return ""
    return "" if b"\0" in text else text.decode(errors="replace")
