"""Which forms of results a command line asks for, read before click does: what click refuses is told in them too."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from nbcompare.errors import FileError

JUDGES = ("run", "sweep", "check", "images", "compare", "gate")
"""The commands that judge, and take --junit and --markdown."""
WRITTEN = ("--junit", "--markdown")
TEXT, JSON, JSONL = "text", "json", "jsonl"


@dataclass(frozen=True)
class Publication:
    """Where results go: ``form`` is that of standard output; ``github`` None means where GitHub Actions runs this."""

    form: str = TEXT
    quiet: bool = False
    junit: tuple[Path, ...] = ()
    markdown: tuple[Path, ...] = ()
    github: bool | None = None

    @property
    def files(self) -> list[tuple[str, Path]]:
        """The files that are asked for, each with its option; an option that is given again names one more."""
        named = zip(WRITTEN, (self.junit, self.markdown), strict=True)
        return [(option, path) for option, paths in named for path in paths]


def asked_in(command: click.Command, words: Sequence[str]) -> Publication | None:
    """What a command line asks for, whatever else is wrong with it; None where it asks for help. The last word counts,
    as with click, but of files each does."""
    found: dict[str, str] = {}
    files: dict[str, list[Path]] = {option: [] for option in WRITTEN}
    for option, value in options_in(command, words):
        if option in ("--help", "-h"):
            return None
        found[option] = value
        if option in files:
            files[option].append(Path(value))
    github = {"--github": True, "--no-github": False}
    said = [word for option, word in github.items() if option in found]
    form = JSON if "--json" in found else found.get("--format", TEXT)
    return Publication(form, "--quiet" in found or "-q" in found, tuple(files["--junit"]),
                       tuple(files["--markdown"]), said[0] if len(said) == 1 else None)


def prints_json(command: click.Command) -> bool:
    """Whether a command can print one JSON document."""
    return any("--json" in option.opts or JSON in (getattr(option.type, "choices", None) or ())
               for option in command.params)


def options_in(command: click.Command, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(option, its value) in order; words that are the value of another option, or stand after --, are none."""
    takes = {name: option.nargs for option in command.params
             if isinstance(option, click.Option) and not option.is_flag for name in option.opts}
    at = 0
    while at < len(words) and words[at] != "--":
        name, equals, value = words[at].partition("=")
        if equals or name not in takes:
            yield name, value
            at += 1
        else:
            if at + 1 < len(words):
                yield name, words[at + 1]
            at += 1 + takes[name]


def places_of(how: Publication, words: Sequence[str]) -> tuple[list[tuple[str, Path]], str | None]:
    """The files that may be written, each with its option, links followed; and what is wrong with those that may not:
    one for two forms, one that the command line names to be read, or one that standard output goes to.

    Of two that are one file, one is left, as what lies there is of an earlier call. Raises FileError for what can be
    no name of a file.
    """
    places: list[tuple[str, Path]] = []
    wrong = None
    for option, path in how.files:
        place = _followed(path)
        other = next((name for name, taken in places if _is_same(taken, place)), None)
        stream = next((name for name, number in (("output", 1), ("error", 2)) if _leads_to(number, place)), None)
        read = next((word for word in _read(words) if os.path.isfile(word) and _is_same(Path(word), place)), None)
        if other == option:
            continue
        if other:
            wrong = f"{other} and {option} name the same file, {path}"
        elif read is not None:
            wrong = f"{option} {path}: this command line names the file to be read too, as {read}"
        elif stream:
            wrong = f"{option} {path}: standard {stream} goes to this file"
        else:
            places.append((option, place))
    return places, wrong


def _followed(path: Path) -> Path:
    """Where the text goes: a link is followed, as whoever made it looks there; a name of what is no file stays."""
    from nbcompare.files import is_no_file  # not for --help

    try:
        return path if is_no_file(path) else Path(os.path.realpath(path))
    except ValueError:
        raise FileError(f"{str(path)!r} cannot be the name of a file") from None


def _is_same(one: Path, other: Path) -> bool:
    if os.path.exists(one) and os.path.exists(other):
        return os.path.samefile(one, other) and not os.path.samefile(one, os.devnull)
    return os.path.realpath(one) == os.path.realpath(other)


def _leads_to(stream: int, place: Path) -> bool:
    """Whether a stream of this process is written into that file."""
    from nbcompare.files import is_no_file

    try:
        return not is_no_file(place) and os.path.samestat(os.fstat(stream), os.stat(place))
    except OSError:
        return False


def _read(words: Sequence[str]) -> Iterator[str]:
    """Whatever could be the name of a file that is read."""
    for before, word in zip(("", *words), words, strict=False):
        if before not in WRITTEN and not word.startswith(tuple(f"{option}=" for option in WRITTEN)):
            parts = word.split("=")
            yield from ("=".join(parts[at:]) for at in range(len(parts)))
