"""The JSON that commands print, held against the schemas of the package as other programs read them."""

import functools
import json
from pathlib import Path

import jsonschema
import jsonschema_rs
import referencing

import nbcompare
from nbcompare.cli import main

SCHEMAS = Path(nbcompare.__file__).parent / "commands/schemas"


def faults(value, name):
    """Every way in which a value is not what the schema of that name describes: whether there is one is asked of the
    quick library, as every document of every test is held against its schema, and which of the one that says most."""
    if _quick_validator(name).is_valid(value):
        return []
    return [f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            for error in _validator(name).iter_errors(value)]


@functools.cache
def _quick_validator(name):
    schema = {"$ref": (SCHEMAS / f"{name}.json").as_uri()}
    return jsonschema_rs.Draft7Validator(schema, retriever=lambda uri: json.loads(
        Path(uri.removeprefix("file://")).read_text()))


@functools.cache
def _validator(name):
    schema = {"$ref": (SCHEMAS / f"{name}.json").as_uri()}
    return jsonschema.Draft7Validator(schema, registry=referencing.Registry(retrieve=_found))


@functools.cache
def _found(uri):
    return referencing.Resource.from_contents(json.loads(Path(uri.removeprefix("file://")).read_text()))


def command_of(words):
    """The command that those words call; without a name it is the one-shot form."""
    return words[0] if words and words[0] in main.list_commands(None) else "oneshot"


def commands_with_json():
    """Every command that can print one JSON document."""
    return {name for name in main.list_commands(None) for option in main.get_command(None, name).params
            if option.name == "as_json" or "json" in (getattr(option.type, "choices", None) or ())}
