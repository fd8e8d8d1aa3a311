"""The files that a Python source names: by ``__file__``, by a path in its text, or by both. Nothing of it is run.

It stands alone, as ask_python.py does, and is run with that by whatever Python is asked. What is followed: names that
a path was assigned to, in this file or in another of the same program, ``pathlib``, ``os.path``, text put together,
the user's home, the folder of temporary files, and variables, as the program gets them.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Value = tuple[str, bool]  # the text of a path, and whether it is known to its end

AS_IT_IS = ("Path", "PurePath", "PosixPath", "str", "fspath", "abspath", "normpath", "as_posix", "absolute", "fsencode",
            "fsdecode")
REAL = ("resolve", "realpath")
ABOVE = os.path.join(os.sep, "somewhere above")
"""The beginning of a path that lies above a file of the program, it is not known how far."""

PARTS = ("split", "rsplit", "partition", "rpartition", "splitext", "replace", "strip", "rstrip", "removesuffix")
"""Methods that give a part of a text, or a changed one."""

OPENING = ("open", "Path", "load", "loadtxt", "genfromtxt", "fromfile", "memmap", "read_csv", "File", "imread", "CDLL",
           "PyDLL", "LoadLibrary", "dlopen", "load_library", "listdir", "glob", "iglob", "scandir", "walk", "safe_open",
           "load_file", "read_text", "read_bytes", "join", "input", "FileInput", "read", "connect", "ZipFile",
           "TarFile", "read_table", "read_excel", "read_parquet", "read_json", "read_hdf", "Dataset", "getline",
           "getlines")
WRITING = ("write_text", "write_bytes", "mkdir", "makedirs", "touch", "unlink", "remove", "rmtree", "FileHandler",
           "RotatingFileHandler", "TimedRotatingFileHandler", "WatchedFileHandler", "basicConfig",
           "save", "savez", "savez_compressed", "savetxt", "tofile", "to_csv", "savefig", "imsave",
           "TemporaryDirectory", "mkdtemp", "mkstemp", "is_relative_to", "relative_to", "relpath", "dump")
ROUNDS = 3


class NamedPaths:
    """The paths by name in one source. ``shared`` are those that other sources of the program gave names to."""

    def __init__(self, tree: ast.AST, file: str, cwd: str | None, shared: dict[str, Value],
                 modules: Mapping[str, str] | None = None) -> None:
        self.tree, self.cwd, self.shared, self.modules = tree, cwd, shared, modules or {}
        self.names: dict[str, Value] = {"__file__": (os.path.abspath(file), True)}
        self.imported = {(alias.asname or alias.name): alias.name.rpartition(".")[2] for node in ast.walk(tree)
                         if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
        for _ in range(ROUNDS):
            known = dict(self.names)
            for node in ast.walk(tree):
                for target, value in assignments(node):
                    self.assign(target, self.value_of(value))
            if self.names == known:
                break
        shared.update((name, value) for name, value in self.names.items() if name != "__file__")

    def assign(self, name: str, value: Value | None) -> None:
        if value and os.path.isabs(value[0]):
            before = self.names.get(name, value)
            self.names[name] = value if before == value else (os.path.commonpath([value[0], before[0]]), False)

    def uses(self) -> Iterator[Value]:
        """(path, whole) of every use of a path; ``whole`` False where only its beginning is known."""
        yield from self.below(self.tree)

    def below(self, node: ast.AST) -> Iterator[Value]:
        """The paths used below a node: each expression as a whole, and not the parts that it is made of."""
        assigned = [value for _, value in assignments(node)]
        for field in ast.iter_child_nodes(node):
            if isinstance(field, ast.keyword) and writes(node, field.value):
                continue
            stored = isinstance(getattr(field, "ctx", None), (ast.Store, ast.Del))
            found = self.value_of(field) if isinstance(field, ast.expr) and not stored else None
            found = self.placed(found, node, field) if found else None
            if found is None:
                yield from self.below(field)
            elif not any(field is value for value in assigned) and not writes(node, field):
                yield found

    def placed(self, found: Value, node: ast.AST, field: ast.AST) -> Value | None:
        """The path as an absolute one; None for a text that is no path."""
        given = isinstance(node, (ast.Call, ast.keyword, ast.List, ast.Tuple)) and field is not getattr(
            node, "func", None)
        if not os.path.isabs(found[0]):
            opened = isinstance(node, ast.Call) and given and word_of(node.func) in OPENING
            path = os.path.join(self.cwd or "", found[0])
            there = os.path.exists(path) if opened else os.path.isfile(path)
            begun = os.sep in found[0] and not found[1] and os.path.isdir(os.path.dirname(path))
            return (path, found[1]) if self.cwd and given and (there or begun) else None
        if isinstance(field, ast.Constant) and not given and not os.path.isfile(found[0]):
            return None
        return found

    def value_of(self, node: ast.AST | None) -> Value | None:
        """(text, whole) of an expression; None where not even its beginning is known."""
        of = self.value_of
        if isinstance(node, ast.Constant):
            return (node.value, True) if isinstance(node.value, str) and "\0" not in node.value else None
        if isinstance(node, ast.Name):
            return self.names.get(node.id) or self.shared.get(self.imported.get(node.id, ""))
        if isinstance(node, ast.Attribute):
            base = getattr(node.value, "id", "")
            if node.attr == "parent":
                return up(of(node.value))
            if base in ("self", "cls"):
                return self.names.get(node.attr)
            if node.attr in ("__file__", "origin"):
                return self.names["__file__"] if base == "__spec__" else self.of_module(node.value)
            return self.shared.get(node.attr) if base in self.imported else None
        if isinstance(node, ast.Subscript):
            return self.of_parents(node)
        if isinstance(node, ast.BinOp):
            return self.of_operation(node)
        if isinstance(node, ast.JoinedStr):
            return added([of(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values])
        return self.of_call(node) if isinstance(node, ast.Call) else None

    def of_parents(self, node: ast.Subscript) -> Value | None:
        index = node.slice
        while not isinstance(index, (int, str)) and hasattr(index, "value"):  # 3.8 wraps it once more
            index = index.value
        if word_of(node.value) == "environ":
            return of_variable(index)
        if word_of(node.value) == "argv" and isinstance(index, int) and index == 0:
            return self.names["__file__"]  # in the folder of the program, as this is
        if isinstance(node.value, ast.Call) and word_of(node.value.func) in PARTS:
            base = self.value_of(node.value.func.value) if isinstance(node.value.func, ast.Attribute) else None
            return (ABOVE, False) if base and os.path.isabs(base[0]) else None
        if not isinstance(node.value, ast.Attribute) or node.value.attr != "parents":
            return None
        base = self.value_of(node.value.value)
        return up(base, index + 1) if isinstance(index, int) and index >= 0 else (ABOVE, False) if base else None

    def of_module(self, node: ast.AST) -> Value | None:
        """The file of a module of the program; ``import a.b`` names one in the package a."""
        name = node
        while isinstance(name, ast.Attribute):
            name = name.value
        found = self.modules.get(self.imported.get(getattr(name, "id", ""), getattr(name, "id", "")))
        return (found, True) if found else None

    def of_operation(self, node: ast.BinOp) -> Value | None:
        left, right = self.value_of(node.left), self.value_of(node.right)
        if isinstance(node.op, ast.Div):
            return joined([left, right])
        if isinstance(node.op, ast.Mod):
            return (left[0].partition("%")[0], False) if left else None
        return added([left, right]) if isinstance(node.op, ast.Add) else None

    def of_call(self, node: ast.Call) -> Value | None:
        of, word, inner = self.value_of, word_of(node.func), getattr(node.func, "value", None)
        method = inner is not None and not isinstance(inner, ast.Constant)
        args = [of(arg) for arg in node.args]
        if word in AS_IT_IS or word in REAL:
            found = joined(args) if args else of(inner) if method else None
            real = found and word in REAL and os.path.isabs(found[0])
            return (os.path.realpath(found[0]), found[1]) if found and real else found
        if word == "dirname" and args:
            return up(args[0])
        if word == "join" and method and args:
            return joined(args)
        if (word == "home" and not args) or word == "expanduser":
            found = joined(args) if args else of(inner) if word == "expanduser" and method else ("~", True)
            return (os.path.expanduser(found[0]), found[1]) if found else None
        if word in ("getfile", "getsourcefile", "getabsfile"):
            return self.names["__file__"]
        if word == "gettempdir":
            import tempfile

            return tempfile.gettempdir(), True
        if args and (word == "getenv" or (word == "get" and inner is not None and word_of(inner) == "environ")):
            return of_variable(args[0][0] if args[0] else None) or (args[1] if len(args) > 1 else None)
        if word == "joinpath" and method:
            return joined([of(inner), *args])
        if word in ("with_name", "with_suffix", "with_stem") and method:
            found = up(of(inner))
            return (found[0], False) if found else None
        return None


def of_variable(name: object) -> Value | None:
    """The value of a variable of the environment, which is asked in that of the program."""
    found = os.environ.get(name) if isinstance(name, str) else None
    return (found, True) if found else None


def assignments(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The (name, value) pairs that a node assigns."""
    targets = node.targets if isinstance(node, ast.Assign) else \
        [node.target] if isinstance(node, (ast.AnnAssign, ast.NamedExpr)) else []
    for target in targets:
        name = getattr(target, "id", None) or getattr(target, "attr", None)
        value = getattr(node, "value", None)
        if name and value is not None:
            yield name, value


