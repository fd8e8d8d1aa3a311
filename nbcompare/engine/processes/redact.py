"""Text that goes into evidence or onto a screen, without the secrets in it.

What a secret looks like stands beside this: tokens of well-known services in service_tokens.json, which is read when a
text may hold one; what stands around a secret in secret_forms.py and password_options.py; and in opaque.py what tells a
word that was drawn from one that was written.
Everything that finds nothing gives the text back as it is: sums, commits, paths, versions and numbers stay whole.
A pattern is compiled when a text holds a word without which it finds nothing: every command loads this module.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from nbcompare.engine.processes import password_options, secret_forms
from nbcompare.engine.processes.opaque import MAY_BE_DRAWN, has_drawn, without_drawn
from nbcompare.engine.processes.service_tokens import MARKS_OF, patterns_of

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "[hidden]"

_MARKED = tuple((tuple(marks.lower().split()), f"(?i){pattern}")
                for marks, pattern in (*secret_forms.ROWS, *password_options.ROWS))

_WORDS_OF_SERVICES = tuple((name, tuple(words.lower().split())) for name, words in MARKS_OF.items())

_MARKS = tuple(sorted({"-----begin", "age-secret", "putty", "-us", "pw", "key", "pass",
                       *(mark for marks, _ in _MARKED for mark in marks if mark not in ("=", "-u")), "-u ", "-u=",
                       *(word.lower() for words in MARKS_OF.values() for word in words.split() if len(word) > 2)}))
"""A text in lower case without any of these, and without ``secret_forms.BARE``, holds nothing that is found here."""
_ALL_MARKS = tuple(dict.fromkeys((*_MARKS, *(mark for marks, _ in _MARKED for mark in marks))))
"""Each word that makes a text worth a look or a pattern worth a trial, once: many patterns have the same."""
_WORTH_A_LOOK = frozenset(_MARKS)

_RUN = r"AKC|xox|[A-Za-z0-9]{20}|(?=[\w-]*\d)[\w-]{20}"
"""What every token of a service has: their patterns are read for no other text."""
_RUNS = r"[\w-]+"
_RUN_OF, _DRAWN_OF = 20, 16
"""How long a run such a token is at least in, but for those that begin so, and so is any drawn word that is hidden; and
what may be a drawn word."""
_LONGEST_NAME = 256
_LONG, _GROUP, _WINDOW = 4096, 128, 1024
"""Characters from which on a text is looked at line by line, lines that are passed over together, and characters that
are looked at together, of one line or of the lines of a shorter text."""

_OPAQUE = r"(?<![\w+=-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[A-Za-z0-9_+=-]{16,}"
_HARMLESS = (
    (r"(?:OMP|MKL|KMP|NB|NUMEXPR)_(?:NUM_)?THREADS|OMP_(?:DYNAMIC|NESTED|SCHEDULE|PROC_BIND|PLACES|STACKSIZE|WAIT_POLICY"
     r"|THREAD_LIMIT|DISPLAY_ENV|MAX_ACTIVE_LEVELS)|MKL_(?:DYNAMIC|CBWR|THREADING_LAYER|INTERFACE_LAYER|SERVICE_FORCE_INTEL"
     r"|ENABLE_INSTRUCTIONS|DEBUG_CPU_TYPE)|KMP_(?:BLOCKTIME|AFFINITY|SETTINGS|STACKSIZE|DUPLICATE_LIB_OK|INIT_AT_FORK)"
     r"|CUDA_(?:DEVICE_ORDER|LAUNCH_BLOCKING|CACHE_DISABLE|MODULE_LOADING)", r"[\w,:.(){}= -]{0,40}"),
    (r"CUDA_VISIBLE_DEVICES", r"[\d, -]{0,60}|(?:(?:GPU|MIG)-[0-9a-f-]{8,36},?){1,20}"),
    (r"CONDA_(?:DEFAULT_ENV|SHLVL|PROMPT_MODIFIER)", r"[\w.() /-]{0,60}"),
    (r"LANG|LC_\w{1,20}|TZ", r"[\w.@:/+-]{0,40}"),
    (r"HOME|VIRTUAL_ENV|CONDA_(?:PREFIX(?:_\d+)?|EXE|PYTHON_EXE)|CUDA_(?:HOME|PATH|ROOT)|NB_(?:C|PY)_BIN|PYTHONPATH",
     r"(?!.*//)[\w.+~@/: -]*"))
"""Variables by name, and the form in which their values are known to be harmless."""


def redacted(text: str) -> str:
    """The text with every secret in it replaced by ``HIDDEN``; one without a secret as it is. Names, paths and lines
    stand in a record many times, and are looked at once."""
    return _redacted_name(text) if len(text) < _LONGEST_NAME else _redacted(text)


@functools.lru_cache(maxsize=1 << 13)
def _redacted_name(text: str) -> str:
    return _redacted(text)


def _redacted(text: str) -> str:
    short = len(text) < _LONGEST_NAME
    if not short and not _worth_a_look(text):
        return text
    for beginning, pattern in secret_forms.BLOCKS:
        if beginning in text:
            text = _compiled(pattern).sub(_hidden, text)
    if short:
        return _in_window(text)
    if len(text) < _LONG:
        return _redacted_log(text)
    lines = text.splitlines(keepends=True)
    return "".join(_redacted_lines(lines[at:at + _GROUP]) for at in range(0, len(lines), _GROUP))


def _redacted_log(text: str) -> str:
    """Whole lines, a window of them, are looked at together, and again from the middle of those to the middle of the
    next, so that a secret and its name that lie lines apart are seen as one. The logs of two runs have most of these
    groups in common."""
    groups = [""]
    for line in text.splitlines(keepends=True):
        if len(groups[-1]) >= _WINDOW:
            groups.append("")
        groups[-1] += line
    groups = [_redacted_group(group) for group in groups]
    if len(groups) == 1:
        return groups[0]
    middles = [max(len(group), _WINDOW) // 2 for group in groups]
    halves = [half for group, at in zip(groups, middles, strict=True) for half in (group[:at], group[at:])]
    across = [halves[0], *map("".join, zip(halves[1:-1:2], halves[2::2], strict=True)), halves[-1]]
    return "".join(map(_redacted_group, across))


@functools.lru_cache(maxsize=1 << 9)
def _redacted_group(text: str) -> str:
    return _in_window(text) if len(text) < 2 * _WINDOW else _redacted_line(text)


def _redacted_lines(lines: list[str]) -> str:
    whole = "".join(lines)
    if not _worth_a_look(whole):
        return whole
    return "".join(_redacted_name(line) if len(line) < _LONGEST_NAME else _redacted_line(line) for line in lines)


def _worth_a_look(text: str) -> bool:
    return any(map(text.lower().__contains__, _MARKS)) or _bare(text)


def _redacted_line(text: str) -> str:
    """A longer line is looked at in windows, and again in windows that begin in the middle of those: what patterns need
    goes with the square of the length, and an engine that prints one long line must not keep nb-compare for hours."""
    if len(text) <= _WINDOW:
        return _in_window(text)
    for first in (_WINDOW, _WINDOW // 2):
        ends = [*range(first, len(text), _WINDOW), len(text)]
        text = "".join(_in_window(text[begin:end]) for begin, end in zip([0, *ends], ends, strict=False))
    return text


def _in_window(text: str) -> str:
    lines = list(map(_seen_in, text.split("\n")))
    here, bare = frozenset().union(*(line.marks for line in lines)), any(line.is_bare for line in lines)
    if not bare and here.isdisjoint(_WORTH_A_LOOK):
        return text
    before, low = text, text.lower()
    for at in sorted({at for mark in here for at in _rows_behind(mark)}):
        text = _compiled(_MARKED[at][1]).sub(_hidden, text)
    tokens = any(line.has_run for line in lines) if text == before else bool(_compiled(_RUN).search(text))
    for name, words in _WORDS_OF_SERVICES if tokens else ():
        if any(map(low.__contains__, words)) if words else bare:
            for found in patterns_of(name):
                text = found.sub(_hidden, text)
    return without_drawn(text, _hidden) if text != before or any(line.has_drawn for line in lines) else text


class _LineMarks(NamedTuple):
    """What of a line may be of a secret: marks, something without one, a run as in any token, a word that is drawn."""

    marks: frozenset[str]
    is_bare: bool
    has_run: bool
    has_drawn: bool


@functools.lru_cache(maxsize=1 << 12)
def _seen_in(line: str) -> _LineMarks:
    """None of it reaches over the end of a line; and the logs of two runs have most of their lines in common, but few
    windows of them."""
    low, longest = line.lower(), max(map(len, _compiled(_RUNS).findall(line)), default=0)
    return _LineMarks(frozenset(filter(low.__contains__, _ALL_MARKS)), _bare(line, longest),
                      bool(_compiled(_RUN).search(line)), longest >= _RUN_OF and has_drawn(line))


@functools.cache
def _rows_behind(mark: str) -> tuple[int, ...]:
    """Which of the patterns are worth a trial where this word is, by their place."""
    return tuple(at for at, (marks, _) in enumerate(_MARKED) if mark in marks)


def _bare(text: str, longest: int = _DRAWN_OF) -> bool:
    """Whether something is there that has no mark; ``longest`` is its longest run, where that is known."""
    return any(letters in text and _compiled(pattern).search(text) for letters, pattern in secret_forms.BARE) or (
        longest >= _DRAWN_OF and bool(_compiled(MAY_BE_DRAWN).search(text)))


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when a text first needs it: all of them together take as long as click does to load."""
    return re.compile(pattern)


