"""Adapters: how an engine that does not speak nanoBragg's command line is asked, and what it can do.

Declared with the engine, in a case or a project file:

    arguments:                                   # by option of the case's command
      -detpixels_x: --width                      # another name; the values follow
      -distance: {to: --distance-m, scale: 0.001}            # another unit
      -roi: {to: [--x, "{1}:{2}", --y, "{3}:{4}"]}           # split, by the number of the value
      -mosflm: {drop: the port knows no other convention}    # left out, and why
      -hkl: {config: HKL}                        # not on the command line: {HKL} in the template
      -floatfile: --out                          # where it is to write; without a rule it knows by itself
    other_arguments: refuse                      # or pass: options without a rule are handed on as they are
    config: {file: run.ini, template: port.ini, argument: --config, defaults: {HKL: none}}
    output: {file: image.h5, format: hdf5, dataset: /data}
    capabilities: {roi: false, batch: false, emulate: false, trace: false, threads: true}

What follows from it for a command is worked out in engine/adapter.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from nbcompare.case.arguments.named_files import FLOAT_OPTION, leads_out
from nbcompare.case.parts import arguments, known_word
from nbcompare.case.reading.strict_yaml import Cursor
from nbcompare.errors import UsageError
from nbcompare.formats.declared import FORMATS, RAW, Declared

KEYS = ("arguments", "other_arguments", "config", "output", "capabilities")
"""What this module reads of an engine's declaration."""

REFUSE, PASS = "refuse", "pass"
CAPABILITIES = ("roi", "batch", "emulate", "trace", "threads")
"""What an engine may be able to do: render a region (-roi), many commands in one process (-batch), named emulations
(-emulate), factor traces, and a number of threads from the environment."""

PLACE = re.compile(r"\{(\d+|output)\}")
"""What stands for a value in the words of a rule: its number, from 1, or the file that is to be written."""

HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""What stands for a value in a template."""

EVERY = "*"
"""The option of the one rule of an engine that is a stored image: it gets no argument at all."""

_OPTION = re.compile(r"--?[A-Za-z_][A-Za-z0-9_.-]*")
_HOLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_TEMPLATE = 1 << 20


@dataclass(frozen=True)
class ArgumentRule:
    """What becomes of one option: words (``to``), values for a template (``config``), or nothing, for the reason that
    ``drop`` gives. Values are multiplied by ``scale``, one number for all of them or one for each."""

    option: str
    to: tuple[str, ...] = ()
    scale: tuple[float, ...] = ()
    drop: str | None = None
    config: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> ArgumentRule:
        return cls(**{**stored, **{key: tuple(stored[key]) for key in ("to", "scale", "config")}})


@dataclass(frozen=True)
class ConfigFile:
    """A file that is written from a template before the engine is started. ``argument`` is the word before its name
    on the command line, None where the engine finds it by its name; ``defaults`` stand in for options not given. In a
    record the template is a list of lines, as no text there holds a line end."""

    file: str
    template: str
    argument: str | None = None
    defaults: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> ConfigFile:
        return cls(**{**stored, "template": "\n".join(stored["template"]),
                      "defaults": tuple((key, value) for key, value in stored["defaults"])})

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "template": self.template.split("\n"), "defaults": [list(pair) for pair in self.defaults]}


@dataclass(frozen=True)
class Output:
    """The file that an engine leaves its image in, and how it is read."""

    file: str
    declared: Declared

    def as_dict(self) -> dict[str, object]:
        return {"file": self.file, **self.declared.as_dict()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Output:
        said = dict(stored)
        shape = said.pop("shape", None)
        return cls(said.pop("file"), Declared(**said, shape=tuple(shape) if shape else None))


@dataclass(frozen=True)
class Adapter:
    """Everything that stands between a case and an engine; without rules the words are handed on as they are."""

    rules: tuple[ArgumentRule, ...] = ()
    others: str = PASS
    config: ConfigFile | None = None
    output: Output | None = None

    @property
    def stored(self) -> str | None:
        """Of an engine that is a stored image: what is said of it in place of its arguments."""
        return self.rules[0].drop if self.rules and self.rules[0].option == EVERY else None

    def as_dict(self) -> dict[str, Any]:
        return {"rules": [{key: list(value) if isinstance(value, tuple) else value for key, value in vars(rule).items()}
                          for rule in self.rules],
                "others": self.others,
                "config": self.config.as_dict() if self.config else None,
                "output": self.output.as_dict() if self.output else None}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Adapter:
        return cls(tuple(map(ArgumentRule.from_dict, stored["rules"])), stored["others"],
                   ConfigFile.from_dict(stored["config"]) if stored["config"] else None,
                   Output.from_dict(stored["output"]) if stored["output"] else None)


# --- read from a declaration ------------------------------------------------------------------------------


def adapter_of(entries: Mapping[str, Cursor], folder: Path, *, has_cwd: bool) -> Adapter | None:
    """The adapter that an engine's entries declare, None where they declare none. Raises CaseError with its place."""
    if not any(key in entries for key in ("arguments", "other_arguments", "config", "output")):
        return None
    rules = _rules(entries["arguments"]) if "arguments" in entries else ()
    others = known_word(entries["other_arguments"], (REFUSE, PASS), "word for other_arguments") \
        if "other_arguments" in entries else REFUSE if rules else PASS
    config = _config(entries["config"], folder, rules) if "config" in entries else None
    filled = [rule.option for rule in rules if rule.config]
    if filled and config is None:
        raise entries["arguments"].error(f"{filled[0]} goes to a config file, and no config is declared")
    output = _output(entries["output"]) if "output" in entries else None
    if output and has_cwd and not any(rule.option == FLOAT_OPTION and rule.to for rule in rules):
        raise entries["output"].error("a program that is started in a folder of its own (cwd) has to be told where to "
                                      f"write: give a rule for {FLOAT_OPTION}, or an old file could be read")
    return Adapter(rules, others, config, output)


