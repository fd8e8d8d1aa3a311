"""What a Python program is made of, asked of the interpreter that runs it. This file's text is run there with -c.

It stands alone with paths_in_text.py and python_here.py, which are put in place before, and imports nothing of the
program. It goes by what ``importlib`` would find: the module's package or the script, every module that these import,
as their text says, and that no distribution installed, and every file that they name by its path. ``main`` prints one
line of JSON.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping

from nbcompare.engine.sources.paths_in_text import ABOVE, NamedPaths
from nbcompare.engine.sources.python_here import (
    FOUND_BY,
    PATH,
    editable_by,
    edited_since,
    files_below,
    in_cache,
    is_below,
    is_installed,
    is_of_python,
    project_of,
    script_target,
    site_folders,
    spec_of,
    stale_among,
    stub_target,
)

MOST_FILES = 20000
MOST_BESIDE = 500
STARTERS = ("subprocess", "runpy", "pydoc", "multiprocessing.spawn", "pexpect", "sh", "pty",
            "torch.utils.cpp_extension")
STARTING_CALLS = ("system", "popen", "execv", "execve", "execvp", "execvpe", "execl", "execle", "execlp", "execlpe",
                  "spawnv", "spawnve", "spawnl", "spawnlp", "spawnvp", "posix_spawn", "posix_spawnp", "addsitedir")
BY_PATH = {"spec_from_file_location": 1, "SourceFileLoader": 1, "ExtensionFileLoader": 1, "run_path": 0,
           "load_library": 0, "dlopen": 0, "CDLL": 0, "PyDLL": 0, "LoadLibrary": 0}
"""Calls that load code from a file, and which argument names it."""

PICKLES = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "jsonpickle")
LOADING = ("load", "loads", "Unpickler", "open", "decode")
BY_REGISTRY = ("entry_points", "iter_entry_points", "resolve_name", "import_string", "get_class")
"""Calls that load code by a name that stands in no source: in a list of plugins, or in a file."""

OF_THE_USER = tuple(f"{whose}_{what}_{form}" for whose in ("user", "site")
                    for what in ("config", "data", "state", "cache") for form in ("dir", "path"))
"""Calls of platformdirs and appdirs."""

BY_NAME = ("import_module", "__import__", "find_spec")
RESOURCES = ("files", "get_data", "open_text", "open_binary", "read_text", "read_binary", "resource_filename",
             "resource_string", "resource_stream")
"""Functions of importlib.resources, pkgutil and pkg_resources whose first argument names a package."""

TEXT_CALLS = ("exec", "eval")                # as bare names: model.eval() of torch runs no text
SEARCH_PATHS = ("path", "meta_path", "path_hooks")
NO_DATA = ("/dev", "/proc", "/sys")
NO_FOLDER = (*NO_DATA, "/tmp", "/usr", "/etc", "/var", "/bin", "/lib", "/opt/conda")


class PartialAnswer:
    """What was found so far."""

    def __init__(self, stop_at: Iterable[str]) -> None:
        self.files: dict[str, str] = {}
        self.folders: list[str] = []
        self.installed: dict[str, str] = {}
        self.reasons: dict[tuple[str | None, str | None, str], None] = {}
        self.missing: list[str] = []
        self.stop_at = [os.path.realpath(folder) for folder in stop_at]
        self.known: set[str] = set()
        self.left: list[str] = []
        self.owners: Mapping[str, list[str]] | None = None
        self.bundled: str | None = None
        self.trees: dict[str, ast.AST] = {}

    def add(self, name: str, inside: bool = False, program: bool = False) -> None:
        """A module by its top-level name; of an installed distribution only the version, unless it is the program.

        What lies in ``stop_at`` is the bundled simulator where it is itself the program; imported by another, it is
        files of that one like any.
        """
        top = name.partition(".")[0]
        if top in self.known or not top or top in sys.builtin_module_names:
            return
        self.known.add(top)
        spec = spec_of(top)
        if spec is None:
            self.missing.append(top)
            return
        if spec.origin in ("built-in", "frozen") or (spec.origin and is_of_python(spec.origin)):
            return
        finder = FOUND_BY.get(top, "")
        if finder and not finder.startswith("__editable__"):
            self.unknown(f"is found by a finder of {finder}, which may take modules from anywhere", spec.origin or top)
        folders = list(spec.submodule_search_locations or ())
        places = folders or ([spec.origin] if spec.has_location and spec.origin else [])
        if program and any(map(self.is_known, places)):
            self.bundled = spec.origin
            return
        if not inside and places and all(is_installed(place) for place in places):
            version = self.version_of(top)
            if version:
                self.installed[top] = version
                self.described(top)
                return
        for folder in folders:
            self.folder(folder, os.path.dirname(folder))
        if not folders and spec.origin and spec.has_location:
            self.file(spec.origin, os.path.basename(spec.origin))

    def is_known(self, path: str) -> bool:
        """Whether a file or folder belongs to what needs no looking into."""
        return any(is_below(path, folder) for folder in self.stop_at)

    def version_of(self, top: str) -> str | None:
        """The version of the distribution that brought a module; None when there is none."""
        from importlib import metadata

        try:
            if self.owners is None:
                find = getattr(metadata, "packages_distributions", dict)
                self.owners = find()
            owners = self.owners.get(top) or [top]
            return ", ".join(f"{owner} {metadata.version(owner)}" for owner in owners)
        except Exception:
            return None

    def at_start(self) -> None:
        """What Python runs before any program: the files of site, and modules that change it."""
        for site in site_folders():
            for name in sorted(os.listdir(site)) if os.path.isdir(site) else ():
                if name.endswith(".pth"):
                    self.files.setdefault(name, os.path.join(site, name))
        self.before_python()
        for name in ("sitecustomize", "usercustomize"):
            spec = spec_of(name)
            if spec and spec.origin and spec.has_location:
                if is_installed(spec.origin) or is_of_python(spec.origin):
                    self.files.setdefault(name + ".py", spec.origin)
                else:
                    self.file(spec.origin, name + ".py")

    def before_python(self) -> None:
        """What is searched before Python's own modules and bears the name of one, which Python may import itself; and
        archives on the path, in which any module may lie."""
        own = getattr(sys, "stdlib_module_names", ())
        for entry in PATH:
            if os.path.isfile(entry) and not is_of_python(entry):
                self.files.setdefault(os.path.basename(entry), entry)
                self.unknown("is an archive, and what its modules import and read is not known", entry)
            elif os.path.isdir(entry) and is_of_python(os.path.join(entry, "os.py")):
                return
            elif os.path.isdir(entry) and not is_installed(entry):
                for name in sorted({name.partition(".")[0] for name in os.listdir(entry)}.intersection(own)):
                    self.add(name, True)

    def described(self, top: str) -> None:
        """The descriptions of the distributions that brought a module, and their lists of files with sums: another
        build of the same version has another. Files that were written since are taken in as they are."""
        from importlib import metadata

        for owner in (self.owners or {}).get(top) or [top]:
            place = str(getattr(metadata.distribution(owner), "_path", ""))
            for path in edited_since(os.path.join(place, "RECORD")):
                self.files.setdefault(os.path.relpath(path, os.path.dirname(place)), path)
            for name in ("METADATA", "PKG-INFO", "RECORD"):
                path = os.path.join(place, name)
                if place and os.path.isfile(path):
                    label = f"{owner} {metadata.version(owner)}"
                    self.files.setdefault(f"{label} {name}" if name == "RECORD" else label, path)

    def unknown(self, text: str, file: str | None = None, place: str | None = None) -> None:
        """More may belong to the program: because of what stands in a file, or lies in a folder."""
        if file and self.is_known(file):
            return
        self.reasons[(file, place, f"{os.path.basename(file)} {text}" if file else text)] = None

    def folder(self, folder: str, base: str) -> None:
        self.folders.append(folder)
        for path in files_below(folder):
            if len(self.files) < MOST_FILES:
                self.file(path, os.path.relpath(path, base).replace(os.sep, "/"))

    def file(self, path: str, label: str) -> None:
        if os.path.isfile(path):
            self.files.setdefault(label if self.files.get(label, path) == path else path, path)
            if path.endswith(".pyc"):
                self.unknown("is compiled, so that its imports cannot be read", path)
            elif path.endswith(".py") or label == os.path.basename(path):
                self.left.append(path)

    def follow(self) -> None:
        """Read what is left to read, everything that this imports, and then the files that all of it names."""
        while self.left:
            path = self.left.pop()
            for name in self.imports(path):
                self.add(name)

    def imports(self, path: str) -> Iterator[str]:
        """The absolute imports of a file's text. What starts other programs, or loads code by name, is noted."""
        try:
            with open(path, "rb") as stream:
                tree = ast.parse(stream.read())
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            self.unknown("cannot be read as Python", path)
            return
        if not self.is_known(path):
            self.trees[path] = tree
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            elif isinstance(node, ast.Call):
                names = self.by_name(node, path)
            for name in names:
                if name in STARTERS:
                    self.unknown(f"imports {name}", path)
                yield name
            if changes_search(node):
                self.unknown("uses the path that modules are searched on", path)

    def by_name(self, node: ast.Call, path: str) -> list[str]:
        """The modules that a call names in its text; what cannot be told from the text is noted."""
        word = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        if word in STARTING_CALLS or getattr(node.func, "id", None) in TEXT_CALLS:
            self.unknown(f"calls {word}", path)
        owner = getattr(getattr(node.func, "value", None), "id", None)
        if word in BY_REGISTRY or word in OF_THE_USER:
            self.unknown(f"calls {word}, and what that gives stands in no source", path)
        if owner in PICKLES and word in LOADING:
            self.unknown(f"calls {owner}.{word}, which loads code that a file names", path)
        if word not in BY_NAME and word not in RESOURCES:
            return []
        said = beginning(node.args[0]) if node.args else ""
        if said.startswith("."):
            return []  # of its own package
        whole = node.args and isinstance(node.args[0], ast.Constant)
        if "." in said or (whole and said):
            return [said]
        if word in BY_NAME and word != "find_spec":
            self.unknown(f"calls {word} with a name that is made when it runs", path)
        return []

    # --- files that are named by their paths ---

    def look_for_paths(self, cwd: str | None) -> None:
        """Take in the files that the program's sources name by path."""
        shared: dict[str, tuple[str, bool]] = {}
        modules = {os.path.basename(folder): os.path.join(folder, "__init__.py") for folder in self.folders}
        modules.update((os.path.basename(path)[:-3], path) for path in self.trees)
        found = {path: NamedPaths(tree, path, cwd, shared, modules) for path, tree in self.trees.items()}
        for path, named in found.items():
            for text, whole in named.uses():
                if text.startswith(ABOVE):
                    self.unknown("goes up from its own place in a way that is not followed", path)
                    continue
                self.named(path, os.path.realpath(text), whole)
            for node in ast.walk(self.trees[path]):
                if isinstance(node, ast.Call):
                    self.loads(node, path, named)

    def named(self, source: str, path: str, whole: bool) -> None:
        """A path that a source names: a file is taken in, and a small folder; of another it is told."""
        tops = [os.path.realpath(folder) for folder in self.folders]
        if any(is_below(path, top) for top in tops) or is_of_python(path) or is_installed(path):
            return
        if whole and os.path.isfile(path):
            if not any(is_below(path, place) for place in NO_DATA) and not in_cache(path):
                self.beside(path)
            return
        while not os.path.isdir(path):
            path = os.path.dirname(path)
            if whole:
                return  # not there
        homes = [os.path.dirname(top) for top in tops] + [os.path.dirname(os.path.realpath(source))]
        near = any(is_below(path, project_of(home)) for home in homes)
        if not near and (path == os.sep or any(is_below(path, place) for place in (*NO_FOLDER, *caches()))):
            return
        above = any(is_below(home, path) for home in homes) or os.path.exists(os.path.join(path, ".git"))
        inside = [] if above else list(itertools.islice(files_below(path), MOST_BESIDE + 1))
        if above or len(inside) > MOST_BESIDE:
            self.unknown(f"names the folder {path}, and not all that is read there is known", source, path)
        for name in inside[:MOST_BESIDE]:
            self.beside(name)

    def beside(self, path: str) -> None:
        base = os.path.dirname(os.path.realpath(self.folders[0])) if self.folders else ""
        label = os.path.relpath(path, base).replace(os.sep, "/") if base else path
        if path not in map(os.path.realpath, self.files.values()):
            self.file(path, label if label.count("../") < 4 else path)

    def loads(self, node: ast.Call, source: str, named: NamedPaths) -> None:
        """A call that loads code from a file: the file is known, or it is told that it is not."""
        word = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        if word not in BY_PATH or not node.args:
            return
        argument = (node.args[BY_PATH[word]:] or node.args[-1:])[0]
        if isinstance(argument, ast.Constant) and argument.value is None:
            return  # the program itself
        found = named.value_of(argument)
        if isinstance(argument, ast.Call) and getattr(argument.func, "attr", getattr(argument.func, "id", "")) == \
                "find_library" and argument.args:
            name = named.value_of(argument.args[0])
            found = (f"lib{name[0]}.so", name[1]) if name else None
        if found and found[1] and os.sep not in found[0]:
            for place in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep):
                if place and os.path.isfile(os.path.join(place, found[0])):
                    self.beside(os.path.realpath(os.path.join(place, found[0])))
        elif not found or not found[1] or not os.path.isabs(found[0]):
            self.unknown(f"calls {word} with a path that is made when it runs", source)


