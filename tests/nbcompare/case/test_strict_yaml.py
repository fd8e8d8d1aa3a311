"""Strict YAML at its limits: size, depth, digits, what is a number and what is text, and where a fault stands."""

import pytest

from nbcompare.case.parts import arguments, limits_of, matching, thresholds_of, whole_number
from nbcompare.case.reading.strict_yaml import MAX_BYTES, MAX_DEPTH, MOST_DIGITS, load
from nbcompare.errors import CaseError


@pytest.fixture
def root(tmp_path):
    """The root of a YAML text."""

    def call(text):
        path = tmp_path / "x.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(path, "the file")[0]

    return call


def refused(what, *values, **named):
    with pytest.raises(CaseError) as caught:
        what(*values, **named)
    fault = caught.value
    return str(fault).partition("x.yaml:")[2] or str(fault)


def test_a_file_as_large_as_it_may_be_is_read_and_one_byte_more_is_not(root, monkeypatch):
    assert MAX_BYTES == 1 << 20
    monkeypatch.setattr("nbcompare.case.reading.strict_yaml.MAX_BYTES", 100)
    assert root(b"a: 1" + b"\n" * 96).mapping()["a"].integer() == 1
    assert "larger than 1 MiB" in refused(root, b"a: 1" + b"\n" * 97)


def test_forty_levels_are_read_and_one_more_is_not(root):
    assert root("[" * MAX_DEPTH + "]" * MAX_DEPTH).kind == "list"
    assert refused(root, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)).startswith("1:41: nested deeper than 40")
    assert root("[" + "[]," * 100 + "]").kind == "list"
    assert root("{a: " * MAX_DEPTH + "1" + "}" * MAX_DEPTH).kind == "mapping"


def test_numbers_have_at_most_thirty_digits(root):
    assert root("9" * MOST_DIGITS).integer() == 10**MOST_DIGITS - 1
    assert "has 31 digits, and no number here needs more than 30" in refused(root("9" * 31).integer)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("-7", -7), ("+7", 7), ("12", 12)])
def test_whole_numbers(root, text, value):
    assert root(text).integer() == value == root(text).number()


@pytest.mark.parametrize("text", ["007", "1.0", "'7'", "1_000", "0x10", "true", "[1]", "1e3", "~"])
def test_what_is_no_whole_number(root, text):
    assert "the file must be a whole number, found" in refused(root(text).integer)


@pytest.mark.parametrize(("text", "value"), [("1.5", 1.5), ("1e-3", 1e-3), ("-.5", -0.5), ("1E5", 1e5)])
def test_numbers(root, text, value):
    assert root(text).number() == value


@pytest.mark.parametrize(("text", "words"), [
    ("'1.5'", "must be a number, found text '1.5'"), ("yes", "must be a number, found true/false"),
    ("abc", "must be a number, found text"), ("[1]", "must be a number, found list"), ("~", "found nothing"),
    ("{a: 1}", "must be a number, found mapping"), (".inf", "must be a finite number"), ("-.inf", "a finite number"),
    (".nan", "must be a finite number"), ("inf", "must be a finite number"), ("1e999", "must be a finite number")])
def test_what_is_no_number(root, text, words):
    assert words in refused(root(text).number)


@pytest.mark.parametrize(("text", "value"), [("abc", "abc"), ("1.50", "1.50"), ("'true'", "true"), ("'~'", "~"),
                                             ("2026-11-25", "2026-11-25")])
def test_text_is_taken_as_its_characters(root, text, value):
    assert root(text).text() == value


@pytest.mark.parametrize(("text", "words"), [
    ("true", "must be text (put it in quotes), found true/false 'true'"), ("~", "must be text, found nothing"),
    ("[]", "must be text, found list"), ("''", "must not be empty"), ("' '", "must not be empty"),
    ('"\\0"', "holds the character U+0000"), ('"a\\u202e"', "holds the character U+202E"),
    ('"\\e"', "holds the character U+001B, which cannot be seen")])
def test_what_is_no_text(root, text, words):
    assert words in refused(root(text).text)


def test_a_place_counts_from_one(root):
    entries = root("a: 1\nb:\n  - x\n  - y\n").mapping()
    second = entries["b"].items()[1]
    assert (second.line, second.column, second.name, second.text()) == (4, 5, "b[1]", "y")
    assert refused(second.number).startswith("4:5: b[1] must be a number")
    assert refused(root("a: 1").items) == "1:1: the file must be a list, found mapping"
    assert refused(root("[a]").mapping) == "1:1: the file must be a mapping, found list"


