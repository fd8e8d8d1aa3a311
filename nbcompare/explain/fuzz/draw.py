"""Commands to try: drawn over the options that both engines take, or varied from that of a case."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.case.arguments.command import Command, WrittenOption, declared_shape, is_number, parse_command, written
from nbcompare.case.arguments.named_files import FLOAT_OPTION
from nbcompare.case.arguments.options import all_options, option_named
from nbcompare.engine.adapter import adapt
from nbcompare.engine.engine import Engine
from nbcompare.errors import NbCompareError, UsageError
from nbcompare.explain.fuzz.drawn_command import chance
from nbcompare.explain.fuzz.random_commands import random_command

NOT_OF_THE_IMAGE = ("output", "run", "precision", "emulation", "ignored", "reading")
"""Kinds of options that are no part of what is tried: they name other files, or how a program works."""

FRAME = ("size", "roi", "pixels")
FACTORS = (0.0, -1.0, 0.5, 0.9, 1.01, 1.1, 2.0)
"""By what a number of a case's command is varied."""

MOST_EDITS = 3
_TRIES = 40


@dataclass(frozen=True)
class Draw:
    """One command to try, with the files that it reads by name."""

    argv: tuple[str, ...]
    files: Mapping[str, bytes]

    @property
    def options(self) -> frozenset[str]:
        """The options in it, by their usual names."""
        return frozenset(item.option.name for item in parse_command(self.argv).items if item.option)


def pool_of(engines: Sequence[Engine]) -> frozenset[str]:
    """The options that are tried, by their usual names: all of the table that bear on the image and that no engine's
    declaration drops or refuses."""
    return frozenset(option.name for option in all_options() if option.kind not in NOT_OF_THE_IMAGE
                     and option.name != FLOAT_OPTION and all(_takes(engine, option.names) for engine in engines))


def _takes(engine: Engine, names: Sequence[str]) -> bool:
    """Whether an engine is handed an option on, by its declaration."""
    adapter = engine.adapter
    if adapter is None:
        return True
    rules = [rule for rule in adapter.rules if rule.option in names]
    if not rules:
        return adapter.others != "refuse"
    return any(rule.drop is None for rule in rules)


def accepted(engines: Sequence[Engine], argv: Sequence[str], *, whole: bool = True) -> bool:
    """Whether every engine's declaration has words for a command, or for a part of one, which need not fill a
    template."""
    adapters = [engine.adapter for engine in engines]
    if not whole:
        adapters = [replace(adapter, config=None) if adapter else None for adapter in adapters]
    try:
        return all(not adapt(adapter, argv).dropped for adapter in adapters)
    except UsageError:
        return False


def drawn(seed: int, at: int, pool: frozenset[str], engines: Sequence[Engine], folder: Path) -> Draw | None:
    """Command number ``at`` of a seed; ``folder`` is for its files while it is made. None where nothing is left that
    the engines take."""
    made = random_command(seed, at, like_c=False)
    for name, content in made.files.items():
        (folder / name).write_bytes(content)
    command = parse_command(made.argv)
    kept = [item for item in command.items if item.option and item.option.name in pool
            and accepted(engines, item.tokens, whole=False)]
    lost = [item for item in command.items if item.option and item.option.kind in FRAME and item not in kept]
    try:
        if lost or any(item.word in ("-img", "-mask") for item in command.items if item not in kept):
            kept = _with_size(kept, command, folder, engines)
        return _draw([*kept, *_filling(kept, seed, at, pool, engines)], folder)
    except NbCompareError:
        return None


def _with_size(kept: Sequence[WrittenOption], command: Command, folder: Path,
               engines: Sequence[Engine]) -> list[WrittenOption]:
    """The items with a size of their own, where an option that said it is not taken; a square one where an engine knows
    no other."""
    shape = declared_shape(command.argv, folder)
    plain = ("-detpixels_x", str(shape.fast), "-detpixels_y", str(shape.slow))
    square = ("-detpixels", str(shape.fast))
    says = square if accepted(engines, square, whole=False) and not accepted(engines, plain, whole=False) else plain
    return [*(item for item in kept if not (item.option and item.option.kind in ("size", "roi"))),
            *parse_command(says).items]


