"""Hostile YAML, given as a case and as a file of phases."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.laboratory import CASE, Laboratory, Row, Said

USAGE = 1
MEMORY = 3 << 30


def _file(text: str | bytes) -> Callable[[Path], None]:
    content = text.encode() if isinstance(text, str) else text
    return lambda path: path.write_bytes(content) and None


def _large(path: Path) -> None:
    """100 MB of spaces after a good beginning; a hole in a file reads as NUL, so it is really written."""
    with open(path, "wb") as stream:
        stream.write(CASE.encode())
        stream.writelines(b" " * 1_000_000 for _ in range(100))


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True))

HOSTILE: dict[str, Callable[[Path], None]] = {
    "a million aliases": _file("a: &a x\nb: [" + "*a, " * 1_000_000 + "]\n"),
    "a tree of aliases that unfolds to a billion values": _file(LAUGHS),
    "nested 100,000 deep, in brackets": _file("a: " + "[" * 100_000 + "]" * 100_000),
    "nested 300 deep, by indentation": _file("".join(f"{' ' * i}a:\n" for i in range(300))),
    "100 MB": _large,
    "a NUL": _file(CASE.replace("title: a", "title: a\0b")),
    "a NUL by an escape": _file(CASE.replace("title: a 60 x 50 image of fake engines", 'title: "a\\0b"')),
    "a NUL in an argument, by an escape": _file(CASE.replace("-flux 1e18", '-flux 1e18').replace(
        "command: -detpixels_x 60 -detpixels_y 50 -flux 1e18",
        'command: ["-detpixels_x", "60", "-detpixels_y", "50", "-x\\0y"]')),
    "a name that reads backwards (bidirectional control)": _file(CASE.replace("name: small", "name: sma\u202ell")),
    "the same by an escape": _file(CASE.replace("name: small", 'name: "sma\\u202ell"')),
    "a key twice": _file(CASE + "name: other\n"),
    "a tag that would make an object": _file(CASE.replace("title: a", "title: !!python/object/apply:os.system [id] #")),
    "bytes that are no UTF-8": _file(CASE.encode() + b"# \xff\xfe\n"),
    "two documents": _file(CASE + "---\n" + CASE),
    "nothing at all": _file("\n"),
    "a pipe nobody writes to": os.mkfifo,
    "a folder": Path.mkdir,
}


def rows(lab: Laboratory, *, short: bool) -> Iterator[Row]:
    """Every row of this group: each file is given to run and to gate, within 3 GiB of memory."""
    for what, make in HOSTILE.items():
        if short and what in ("100 MB", "a million aliases"):
            continue
        said = []
        for name, words in (("hostile.yaml", ("run", "hostile.yaml")),
                            ("plan.yaml", ("gate", "N1", "--phases", "plan.yaml"))):
            path = lab.folder / name
            make(path)
            said.append(lab.call(*words, hurt=_little_memory))
            path.rmdir() if path.is_dir() else path.unlink()
        yield Row(what, len(said), "refused, in one line with its place", all(map(_refused, said)),
                  tuple(one.code for one in said))


def _little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _refused(said: Said) -> bool:
    return said.code == USAGE and ".yaml" in said.err.splitlines()[0] and "Traceback" not in said.err
