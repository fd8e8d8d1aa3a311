"""Reading Markdown as far as a ledger needs it: headings, fences, numbers of attempts, boxes of rows."""

import pytest

from nbcompare.errors import EvidenceError, UsageError
from nbcompare.plan.ledger import add_attempt, lines_of, mark_of, row_state, set_row
from tests.nbcompare.frozen import are_frozen

SHA = "ab" * 32
MARK = f"<!-- nb-compare attempt small/1 manifest-sha256:{SHA} -->"


def added(text, case="small", body=("- a",)):
    return add_attempt(text, case, f"{case}/1", SHA, body, "PASS")


def test_the_whole_of_an_entry_at_the_end_of_a_file():
    edit = added("")
    assert edit.after == f"## small\n\n### Attempt 1: PASS\n{MARK}\n\n- a\n"
    assert (edit.before, edit.changes, edit.said) == ("", True, "small/1 is Attempt 1 of small")
    assert mark_of("small/1", SHA) == MARK


def test_the_whole_of_an_entry_before_what_follows():
    text = "## small\ntext\n## other\n"
    assert added(text).after == f"## small\ntext\n\n### Attempt 1: PASS\n{MARK}\n\n- a\n\n## other\n"
    assert added(text.replace("\n", "\r\n")).after == added(text).after.replace("\n", "\r\n")


@pytest.mark.parametrize(("end", "gap"), [("", "\n\n"), ("\n", "\n"), ("\n\n", ""), ("\r\n", "\r\n"), ("\r\n\r\n", "")])
def test_one_blank_line_stands_before_an_entry(end, gap):
    before = f"## small{end}"
    assert added(before).after.startswith(f"{before}{gap}### Attempt 1")


def test_an_entry_that_is_there_already_changes_nothing():
    once = added("## small\n").after
    again = added(once)
    assert not again.changes and again.said == "small/1 is already in the ledger"
    known = r"the ledger has small/1 with another manifest \(sha256 abababababab...\)"
    for other in ("cd" * 32, "01" * 32):
        with pytest.raises(EvidenceError, match=known):
            add_attempt(once, "small", "small/1", other, (), "PASS")
    assert add_attempt(once, "small", "small/2", "cd" * 32, (), "PASS").said == "small/2 is Attempt 2 of small"


def number_in(text):
    return int(added(text).said.split("Attempt ")[1].split()[0])


@pytest.mark.parametrize("line", ["### Attempt 7", "- Attempt 7", "* Attempt #7 by hand", "+ Attempt 7",
                                  "**Attempt 7**",
                                  "- [x] Attempt 7", "- [x] **Attempt 7**", "###### attempt 7: x", "  - Attempt 7"])
def test_attempts_are_counted_however_they_are_written(line):
    assert number_in(f"## small\n{line}\n- Attempt 3\n") == 8


@pytest.mark.parametrize("line", ["Attempt 7", "- my Attempt 7", "- Attempt x", "#### Attempts 7", "- Attempt 7th"])
def test_what_only_speaks_of_attempts_is_none(line):
    assert number_in(f"## small\n{line}\n") == 1


def test_numbers_go_on_from_the_highest_of_the_whole_ledger():
    assert number_in("- Attempt 9\n## small\n- Attempt 2\n### part\n- Attempt 4\n## other\n- Attempt 7\n") == 10
    assert number_in("## small\n- Attempt 2\n# other\n- Attempt 9\n") == 10


def test_a_section_ends_at_a_heading_of_its_level_or_above():
    assert added("### small\n#### part\ntext\n### other\n").after.index("Attempt") > len("### small\n#### part\ntext")


@pytest.mark.parametrize(("heading", "entry"), [("# small", "## "), ("##### small", "###### "),
                                                 ("###### small", "###### ")])
def test_an_entry_is_a_heading_below_that_of_its_case(heading, entry):
    assert f"\n{entry}Attempt 1: PASS\n" in added(f"{heading}\n").after


@pytest.mark.parametrize("title", ["small", "the case small", "small: a case", "small.", "`small`", "(small)",
                                   "small ##"])
def test_a_heading_that_names_the_case_is_its_section(title):
    assert added(f"# {title}\n").after.count("small\n") <= 1 and "\n## Attempt 1" in added(f"# {title}\n").after