def capabilities_of(cursor: Cursor | None) -> tuple[tuple[str, bool], ...]:
    """What an engine is declared to be able or unable to do; what is not named is tried when it is needed."""
    if cursor is None:
        return ()
    return tuple((name, yes_or_no(entry)) for name, entry in cursor.mapping(known=CAPABILITIES).items())


def yes_or_no(cursor: Cursor) -> bool:
    """Raises CaseError for anything but true and false."""
    if cursor.kind != "true/false":
        raise cursor.error(f"{cursor.name} must be true or false")
    return str(cursor.node.value).lower() in ("true", "yes", "on")


def _rules(cursor: Cursor) -> tuple[ArgumentRule, ...]:
    found = []
    for option, entry in cursor.mapping().items():
        if not _OPTION.fullmatch(option):
            raise entry.error(f"arguments: {option!r} is no option; it must begin with - and a letter")
        found.append(_rule(option, entry))
    if not found:
        raise cursor.error("arguments must hold a rule, or be left out")
    return tuple(found)


def _rule(option: str, cursor: Cursor) -> ArgumentRule:
    if cursor.kind != "mapping":
        return ArgumentRule(option, _words(cursor))
    entries = cursor.mapping(known=("to", "scale", "drop", "config"))
    if sum(key in entries for key in ("to", "drop", "config")) != 1:
        raise cursor.error(f"{option} needs one of to, drop and config")
    if "drop" in entries:
        if "scale" in entries:
            raise entries["scale"].error(f"{option} is dropped, so there is nothing to scale")
        return ArgumentRule(option, drop=entries["drop"].text())
    scale = _scale(entries["scale"]) if "scale" in entries else ()
    if "config" in entries:
        return ArgumentRule(option, scale=scale, config=_holes(entries["config"]))
    return ArgumentRule(option, _words(entries["to"]), scale)


def _words(cursor: Cursor) -> tuple[str, ...]:
    words = arguments(cursor)
    if not words:
        raise cursor.error(f"{cursor.name} must hold a word, or say drop and why")
    return words


def _scale(cursor: Cursor) -> tuple[float, ...]:
    numbers = tuple(entry.number() for entry in cursor.items()) if cursor.kind == "list" else (cursor.number(),)
    if not numbers or 0.0 in numbers:
        raise cursor.error("scale must be a number other than 0, or a list with one for each value")
    return numbers


def _holes(cursor: Cursor) -> tuple[str, ...]:
    names = tuple(entry.text() for entry in cursor.items()) if cursor.kind == "list" else (cursor.text(),)
    for name in names:
        if not _HOLE_NAME.fullmatch(name) or name == "output":
            raise cursor.error(f"config: {name!r} is no name of a place in the template")
    return names


