"""Records of earlier versions of the format are read, and stay what they were.

records/version-1.json is the record of a case that is PROVEN, as nb-compare 0.1.0 wrote it when what a record says was
still an untyped mapping (commit 4aa90c6): fake engines, one claim with its control. Only the paths of interpreter and
engines, and what names the machine, were shortened afterwards.
"""

import copy
import json
import random
from dataclasses import FrozenInstanceError
from pathlib import Path

import jsonschema
import pytest

from nbcompare.bundle.record import Record
from nbcompare.bundle.schema import record_schema, schema_faults
from nbcompare.bundle.text_files import texts_of
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.errors import EvidenceError
from nbcompare.files import dump_json
from nbcompare.verdict.verdict import Label
from nbcompare.visible import all_seen, unseen

OLD = Path(__file__).parents[1] / "records" / "version-1.json"


@pytest.fixture
def stored():
    return json.loads(OLD.read_text())


def test_a_record_of_version_1_is_read_and_written_byte_for_byte(stored):
    assert dump_json(Record.from_dict(stored).as_dict()) == OLD.read_text()
    assert schema_faults(stored) == []


def test_a_record_of_version_1_says_what_it_said(stored):
    record = Record.from_dict(stored)
    assert (record.schema_version, record.verdict.word, record.name) == (1, Label.PROVEN, f"small/{record.stamp}")
    assert record.case.arguments(SUBJECT)[:2] == ("-detpixels_x", "9")
    assert record.run_of(REFERENCE).argv == record.case.argv(REFERENCE, record.engine_of(REFERENCE).started_as)
    assert [claim.id for claim in record.case.divergences] == [claim.id for claim in record.further.proof.claims]
    assert record.regenerates is record.reference_from is record.engine_of(SUBJECT).made_of is None
    assert record.protected.faults == [] and record.tests["cpu"].failure is None


def test_the_texts_of_a_record_of_version_1_still_follow_from_it(stored):
    texts = texts_of(Record.from_dict(stored), {REFERENCE: 252, SUBJECT: 252})
    assert texts["inputs/git_sha.txt"].startswith(stored["git"]["sha"])
    assert texts["notes/todo_nb_compare.md"].startswith(f"# Still open: small {stored['stamp']}\n")


@pytest.mark.parametrize("version", [0, 2, None, "1"])
def test_a_version_that_is_not_known_is_refused(stored, version):
    with pytest.raises(EvidenceError, match="schema_version"):
        Record.from_dict({**stored, "schema_version": version})


@pytest.mark.parametrize("where", [(), ("case",), ("git",), ("program",), ("content",), ("runs", 0), ("verdict",)])
def test_a_key_that_is_missing_or_not_known_is_refused(stored, where):
    at = stored
    for key in where:
        at = at[key]
    first = next(key for key in at if key != "kind")
    kept = at.pop(first)
    with pytest.raises((KeyError, TypeError)):
        Record.from_dict(stored)
    at[first] = kept
    if where != ("verdict",):  # read key by key; its schema refuses more
        at["sponsor"] = "nobody"
        with pytest.raises(TypeError, match="sponsor"):
            Record.from_dict(stored)


def test_a_record_cannot_be_changed(stored):
    with pytest.raises(FrozenInstanceError):
        Record.from_dict(stored).stamp = "20260101T000000Z"


# --- the schema ----------------------------------------------------------------------------------------------------


def places(value, at=()):
    """The path of everything in a value."""
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from places(inner, (*at, key))


def with_change(value, path, how):
    """A copy in which what stands at a path is another thing, or gone."""
    changed = copy.deepcopy(value)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    if how is GONE:
        del inside[path[-1]]
    elif how is MORE:
        inside[path[-1]] = {**inside[path[-1]], "sponsor": 1} if isinstance(inside[path[-1]], dict) else [[]]
    else:
        inside[path[-1]] = how
    return changed


GONE, MORE = object(), object()
HOWS = (GONE, MORE, None, True, 1, -1, 1.5, 2.0, "", "word", "0" * 64, [], {}, [1], 300)


def test_two_libraries_read_the_schema_alike(stored):
    """On a record in which one thing, anywhere, is another one or gone; the same changes every time. Jsonschema reads
    $ as Python does, so that a line end is told by ours alone."""
    library = jsonschema.Draft7Validator(record_schema())
    chosen = random.Random(19)
    stored["findings"]["proof"]["trials"] = stored["findings"]["proof"]["trials"][:1]  # the others are like it
    stored["findings"]["proof"]["trials"][0]["change"] = None
    stored["comparison"]["regions"] = stored["comparison"]["regions"][:1]
    paths = [path for path in places(stored) if path]
    seen = set()
    for _ in range(60):
        how = chosen.choice(HOWS)
        value = with_change(stored, chosen.choice(paths), how)
        seen.add(library.is_valid(value))
        assert bool(schema_faults(value)) != library.is_valid(value)
    assert seen == {True, False}


@pytest.mark.parametrize("text", ["\x1b[2J", "\x7f", "\u202e", "\ud800", "a\nb", "\x00", "\u200b"])
def test_a_character_that_cannot_be_seen_is_found_wherever_it_stands(stored, text):
    """By the quick look and by the thorough one, in a value and in a key; quotes and backslashes are no such thing."""
    assert all_seen({"plain é 漢": [1, None, "x"]})
    for value in ({"a": [text]}, {"a": {text: 1}}, [text], text):
        assert not all_seen(value) and list(unseen(value))
    assert not list(unseen({'"': "\\"}))
    with pytest.raises(ValueError, match="cannot be seen"):
        Record.from_dict({**stored, "pictures": text})
