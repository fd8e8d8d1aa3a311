"""What a Python program is made of, asked of the interpreter that runs it. This file's text is run there with -c.

It stands alone, imports nothing of the program, and goes by what ``importlib`` would find: the module's package or the
script, and every module that these import, as their text says, and that no distribution installed. Prints one line of
JSON. Its argument is {"module": NAME or "", "script": PATH or "", "stop_at": folders whose contents are known}.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import marshal
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata

MOST_FILES = 20000
STARTERS = ("subprocess", "runpy", "ctypes", "cffi", "multiprocessing.spawn", "pexpect", "sh", "pty",
            "torch.utils.cpp_extension")
STARTING_CALLS = ("system", "popen", "execv", "execve", "execvp", "execvpe", "execl", "execle", "execlp", "execlpe",
                  "spawnv", "spawnve", "spawnl", "spawnlp", "spawnvp", "posix_spawn", "posix_spawnp", "import_module",
                  "__import__", "spec_from_file_location", "exec_module", "load_module", "run_path", "addsitedir",
                  "load_library", "dlopen")
TEXT_CALLS = ("exec", "eval")                # as bare names: model.eval() of torch runs no text
SEARCH_PATHS = ("path", "meta_path", "path_hooks")
SKIPPED = ("__pycache__", "node_modules")


class Made:
    """What was found so far."""

    def __init__(self, stop_at: Iterable[str]) -> None:
        self.files: dict[str, str] = {}
        self.folders: list[str] = []
        self.installed: dict[str, str] = {}
        self.starts: list[str] = []
        self.missing: list[str] = []
        self.stop_at = [os.path.realpath(folder) for folder in stop_at]
        self.known: set[str] = set()
        self.left: list[str] = []
        self.owners: Mapping[str, list[str]] | None = None
        self.bundled: str | None = None

    def add(self, name: str, inside: bool = False) -> None:
        """A module by its top-level name; of an installed distribution only the version, unless it is the program."""
        top = name.partition(".")[0]
        if top in self.known or top in sys.builtin_module_names or top in getattr(sys, "stdlib_module_names", ()):
            return
        self.known.add(top)
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError, AttributeError):
            spec = None
        if spec is None:
            self.missing.append(top)
            return
        folders = list(spec.submodule_search_locations or ())
        places = folders or ([spec.origin] if spec.has_location and spec.origin else [])
        if any(is_below(place, folder) for place in places for folder in self.stop_at):
            self.bundled = spec.origin
            return
        if not inside and places and all(is_installed(place) for place in places):
            version = self.version_of(top)
            if version:
                self.installed[top] = version
                return
        for folder in folders:
            self.folder(folder, os.path.dirname(folder))
        if not folders and spec.origin and spec.has_location:
            self.file(spec.origin, os.path.basename(spec.origin))

    def version_of(self, top: str) -> str | None:
        """The version of the distribution that brought a module; None when there is none."""
        try:
            if self.owners is None:
                find = getattr(metadata, "packages_distributions", dict)
                self.owners = find()
            owners = self.owners.get(top) or [top]
            return ", ".join(f"{owner} {metadata.version(owner)}" for owner in owners)
        except Exception:
            return None

    def folder(self, folder: str, base: str) -> None:
        self.folders.append(folder)
        for place, inner, names in os.walk(folder):
            inner[:] = sorted(name for name in inner if name not in SKIPPED and not name.startswith("."))
            for name in sorted(names):
                if len(self.files) < MOST_FILES:
                    path = os.path.join(place, name)
                    self.file(path, os.path.relpath(path, base).replace(os.sep, "/"))

    def file(self, path: str, label: str) -> None:
        if os.path.isfile(path):
            self.files.setdefault(label if self.files.get(label, path) == path else path, path)
            if path.endswith(".pyc"):
                self.starts.append(f"{os.path.basename(path)} is compiled, so that its imports cannot be read")
            elif path.endswith(".py") or label == os.path.basename(path):
                self.left.append(path)

    def follow(self) -> None:
        """Read what is left to read, and everything that this imports."""
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
            return
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            for name in names:
                if name in STARTERS:
                    self.starts.append(f"{os.path.basename(path)} imports {name}")
                yield name
            called = node.func if isinstance(node, ast.Call) else None
            word = getattr(called, "attr", None) or getattr(called, "id", None)
            if word in STARTING_CALLS or getattr(called, "id", None) in TEXT_CALLS:
                self.starts.append(f"{os.path.basename(path)} calls {word}")
            if changes_search(node):
                self.starts.append(f"{os.path.basename(path)} uses the path that modules are searched on")


def changes_search(node: ast.AST) -> bool:
    """Whether a node of a syntax tree is sys.path, or another thing that decides where modules are found."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "sys" and any(alias.name in SEARCH_PATHS for alias in node.names)
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == "sys" and node.attr in SEARCH_PATHS
    return isinstance(node, ast.Name) and node.id == "__path__"


