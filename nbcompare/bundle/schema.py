"""The form of a record: record_schema.json (JSON Schema draft-07), which ships with the package for other tools too.

A pattern there is that of a whole string (^...$); a line end after it is not let through, as Python's $ would.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jsonschema_rs

_LONGEST = 200


@cache
def record_schema() -> dict[str, Any]:
    """The JSON Schema of record.json, schema_version 1."""
    text = resources.files("nbcompare.bundle").joinpath("record_schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def schema_faults(value: object) -> list[str]:
    """Every way in which a value is not what the schema of a record describes: place and reason, by place."""
    try:
        found = [([str(step) for step in error.instance_path], error) for error in _validator().iter_errors(value)]
    except ValueError as error:  # what is no JSON at all: half of a character, a key that is no text
        return [f"the record: {error}"]
    return [f"{_place(error)}: {_reason(error)}" for _, error in sorted(found, key=lambda pair: pair[0])]


@cache
def _validator() -> jsonschema_rs.Draft7Validator:
    import jsonschema_rs

    return jsonschema_rs.Draft7Validator(record_schema())


def _place(error: jsonschema_rs.ValidationError) -> str:
    """Where a fault is, as one would write it in Python: runs[0].argv."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    return steps.removeprefix(".") or "the record"


def _reason(error: jsonschema_rs.ValidationError) -> str:
    """What is wrong; the value itself is cut where it is long."""
    return error.message if len(error.message) <= _LONGEST else error.message[:_LONGEST] + "..."
