"""Strict JSON at its limits."""

import pytest

from nbcompare.bundle.strict_json import loads


@pytest.mark.parametrize(("text", "value"), [
    ("{}", {}), ('{"a": 1, "b": {"a": 2}}', {"a": 1, "b": {"a": 2}}), ("1e308", 1e308), ("-1.5", -1.5),
    ("9" * 30, 10**30 - 1), ("-" + "9" * 29, 1 - 10**29), ("[true, null, \"x\"]", [True, None, "x"])])
def test_what_is_strict_json(text, value):
    assert loads(text) == value


@pytest.mark.parametrize(("text", "words"), [
    ('{"a": 1, "b": 2, "a": 3}', "the key 'a' stands twice in one object"),
    ('{"b": 1, "c": 1, "a": 2, "c": 3, "b": 4}', "the key 'c' stands twice"),
    ('{"x": {"y": 1, "y": 1}}', "the key 'y' stands twice"), ("NaN", "NaN is no JSON number"),
    ("-Infinity", "-Infinity is no JSON number"), ("9" * 31, "a number of 31 digits"),
    ("1e309", "1e309 is beyond any number"), ("-1e999", "-1e999 is beyond any number"),
    ("1" * 40 + ".5e300", f"^{'1' * 30} is beyond any number"), ("[" * 100_000, "nested too deeply"),
    ("{", "Expecting"), ("", "Expecting value")])
def test_what_is_none(text, words):
    with pytest.raises(ValueError, match=words):
        loads(text)
