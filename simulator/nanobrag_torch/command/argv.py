"""Command lines into options: strictly by default, or as the C program reads them.

Strict: every token is an option or one of its values, names are whole words, values have the right number
and type; anything else is one error that names the nearest option.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from nanobrag_torch.command.flag import Flag
from nanobrag_torch.command.flags import BY_NAME, FLAGS
from nanobrag_torch.command.help import nearest
from nanobrag_torch.config import Beam, Detector, Sampling, Scan
from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.limits import MOST_COUNT
from nanobrag_torch.options import Options
from nanobrag_torch.units import to_si

_AS_THE_C_PROGRAM = "(-emulate argv reads the line as nanoBragg does)"
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_REAL_START = re.compile(r"\s*[+-]?(inf(inity)?|nan|0x[0-9a-f]+|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)",
                         re.IGNORECASE | re.ASCII)
_INTEGER_START = re.compile(r"\s*[+-]?\d+", re.ASCII)
_LIST_DEFAULTS = {kind.__dataclass_fields__[name].name: kind.__dataclass_fields__[name].default
                  for kind, name in ((Beam, "direction"), (Beam, "polarization_axis"), (Detector, "fast_axis"),
                                     (Detector, "slow_axis"), (Detector, "normal_axis"), (Detector, "twotheta_axis"),
                                     (Scan, "spindle_axis"), (Sampling, "roi"))}


# --- strict -------------------------------------------------------------------------------------------


def parse(tokens: Sequence[str], options: Options | None = None) -> Options:
    """The options of a command line, on top of those already in ``options`` (from image headers).

    Raises UsageError for the first thing that is not as the table of flags says.
    """
    options = options or Options()
    at = 0
    while at < len(tokens):
        flag = _known(tokens[at])
        at += 1 + _take(flag, tokens[at], tokens[at + 1:], options)
    return options


def _known(word: str) -> Flag:
    flag = BY_NAME.get(word)
    if flag is None and not word.startswith("-"):
        raise ArgumentError(f"unexpected value {word!r}: no option takes it {_AS_THE_C_PROGRAM}")
    if flag is None:
        raise ArgumentError(f"unknown option {word!r}; did you mean {nearest(word)!r}? {_AS_THE_C_PROGRAM}")
    return flag


def _take(flag: Flag, name: str, rest: Sequence[str], options: Options) -> int:
    """Store the option's values and return how many tokens they were."""
    if flag.kind == "cell":
        return _take_cell(name, rest, options)
    if flag.kind == "misset":
        return _take_misset(flag, name, rest, options)
    if flag.kind == "perhaps":
        _apply(flag, [], options)
        return int(bool(rest) and _is_real(rest[0]))
    if len(rest) < flag.count:
        expected = f"{flag.count} value{'s' if flag.count > 1 else ''}"
        raise ArgumentError(f"{name}: {expected} expected, {len(rest)} given")
    _apply(flag, [_value(flag, name, text) for text in rest[:flag.count]], options)
    return flag.count


def _value(flag: Flag, name: str, text: str):
    if flag.kind in ("integer", "pixel"):
        if not _INTEGER.fullmatch(text) or abs(int(text)) > MOST_COUNT:
            raise ArgumentError(f"{name}: {text!r} is not an integer")
        return int(text)
    if flag.kind == "attenuation" and "inf" in text:
        return 0.0
    if flag.kind in ("real", "attenuation"):
        return _si(flag, name, text)
    if flag.kind == "pivot":
        found = [word for word in ("sample", "beam") if word in text]
        if not found:
            raise ArgumentError(f"{name}: 'beam' or 'sample' expected, {text!r} given")
        return found[0]
    return text


def _si(flag: Flag, name: str, text: str) -> float:
    try:
        value = to_si(flag.unit, _real(name, text))
    except ZeroDivisionError:
        value = math.inf
    if not math.isfinite(value):
        raise ArgumentError(f"{name}: {text!r} is not a usable value")
    return value


def _real(name: str, text: str) -> float:
    if not _is_real(text):
        raise ArgumentError(f"{name}: {text!r} is not a number")
    return float(text)


def _is_real(text: str) -> bool:
    """Whether a word is a finite decimal number, in the digits that C reads."""
    return _REAL.fullmatch(text) is not None and math.isfinite(float(text))


def _take_cell(name: str, rest: Sequence[str], options: Options) -> int:
    """One to six values, up to the next option; a later -cell replaces only what it gives."""
    values = []
    for text in rest[:6]:
        if text.startswith("-"):
            break
        values.append(_real(name, text))
    if not values:
        raise ArgumentError(f"{name}: 1 to 6 values expected, {len(rest[:1])} given")
    cell = [*values, *options.given.get("cell", [0.0] * 6)[len(values):]]
    options.given["cell"] = cell
    return len(values)