def stale_bytecode(path: str) -> str | None:
    """The compiled file that Python would run in place of a source, where it is not what that source compiles to.

    Python goes by the second and the size of the source, or by nothing at all (PEP 552, unchecked). A copy that keeps
    the times, or an edit of one digit in the same second, therefore runs the old text.
    """
    try:
        cached = importlib.util.cache_from_source(path)
        with open(cached, "rb") as stream:
            stored = stream.read()
        with open(path, "rb") as stream:
            text = stream.read()
        if stored[:4] != importlib.util.MAGIC_NUMBER:
            return None
        if not stored[4] & 1:
            found = os.stat(path)
            now = [int(number) & 0xFFFFFFFF for number in (found.st_mtime, found.st_size)]
            if [int.from_bytes(stored[at:at + 4], "little") for at in (8, 12)] != now:
                return None
        same = marshal.loads(stored[16:]) == compile(text, path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, NotImplementedError, RecursionError):
        return None
    return None if same else cached


def sources_of(made: Made) -> list[str]:
    """The Python sources whose compiled files count; of the bundled simulator those of its folder."""
    if made.bundled:
        bundled, made = made.bundled, Made([])
        made.folder(os.path.dirname(bundled), "/")
    return [path for path in made.files.values() if path.endswith(".py")]


def is_below(path: str, folder: str) -> bool:
    path = os.path.realpath(path)
    return path == folder or path.startswith(folder + os.sep)


def site_folders() -> list[str]:
    named = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    return [os.path.realpath(path) for path in named if path]


def is_installed(path: str) -> bool:
    """Whether a file lies where distributions are installed."""
    parts = os.path.realpath(path).split(os.sep)
    return "site-packages" in parts or "dist-packages" in parts or any(is_below(path, f) for f in site_folders())


def script_target(script: str) -> str | None:
    """The module that a console script starts; None where it is no such script."""
    try:
        points = metadata.entry_points()
        chosen = points.select(group="console_scripts") if hasattr(points, "select") else points["console_scripts"]
        return next((point.value.partition(":")[0] for point in chosen if point.name == os.path.basename(script)), None)
    except Exception:
        return None


def stub_target(script: str) -> str | None:
    """The module that a stub imports its main from, where a script is one: few lines, and ``sys.exit(main())``."""
    try:
        with open(script, "rb") as stream:
            text = stream.read(4000)
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return None
    found = [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return found[-1] if found and b"sys.exit(" in text and text.count(b"\n") <= 15 else None


def editable_by(folders: Iterable[str]) -> str | None:
    """The file that puts a folder on the path of this interpreter: a .pth, as an editable install leaves one."""
    for site in site_folders():
        for name in sorted(os.listdir(site)) if os.path.isdir(site) else ():
            if not name.endswith((".pth", "direct_url.json")) and not name.endswith(".dist-info"):
                continue
            path = os.path.join(site, name, "direct_url.json") if name.endswith(".dist-info") else \
                os.path.join(site, name)
            try:
                with open(path, encoding="utf-8", errors="replace") as stream:
                    text = stream.read(100000)
            except OSError:
                continue
            if name.endswith(".dist-info"):
                origin = url_folder(text) if '"editable": true' in text else None
                if origin and any(is_below(folder, origin) for folder in folders):
                    return os.path.basename(os.path.dirname(path)) + " from " + origin
            elif any(line.strip() and os.path.isdir(line.strip()) and is_below(folder, os.path.realpath(line.strip()))
                     for line in text.splitlines() for folder in folders):
                return path
    return None


def url_folder(text: str) -> str | None:
    try:
        url = json.loads(text)["url"]
        return os.path.realpath(url[len("file://"):]) if url.startswith("file://") else None
    except (ValueError, KeyError):
        return None


def main() -> None:
    asked = json.loads(sys.argv[1])
    made = Made(asked["stop_at"])
    entry = asked["module"]
    if asked["script"]:
        if not getattr(sys.flags, "safe_path", False):
            sys.path[0] = os.path.dirname(asked["script"])
        made.file(asked["script"], os.path.basename(asked["script"]))
        entry = script_target(asked["script"]) or stub_target(asked["script"])
    if entry:
        made.add(entry, True)
    for name in ("sitecustomize", "usercustomize"):
        spec = importlib.util.find_spec(name)
        if spec and spec.origin and spec.has_location and not is_installed(spec.origin) and \
                not is_below(spec.origin, os.path.realpath(sysconfig.get_path("stdlib"))):
            made.file(spec.origin, name + ".py")
    if made.bundled is None:
        made.follow()
    places = [os.path.dirname(path) for path in made.folders] + [os.path.dirname(path) for path in made.files.values()]
    local = [place for place in places if not is_installed(place)]
    print(json.dumps({
        "entry": entry or None, "bundled": made.bundled, "files": made.files, "folders": made.folders,
        "installed": made.installed, "starts": sorted(set(made.starts)), "missing": made.missing,
        "stale": [found for found in map(stale_bytecode, sources_of(made)) if found],
        "too_many": len(made.files) >= MOST_FILES, "python": sys.version.split()[0], "program": sys.executable,
        "editable": editable_by(local) if local else None}))


if __name__ == "__main__":
    main()
