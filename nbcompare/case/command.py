"""A nanoBragg command line as a sequence of options with their values, and the edits that make a new one.

Reading is lenient: a word that is no known option stays where it is, because the engines may know it.
Nothing is ever changed in place; an edit returns a new command.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbcompare.case.options import BY_NAME, CELL, MISSET, PERHAPS, Option
from nbcompare.compare.image import DEFAULT_DETSIZE_MM, DEFAULT_PIXEL_MM, Roi, Shape, read_smv_numbers
from nbcompare.errors import UsageError

_OPTION = re.compile(r"-[A-Za-z_]|-4stol$")


@dataclass(frozen=True)
class Item:
    """One option as it was written, with its values; ``option`` is None for a word nobody knows."""

    word: str
    values: tuple[str, ...] = ()
    option: Option | None = None

    @property
    def tokens(self) -> tuple[str, ...]:
        return (self.word, *self.values)

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values as numbers, as C reads them: what is none counts as 0."""
        return tuple(number(value) for value in self.values)

    def __str__(self) -> str:
        return " ".join(self.tokens)


@dataclass(frozen=True)
class Command:
    """The items of a command line, in order."""

    items: tuple[Item, ...]

    @property
    def argv(self) -> tuple[str, ...]:
        return tuple(token for item in self.items for token in item.tokens)

    def find(self, *names: str) -> Item | None:
        """The last item of any of these options (by first name), which is the one that counts."""
        return next((item for item in reversed(self.items) if item.option and item.option.name in names), None)

    def number(self, name: str, default: float = 0.0) -> float:
        """The first value of the last such option."""
        item = self.find(name)
        return item.numbers[0] if item and item.values else default

    def has(self, *names: str) -> bool:
        return self.find(*names) is not None

    def known(self) -> Iterator[Item]:
        """The items that count: the last of each option, in their order."""
        last = {item.option.name: at for at, item in enumerate(self.items) if item.option}
        return (item for at, item in enumerate(self.items) if item.option and last[item.option.name] == at)

    # --- edits ---------------------------------------------------------------------------------------

    def without(self, *names: str) -> Command:
        """No such option at all."""
        return Command(tuple(item for item in self.items if not (item.option and item.option.name in names)))

    def setting(self, name: str, *values: object) -> Command:
        """The option with these values: where it stands, or else in front, so that later options keep their say."""
        texts = tuple(written(value) for value in values)
        if not self.has(name):
            return Command((Item(name, texts, BY_NAME[name]), *self.items))
        return self.changed(name, lambda item: Item(item.word, texts, item.option))

    def changed(self, name: str, change: Callable[[Item], Item]) -> Command:
        """Every item of the option replaced by what ``change`` makes of it."""
        return Command(tuple(change(item) if item.option and item.option.name == name else item
                             for item in self.items))

    def starting(self, *tokens: str) -> Command:
        """With more words in front, where later options keep their say."""
        return Command((*parse_command(tokens).items, *self.items))

    def ending(self, *tokens: str) -> Command:
        """With more words at the end, where they beat those before."""
        return Command((*self.items, *parse_command(tokens).items))


def parse_command(argv: Sequence[str]) -> Command:
    """The command line as items. A token is an option when the table knows it, whatever stands before it."""
    items, at = [], 0
    while at < len(argv):
        option = BY_NAME.get(argv[at])
        count = _values_after(option, argv[at + 1:]) if option else 0
        items.append(Item(argv[at], tuple(argv[at + 1:at + 1 + count]), option))
        at += 1 + count
    return Command(tuple(items))


def _values_after(option: Option, rest: Sequence[str]) -> int:
    if option.count == CELL:
        return next((n for n, text in enumerate(rest[:6]) if text.startswith("-")), min(6, len(rest)))
    if option.count == MISSET:
        return 1 if rest and "rand" in rest[0] else min(3, len(rest))
    if option.count == PERHAPS:
        return int(bool(rest) and is_number(rest[0]))
    return min(option.count, len(rest))


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def number(text: str) -> float:
    return float(text) if is_number(text) else 0.0


def written(value: object) -> str:
    """A value as it goes on a command line: the shortest text that reads back equal."""
    return repr(float(value)) if isinstance(value, float) else str(value)


