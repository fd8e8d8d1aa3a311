"""What an adapter makes of a command: the words that the engine gets, the file it is given, and all that was changed.

Everything follows from the declaration and the case's own words alone, so that whoever verifies a bundle can work it
out again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbcompare.case.arguments.named_files import FLOAT_OPTION
from nbcompare.case.arguments.option_faults import LIKE_AN_OPTION
from nbcompare.case.arguments.options import FLOAT_FILE, option_named
from nbcompare.case.declared.adapter import HOLE, PASS, PLACE, Adapter, ArgumentRule, scaled
from nbcompare.errors import UsageError

OUTPUT_HOLE = "output"


@dataclass(frozen=True)
class AdaptedArguments:
    """The words that an engine gets after those that start it; what was changed, and what it never got, in sentences;
    ``config`` is the text of its file, where it has one."""

    words: tuple[str, ...]
    changes: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    config: str | None = None


@dataclass(frozen=True)
class _Given:
    """An option of the case's command with its values."""

    option: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.option, *self.values))


def image_file(adapter: Adapter | None) -> str:
    """The name of the file that an engine leaves its image in."""
    return adapter.output.file if adapter and adapter.output else FLOAT_FILE


def adapt(adapter: Adapter | None, arguments: Sequence[str]) -> AdaptedArguments:
    """What an engine is asked with, for the arguments of a case.

    Raises UsageError for an option that no rule speaks of where others are refused, a value that cannot be scaled, a
    rule with more places than values, and a place of a template that nothing fills.
    """
    name = image_file(adapter)
    if adapter is None:
        return AdaptedArguments((*arguments, FLOAT_OPTION, name))
    if adapter.stored:
        return AdaptedArguments((name,), (), (f"any argument: {adapter.stored}",))
    words: list[str] = []
    changes: list[str] = []
    dropped: list[str] = []
    filled: dict[str, str] = {}
    for given in _options((*arguments, FLOAT_OPTION, name)):
        rule = _rule_for(adapter, given)
        if rule is None:
            words += _without_rule(adapter, given, changes)
        elif rule.drop is not None:
            dropped.append(f"{given} ({rule.drop})")
        else:
            values = _scaled(rule, given)
            if rule.config:
                places = _places(rule, given, values)
                filled |= places
                changes.append(f"{given} as {_said(places)} in {adapter.config.file if adapter.config else ''}")
            else:
                put = _put(rule, given, values, name)
                words += put
                changes.append(f"{given} as {' '.join(put)}")
    if adapter.config is None:
        return AdaptedArguments(tuple(words), tuple(changes), tuple(dropped))
    text = _filled(adapter, filled, name)
    if adapter.config.argument:
        words += [adapter.config.argument, adapter.config.file]
    return AdaptedArguments(tuple(words), tuple(changes), tuple(dropped), text)


def _options(words: Sequence[str]) -> Iterator[_Given]:
    """Each option with the words that follow it; words before the first option stand alone."""
    at = 0
    while at < len(words):
        end = at + 1
        while end < len(words) and LIKE_AN_OPTION.match(words[at]) and not LIKE_AN_OPTION.match(words[end]):
            end += 1
        yield _Given(words[at], tuple(words[at + 1:end]))
        at = end


def _rule_for(adapter: Adapter, given: _Given) -> ArgumentRule | None:
    """The rule of an option by this name, else by another name of the same option of nanoBragg: a port may mean
    another unit by each of two names."""
    exact = (rule for rule in adapter.rules if rule.option == given.option)
    known = option_named(given.option)
    other = (rule for rule in adapter.rules if known is not None and option_named(rule.option) is known)
    return next(exact, None) or next(other, None)


def _without_rule(adapter: Adapter, given: _Given, changes: list[str]) -> tuple[str, ...]:
    if given.option == FLOAT_OPTION:
        if adapter.output is None:
            return (given.option, *given.values)
        changes.append(f"it writes {adapter.output.file} without being told")
        return ()
    if adapter.others == PASS:
        return (given.option, *given.values)
    raise UsageError(f"no rule says what becomes of {given}",
                     hint=f"add to arguments of the engine: {given.option}: {{to: WORD}} or {{drop: WHY}}, or "
                          "other_arguments: pass")


def _scaled(rule: ArgumentRule, given: _Given) -> tuple[str, ...]:
    if not rule.scale:
        return given.values
    if len(rule.scale) not in (1, len(given.values)):
        raise UsageError(f"{given}: its rule scales {len(rule.scale)} values, and it has {len(given.values)}")
    factors = rule.scale * len(given.values) if len(rule.scale) == 1 else rule.scale
    try:
        return tuple(scaled(value, factor) for value, factor in zip(given.values, factors, strict=True))
    except ValueError as fault:
        raise UsageError(f"{given}: {fault}, so it cannot be given in another unit") from None


def _put(rule: ArgumentRule, given: _Given, values: Sequence[str], name: str) -> tuple[str, ...]:
    """The words of a rule with the values in their places, or behind them where it has none."""
    places = {int(place) for word in rule.to for place in PLACE.findall(word) if place != OUTPUT_HOLE}
    if not places:
        return (*(_in_places(word, values, name) for word in rule.to), *values)
    if places != set(range(1, len(values) + 1)):
        held = ", ".join(f"{{{place}}}" for place in sorted(places))
        raise UsageError(f"{given}: its rule has the places {held}, and the option {len(values)} values: each value "
                         "needs a place of its own")
    return tuple(_in_places(word, values, name) for word in rule.to)


def _in_places(word: str, values: Sequence[str], name: str) -> str:
    return PLACE.sub(lambda place: name if place[1] == OUTPUT_HOLE else values[int(place[1]) - 1], word)


def _places(rule: ArgumentRule, given: _Given, values: Sequence[str]) -> dict[str, str]:
    """The values by their places in the template; all of them go to one place, or each to its own."""
    if len(rule.config) == 1:
        return {rule.config[0]: " ".join(values)}
    if len(rule.config) != len(values):
        raise UsageError(f"{given}: its rule names {len(rule.config)} places of the template, and it has "
                         f"{len(values)} values")
    return dict(zip(rule.config, values, strict=True))


def _said(places: dict[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in places.items())


def _filled(adapter: Adapter, filled: dict[str, str], name: str) -> str:
    config = adapter.config
    assert config is not None
    values = {**dict(config.defaults), **filled, OUTPUT_HOLE: name}
    missing = [hole for hole in HOLE.findall(config.template) if hole not in values]
    if missing:
        option = next((rule.option for rule in adapter.rules if missing[0] in rule.config), "an option")
        raise UsageError(f"the command has no {option}, which fills {{{missing[0]}}} of the config file",
                         hint=f"give the option, or config: defaults: {{{missing[0]}: VALUE}}")
    return HOLE.sub(lambda hole: values[hole[1]], config.template)
