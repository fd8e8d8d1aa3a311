"""The schema of a record: what a run writes is described, nothing else is let in, and the classes hold just that."""

import ast
import importlib
import json
import pkgutil
from dataclasses import fields, is_dataclass
from pathlib import Path

import jsonschema
import pytest

import nbcompare.bundle as bundle_room
from nbcompare.bundle import record as record_module
from nbcompare.bundle.record import Ancestor, ContentSums, Record, RecordedProgram, TestsOutcome
from nbcompare.bundle.schema import record_schema, schema_faults
from nbcompare.case import facts as facts_module
from nbcompare.case.claims import Claim
from nbcompare.case.facts import CaseFacts
from nbcompare.case.inputs import StagedInput
from nbcompare.case.threshold import Threshold
from nbcompare.engine.engine import Run
from nbcompare.engine.identity import EngineIdentity, GitState
from nbcompare.verdict.verdict import Check, Verdict


def described(value, schema, where=""):
    """The keys of a value that the schema does not speak of."""
    schema = record_schema()["definitions"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, entry in value.items():
            if key in known or isinstance(others, dict):
                yield from described(entry, known.get(key, others), f"{where}.{key}")
            else:
                yield f"{where}.{key}"
    elif isinstance(value, list):
        for entry in value:
            yield from described(entry, schema.get("items", {}), f"{where}[]")


def test_every_key_of_a_record_is_in_the_schema(store):
    for folder in (store.passed, store.failed, store.crashed):
        record = json.loads((folder / "record.json").read_text())
        assert sorted(set(described(record, record_schema()))) == []
        assert list(jsonschema.Draft7Validator(record_schema()).iter_errors(record)) == []


def objects_of(schema, where=""):
    """Every object that a schema describes by its keys, with its place."""
    for key, entry in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if isinstance(entry, dict | list):
            yield from objects_of(entry, f"{where}.{key}")
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict) and "type" in schema:
        yield where, schema


def test_the_schema_lets_no_unknown_key_in():
    jsonschema.Draft7Validator.check_schema(record_schema())
    closed = {where: schema.get("additionalProperties") is False for where, schema in objects_of(record_schema())}
    assert len(closed) > 25 and all(closed.values())


@pytest.mark.parametrize("where", [(), ("case",), ("git",), ("content",), ("runs", 0), ("engines", 1), ("verdict",),
                                   ("comparison", "regions", 0), ("findings",), ("tests", "cpu"), ("case", "limits")])
def test_an_unknown_key_anywhere_is_a_fault(store, where):
    record = json.loads((store.failed / "record.json").read_text())
    at = record
    for key in where:
        at = at[key]
    at["sponsor"] = "nobody"
    assert [fault for fault in schema_faults(record) if "'sponsor' was unexpected" in fault]


@pytest.mark.parametrize(("keys", "value"), [
    (("git", "sha"), "deadbeef\n- verdict: PASS"), (("git", "sha"), "HEAD"), (("git", "sha"), "f" * 39),
    (("program", "version"), "1\n2"), (("engines", 0, "version"), "1\r\n2"), (("engines", 1, "name"), ""),
    (("created_utc",), "yesterday"), (("content", "simulator"), "none"), (("tests",), {"tpu": {}}),
    (("case", "limits", "reference_seconds"), -1), (("runs", 0, "argv"), [])])
def test_a_value_that_no_run_writes_is_a_fault_at_its_place(store, keys, value):
    record = json.loads((store.failed / "record.json").read_text())
    at = record
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    assert any(fault.startswith(place) for fault in schema_faults(record))


def test_keys_of_the_schema_are_the_fields_of_the_classes(store):
    """Both ways: what a class holds is described, and what is described is read."""
    definitions = record_schema()["definitions"]
    found = record_schema()["properties"]
    named = {"findings": "further"}
    assert {named.get(key, key) for key in found} - {"kind"} == {field.name for field in fields(Record)}
    for kind, schema in ((CaseFacts, definitions["case"]), (TestsOutcome, definitions["tests"]),
                         (Ancestor, definitions["ancestor"]), (ContentSums, found["content"]),
                         (RecordedProgram, found["program"]), (GitState, found["git"]), (Run, definitions["run"]),
                         (StagedInput, definitions["input"]), (EngineIdentity, definitions["engine"]),
                         (Claim, definitions["claim"]), (Threshold, definitions["threshold"]),
                         (Check, definitions["check"]), (Verdict, found["verdict"])):
        assert set(schema["properties"]) == {field.name for field in fields(kind)}, kind


def test_every_field_of_a_record_has_a_line_of_explanation():
    for module in (record_module, facts_module):
        tree = ast.parse(Path(module.__file__).read_text())
        for kind in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            for entry, after in zip(kind.body, [*kind.body[1:], None], strict=True):
                if isinstance(entry, ast.AnnAssign):
                    assert isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant), ast.unparse(entry)


def test_a_line_end_does_not_slip_through_a_pattern(store):
    record = json.loads((store.passed / "record.json").read_text())
    assert schema_faults({**record, "stamp": record["stamp"] + "\n"})


def test_nothing_that_is_read_or_found_can_be_changed():
    """Every dataclass of the room is frozen; a bundle that is being made is the one thing that changes."""
    modules = [importlib.import_module(module.name) for module in
               pkgutil.walk_packages(bundle_room.__path__, "nbcompare.bundle.")]
    kinds = {thing for module in modules for thing in vars(module).values()
             if is_dataclass(thing) and isinstance(thing, type) and thing.__module__.startswith("nbcompare.bundle.")}
    assert {kind.__name__ for kind in kinds if not kind.__dataclass_params__.frozen} == {"Staging"} and len(kinds) > 30
