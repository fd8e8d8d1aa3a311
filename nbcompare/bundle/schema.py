"""The form of a record: record_schema.json (JSON Schema draft-07), which ships with the package for other tools too.

A pattern there is that of a whole string (^...$); a line end after it is not let through, as Python's $ would.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from nbcompare.bundle.quick_schema import Check, quick_check

if TYPE_CHECKING:
    import jsonschema

_LONGEST = 200


@cache
def record_schema() -> dict[str, Any]:
    """The JSON Schema of record.json, schema_version 1."""
    text = resources.files("nbcompare.bundle").joinpath("record_schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def schema_faults(value: object) -> list[str]:
    """Every way in which a value is not what the schema of a record describes: place and reason, by place."""
    if _quickly()(value):
        return []
    found = sorted(_validator().iter_errors(value), key=lambda error: [str(step) for step in error.absolute_path])
    return [f"{_place(error)}: {_reason(error)}" for error in found]


def _whole_pattern(validator: Any, pattern: str, value: object, schema: Any) -> Iterator[jsonschema.ValidationError]:
    import jsonschema

    if isinstance(value, str) and not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value):
        yield jsonschema.ValidationError(f"{value!r} does not look like {pattern}")


@cache
def _quickly() -> Check:
    return quick_check(record_schema())


@cache
def _validator() -> Any:
    import jsonschema

    known = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": _whole_pattern})
    return known(record_schema())


def _place(error: jsonschema.ValidationError) -> str:
    """Where a fault is, as one would write it in Python: runs[0].argv."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    return steps.removeprefix(".") or "the record"


def _reason(error: jsonschema.ValidationError) -> str:
    """What is wrong; the value itself is cut where it is long."""
    shown = repr(error.instance)
    short = shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "..."
    return str(error.message).replace(shown, short)
