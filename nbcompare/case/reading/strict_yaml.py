"""YAML that is read strictly and remembers where every value stood.

Values are reached through a ``Cursor``, which knows its file, line and column, so that every
complaint points at the text. Only plain data is accepted: mappings, lists, text, numbers, true and
false. Refused outright: duplicate keys, anchors and aliases, custom tags, more than one document,
files over 1 MiB, nesting deeper than 40, and characters that make text read differently from what
it is (NUL, bidirectional controls).
"""

from __future__ import annotations

import difflib
import math
import os
import re
import shlex
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from nbcompare.case.reading.all_faults import reading_on
from nbcompare.errors import CaseError, nearest, nearest_of

_CALLED = {"limits": ("timeout", "timeouts", "time_limit", "seconds", "limit"),
           "command": ("args", "arguments", "argv"),
           "rois": ("regions", "roi", "region"), "thresholds": ("tolerances", "tolerance", "tol"),
           "inputs": ("files", "data"), "image": ("shape", "size", "detector"), "environment": ("env",),
           "title": ("description",), "why": ("because", "reason", "comment")}
"""What other programs call a key of ours."""

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MOST_DIGITS = 30
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_HIDDEN = re.compile(f"[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]|{_BIDI.pattern}")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_STR_TAG = "tag:yaml.org,2002:str"
_BOOL_TAG = "tag:yaml.org,2002:bool"
_NULL_TAG = "tag:yaml.org,2002:null"


class _Mark(Protocol):
    """A place in the file; both count from 0."""

    line: int
    column: int


class _Node(Protocol):
    """What is used of a node of PyYAML, whose stubs leave half of it out. ``style`` is there for scalars alone."""

    id: str
    tag: str
    value: Any
    style: str | None
    start_mark: _Mark


