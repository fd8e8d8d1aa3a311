"""Where a Python finds modules, and what is installed in it: asked by ask_python.py, in whatever Python runs a program.

It stands alone, and imports nothing but what Python itself brings. Nothing of the program is run. It is asked anew in
every run, so that what only some programs need is imported where it is needed.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import marshal
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder

SKIPPED = ("__pycache__", "node_modules", ".git", ".hg", ".svn", ".tox", ".nox", ".mypy_cache", ".ruff_cache",
           ".pytest_cache", ".ipynb_checkpoints", ".idea", ".vscode", ".hypothesis", ".eggs")
BESIDE = (".md", ".rst", ".orig", ".rej", ".bak", ".swp", ".swo", ".swn", ".log", ".tmp", ".pid", ".lock")
"""Ends of names of what editors and people leave beside code and data; where a program opens one, that is seen."""

FOUND_BY: dict[str, str] = {}
"""Modules that no finder of Python itself found, with the module of the finder that did."""

PATH = list(sys.path)
"""Where the program's modules are searched; the search for our own goes first through those of Python itself."""


def files_below(folder: str) -> Iterator[str]:
    """Every file below a folder, through links too, without caches and what editors leave; each folder once."""
    seen = set()
    for place, inner, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(place))
        inner[:] = sorted(name for name in inner if name not in SKIPPED
                          and os.path.realpath(os.path.join(place, name)) not in seen
                          and not os.path.exists(os.path.join(place, name, "pyvenv.cfg")))
        for name in sorted(names):
            if not lies_beside(name) and os.path.isfile(os.path.join(place, name)):
                yield os.path.join(place, name)


def in_cache(path: str) -> bool:
    """Whether a file lies in a folder that is called a cache, in its project where it lies in one: there a program
    keeps what it could make again."""
    folder = os.path.dirname(path)
    folders = folder[len(top_of(folder) or ""):].lower().split(os.sep)
    return any("cache" in name or name.startswith("torchinductor_") for name in folders)


def lies_beside(name: str) -> bool:
    """Whether a file of this name is what an editor or a person leaves beside code and data."""
    return os.path.splitext(name)[1] in BESIDE or name.endswith("~") or name.startswith((".#", "#")) or \
        name == ".DS_Store"


def project_of(folder: str) -> str:
    """The folder of the project in which a folder lies; else itself."""
    return top_of(folder) or folder


def top_of(folder: str) -> str | None:
    """The folder of the project in which a folder lies, by what stands at the top of one."""
    place = folder
    while place != os.path.dirname(place):
        if any(os.path.exists(os.path.join(place, name)) for name in (".git", "pyproject.toml", "setup.py", ".hg")):
            return place
        place = os.path.dirname(place)
    return None


