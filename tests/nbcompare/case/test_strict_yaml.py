"""Strict YAML at its limits: size, depth, digits, what is a number and what is text, and where a fault stands."""

import pytest

from nbcompare.case.parts import arguments, limits_of, matching, thresholds_of, whole_number
from nbcompare.case.reading.all_faults import collected_faults
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
    ("'1.5'", "must be a number, found text '1.5'"), ("2026-11-25", "a number, found timestamp '2026-11-25'"),
    ("yes", "must be a number, found true/false"),
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
    ("{metric: correlation, min: 1.5, why: w}", "min 1.5 is above 1, the most that correlation can be"),
    ("{metric: rmse, max: -1, why: w}", "max -1 is below 0, the least that rmse can be"),
    ("{metric: rmse, why: w}", "the threshold on rmse needs min, max or both"),
    ("{metric: correlation, min: 0, why: w}", "the threshold on correlation could never fail")])
def test_a_threshold_that_cannot_be_used(root, text, words):
    assert words in refused(thresholds_of, root(text), ["a"])


def test_a_threshold_holds_on_the_regions_it_names(root):
    found = thresholds_of(root("{metric: share_outside, max: 0, rtol: 0.999, atol: 0, rois: [b], why: w}"), ["a", "b"])
    assert [(t.metric, t.roi, t.min, t.max, t.why) for t in found] == [
        ("share_outside(atol=0, rtol=0.999)", "b", None, 0, "w")]
    assert [t.roi for t in thresholds_of(root("{metric: rmse, max: 1, why: w}"), ["a", "b"])] == ["a", "b"]


def test_who_names_a_file_that_is_not_there_is_told_which_was_meant(tmp_path, monkeypatch):
    """One beside it or in cases/ of which the name is near, by its letters or without its ending; else how to begin."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases/still.yaml").write_text("a: 1")
    (tmp_path / "other.yml").write_text("a: 1")

    def hint(name):
        with pytest.raises(CaseError) as caught:
            load(tmp_path / name if "/" not in name else type(tmp_path)(name), "the file")
        return caught.value.hint

    assert hint("still") == "did you mean cases/still.yaml?" == hint("cases/stil.yaml") == hint("stll.yaml")
    assert hint("othr.yml") == f"did you mean {tmp_path}/other.yml?"
    assert hint("cases/a b.yaml") == "nb-compare init --out 'cases/a b.yaml' -- ARGS writes a case, measured"
    assert hint("cases") is None


@pytest.mark.parametrize(("text", "words"), [
    ("a:\n\tb: 1\n", "2:1: not valid YAML: a tab; YAML indents with spaces alone"),
    ("a: [1,\n  2\nb: 3\n", "3:2: not valid YAML: expected ',' or ']', but got ':', while parsing a flow sequence "
                            "begun at line 1"),
    ("a: }\n", "1:4: not valid YAML: "), ("a: b: c\n", "1:5: not valid YAML: mapping values are not allowed here"),
    ("a: \x01\n", "not valid YAML: special characters are not allowed")])
def test_where_the_text_is_no_yaml_and_what_was_begun(root, text, words):
    assert refused(root, text).strip().startswith(words)


def test_text_on_several_lines_is_one_line_and_holds_nothing_that_cannot_be_seen(root):
    for text in ('"two\\n  lines\\tand a tab"', "|\n  two\n  lines and a tab\n"):
        assert root(text).text() == "two lines and a tab"
    assert root('"\\u00e9 \\u4e2d"').text() == "\u00e9 \u4e2d"
    for letter in ("\\u200b", "\\u2028", "\\u00ad", "\\ufeff", "\\ue000", "\\u200e", "\\u2066", "\\x9f", "\\x7f"):
        code = letter.removeprefix("\\u").removeprefix("\\x").upper().rjust(4, "0")
        assert f"the file holds the character U+{code}, which cannot be seen" in refused(root(f'"a{letter} b"').text)


def test_of_a_mistyped_key_that_is_required_the_mistake_is_told(root):
    """Another program's word for ours is known; that ours lacks is the same mistake; what lacks else is told."""
    assert "unknown key 'args' in the file; did you mean 'command'?" in refused(
        root("args: 1\n").mapping, known=("command", "name"), required=("command",))
    assert "unknown key 'shape' in the file; did you mean 'image'?" in refused(
        root("shape: 1\n").mapping, known=("image",), required=("image",))
    with collected_faults() as found:
        root("args: 1\n").mapping(known=("command", "name", "why"), required=("name", "command", "why"))
    assert [fault.message.partition(":1:1: ")[2] for fault in found] == [
        "unknown key 'args' in the file; did you mean 'command'?", "the file lacks the key 'name'",
        "unknown key 'args' in the file; did you mean 'command'?", "the file lacks the key 'why'"]