def _config(cursor: Cursor, folder: Path, rules: tuple[ArgumentRule, ...]) -> ConfigFile:
    entries = cursor.mapping(known=("file", "template", "argument", "defaults"), required=("file", "template"))
    template = folder / entries["template"].text()
    try:
        if template.exists() and not template.is_file():  # a pipe would be waited for, a device has no end
            raise entries["template"].error(f"config: the template {entries['template'].text()} is no ordinary file")
        raw = template.read_bytes()
        if len(raw) > _MOST_TEMPLATE:
            raise entries["template"].error(f"config: the template is longer than {_MOST_TEMPLATE >> 20} MiB")
        text = raw.decode("utf-8")
    except OSError as fault:
        raise entries["template"].error(f"config: cannot read the template {entries['template'].text()}: "
                                        f"{fault.strerror}") from None
    except UnicodeDecodeError:
        raise entries["template"].error("config: the template is no text (UTF-8)") from None
    if not text.replace("\n", "").isprintable():
        raise entries["template"].error("config: the template holds a character that cannot be seen, such as a tab or "
                                        "a carriage return; blanks and line ends alone are kept in a record")
    defaults = {name: entry.text() for name, entry in entries["defaults"].mapping().items()} \
        if "defaults" in entries else {}
    _refuse_other_holes(entries["template"], text, {*defaults, *(name for rule in rules for name in rule.config)})
    return ConfigFile(_plain_name(entries["file"]), text,
                      entries["argument"].text() if "argument" in entries else None, tuple(defaults.items()))


def _refuse_other_holes(cursor: Cursor, text: str, filled: set[str]) -> None:
    """Every place of the template is filled by a rule or a default, and the other way round."""
    holes = set(HOLE.findall(text)) - {"output"}
    if holes - filled:
        raise cursor.error(f"config: nothing fills {{{min(holes - filled)}}} of the template")
    if filled - holes:
        raise cursor.error(f"config: the template has no place {{{min(filled - holes)}}}")


def _plain_name(cursor: Cursor) -> str:
    name = cursor.text()
    if leads_out(name) or PurePosixPath(name).as_posix() != name or name.startswith(("-", ".")):
        raise cursor.error(f"{cursor.name} {name!r} must be a plain name of a file in the folder of the run")
    return name


_VALUES = ("dtype", "offset", "frame", "axes", "scale")
HOW_TO_READ = ("format", "dtype", "shape", "offset", "dataset", "frame", "axes", "scale")
"""What may be said of how an image file is read."""


def _output(cursor: Cursor) -> Output:
    entries = cursor.mapping(known=("file", *HOW_TO_READ), required=("file", "format"))
    return Output(_plain_name(entries["file"]), declared_of(cursor, entries))


def declared_of(cursor: Cursor, entries: Mapping[str, Cursor]) -> Declared:
    """How an image file is read, by the entries of HOW_TO_READ; ``cursor`` holds them. Raises CaseError."""
    said = [f"format={known_word(entries['format'], FORMATS, 'format')}"]
    said += [f"{key}={entries[key].text()}" for key in _VALUES if key in entries]
    if "shape" in entries:
        sizes = [entry.integer() for entry in entries["shape"].items()]
        said.append(f"shape={'x'.join(map(str, sizes))}")
    try:
        declared = Declared.of(",".join(said), cursor.name)
    except UsageError as fault:
        raise cursor.error(fault.message) from None
    if declared.format == RAW and declared.dtype is None:
        raise cursor.error(f"{cursor.name}: a raw file does not say its type; declare dtype, such as <f4")
    if "dataset" in entries:
        declared = Declared(**{**vars(declared), "dataset": entries["dataset"].text()})
    return declared


def scaled(value: str, factor: float) -> str:
    """A decimal number times a factor, exactly, in the shortest decimal digits. Raises ValueError for no number."""
    try:
        product = Decimal(value) * Decimal(repr(factor))
    except ArithmeticError:
        raise ValueError(f"{value!r} is no number") from None
    if not product.is_finite():
        raise ValueError(f"{value!r} is no finite number")
    shortest = product.normalize()
    return f"{shortest:f}" if -12 <= shortest.adjusted() <= 20 else str(shortest)