def writes(node: ast.AST, field: ast.AST) -> bool:
    """Whether a path is written to where it is used, or only looked at, as far as that can be seen."""
    if isinstance(node, ast.Attribute):
        return node.attr in WRITING
    if not isinstance(node, ast.Call) or field is node.func:
        return False
    mode = next((arg.value for arg in (*node.args[1:2], *(word.value for word in node.keywords if word.arg == "mode"))
                 if isinstance(arg, ast.Constant) and isinstance(arg.value, str)), "")
    return word_of(node.func) in WRITING or (word_of(node.func) == "open" and bool(set(mode) & set("wax+")))


def word_of(func: ast.AST) -> str | None:
    """The last name of an expression: what is called, or looked into."""
    return getattr(func, "attr", None) or getattr(func, "id", None)


def up(value: Value | None, times: int = 1) -> Value | None:
    """The folder above; nothing is known of it where the path's end is not."""
    if value is None or not os.path.isabs(value[0]):
        return None
    text = value[0]
    for _ in range(times if value[1] else times - 1):
        text = os.path.dirname(text)
    return text, value[1]


def joined(values: Sequence[Value | None]) -> Value | None:
    """Parts of a path, put together as far as they are known."""
    text = ""
    for at, value in enumerate(values):
        if value is None:
            return (os.path.join(text, ""), False) if at else None
        text = os.path.normpath(os.path.join(text, value[0])) if text or value[0] else ""
        if not value[1]:
            return text, False
    return text, True


def added(values: Sequence[Value | None]) -> Value | None:
    """Texts, put together as far as they are known."""
    text = ""
    for value in values:
        if value is None:
            return (text, False) if text else None
        text += value[0]
        if not value[1]:
            return text, False
    return (os.path.normpath(text) if os.path.isabs(text) else text), True