def _hidden(found: re.Match[str]) -> str:
    group = found.lastindex or 0
    secret, at = found[group], found.start(group) - found.start()
    if HIDDEN[:-1] in secret:
        return found[0]
    return found[0][:at] + HIDDEN + found[0][at + len(secret):]


def redacted_value(name: str, value: str) -> str:
    """The value of a variable as it may stand in evidence: whole where the name is known and the value has its harmless
    form; else without secrets, and without any run of letters and digits that might be one."""
    if any(_compiled(known).fullmatch(name) and _compiled(form).fullmatch(value) for known, form in _HARMLESS):
        return value
    return _compiled(_OPAQUE).sub(HIDDEN, redacted(value))


def secrets_among(words: Iterable[str]) -> Iterator[str]:
    """Of the words of a command those that hold a secret, or are the value of an option that names one; redacted."""
    before = ""
    for word in words:
        shown = redacted(word)
        pair = f"{before} {word}"
        if shown != word:
            yield shown
        elif before.startswith("-") and redacted(pair) != pair:
            yield redacted(pair)
        before = word


# --- files ---------------------------------------------------------------------------------------------------

_PIECE, _LONGEST = 1 << 20, 1 << 14


def redact_file(path: Path, *, text_only: bool = False) -> bool:
    """Hide the secrets in a file, in place; whether there were any. ``text_only`` leaves files with zero bytes alone.

    It is read in pieces that end with a line and hold whole private keys.
    """
    with open(path, "rb") as stream:
        if text_only and b"\0" in stream.read(8192):
            return False
        stream.seek(0)
        if all(redacted(text) == text for text in _pieces(stream)):
            return False
        stream.seek(0)
        draft = path.with_name(f"{path.name[:200]}.redacted")
        with open(draft, "xb") as clean:
            clean.writelines(redacted(text).encode("latin-1") for text in _pieces(stream))
    draft.replace(path)
    return True


def _pieces(stream: BinaryIO) -> Iterator[str]:
    while piece := stream.read(_PIECE):
        piece += stream.readline(_LONGEST)
        for _ in range(8):
            if piece.rfind(b"-----BEGIN ") <= piece.rfind(b"-----END "):
                break
            piece += stream.read(_LONGEST) + stream.readline(_LONGEST)
        yield piece.decode("latin-1")
