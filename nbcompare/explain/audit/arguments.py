"""Words of a nanoBragg command line, changed one option at a time. Of an option given twice the last counts."""

from __future__ import annotations

from collections.abc import Sequence

from nbcompare.case.arguments.command import is_number, parse_command
from nbcompare.compare.image import DEFAULT_PIXEL_MM
from nbcompare.explain.audit.kind import NotApplicable


def values(argv: Sequence[str], option: str) -> tuple[str, ...] | None:
    """The values of an option, or None when it is not given."""
    found = parse_command(argv).find(option)
    return None if found is None else found.values


def number(argv: Sequence[str], option: str, default: float | None = None) -> float:
    """The one number of an option. Raises NotApplicable without it, when there is no default."""
    found = values(argv, option)
    if found and is_number(found[0]):
        return float(found[0])
    if default is None:
        raise NotApplicable(f"the command has no {option}")
    return default


def vector(argv: Sequence[str], option: str) -> tuple[float, float, float]:
    """The three numbers of an option. Raises NotApplicable without them."""
    found = values(argv, option) or ()
    if len(found) < 3 or not all(map(is_number, found)):
        raise NotApplicable(f"the command has no {option}")
    x, y, z = map(float, found[:3])
    return x, y, z


def name_of_file(argv: Sequence[str], option: str) -> str:
    """The file that an option names. Raises NotApplicable without it."""
    found = values(argv, option)
    if not found:
        raise NotApplicable(f"the command has no {option}")
    return found[0]


def put(argv: Sequence[str], option: str, *new: object) -> tuple[str, ...]:
    """The option with new values, in its old place or at the end."""
    words = tuple(f"{value:.12g}" if isinstance(value, float) else str(value) for value in new)
    command = parse_command(argv)
    if not command.has(option):
        return (*argv, option, *words)
    return command.setting(option, *words).argv


def drop(argv: Sequence[str], option: str) -> tuple[str, ...]:
    """The arguments without an option. Raises NotApplicable when it is not given."""
    command = parse_command(argv)
    if not command.has(option):
        raise NotApplicable(f"the command has no {option}")
    return command.without(option).argv


def pixel_mm(argv: Sequence[str]) -> float:
    """The pixel size in mm."""
    return number(argv, "-pixel", DEFAULT_PIXEL_MM)


def pivot_of(argv: Sequence[str]) -> str:
    """The pivot that is in force at the end of a command: many options set it, and the last one counts."""
    pivot = "beam"
    for item in parse_command(argv).items:
        said = next((word for word in ("sample", "beam") if word in " ".join(item.values)), "")
        pivot = (said if item.name == "-pivot" else item.option.pivot if item.option else "") or pivot
    return pivot