def declared_shape(argv: Sequence[str], folder: Path) -> Shape:
    """The image shape that nanoBragg arguments declare.

    A pixel count beats a size in mm, the last of each wins, and a header given with -img or -mask is
    beaten by both; npixels = ceil(size/pixel - 1/2), as the program rounds. ``folder`` is where the
    header files lie. Raises UsageError for a size that is no number, and for an empty image.
    """
    counts, sizes_mm, pixel_mm = _header_sizes(argv, folder)
    for i, token in enumerate(argv):
        if token in ("-detpixels", "-detpixels_f", "-detpixels_x", "-detpixels_s", "-detpixels_y"):
            value = int(_number(argv, i))
            counts = _along(token, ("f", "x"), ("s", "y"), counts, value)
        elif token in ("-detsize", "-detsize_f", "-detsize_s"):
            sizes_mm = _along(token, ("f",), ("s",), sizes_mm, _number(argv, i))
        elif token in ("-pixel", "-pixelsize", "-pixel_size"):
            pixel_mm = _number(argv, i)
    if not pixel_mm > 0:
        raise UsageError(f"-pixel {pixel_mm:g}: a pixel size must be positive")
    fast, slow = (count or math.ceil(size / pixel_mm - 0.5) for count, size in zip(counts, sizes_mm, strict=True))
    if fast < 1 or slow < 1:
        raise UsageError(f"the arguments declare an image of {fast} x {slow} pixels")
    return Shape(slow=slow, fast=fast)


def _along(token, fast_names, slow_names, pair, value):
    """(fast, slow) with the axis that the option's suffix names replaced, or both without a suffix."""
    suffix = token.rpartition("_")[2] if "_" in token else ""
    return (value if suffix in fast_names or not suffix else pair[0],
            value if suffix in slow_names or not suffix else pair[1])


def _number(argv: Sequence[str], i: int) -> float:
    try:
        value = float(argv[i + 1])
    except (IndexError, ValueError):
        found = argv[i + 1] if i + 1 < len(argv) else "nothing"
        raise UsageError(f"{argv[i]} needs a number, found {found}") from None
    if not math.isfinite(value):
        raise UsageError(f"{argv[i]} needs a finite number, found {argv[i + 1]}")
    return value


def _header_sizes(argv, folder):
    """Sizes read from the headers of -mask, then -img (the second wins)."""
    counts, pixel_mm = (0, 0), DEFAULT_PIXEL_MM
    for option in ("-mask", "-img"):
        for i, token in enumerate(argv[:-1]):
            if token == option:
                header = read_smv_numbers(folder / argv[i + 1])
                counts = (int(header.get("SIZE1", counts[0])), int(header.get("SIZE2", counts[1])))
                pixel_mm = header.get("PIXEL_SIZE", pixel_mm)
    return counts, (DEFAULT_DETSIZE_MM, DEFAULT_DETSIZE_MM), pixel_mm


def rendered_region(arguments: Sequence[str], shape: Shape) -> Roi:
    """The region that a command renders: the last -roi, whose negative bounds mean the image's own.

    Raises UsageError for a -roi that is not four whole numbers.
    """
    bounds = Roi.full(shape).bounds
    if "-roi" not in arguments:
        return Roi("rendered", *bounds)
    at = len(arguments) - 1 - list(arguments)[::-1].index("-roi")
    words = arguments[at + 1:at + 5]
    try:
        given = [int(word) for word in words]
    except ValueError:
        given = []
    if len(given) != 4:
        raise UsageError(f"-roi needs four whole numbers, found {' '.join(words) or 'nothing'}")
    xmin, xmax, ymin, ymax = (value if value >= 0 else own for value, own in zip(given, bounds, strict=True))
    return Roi("rendered", xmin, min(xmax, shape.fast - 1), ymin, min(ymax, shape.slow - 1))


def option_groups(command: Sequence[str]) -> list[tuple[int, int]]:
    """Where each option of a command line stands with its values: (first word, word after the last)."""
    starts = [i for i, word in enumerate(command) if _OPTION.match(word)]
    return list(zip(starts, [*starts[1:], len(command)], strict=True))
