"""Words of a nanoBragg command line, changed one option at a time. Of an option given twice the last counts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nbcompare.explain.audit.kind import NotHere

SPELLINGS = {
    "-lambda": ("-lambda", "-wave", "-wavelength"), "-pixel": ("-pixel", "-pixelsize", "-pixel_size"),
    "-osc": ("-osc", "-oscillation"), "-mat": ("-mat", "-matrix"), "-hkl": ("-hkl", "-hklfile"),
    "-mosaic": ("-mosaic", "-mosaici", "-mosaicity", "-mosaic_spr", "-mosaic_spread"),
    "-mosaic_dom": ("-mosaic_dom", "-mosaic_domains"),
}
DEFAULT_PIXEL_MM = 0.1
_OPTION = re.compile(r"-[A-Za-z0-9]*[A-Za-z_].*")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def values(argv: Sequence[str], option: str) -> tuple[str, ...] | None:
    """The values of an option, or None when it is not given."""
    at = _last(argv, option)
    return None if at is None else tuple(argv[at + 1:_end(argv, at)])


def number(argv: Sequence[str], option: str, default: float | None = None) -> float:
    """The one number of an option. Raises NotHere without it, when there is no default."""
    found = values(argv, option)
    if found and _NUMBER.fullmatch(found[0]):
        return float(found[0])
    if default is None:
        raise NotHere(f"the command has no {option}")
    return default


def vector(argv: Sequence[str], option: str) -> tuple[float, float, float]:
    """The three numbers of an option. Raises NotHere without them."""
    found = values(argv, option) or ()
    if len(found) < 3:
        raise NotHere(f"the command has no {option}")
    x, y, z = map(float, found[:3])
    return x, y, z


def name_of_file(argv: Sequence[str], option: str) -> str:
    """The file that an option names. Raises NotHere without it."""
    found = values(argv, option)
    if not found:
        raise NotHere(f"the command has no {option}")
    return found[0]


def put(argv: Sequence[str], option: str, *new: object) -> tuple[str, ...]:
    """The option with new values, in its old place or at the end."""
    words = tuple(f"{value:.12g}" if isinstance(value, float) else str(value) for value in new)
    at = _last(argv, option)
    if at is None:
        return (*argv, option, *words)
    return (*argv[:at + 1], *words, *argv[_end(argv, at):])


def drop(argv: Sequence[str], option: str) -> tuple[str, ...]:
    """The arguments without an option. Raises NotHere when it is not given."""
    if _last(argv, option) is None:
        raise NotHere(f"the command has no {option}")
    while (at := _last(argv, option)) is not None:
        argv = (*argv[:at], *argv[_end(argv, at):])
    return tuple(argv)


def pixel_mm(argv: Sequence[str]) -> float:
    """The pixel size in mm."""
    return number(argv, "-pixel", DEFAULT_PIXEL_MM)


def _last(argv: Sequence[str], option: str) -> int | None:
    names = SPELLINGS.get(option, (option,))
    return max((i for i, word in enumerate(argv) if word in names), default=None)


def _end(argv: Sequence[str], at: int) -> int:
    """Where the values of the option at a place end."""
    end = at + 1
    while end < len(argv) and not _is_option(argv[end]):
        end += 1
    return end


def _is_option(word: str) -> bool:
    return bool(_OPTION.fullmatch(word)) and not _NUMBER.fullmatch(word)