def _filling(kept: Sequence[WrittenOption], seed: int, at: int, pool: frozenset[str],
             engines: Sequence[Engine]) -> list[WrittenOption]:
    """Options of other commands of the seed, for the places of templates that nothing else fills."""
    missing = {option_named(rule.option) for engine in engines if engine.adapter and engine.adapter.config
               for rule in engine.adapter.rules if not {*rule.config} <= {*dict(engine.adapter.config.defaults)}}
    missing -= {None, *(item.option for item in kept)}
    found: list[WrittenOption] = []
    for more in range(_TRIES):
        if not missing:
            break
        for item in parse_command(random_command(seed, at * 1_000_003 + more, like_c=False).argv).items:
            if item.option in missing and item.row.name in pool and item.row.kind not in FRAME and not item.row.file:
                found.append(item)
                missing.discard(item.option)
    return found


def around(command: Sequence[str], seed: int, at: int, pool: frozenset[str], engines: Sequence[Engine],
           folder: Path) -> Draw | None:
    """The command of a case with a few edits: an option left out, a number varied, an option of a random command put
    at the end. The image keeps its size. None where no edit was found that leaves a command."""
    dice = random.Random(f"around/{seed}/{at}")
    shape = declared_shape(command, folder)
    for _ in range(_TRIES):
        items = list(parse_command(command).items)
        for _ in range(dice.randint(1, MOST_EDITS)):
            _edit(dice, items, pool, seed * 1_000_003 + at)
        argv = tuple(token for item in items for token in item.tokens)
        try:
            if argv != tuple(command) and accepted(engines, argv) and declared_shape(argv, folder) == shape:
                return _draw(items, folder)
        except NbCompareError:
            continue
    return None


def _edit(dice: random.Random, items: list[WrittenOption], pool: frozenset[str], seed: int) -> None:
    """One edit, in place."""
    free = [at for at, item in enumerate(items) if item.option and item.option.kind not in (*FRAME, "file", "output")]
    kind = dice.choice(["leave out", "vary", "vary", "add", "add"])
    if kind == "add" or not free:
        more = parse_command(random_command(seed, dice.randint(0, 9999), like_c=False).argv).items
        fit = [item for item in more if item.option and item.option.name in pool
               and item.option.kind not in (*FRAME, "file", "output") and not item.option.file]
        if fit:
            items.append(dice.choice(fit))
        return
    at = dice.choice(free)
    if kind == "leave out" and chance(dice, 60):
        del items[at]
    else:
        items[at] = _varied(dice, items[at])


def _varied(dice: random.Random, item: WrittenOption) -> WrittenOption:
    """The option with one of its numbers changed; a count stays one."""
    numbers = [at for at, value in enumerate(item.values) if is_number(value)]
    if not numbers:
        return item
    at, values = dice.choice(numbers), list(item.values)
    if item.row.kind in ("count", "seed"):
        values[at] = str(max(1, int(float(values[at])) + dice.choice([-1, 1, 2])))
    else:
        values[at] = written(float(values[at]) * dice.choice(FACTORS))
    return WrittenOption(item.word, tuple(values), item.option)


def _draw(items: Sequence[WrittenOption], folder: Path) -> Draw | None:
    """A command of items, with the files in the folder that it reads."""
    argv = tuple(token for item in items for token in item.tokens)
    if not argv:
        return None
    declared_shape(argv, folder)
    named = {item.values[0] for item in parse_command(argv).items if item.values}
    return Draw(argv, {name: (folder / name).read_bytes() for name in sorted(named) if (folder / name).is_file()})