def spec_of(name: str) -> ModuleSpec | None:
    """What Python would find under a top-level name, where the program's modules are searched."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        try:
            spec: ModuleSpec | None = find(name, PATH if finder is PathFinder else None) if find else None
        except Exception:  # a finder of the user's
            spec = None
        if spec is not None:
            if finder not in (BuiltinImporter, FrozenImporter, PathFinder):
                FOUND_BY[name] = getattr(finder, "__module__", "") or type(finder).__module__
            return spec
    return None


def is_of_python(path: str) -> bool:
    """Whether a file belongs to Python itself."""
    return not is_installed(path) and any(is_below(path, home) for home in homes_of_python())


@lru_cache(maxsize=None)  # noqa: UP033 - a Python 3.8 may be asked
def homes_of_python() -> list[str]:
    homes = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")} | {os.path.dirname(os.__file__)}
    return [os.path.realpath(home) for home in homes if home]


def stale_bytecode(path: str) -> str | None:
    """The compiled file that Python would run in place of a source, where it is not what that source compiles to.

    Python goes by the second and the size of the source, or by nothing at all (PEP 552, unchecked). A copy that keeps
    the times, or an edit of one digit in the same second, therefore runs the old text.
    """
    found = _run_in_place_of(path)
    return found[0] if found and _is_stale(path, *found[1:]) else None


def stale_among(paths: Iterable[str], known: str | None) -> tuple[list[str], str]:
    """The compiled files as above of many sources, and one sum of all that this goes by: this Python, the bytes of
    both, read once. Where the sum is ``known``, none of them was stale, and nothing is compiled."""
    import hashlib

    read = {path: found for path, found in ((path, _run_in_place_of(path)) for path in paths) if found}
    digest = hashlib.sha256(repr((sys.version, sys.flags)).encode())
    for path, (cached, stored, text) in read.items():
        digest.update(repr((path, cached, len(stored), len(text))).encode(errors="surrogatepass") + stored + text)
    if digest.hexdigest() == known:
        return [], known
    return [found[0] for path, found in read.items() if _is_stale(path, *found[1:])], digest.hexdigest()


def _run_in_place_of(path: str) -> tuple[str, bytes, bytes] | None:
    """The compiled file that Python would run in place of a source as that is now, its bytes, and those of the source;
    None where it would compile the source."""
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
    except (OSError, ValueError, IndexError, NotImplementedError):
        return None
    return cached, stored, text


def _is_stale(path: str, stored: bytes, text: bytes) -> bool:
    try:
        return bool(marshal.loads(stored[16:]) != compile(text, path, "exec", dont_inherit=True))
    except (SyntaxError, ValueError, EOFError, TypeError, RecursionError):
        return False  # Python will say so itself


def is_below(path: str, folder: str) -> bool:
    path = os.path.realpath(path)
    return path == folder or path.startswith(folder + os.sep)


@lru_cache(maxsize=None)  # noqa: UP033 - a Python 3.8 may be asked
def site_folders() -> list[str]:
    named = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    return [os.path.realpath(path) for path in named if path]


def is_installed(path: str) -> bool:
    """Whether a file lies where distributions are installed."""
    parts = os.path.realpath(path).split(os.sep)
    return "site-packages" in parts or "dist-packages" in parts or any(is_below(path, f) for f in site_folders())


def script_target(script: str) -> str | None:
    """The module that a console script starts; None where it is no such script."""
    name = os.path.basename(script)
    try:
        if not may_be_installed(name):
            return None  # all distributions would be taken apart, which takes longer than all else
        from importlib import metadata

        points = metadata.entry_points()
        chosen = points.select(group="console_scripts") if hasattr(points, "select") else points["console_scripts"]
        return next((point.value.partition(":")[0] for point in chosen if point.name == name), None)
    except Exception:
        return None


def may_be_installed(name: str) -> bool:
    """Whether a distribution may have brought a script of this name: where the list of what one starts holds the name,
    and where there are distributions that are no folders of that kind."""
    if any(hasattr(finder, "find_distributions") and finder is not PathFinder for finder in sys.meta_path):
        return True
    for entry in map(os.path.realpath, sys.path):
        if os.path.isfile(entry) or entry.lower().endswith(".egg"):
            return True
        try:
            inside = [found for found in os.listdir(entry)
                      if found.lower().endswith((".dist-info", ".egg-info", ".egg"))]
        except OSError:
            continue
        for found in inside:
            if found.lower().endswith(".egg"):
                return True
            try:
                with open(os.path.join(entry, found, "entry_points.txt"), encoding="utf-8", errors="replace") as stream:
                    if name in stream.read():
                        return True
            except OSError:
                continue
    return False


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


def edited_since(record: str) -> Iterator[str]:
    """The sources and libraries of an installed distribution that were written after its list of files was, and whose
    size or bytes are not what that says: somebody changed them where they are installed."""
    import csv

    try:
        written = os.stat(record).st_mtime
        with open(record, encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.reader(stream) if len(row) == 3 and row[0].endswith((".py", ".so", ".pyd"))]
    except (OSError, ValueError, csv.Error):
        return
    site = os.path.dirname(os.path.dirname(record))
    for name, digest, size in rows:
        path = os.path.join(site, name)
        try:
            found = os.stat(path)
        except OSError:
            continue
        other = found.st_mtime > written + 2 or (size.isdigit() and int(size) != found.st_size)
        if other and digest.startswith("sha256=") and _digest_of(path) != digest[len("sha256="):]:
            yield path


def _digest_of(path: str) -> str:
    """As a wheel writes it."""
    import base64
    import hashlib

    with open(path, "rb") as stream:
        found = hashlib.sha256(stream.read()).digest()
    return base64.urlsafe_b64encode(found).decode().rstrip("=")


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