class Cursor:
    """One value of a YAML file, with its place. Raises CaseError for anything unexpected."""

    def __init__(self, node: _Node, path: Path, name: str) -> None:
        self.node, self.path, self.name = node, path, name
        self._meant: dict[str, CaseError] = {}

    @property
    def line(self) -> int:
        return self.node.start_mark.line + 1

    @property
    def column(self) -> int:
        return self.node.start_mark.column + 1

    def error(self, message: str, hint: str | None = None) -> CaseError:
        return CaseError(message, path=self.path, line=self.line, column=self.column, hint=hint)

    @property
    def kind(self) -> str:
        if self.node.id != "scalar":
            return {"mapping": "mapping", "sequence": "list"}[self.node.id]
        tag = self.node.tag
        if tag == _STR_TAG:
            return "text"
        return {_BOOL_TAG: "true/false", _NULL_TAG: "nothing"}.get(tag, tag.rsplit(":", 1)[-1])

    def _expected(self, wanted: str) -> CaseError:
        shown = f" {self.node.value!r}" if self.node.id == "scalar" and self.node.value else ""
        return self.error(f"{self.name} must be {wanted}, found {self.kind}{shown}")

    def mapping(self, *, known: Iterable[str] | None = None, required: Iterable[str] = ()) -> dict[str, Cursor]:
        """The entries by key. ``known`` (when given) are the only keys allowed."""
        if self.kind != "mapping":
            raise self._expected("a mapping")
        entries: dict[str, Cursor] = {}
        for key_node, value_node in self.node.value:
            key = Cursor(key_node, self.path, "a key")
            if key_node.id != "scalar":
                raise key._expected("text")
            word = key_node.value
            key._refuse_hidden(word)
            with reading_on():
                if word in entries:
                    raise key.error(f"duplicate key {word!r} in {self.name}")
                if known is not None and word not in known:
                    unknown = key.error(f"unknown key {word!r} in {self.name}; {nearest(word, known, _CALLED)}")
                    self._meant |= dict.fromkeys(nearest_of(word, known, _CALLED), unknown)
                    raise unknown
                entries[word] = Cursor(value_node, self.path, word)
        self.require(entries, required)
        return entries

    def require(self, entries: Mapping[str, Cursor], required: Iterable[str]) -> None:
        """Raises CaseError for the keys that are missing among the entries of this mapping; for one that was mistyped,
        what was said of that."""
        missing = [self._meant.get(word) or self.error(f"{self.name} lacks the key {word!r}")
                   for word in required if word not in entries]
        for fault in missing[:-1]:
            with reading_on():
                raise fault
        if missing:
            raise missing[-1]

    def items(self) -> list[Cursor]:
        if self.kind != "list":
            raise self._expected("a list")
        return [Cursor(node, self.path, f"{self.name}[{i}]") for i, node in enumerate(self.node.value)]

    def text(self) -> str:
        """Non-empty text on one line, as a record keeps it; a number without quotes is taken as its characters."""
        if self.node.id != "scalar" or self.kind in ("nothing", "true/false"):
            raise self._expected("text" if self.kind != "true/false" else "text (put it in quotes)")
        if not self.node.value.strip():
            raise self.error(f"{self.name} must not be empty")
        text: str = self.node.value
        self._refuse_hidden(text)
        if text.isprintable():
            return text
        line = " ".join(text.split())
        for letter in line:
            if not letter.isprintable():
                raise self.error(f"{self.name} holds the character U+{ord(letter):04X}, which cannot be seen")
        return line

    def _refuse_hidden(self, text: str) -> None:
        """An escape such as \\0 or \\u202e brings in what the file itself may not hold."""
        bad = _HIDDEN.search(text)
        if bad:
            raise self.error(f"{self.name} holds the character U+{ord(bad.group()):04X}, which cannot be seen")

    def integer(self) -> int:
        if self.node.id != "scalar" or self.node.style is not None or not _INTEGER.fullmatch(self.node.value):
            raise self._expected("a whole number")
        if len(self.node.value) > MOST_DIGITS:
            raise self.error(f"{self.name} has {len(self.node.value)} digits, and no number here needs more than "
                             f"{MOST_DIGITS}")
        return int(self.node.value)

    def number(self) -> float:
        if self.node.id != "scalar" or self.node.style is not None or self.kind == "true/false":
            raise self._expected("a number")
        try:
            value = float(self.node.value.replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            raise self._expected("a number") from None
        if not math.isfinite(value):
            raise self._expected("a finite number")
        return value


def load(path: Path, name: str) -> tuple[Cursor, bytes]:
    """The root of a strict YAML file and the exact bytes read. ``name`` is what to call the root."""
    import yaml

    raw = _read(path, name)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise CaseError(f"not UTF-8 text (byte {fault.start})", path=path) from None
    bad = _BIDI.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        raise CaseError(f"holds the invisible direction character U+{ord(bad.group()):04X}", path=path, line=line)
    try:
        node = _composed(list(_without_tricks(text, path)))
    except yaml.YAMLError as fault:
        raise _syntax_error(fault, path) from None
    if node is None:
        raise CaseError("the file is empty", path=path)
    return Cursor(cast(_Node, node), path, name), raw


def _read(path: Path, name: str) -> bytes:
    try:
        if os.path.exists(path) and not path.is_file():  # Path.exists fails for a name that no file system takes
            raise CaseError("not an ordinary file", path=path)
        with open(path, "rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as fault:
        meant = _meant(path, name) if isinstance(fault, FileNotFoundError) else None
        raise CaseError(f"cannot read the file: {fault.strerror}", path=path, hint=meant) from None
    if len(raw) > MAX_BYTES:
        raise CaseError("larger than 1 MiB, which no such file needs", path=path)
    return raw


def _meant(path: Path, name: str) -> str:
    """The file that somebody may have meant who named one that is not there: a case by its name, or a mistyped one."""
    files = [str(file) for folder in dict.fromkeys((path.parent, Path("cases"))) for file in folder.glob("*.y*ml")]
    by_name = {Path(file).stem: file for file in files}
    near = difflib.get_close_matches(path.stem, by_name, n=1, cutoff=0.6)
    if near:
        return f"did you mean {by_name[near[0]]}?"
    if name == "a file of phases":
        return "--phases FILE names the plan; docs/phases.md says how it is written"
    return f"nb-compare init --out {shlex.quote(str(path))} -- ARGS writes a case, measured"


def _composed(events: Sequence[Any]) -> Any:
    """The tree of a stream of events that was read to its end; None for an empty file."""
    from yaml.composer import Composer
    from yaml.resolver import Resolver

    class OfEvents(Composer, Resolver):
        """The composer of yaml.SafeLoader on events that are there already: the text is scanned once."""

        def __init__(self) -> None:
            Composer.__init__(self)
            Resolver.__init__(self)
            self.left = deque(events)

        def check_event(self, *kinds: type) -> bool:
            return bool(self.left) and (not kinds or isinstance(self.left[0], kinds))

        def peek_event(self) -> Any:
            return self.left[0] if self.left else None

        def get_event(self) -> Any:
            return self.left.popleft() if self.left else None

    return OfEvents().get_single_node()


def _without_tricks(text: str, path: Path) -> Iterator[Any]:
    """The stream of events (which expands nothing). Raises CaseError at the first that has no place in such a file."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        mark = cast(_Mark, event.start_mark)

        def refusal(message: str, mark: _Mark = mark) -> CaseError:
            return CaseError(message, path=path, line=mark.line + 1, column=mark.column + 1)

        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise refusal("anchors and aliases (& and *) are not used here; write the value out")
        tag = getattr(event, "tag", None)
        if tag:
            raise refusal(f"the tag {tag!r} is not used here; write plain data")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if depth > MAX_DEPTH:
            raise refusal(f"nested deeper than {MAX_DEPTH} levels")
        yield event


def _syntax_error(fault: Exception, path: Path) -> CaseError:
    mark = getattr(fault, "problem_mark", None)
    said = getattr(fault, "problem", None) or getattr(fault, "reason", None) or str(fault)
    if mark is None:
        return CaseError(f"not valid YAML: {said}", path=path)
    begun = getattr(fault, "context_mark", None)
    if "'\\t'" in said:
        said = "a tab; YAML indents with spaces alone"
    elif begun and begun.line != mark.line:
        said += f", {getattr(fault, 'context', None) or 'reading what'} begun at line {begun.line + 1}"
    return CaseError(f"not valid YAML: {said}", path=path, line=mark.line + 1, column=mark.column + 1)