def caches() -> list[str]:
    """Folders in which programs keep what they could make again: what lies there changes as they run."""
    import tempfile

    home = os.path.expanduser("~")
    return [os.path.realpath(place) for place in (os.environ.get("XDG_CACHE_HOME"), os.path.join(home, ".cache"),
                                                  tempfile.gettempdir()) if place]


def beginning(node: ast.AST) -> str:
    """The text that an expression begins with, as far as it stands there."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return beginning(node.values[0]) if node.values else ""
    return beginning(node.left) if isinstance(node, ast.BinOp) else ""


def changes_search(node: ast.AST) -> bool:
    """Whether a node of a syntax tree is sys.path, or another thing that decides where modules are found."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "sys" and any(alias.name in SEARCH_PATHS for alias in node.names)
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "sys" and node.attr in SEARCH_PATHS
    return isinstance(node, ast.Name) and node.id == "__path__"


def sources_of(made: PartialAnswer) -> list[str]:
    """The Python sources whose compiled files count; of the bundled simulator those of its folder."""
    if made.bundled:
        bundled, made = made.bundled, PartialAnswer([])
        made.folder(os.path.dirname(bundled), "/")
    return [path for path in made.files.values() if path.endswith(".py")]


def main(question: str, search: list[str]) -> None:
    """Answer {"module": NAME or "", "script": PATH or "", "cwd": folder or null, "stop_at": folders that are known,
    "compiled": the sum of compiled files that are known to be of their sources, where there is one}.

    ``search`` is sys.path as the program gets it.
    """
    asked = json.loads(question)
    PATH[:] = search
    made = PartialAnswer(asked["stop_at"])
    entry = asked["module"]
    if asked["script"]:
        if not getattr(sys.flags, "safe_path", False):
            PATH[0] = os.path.dirname(asked["script"])
        made.file(asked["script"], os.path.basename(asked["script"]))
        entry = script_target(asked["script"]) or stub_target(asked["script"])
    if entry:
        made.add(entry, True, program=bool(asked["module"]))
    made.at_start()
    if made.bundled is None:
        made.follow()
        made.look_for_paths(asked["cwd"])
        made.follow()
    places = [os.path.dirname(path) for path in made.folders] + [os.path.dirname(path) for path in made.files.values()]
    local = [place for place in places if not is_installed(place)]
    stale, compiled = stale_among(sources_of(made), asked.get("compiled"))
    print(json.dumps({
        "entry": entry or None, "bundled": made.bundled, "files": made.files, "folders": made.folders,
        "installed": made.installed, "reasons": sorted(made.reasons, key=str), "missing": made.missing,
        "stale": stale, "compiled": compiled,
        "too_many": len(made.files) >= MOST_FILES, "python": sys.version.split()[0], "program": sys.executable,
        "editable": editable_by(local) if local else None}))
