"""A JSON Schema as one function that says yes or no, some thirty times as fast as the library that names the faults.

Only the words that the schema of a record uses are known (JSON Schema draft-07); any other is refused when the schema
is read, so that no rule is passed over. Where the answer is no, jsonschema says why (schema.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]

_NO_RULES = dict.fromkeys(("$schema", "title", "description", "definitions"))
_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),), "boolean": (bool,), "string": (str,), "array": (list,), "object": (dict,),
    "number": (int, float), "integer": (int,),
}
"""What JSON's kinds are read as; a whole number may be a float too (1.0)."""


def quick_check(schema: Mapping[str, Any]) -> Check:
    """Whether a value of JSON's kinds is what a schema describes. Raises ValueError for a word that is not known."""
    definitions: dict[str, Check | None] = {}

    def named(name: str) -> Check:
        if name not in schema.get("definitions", {}):
            raise ValueError(f"#/definitions/{name} leads nowhere")
        if name not in definitions:
            definitions[name] = None  # being made
            definitions[name] = rule(schema["definitions"][name])
        found = definitions[name]
        if found is None:
            raise ValueError(f"#/definitions/{name} holds itself, which cannot be checked quickly")
        return found

    def rule(part: Any) -> Check:
        if isinstance(part, bool):
            return lambda value: part
        if "$ref" in part:  # what stands beside it does not count, in draft-07
            return named(part["$ref"].removeprefix("#/definitions/"))
        unknown = part.keys() - _RULES.keys() - _OF_OBJECTS - _NO_RULES.keys()
        if unknown:
            raise ValueError(f"a schema with {', '.join(sorted(unknown))} cannot be checked quickly")
        words = part.keys() - _NO_RULES.keys()
        if words == {"type"}:
            return _OfType(part["type"])
        if words == {"type", "pattern"} and part["type"] == "string":
            return _text_like(part["pattern"])
        if words == {"type", "minLength"} and part["type"] == "string":
            return _text_of(part["minLength"])
        if part.get("type") == "object" and words <= _OF_OBJECTS | {"type"}:
            return _object_rule(part, rule, others=False)
        if part.get("type") == "array" and words == {"type", "items"}:
            return _items(part["items"], rule, others=False)
        checks = [make(part[word], rule) for word, make in _RULES.items() if word in part]
        if part.keys() & _OF_OBJECTS:
            checks.append(_object_rule(part, rule))
        return _every(checks)

    for name in schema.get("definitions", {}):
        named(name)
    return rule(schema)


def _every(checks: list[Check]) -> Check:
    """One check in place of several."""
    if not checks:
        return lambda value: True
    if len(checks) == 1:
        return checks[0]
    first, rest = checks[0], _every(checks[1:])
    return lambda value: first(value) and rest(value)


# --- what each word asks, given its value in the schema and how a part of the schema becomes a check ---------------

Rule = Callable[[Any], Check]


def _type(names: Any, rule: Rule) -> Check:
    kinds, whole = _kinds(names)
    if whole:
        return lambda value: type(value) in kinds or (type(value) is float and value.is_integer())
    return lambda value: type(value) in kinds


def _kinds(names: Any) -> tuple[frozenset[type], bool]:
    """The types that a value may have, and whether a float may be one that is a whole number."""
    words = [names] if isinstance(names, str) else names
    kinds = frozenset(kind for word in words for kind in _TYPES[word])
    return kinds, "integer" in words and float not in kinds


class _OfType:
    """A check that asks for nothing but the type: whoever has many values looks at ``kinds`` without a call."""

    def __init__(self, names: Any) -> None:
        self.kinds, self._whole = _kinds(names)

    def __call__(self, value: Any) -> bool:
        return type(value) in self.kinds or (self._whole and type(value) is float and value.is_integer())


def _enum(known: Any, rule: Rule) -> Check:
    plain = [(isinstance(entry, bool), entry) for entry in known]
    if any(isinstance(entry, list | dict) for entry in known):
        raise ValueError("a choice between lists or objects cannot be checked quickly")
    return lambda value: (isinstance(value, bool), value) in plain


def _pattern(text: str, rule: Rule) -> Check:
    whole = re.compile(text.removeprefix("^").removesuffix("$")).fullmatch
    return lambda value: not isinstance(value, str) or whole(value) is not None


def _text_like(text: str) -> Check:
    """Type and pattern at once, of which a record has hundreds: names and sums."""
    whole = re.compile(text.removeprefix("^").removesuffix("$")).fullmatch
    return lambda value: type(value) is str and whole(value) is not None


def _text_of(least: int) -> Check:
    """Type and length at once, of which a record has as many: words."""
    return lambda value: type(value) is str and len(value) >= least


def _items(part: Any, rule: Rule, *, others: bool = True) -> Check:
    """What a list holds; ``others`` is the answer for what is none, False where its type is asked for too."""
    if isinstance(part, list):
        raise ValueError("items of different kinds cannot be checked quickly")
    check = rule(part)
    if isinstance(check, _OfType):
        kinds = check.kinds
        return lambda value: (kinds.issuperset(map(type, value)) or all(map(check, value))) \
            if isinstance(value, list) else others
    return lambda value: all(map(check, value)) if isinstance(value, list) else others


def _names(part: Any, rule: Rule) -> Check:
    check = rule(part)
    return lambda value: not isinstance(value, dict) or all(map(check, value))


def _length(kind: type[list[Any]] | type[str], fits: Callable[[int, int], bool]) -> Callable[[Any, Rule], Check]:
    return lambda limit, rule: lambda value: not isinstance(value, kind) or fits(len(value), limit)


def _limit(fits: Callable[[float, float], bool]) -> Callable[[Any, Rule], Check]:
    return lambda limit, rule: lambda value: type(value) not in (int, float) or fits(value, limit)


def _any_of(parts: Any, rule: Rule) -> Check:
    checks = [rule(part) for part in parts]
    return lambda value: any(check(value) for check in checks)


def _one_of(parts: Any, rule: Rule) -> Check:
    checks = [rule(part) for part in parts]
    return lambda value: sum(check(value) for check in checks) == 1


_RULES: dict[str, Callable[[Any, Rule], Check]] = {
    "type": _type, "enum": _enum, "const": lambda wanted, rule: _enum([wanted], rule), "pattern": _pattern,
    "items": _items, "propertyNames": _names, "anyOf": _any_of, "oneOf": _one_of,
    "minItems": _length(list, lambda count, limit: count >= limit),
    "maxItems": _length(list, lambda count, limit: count <= limit),
    "minLength": _length(str, lambda count, limit: count >= limit),
    "minimum": _limit(lambda value, limit: value >= limit), "maximum": _limit(lambda value, limit: value <= limit),
}
_OF_OBJECTS = {"properties", "required", "additionalProperties"}


def _object_rule(part: Mapping[str, Any], rule: Rule, *, others: bool = True) -> Check:
    """Keys that must be there, what those that are known hold, and what any other holds; ``others`` is the answer for
    what is no object, False where its type is asked for too."""
    known = {name: rule(inner) for name, inner in part.get("properties", {}).items()}
    needed, other = frozenset(part.get("required", ())), rule(part.get("additionalProperties", True))
    none: frozenset[type] = frozenset()
    members = {name: (check.kinds if isinstance(check, _OfType) else none, check) for name, check in known.items()}
    any_other = none, other

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return others
        for name, inner in value.items():  # a loop, as it is walked a hundred thousand times
            kinds, fits = members.get(name, any_other)
            if type(inner) not in kinds and not fits(inner):
                return False
        return needed <= value.keys()

    return check