def _take_misset(flag: Flag, name: str, rest: Sequence[str], options: Options) -> int:
    if rest and "rand" in rest[0]:
        options.given["misset_random"] = True
        return 1
    if len(rest) < 3:
        raise ArgumentError(f"{name}: the word random or 3 values expected, {len(rest)} given")
    options.given["misset_rad"] = tuple(_si(flag, name, text) for text in rest[:3])
    options.given["misset_random"] = False
    return 3


def _apply(flag: Flag, values: list, options: Options) -> None:
    """Store values under the fields of the option, and what its presence means."""
    targets = flag.fields
    if flag.kind == "pixel":
        options.given[targets[0]] = [*options.given.get(targets[0], ()), *values]
        options.given.update(flag.sets)
        return
    for field, value in zip(targets, values * len(targets) if flag.same else values, strict=False):
        stem, bracket, index = field.partition("[")
        if bracket:
            held = list(options.given.get(stem, _LIST_DEFAULTS.get(stem, (0,) * len(targets))))
            held[int(index[:-1])] = value
            options.given[stem] = held
        elif field == "pivot":
            options.pivot, options.pivot_by_name = value, True
        else:
            options.given[field] = value
    options.given.update(flag.sets)
    if flag.kind == "attenuation" and values == [0.0]:
        options.given["thickness_like_c_m"] = 0.0
    if flag.convention:
        options.convention = flag.convention
    if flag.pivot:
        options.pivot = flag.pivot


# --- as the C program reads it (-emulate argv) -----------------------------------------------------------


def parse_like_c(tokens: Sequence[str], options: Options | None = None) -> Options:
    """The options as the C program takes them: every token is looked at, also values; names are searched
    inside tokens; several names can match one token; what lacks its values is silently ignored; numbers are
    read from the start of the text, and are 0 where there is none.
    """
    options = options or Options()
    for at, token in enumerate(tokens):
        if token in _OWN:
            _take(BY_NAME[token], token, tokens[at + 1:], options)
        elif token.startswith("-"):
            _match_like_c(token, tokens[at + 1:], options)
    return options


_OWN = {name for flag in FLAGS if not flag.like_c for name in flag.names}
_ENDS_COMPARISON = {"-Na", "-Nb", "-Nc", "-N", "-oversample_thick", "-oversample_polar", "-oversample_omega"}
_C_ORDER = sorted((flag for flag in FLAGS if flag.like_c),
                  key=lambda flag: (flag.names[0] not in _ENDS_COMPARISON, flag.names[0] != "-twotheta_axis",
                                    flag.names[0] != "-misset_seed"))


def _match_like_c(token: str, rest: Sequence[str], options: Options) -> None:
    for flag in _C_ORDER:
        if not any(token == word[1:] if word.startswith("=") else word in token for word in flag.like_c):
            continue
        ended = _take_like_c(flag, rest, options)
        if ended or flag.names[0] in _ENDS_COMPARISON:
            return


def _take_like_c(flag: Flag, rest: Sequence[str], options: Options) -> bool:
    """Store what the option gives; True when no further name is compared with the token."""
    if flag.kind == "cell":
        values = []
        for text in rest[:6]:
            if text.startswith("-"):
                break
            values.append(_atof(text))
        options.given["cell"] = [*values, *options.given.get("cell", [0.0] * 6)[len(values):]]
        return len(rest) < 6
    if flag.kind == "misset":
        if rest and "rand" in rest[0]:
            options.given["misset_random"] = True
            return True
        if len(rest) >= 3:
            options.given["misset_rad"] = tuple(to_si("deg", _atof(text)) for text in rest[:3])
            options.given["misset_random"] = False
        return False
    if flag.kind == "perhaps":
        if rest:
            _apply(flag, [], options)
        return False
    if len(rest) < flag.count:
        if flag.names[0] in ("-detector_abs", "-detector_thick", "-detector_thicksteps"):
            raise ArgumentError(f"{flag.names[0]}: a value is expected (the C program crashes here)")
        return False
    _apply(flag, [_value_like_c(flag, text) for text in rest[:flag.count]], options)
    return False


def _value_like_c(flag: Flag, text: str):
    if flag.kind == "integer":
        return _atoi(text)
    if flag.kind == "attenuation" and "inf" in text:
        return 0.0
    if flag.kind in ("real", "attenuation"):
        try:
            return to_si(flag.unit, _atof(text))
        except ZeroDivisionError:
            return math.inf
    if flag.kind == "pivot":
        return "sample" if "sample" in text else "beam"
    return text


def _atof(text: str) -> float:
    """As C's atof has it, except that what is not finite is refused: no image comes of it."""
    match = _REAL_START.match(text)
    if not match:
        return 0.0
    word = match.group().strip().lower()
    value = float.fromhex(word) if "0x" in word else float(word)
    if not math.isfinite(value):
        raise ArgumentError(f"{text!r} is not a usable value (the C program makes an image of NaN of it)")
    return value


def _atoi(text: str) -> int:
    match = _INTEGER_START.match(text)
    return int(match.group()) if match else 0
