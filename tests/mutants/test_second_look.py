"""The figure of make mutants: which tests are asked at the second look, what is no mutant, and what is counted how."""

import pytest

pytest.importorskip("cosmic_ray")

from tests.mutants import mutant as mutants
from tests.mutants import page, reach
from tests.mutants.answering import Answering
from tests.mutants.bench import Outcome, Task
from tests.mutants.mutant import Mutant
from tests.mutants.reach import Reached, second_files


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one module, of which only line 2 is reached."""
    monkeypatch.setattr("tests.mutants.answering.CHECKOUT", tmp_path)
    (tmp_path / "a.py").write_text("def double(x):\n    return 2 * x\n")
    return tmp_path


def test_a_survivor_is_tried_by_what_reaches_it_and_was_not_asked(checkout):
    """One of each test first (t.py::a, then u.py::c), the quickest of a file before others; what is too long for the 10
    seconds is passed over (u.py::long), and what was asked before (t.py::seen) or reaches another line is not asked."""
    reached = {"t.py::a[1]": 1.0, "t.py::a[2]": 2.0, "t.py::seen": 0.1, "t.py::b": 3.0, "u.py::c": 1.5,
               "u.py::long": 11.0}
    answering = Answering([*(Reached(test, seconds, ("a.py::double+1",)) for test, seconds in reached.items()),
                           Reached("v.py::elsewhere", 0.1, ("a.py::other+1",))])
    one = Mutant("compare", "a.py", "core/NumberReplacer", 0, 2)
    task = answering.second_task_of(one, Task("a.py", one, True, ("t.py::seen",), 0.1), 10.0)
    assert task.tests == ("t.py::a[1]", "u.py::c", "t.py::b", "t.py::a[2]")
    assert task.expected_seconds == 7.5 and task.change == one


def test_a_line_that_no_test_was_seen_to_reach_is_tried_by_those_of_its_function(checkout):
    """The function may have grown a line since the map was made."""
    (checkout / "nbcompare").mkdir()
    (checkout / "nbcompare/a.py").write_text("def double(x):\n    x += 0\n    return 2 * x\n")
    answering = Answering([Reached("t.py::a", 0.1, ("nbcompare/a.py::double+1",)),
                           Reached("t.py::b", 0.1, ("nbcompare/a.py::other+1",))])
    assert answering.task_of(Mutant("compare", "nbcompare/a.py", "core/NumberReplacer", 0, 3)).tests == ("t.py::a",)


def test_at_first_one_of_each_parametrized_test_is_asked_before_the_rest(checkout):
    reached = {"t.py::a[1]": 0.1, "t.py::a[2]": 0.2, "t.py::a[3]": 0.3, "t.py::b": 3.0, "u.py::c": 1.5}
    answering = Answering([Reached(test, seconds, ("nbcompare/a.py::double+1",)) for test, seconds in reached.items()])
    (checkout / "nbcompare").mkdir()
    (checkout / "nbcompare/a.py").write_text((checkout / "a.py").read_text())
    task = answering.task_of(Mutant("compare", "nbcompare/a.py", "core/NumberReplacer", 0, 2))
    assert task.tests == ("t.py::a[1]", "u.py::c", "t.py::b", "t.py::a[2]", "t.py::a[3]")


def test_a_change_outside_of_functions_is_tried_by_what_reaches_the_module_and_then_by_its_room(tmp_path, monkeypatch):
    """A constant, or what a decorator is given, may be looked at by a test that reaches no function of the module."""
    monkeypatch.setattr("tests.mutants.answering.CHECKOUT", tmp_path)
    module = tmp_path / "nbcompare/compare/a.py"
    module.parent.mkdir(parents=True)
    module.write_text("TWO = 2\n\n\ndef double(x):\n    return TWO * x\n")
    path, own = "nbcompare/compare/a.py", "tests/nbcompare/compare/"
    answering = Answering([Reached(f"{own}t.py::reaches", 5.0, (f"{path}::double+1",)),
                           Reached(f"{own}t.py::looks", 0.1, ()), Reached("tests/u.py::far", 0.1, ())])
    one = Mutant("compare", path, "core/NumberReplacer", 0, 1)
    first = answering.task_of(one)
    assert first.tests == (f"{own}t.py::reaches", f"{own}t.py::looks") and not first.in_place
    assert answering.second_task_of(one, first, 10.0).tests == ("tests/u.py::far",)
    inside = Mutant("compare", path, "core/NumberReplacer", 0, 5)
    assert answering.task_of(inside).tests == (f"{own}t.py::reaches",)


def test_the_second_look_asks_the_slow_files_of_the_first_and_never_the_simulator():
    asked = second_files(["nbcompare/compare/peaks.py"])
    names = [path.name for path in asked]
    assert {"test_gates_flow.py", "test_gates_faults.py", "test_images.py", "test_docs.py"} <= {*names}
    assert set(reach.test_files()) <= set(asked) and not any("simulator" in path.parts[-2] for path in asked)
    named = ["peaks" in path.read_text() for path in asked]
    assert named == sorted(named, reverse=True) and named[0] and not named[-1]


def test_annotations_and_what_only_a_type_checker_reads_are_no_mutants(tmp_path):
    """Of ``3 + 4`` there are some; of what stands in the annotation behind 'é' there are none, though it stands in the
    same line, and neither of the star, which is no operator there."""
    module = tmp_path / "m.py"
    module.write_text("if TYPE_CHECKING:\n    three = 1 + 2\n\n\n"
                      "def of(x: 'é' | None = 3 + 4, *, y=x) -> int | None:\n    '''Two + 2.'''\n    return x\n")
    found = {(name.removeprefix("core/").split("_")[1], line) for name, _, line in mutants._places(module)
             if "Binary" in name}
    assert found == {("Add", 5)}
    assert {line for name, _, line in mutants._places(module) if "Number" in name} == {5}


def test_a_sample_is_counted_by_who_noticed_and_when(tmp_path, monkeypatch):
    """Five tried: two at first, one of them by looping, one by the second look, two not; 3/5 = 60.0 %."""
    monkeypatch.setattr(page, "REASONS", tmp_path / "reasons.yaml")
    monkeypatch.setattr(page, "_lines", lambda mutant: ("if a", f"if {mutant.occurrence}: 'b'"))
    (tmp_path / "reasons.yaml").write_text("- module: a.py\n  line: \"if 3: 'b'\"\n  why: changes nothing, it is one\n")
    outcomes = [Outcome("t", 1.0), Outcome("(took too long)", 9.0), Outcome("u", 1.0, True), Outcome("", 1.0, True),
                Outcome("", 1.0, True)]
    result = page.Result(5, 1, {"compare": 9}, [(Mutant("compare", "a.py", "core/N", number, 2), outcome)
                                                for number, outcome in enumerate(outcomes)], 300.0, ["x"], ["y", "z"])
    assert page.summary(result) == (
        "5 of 9 mutants, seed 1: 3 noticed (2 at first, 1 by the second look; 1 of them looped or ended their process)"
        ", 2 survived, 1 of which change nothing (60.0 % noticed)")
    text = page._tables(result)
    assert "| compare | 9 | 5 | 2 | 1 | 2 | 60 % |" in text and "2 survivors were not tried again" in text
    assert "300 seconds" in text and "what 1 files of tests reach" in text
    assert "| `a.py` line 2 | <code>if a</code> → <code>if 3: 'b'</code> | changes nothing, it is one |" in text
    assert "| `a.py` line 2 | <code>if a</code> → <code>if 4: 'b'</code> | not looked at yet |" in text