def test_keys_are_known_required_visible_text_and_given_once(root):
    def mapping(text, **more):
        return refused(root(text).mapping, **more)

    assert mapping("a: 1\nB: 2\n", known=("a", "b")).startswith("2:1: unknown key 'B' in the file")
    assert mapping("a: 1\n", required=("a", "b")) == "1:1: the file lacks the key 'b'"
    assert mapping("a: 1\na: 2\n").startswith("2:1: duplicate key 'a'")
    assert mapping("? [a]\n: 1\n").startswith("1:3: a key must be text, found list")
    assert "a key holds the character U+0007" in mapping('"\\a": 1\n')
    assert list(root("b: 1\na: 2").mapping(known=("a", "b"), required=("a",))) == ["b", "a"]


@pytest.mark.parametrize(("text", "words"), [
    (b"a: \xff", "not UTF-8 text (byte 3)"), (b"", "the file is empty"), (b"# only this\n", "the file is empty"),
    (b"a: 1\n---\nb: 2\n", "not valid YAML"), (b"a: &x 1", "1:4: anchors and aliases"), (b"a: *x", "1:4: anchors"),
    (b"a: !!int '1'", "1:4: the tag"), (b"a: [1\n", "2:1: not valid YAML"),
    ("a: 1\nb: \u200f2\n".encode(), "2: holds the invisible direction character U+200F")])
def test_what_is_no_plain_yaml(root, text, words):
    assert words in refused(root, text)


def test_only_ordinary_files_are_read(tmp_path):
    assert "not an ordinary file" in refused(load, tmp_path, "the file")
    assert "cannot read the file: No such file or directory" in refused(load, tmp_path / "nothing", "the file")


# --- parts of case files ----------------------------------------------------------------------------------


def test_whole_numbers_within_their_limits(root):
    assert [whole_number(root(text), 1, 3) for text in "123"] == [1, 2, 3]
    for text in ("0", "4"):
        assert refused(whole_number, root(text), 1, 3) == f"1:1: the file must be 1 to 3, found {text}"


def test_arguments_are_a_text_or_a_list(root):
    assert arguments(None) == () and arguments(root("-a 'b c' d")) == ("-a", "b c", "d")
    assert arguments(root("[-a, b c, 1]")) == ("-a", "b c", "1")
    assert "cannot be split into words" in refused(arguments, root("\"it's\""))


def test_a_form_is_that_of_the_whole_text(root):
    import re

    assert matching(root("ab"), re.compile("a.?"), "an a") == "ab"
    assert refused(matching, root("abc"), re.compile("a.?"), "an a") == "1:1: the file must be an a, found 'abc'"


def test_limits_may_be_equal_or_one_alone(root):
    for text, limits in (("{min: 1, max: 1}", (1, 1)), ("{min: 0.5, max: 1.5}", (0.5, 1.5)), ("{min: 2}", (2, None))):
        cursor = root(text)
        assert limits_of(cursor, cursor.mapping(), "sum_ratio" if limits[1] else "distinct_values", "it") == limits


@pytest.mark.parametrize(("text", "words"), [
    ("{metric: share_outside, max: 0, rtol: 1, why: w}", "rtol 1 could never fail"),
    ("{metric: share_outside, max: 0, rtol: -0.1, why: w}", "rtol must be a number from 0 up, found -0.1"),
    ("{metric: rmse, max: 1, near_zero: 1, why: w}", "rmse takes no near_zero"),
    ("{metric: rmse, max: 1, rois: [], why: w}", "rois must name at least one region"),
    ("{metric: rmse, max: 1, rois: [b], why: w}", "unknown region 'b'"),
    ("{metric: rmse, min: 2, max: 1, why: w}", "min 2 is above max 1: nothing could hold"),
    ("{metric: rmse, why: w}", "the threshold on rmse needs min, max or both"),
    ("{metric: correlation, min: 0, why: w}", "the threshold on correlation could never fail")])
def test_a_threshold_that_cannot_be_used(root, text, words):
    assert words in refused(thresholds_of, root(text), ["a"])


def test_a_threshold_holds_on_the_regions_it_names(root):
    found = thresholds_of(root("{metric: share_outside, max: 0, rtol: 0.999, atol: 0, rois: [b], why: w}"), ["a", "b"])
    assert [(t.metric, t.roi, t.min, t.max, t.why) for t in found] == [
        ("share_outside(atol=0, rtol=0.999)", "b", None, 0, "w")]
    assert [t.roi for t in thresholds_of(root("{metric: rmse, max: 1, why: w}"), ["a", "b"])] == ["a", "b"]
