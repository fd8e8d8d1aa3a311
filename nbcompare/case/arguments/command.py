"""A nanoBragg command line as a sequence of options with their values, and the edits that make a new one.

Everything in the harness that looks into arguments does so here. Of an option given twice the last counts. Reading is
lenient: a word that is no known option stays where it is, because the engines may know it. Nothing is ever changed in
place; an edit returns a new command.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.case.arguments.options import CELL, DUMP, INPUT, MISSET, OUTPUT, PERHAPS, Option, option_named, option_of
from nbcompare.compare.image import DEFAULT_DETSIZE_MM, DEFAULT_PIXEL_MM, Roi, Shape, read_smv_numbers
from nbcompare.errors import UsageError

_LIKE_AN_OPTION = re.compile(r"-[A-Za-z_]")
_COUNTS, _SIZES_MM, _PIXEL_MM = ("fast_pixels", "slow_pixels"), ("fast_size_m", "slow_size_m"), "pixel_size_m"
_USUAL_SIZES = {**dict.fromkeys(_COUNTS, 0.0), **dict.fromkeys(_SIZES_MM, DEFAULT_DETSIZE_MM),
                _PIXEL_MM: DEFAULT_PIXEL_MM}
_HEADERS = "-mask", "-img"
SIZE_FIELDS = frozenset((*_COUNTS, *_SIZES_MM, _PIXEL_MM))
"""The quantities that decide on the shape, as the table of options calls them; typed as counts and in mm."""


@dataclass(frozen=True)
class WrittenOption:
    """One option as it was written, with its values; ``option`` is None for a word nobody knows."""

    word: str
    values: tuple[str, ...] = ()
    option: Option | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        return (self.word, *self.values)

    @property
    def name(self) -> str:
        """The option's usual name, or the word itself where nobody knows it."""
        return self.option.name if self.option else self.word

    @property
    def row(self) -> Option:
        """What the table of options says of it; to be asked only of an option that is in the table."""
        assert self.option is not None, f"{self.word} is no known option"
        return self.option

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values as numbers, as C reads them: what is none counts as 0."""
        return tuple(number(value) for value in self.values)

    def __str__(self) -> str:
        return " ".join(self.tokens)


@dataclass(frozen=True)
class Command:
    """The items of a command line, in order."""

    items: tuple[WrittenOption, ...]

    @property
    def argv(self) -> tuple[str, ...]:
        return tuple(token for item in self.items for token in item.tokens)

    def find(self, *names: str) -> WrittenOption | None:
        """The last item of any of these options (by first name), which is the one that counts."""
        for item in reversed(self.items):  # asked seven times of each of thousands of cells
            if item.option and item.option.names[0] in names:
                return item
        return None

    def number(self, name: str, default: float = 0.0) -> float:
        """The first value of the last such option."""
        item = self.find(name)
        return item.numbers[0] if item and item.values else default

    def has(self, *names: str) -> bool:
        return self.find(*names) is not None

    def known(self) -> Iterator[WrittenOption]:
        """The items that count: the last of each option, in their order."""
        last = {item.option.name: at for at, item in enumerate(self.items) if item.option}
        return (item for at, item in enumerate(self.items) if item.option and last[item.option.name] == at)

    def spans(self) -> list[tuple[int, int]]:
        """Where each option stands with its values: (first word, word after the last). Words nobody knows count as
        values of the option before them; those before the first option belong to none."""
        starts, at = [], 0
        for item in self.items:
            if item.option or _LIKE_AN_OPTION.match(item.word):
                starts.append(at)
            at += len(item.tokens)
        return list(zip(starts, [*starts[1:], at], strict=False))

    # --- files ---------------------------------------------------------------------------------------

    def reading(self) -> tuple[WrittenOption, ...]:
        """The items whose value names a file that is read."""
        return tuple(item for item in self.items if item.values and self._file(item) == INPUT)

    def writing(self) -> tuple[WrittenOption, ...]:
        """The items whose value names a file that is written."""
        return tuple(item for item in self.items if item.values and self._file(item) == OUTPUT)

    def _file(self, item: WrittenOption) -> str:
        file = item.option.file if item.option else ""
        if file != DUMP:
            return file
        return OUTPUT if self.has("-hkl") else INPUT

    def reading_from(self, names: Mapping[str, str]) -> Command:
        """With the files that are read under other names, where ``names`` has one."""
        read = self.reading()
        return Command(tuple(replace(item, values=tuple(names.get(name, name) for name in item.values))
                             if item in read else item for item in self.items))

    # --- edits ---------------------------------------------------------------------------------------

    def without(self, *names: str) -> Command:
        """No such option at all."""
        return Command(tuple(item for item in self.items if not (item.option and item.option.name in names)))

    def setting(self, name: str, *values: object) -> Command:
        """The option with these values: where it stands, or else in front, so that later options keep their say."""
        texts = tuple(written(value) for value in values)
        if not self.has(name):
            return Command((WrittenOption(name, texts, option_named(name)), *self.items))
        return self.changed(name, lambda item: WrittenOption(item.word, texts, item.option))

    def changed(self, name: str, change: Callable[[WrittenOption], WrittenOption]) -> Command:
        """Every item of the option replaced by what ``change`` makes of it."""
        return Command(tuple(change(item) if item.option and item.option.name == name else item
                             for item in self.items))

    def replacing(self, change: Callable[[WrittenOption], WrittenOption | None]) -> Command:
        """Each item replaced by what ``change`` makes of it, or left out where that is None."""
        changed = (change(item) for item in self.items)
        return Command(tuple(item for item in changed if item is not None))

    def starting(self, *tokens: str) -> Command:
        """With more words in front, where later options keep their say."""
        return Command((*parse_command(tokens).items, *self.items))

    def ending(self, *tokens: str) -> Command:
        """With more words at the end, where they beat those before."""
        return Command((*self.items, *parse_command(tokens).items))


def parse_command(argv: Sequence[str]) -> Command:
    """The command line as items. A token that stands where no value is due is an option when the table knows it, or
    when the C program would find one in it. The very name of an option is never a value: the C program, which skips no
    value, takes it for the option too. A cell of a sweep asks ten times in a row of the same words."""
    return _parsed(tuple(argv))


@functools.lru_cache(maxsize=16)
def _parsed(argv: tuple[str, ...]) -> Command:
    items, at = _read_before(argv)
    while at < len(argv):
        option = option_of(argv[at])
        count = _values_after(option, argv[at + 1:]) if option else 0
        items.append(WrittenOption(argv[at], tuple(argv[at + 1:at + 1 + count]), option))
        at += 1 + count
    _READ[0] = argv, items
    return Command(tuple(items))


_READ: list[tuple[tuple[str, ...], list[WrittenOption]]] = [((), [])]
"""The command that was read last, with its items."""


def _read_before(argv: tuple[str, ...]) -> tuple[list[WrittenOption], int]:
    """The items that a command has in common with the one that was read last, and the place of the first word after
    them: the cells of a matrix differ in their last words. How far an item goes follows from its own words and from the
    one behind it, so an item is the same where all of these are."""
    words, items = _READ[0]
    same = next((place for place, (one, other) in enumerate(zip(words, argv, strict=False)) if one != other),
                min(len(words), len(argv)))
    at = 0
    for count, item in enumerate(items):
        end = at + 1 + len(item.values)
        if end >= same:
            return items[:count], at
        at = end
    return [], 0


def _values_after(option: Option, rest: Sequence[str]) -> int:
    if option.count == CELL:
        return next((n for n, text in enumerate(rest[:6]) if text.startswith("-")), min(6, len(rest)))
    if option.count == MISSET:
        return 1 if rest and "rand" in rest[0] else _before_an_option(rest, 3)
    if option.count == PERHAPS:
        return int(bool(rest) and is_number(rest[0]))
    return _before_an_option(rest, option.count)


def _before_an_option(rest: Sequence[str], most: int) -> int:
    """How many words stand before the next option, ``most`` at most."""
    return next((n for n, text in enumerate(rest[:most]) if option_named(text)), min(most, len(rest)))


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def no_number(word: str, found: str | None) -> str:
    """What is said of an option that needs a number and has something else, or nothing."""
    return f"{word} needs a number, found {'nothing' if found is None else named(found)}"


def named(word: str) -> str:
    """A word as it is told where a value is due."""
    return f"the option {word}" if option_named(word) else repr(word)


def number(text: str) -> float:
    return float(text) if is_number(text) else 0.0


def written(value: object) -> str:
    """A value as it goes on a command line: the shortest text that reads back equal."""
    return repr(float(value)) if isinstance(value, float) else str(value)


# --- what a command declares about its image -------------------------------------------------------------


def declared_shape(argv: Sequence[str], folder: Path) -> Shape:
    """The image shape that nanoBragg arguments declare.

    A pixel count beats a size in mm, the last of each wins, and a header given with -img or -mask is
    beaten by both; npixels = ceil(size/pixel - 1/2), as the program rounds. ``folder`` is where the
    header files lie. Raises UsageError for a size that is no number, and for an empty image.
    """
    command = parse_command(argv)
    if command.has(*_HEADERS):
        return _shape_by(command, _from_headers(command, folder))
    return _shape_without_headers(tuple(argv))


@functools.lru_cache(maxsize=16)
def _shape_without_headers(argv: tuple[str, ...]) -> Shape:
    """Asked twice in a row of each cell of a sweep, when it is made and when it is checked."""
    return _shape_by(parse_command(argv), dict(_USUAL_SIZES))


def _shape_by(command: Command, given: dict[str, float]) -> Shape:
    """The shape by what is given before any option is read."""
    for item in command.items:
        for quantity in item.option.fields if item.option else ():
            if quantity in given:
                given[quantity] = _number(item)
    pixel_mm = given[_PIXEL_MM]
    if not pixel_mm > 0:
        raise UsageError(f"-pixel {pixel_mm:g}: a pixel size must be positive")
    fast, slow = (int(given[count]) or math.ceil(given[size] / pixel_mm - 0.5)
                  for count, size in zip(_COUNTS, _SIZES_MM, strict=True))
    if fast < 1 or slow < 1:
        raise UsageError(f"the arguments declare an image of {fast} x {slow} pixels")
    return Shape(slow=slow, fast=fast)


def _from_headers(command: Command, folder: Path) -> dict[str, float]:
    """The quantities by the headers of -mask, then -img (the second wins), or by default."""
    given = dict(_USUAL_SIZES)
    for name in _HEADERS:
        item = command.find(name)
        header = read_smv_numbers(folder / item.values[0]) if item and item.values else {}
        for quantity, key in zip((*_COUNTS, _PIXEL_MM), ("SIZE1", "SIZE2", "PIXEL_SIZE"), strict=True):
            given[quantity] = header.get(key, given[quantity])
    return given


def unseeded_orientation(argv: Sequence[str]) -> bool:
    """Whether -misset random is asked for without a seed: every run draws another orientation then."""
    command = parse_command(argv)
    misset = command.find("-misset")
    drawn = misset is not None and len(misset.values) == 1
    return drawn and not command.has("-misset_seed", "-seed")


def size_is_in_a_header(argv: Sequence[str]) -> bool:
    """Whether the size may come from the header of an input file, which is read when the inputs are there."""
    return parse_command(argv).has("-img", "-mask")


def _number(item: WrittenOption) -> float:
    try:
        value = float(item.values[0])
    except (IndexError, ValueError):
        raise UsageError(no_number(item.word, item.values[0] if item.values else None)) from None
    if not math.isfinite(value):
        raise UsageError(f"{item.word} needs a finite number, found {item.values[0]}")
    return value


def rendered_region(argv: Sequence[str], shape: Shape) -> Roi:
    """The region that a command renders: the last -roi, whose negative bounds mean the image's own.

    Raises UsageError for a -roi that is not four whole numbers.
    """
    bounds = Roi.full(shape).bounds
    item = parse_command(argv).find("-roi")
    if item is None:
        return Roi("rendered", *bounds)
    try:
        given = [int(word) for word in item.values]
    except ValueError:
        given = []
    if len(given) != 4:
        raise UsageError(f"-roi needs four whole numbers, found {' '.join(item.values) or 'nothing'}")
    xmin, xmax, ymin, ymax = (value if value >= 0 else own for value, own in zip(given, bounds, strict=True))
    return Roi("rendered", xmin, min(xmax, shape.fast - 1), ymin, min(ymax, shape.slow - 1))
