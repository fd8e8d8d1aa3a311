"""A nanoBragg command line as a sequence of options with their values, and the edits that make a new one.

Reading is lenient: a word that is no known option stays where it is, because the engines may know it.
Nothing is ever changed in place; an edit returns a new command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nbcompare.case.options import BY_NAME, CELL, MISSET, PERHAPS, Option


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
