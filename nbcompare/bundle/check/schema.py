"""The form of a record: record_schema.json (JSON Schema draft-07) and the part of the standard that it uses.

The schema ships with the package for other tools. It is checked here with the standard library alone, so that a
bundle can be verified where nothing but nb-compare is installed; a test holds this against the jsonschema library.
Patterns are those of a whole string (^...$); a line end after it is not let through, as Python's $ would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


@cache
def record_schema() -> dict[str, Any]:
    """The JSON Schema of record.json, schema_version 1."""
    return json.loads(resources.files("nbcompare.bundle").joinpath("record_schema.json").read_text(encoding="utf-8"))


def schema_faults(value: object, schema: dict[str, Any] | None = None) -> list[str]:
    """Every way in which a value is not what the schema (of a record, by default) describes: place and reason."""
    root = schema or record_schema()
    return [f"{place or 'the record'}: {reason}" for place, reason in _faults(value, root, root, "")]


def _faults(value, schema: dict[str, Any], root: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        yield from _faults(value, root["definitions"][schema["$ref"].rpartition("/")[2]], root, place)
        return
    if "type" in schema and not _is_of(value, schema["type"]):
        yield place, f"must be {_words(schema['type'])}, found {_shown(value)}"
        return
    if "const" in schema and not _same(value, schema["const"]):
        yield place, f"must be {schema['const']!r}, found {_shown(value)}"
    if "enum" in schema and not any(_same(value, choice) for choice in schema["enum"]):
        yield place, f"must be one of {schema['enum']}, found {_shown(value)}"
    if isinstance(value, dict):
        yield from _object_faults(value, schema, root, place)
    elif isinstance(value, list):
        yield from _array_faults(value, schema, root, place)
    elif isinstance(value, str):
        if "pattern" in schema and not re.fullmatch(schema["pattern"].removeprefix("^").removesuffix("$"), value):
            yield place, f"{_shown(value)} does not look like {schema['pattern']}"
        if len(value) < schema.get("minLength", 0):
            yield place, "must not be empty"
    elif _is_of(value, "number") and value < schema.get("minimum", value):
        yield place, f"must be at least {schema['minimum']}, found {value}"


def _object_faults(value: dict, schema: dict, root: dict, place: str) -> Iterator[tuple[str, str]]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key in schema.get("required", ()):
        if key not in value:
            yield place, f"lacks {key!r}"
    for key, entry in value.items():
        inner = f"{place}.{key}" if place else key
        if key in known:
            yield from _faults(entry, known[key], root, inner)
        elif isinstance(others, dict):
            yield from _faults(entry, others, root, inner)
        elif others is False:
            yield inner, "is not known here"


def _array_faults(value: list, schema: dict[str, Any], root: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    if len(value) < schema.get("minItems", 0):
        yield place, f"must hold at least {schema['minItems']}, holds {len(value)}"
    for i, entry in enumerate(value):
        yield from _faults(entry, schema.get("items", {}), root, f"{place}[{i}]")


def _is_of(value, wanted: str | list[str]) -> bool:
    if isinstance(wanted, list):
        return any(_is_of(value, one) for one in wanted)
    if wanted in ("number", "integer"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and (whole or (wanted == "number" and isinstance(value, float)))
    return isinstance(value, _TYPES[wanted])


def _same(a, b) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _words(wanted: str | list[str]) -> str:
    return wanted if isinstance(wanted, str) else " or ".join(wanted)


def _shown(value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