@pytest.mark.parametrize("title", ["smaller", "small-2", "not-small", "small.yaml", "a.small", "small_2",
                                   "Attempt 3: small"])
def test_a_heading_with_a_longer_word_is_not(title):
    assert "\n## small\n" in added(f"# {title}\n").after


def test_letter_case_of_a_heading_matters_only_where_two_differ_by_it():
    """A ledger's people write headings as headings; two cases that differ by letter case keep apart."""
    assert added("## SMALL: title\n").after.startswith(f"## SMALL: title\n\n### Attempt 1: PASS\n{MARK}\n")
    assert added("## Small\n## small\n").after.startswith("## Small\n## small\n\n### Attempt 1")


def test_the_highest_heading_that_names_the_case_is_taken():
    assert added("# small\n## more of small\nend\n").after.endswith(f"end\n\n## Attempt 1: PASS\n{MARK}\n\n- a\n")
    with pytest.raises(UsageError, match="the ledger has 2 headings that name small: 'small a', 'small b'"):
        added("## small a\n### small c\n## small b\n")


def test_what_stands_in_a_fence_is_no_heading_attempt_or_row():
    text = "## small\n```\n## small\n- Attempt 8\n```\n- Attempt 2\n"
    assert number_in(text) == 3
    with pytest.raises(UsageError, match="no row N1"):
        row_state("~~~\n- [ ] N1\n~~~\n", "N1")


def test_fences_open_and_close_as_markdown_says():
    def fenced(text):
        return [line.text for line in lines_of(text) if line.fenced]

    assert fenced("a\n```sh\nb\n```\nc") == ["```sh", "b", "```"]
    assert fenced("````\n```\nb\n````\nc") == ["````", "```", "b", "````"]
    assert fenced("```\n~~~\n```\nc") == ["```", "~~~", "```"]
    assert fenced("```\n```sh\n```\nc") == ["```", "```sh", "```"]
    assert fenced("```\n`````\nc") == ["```", "`````"]
    assert fenced("   ```\na\n") == ["   ```", "a"]
    assert fenced("    ```\na\n") == [] == fenced("``\na\n")


def test_lines_know_where_they_stand():
    assert are_frozen(*lines_of("ab"), added(""))
    assert [(line.start, line.text, line.end) for line in lines_of("ab\r\n\nc")] == [
        (0, "ab", 4), (4, "", 5), (5, "c", 6)]
    assert list(lines_of("")) == []


# --- rows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["- [ ] N1 title", "* [ ] **N1** title", "| N1 | title | [ ] |", "1. [ ] N1",
                                  "12) [ ] N1",
                                  "> - [ ] `N1`: title", "## N1 [ ]", "+ N1. text [ ]"])
def test_a_row_begins_with_its_name_and_has_a_box(line):
    text = f"# plan\n{line}\n- [ ] N10 other\n- [ ] N1.2\n- [ ] N1-a\n"
    edit = set_row(text, "N1", "D")
    assert edit.after == text.replace(line, line.replace("[ ]", "[D]"))
    assert edit.said == "row N1: [ ] becomes [D]" and row_state(edit.after, "N1") == "D"


@pytest.mark.parametrize(("letter", "state"), [(" ", " "), ("P", "P"), ("p", "P"), ("D", "D"), ("d", "D"), ("x", "D"),
                                               ("X", "D")])
def test_the_letters_of_a_box_and_what_they_mean(letter, state):
    text = f"- [{letter}] N1\n"
    assert row_state(text, "N1") == state
    same = set_row(text, "N1", state)
    assert not same.changes and same.said == f"row N1 is [{letter}] already"


@pytest.mark.parametrize(("text", "words"), [
    ("- [ ] N2\n", "no row N1"), ("- [o] N1\n", "no row N1"), ("- N1\n", "no row N1"), ("- [ ] my N1\n", "no row N1"),
    ("- [ ] N1\n- [P] N1\n", "2 rows N1"), ("- [ ] N1\n- [ ] N1\n- [ ] N1\n", "3 rows N1")])
def test_a_row_that_cannot_be_told_is_an_error(text, words):
    with pytest.raises(UsageError, match=f"the plan has {words} with a box"):
        set_row(text, "N1", "P")
