"""The mutants: every change of one operator, number or branch that cosmic-ray's operators can make in a file.

Left out are changes that nothing can notice, as nothing reads what they change: annotations, and what only a type
checker looks at.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LISTED = CHECKOUT / "build" / "mutants" / "mutants.json"
ROOMS = ("compare", "case", "verdict", "bundle", "plan", "parsers")
PARSERS = ("case/arguments/command.py", "case/arguments/options.py", "case/reading/strict_yaml.py", "case/from_text.py",
           "case/from_arguments.py", "bundle/strict_json.py", "formats")
"""What reads text or files of strangers, a room of its own here; a folder stands for all its modules."""


@dataclass(frozen=True)
class Mutant:
    """One change: the operator's n-th place in a module."""

    room: str
    path: str
    operator: str
    occurrence: int
    line: int

    @property
    def key(self) -> str:
        return f"{self.path}:{self.operator.removeprefix('core/')}:{self.occurrence}"

    def text(self, checkout: Path = CHECKOUT) -> str:
        """The whole module of a checkout with the change in it."""
        before = (checkout / self.path).read_text(encoding="utf-8")
        return mutate_code(before, get_operator(self.operator)(), self.occurrence) or before

    @property
    def is_python(self) -> bool:
        """Whether the changed module can be compiled: an operator may take the star of a signature for a product, or
        fail at one itself (``except (*DAMAGED, OSError)``)."""
        try:
            ast.parse(self.text())
        except (SyntaxError, AttributeError):
            return False
        return True

    def diff(self) -> str:
        """The lines that are taken away and put in."""
        before = (CHECKOUT / self.path).read_text(encoding="utf-8").splitlines()
        return "\n".join(list(difflib.unified_diff(before, self.text().splitlines(), n=0, lineterm=""))[3:])


def modules_of(room: str) -> list[Path]:
    """The modules of a room; those of the parsers stand in no other."""
    home = CHECKOUT / "nbcompare"
    parsers = [path for name in PARSERS for path in ((home / name).rglob("*.py") if (home / name).is_dir()
                                                     else [home / name])]
    return sorted(parsers if room == "parsers" else set((home / room).rglob("*.py")) - set(parsers))


def mutants_of(room: str) -> Iterator[Mutant]:
    """Every mutant of a room, in the order of its modules."""
    listed: dict[str, list[list[Any]]] = json.loads(LISTED.read_text(encoding="utf-8")) if LISTED.is_file() else {}
    rules = Path(__file__).read_bytes()
    for path in modules_of(room):
        key = f"{path.relative_to(CHECKOUT)} {hashlib.sha256(path.read_bytes() + rules).hexdigest()}"
        if key not in listed:
            listed[key] = list(_places(path))
            LISTED.parent.mkdir(parents=True, exist_ok=True)
            LISTED.write_text(json.dumps(listed), encoding="utf-8")
        yield from (Mutant(room, str(path.relative_to(CHECKOUT)), *place) for place in listed[key])


def _places(path: Path) -> Iterator[list[Any]]:
    """[operator, occurrence, line] of each mutant of a module. It takes seconds, and so is written down."""
    nodes = list(ast_nodes(get_ast_from_path(path)))
    unread = list(_unread_places(path))
    for name in sorted(operator_names()):
        operator = get_operator(name)
        if operator.arguments():
            continue
        starts = [start for node in nodes for start, _ in operator().mutation_positions(node)]
        for occurrence, start in enumerate(starts):
            if not any(first <= start < last for first, last in unread):
                yield [name, occurrence, start[0]]


def _unread_places(path: Path) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The begin and the end, each a line and a column in characters, of annotations, of the rest of a function's head
    but for its defaults (its star is no operator), and of what stands under TYPE_CHECKING. (Docstrings need no place:
    no operator changes text.)"""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()

    def column(line: int, offset: int) -> int:
        return len(lines[line - 1].encode()[:offset].decode())

    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            read = [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
            ends = [(part.end_lineno or part.lineno, column(part.end_lineno or part.lineno, part.end_col_offset or 0))
                    for part in read]
            begins = [(part.lineno, column(part.lineno, part.col_offset)) for part in read]
            body = node.body[0].lineno, column(node.body[0].lineno, node.body[0].col_offset)
            yield from zip(sorted([(node.lineno, node.col_offset), *ends]), sorted([*begins, body]), strict=True)
        parts = [getattr(node, name, None) for name in ("annotation", "returns")]
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts.append(node)
        yield from (((part.lineno, column(part.lineno, part.col_offset)),
                     (part.end_lineno, column(part.end_lineno, part.end_col_offset)))
                    for part in parts if isinstance(part, ast.expr | ast.stmt) and part.end_lineno and
                    part.end_col_offset)


def statement_at(text: str, line: int) -> range:
    """The lines of the innermost statement around a line; of one with a body, those of its head."""
    around = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)
              and node.lineno <= line <= (node.end_lineno or node.lineno)]
    if not around:
        return range(line, line + 1)
    inner = max(around, key=lambda node: (node.lineno, -(node.end_lineno or 0)))
    body = getattr(inner, "body", None)
    last = max(inner.lineno, body[0].lineno - 1) if body else inner.end_lineno or inner.lineno
    return range(inner.lineno, max(last, line) + 1)
