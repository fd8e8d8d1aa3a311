"""nb-compare fuzz: random commands, and what they fail by, each cause once."""

import json
from pathlib import Path

import pytest

from nbcompare.case.declared.adapter import Adapter, ArgumentRule
from nbcompare.engine.engine import Engine
from nbcompare.explain.fuzz import draw
from nbcompare.explain.fuzz.coverage import coverage_of

DEFECTS = {"-polar", "-round_xtal", "-spindle_axis", "-detector_rotx", "-dmin"}
"""The options at which tests/fakes/five_defects.py is wrong."""


@pytest.fixture
def fuzz(nb, fake, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("nbcompare.explain.fuzz.begin.likely", lambda *asked: "said by the diagnosis")
    monkeypatch.setattr("nbcompare.run.judged.likely_cause", lambda *asked: None)

    def call(*words, subject="five_defects"):
        return nb("fuzz", "--c-bin", fake("any_command"), "--py-bin", fake(subject), *words)

    return call


def test_five_defects_are_found_within_forty_commands_and_told_as_five(fuzz, nb, fake, quick_runs):
    said = fuzz("--budget", "40", "--format", "json")
    causes = said.json["causes"]
    assert said.code == 3 and sorted(cause["needed"] for cause in causes) == sorted([name] for name in DEFECTS)
    assert said.json["coverage"]["pairs"] > 2000 and len(said.json["coverage"]["options"]) > 80

    lines = Path("fuzz/trials.jsonl").read_text().splitlines()
    failed = [json.loads(line) for line in lines[1:] if '"failed"' in line]
    for trial in failed:  # each failure is put down to those of the defects whose option it has
        number_of = {cause["needed"][0]: cause["number"] for cause in causes}
        expected = {number_of[name] for name in DEFECTS & set(trial["options"])}
        assert set(trial["causes"]) == expected
        assert Path(f"fuzz/failures/{trial['at']}/case.yaml").is_file()
    polar = next(cause for cause in causes if cause["needed"] == ["-polar"])
    assert nb("run", polar["case"], "--c-bin", fake("any_command"), "--py-bin", fake("five_defects"), "-q").code == 3

    again = fuzz("--budget", "40")
    assert "0 of them new" in again.out and again.out.startswith("FAIL  ") and "by 5 causes" in again.out
    assert "is off by" not in again.out and len(polar["scales"]) > 1
    Path("fuzz/trials.jsonl").write_text("\n".join(lines[:12]) + '\n{"at": 11, "wo')  # stopped in the middle of a line
    assert [cause["needed"] for cause in fuzz("--budget", "12", "--format", "json").json["causes"]] \
        == [cause["needed"] for cause in causes if any(number < 12 for number in cause["trials"])]


def test_an_option_with_three_mistakes_is_told_as_three_causes(nb, fake, tmp_path, monkeypatch, small_case):
    """A wrong pattern at 0, a wrong scale below the value of the case, and no image at all above it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("nbcompare.explain.fuzz.begin.likely", lambda *asked: "")
    (tmp_path / "two.py").write_text(f"""\
import sys
sys.path.insert(0, {str(fake("any_command").parent)!r})
from _any_command import main


def defects(argv, values):
    exposure = float(argv[argv.index("-exposure") + 1]) if "-exposure" in argv else 1
    if exposure == 0:
        values.reverse()
    elif exposure < 1:
        values[:] = [value * 1.3 for value in values]
    return 3 if exposure > 1 else 0


main(defects)
""")
    small_case.write_text(small_case.read_text().replace("-flux 1e18", "-exposure 1"))
    said = nb("fuzz", "--c-bin", fake("any_command"), "--py-bin", "two.py", "--around", small_case, "--budget", "20",
              "--format", "json")
    assert [cause["needed"] for cause in said.json["causes"]] == [["-exposure"]] * 3
    ways = [cause["how"] for cause in said.json["causes"]]
    assert sorted("no image" if how["engine"] else "scale" if how["ratio"] else "pattern" for how in ways) == [
        "no image", "pattern", "scale"]


def test_two_scales_at_one_option_are_told_to_be_several_perhaps(nb, fake, tmp_path, monkeypatch, small_case):
    """1.3 times below the value of the case and half above; taken up again, it is still known."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("nbcompare.explain.fuzz.begin.likely", lambda *asked: "")
    small_case.write_text(small_case.read_text().replace("-flux 1e18", "-exposure 1"))
    (tmp_path / "two.py").write_text(f"""\
import sys
sys.path.insert(0, {str(fake("any_command").parent)!r})
from _any_command import main


def defects(argv, values):
    exposure = float(argv[argv.index("-exposure") + 1]) if "-exposure" in argv else 1
    values[:] = [value * (1.3 if exposure < 1 else 0.5 if exposure > 1 else 1) for value in values]


main(defects)
""")
    for _ in range(2):
        said = nb("fuzz", "--c-bin", fake("any_command"), "--py-bin", "two.py", "--around", small_case, "--budget", "8")
        assert "by 1 cause\n" in said.out and "note       cause 1 is off by 0.5 to 1.3 times" in said.out


def test_where_nothing_fails_it_passes_and_says_what_was_covered(fuzz):
    said = fuzz("--budget", "6", subject="any_command_too")
    assert said.code == 0 and said.out.startswith("PASS  ") and "of 98 compared" in said.out
    assert Path("fuzz/.gitignore").read_text() == "*\n"  # a gate that wants a clean tree stays green


def test_a_case_is_varied_and_judged_by_its_own_thresholds(fuzz, small_case):
    said = fuzz("--budget", "40", "--around", small_case, "--format", "json")
    assert said.code == 3 and {name for cause in said.json["causes"] for name in cause["needed"]} <= DEFECTS
    for case in Path("fuzz/failures").glob("*/case.yaml"):
        assert "same scale" in case.read_text() and "fast: 9" in case.read_text()


@pytest.mark.parametrize("budget", ["0", "5", "", "-3m", "5 m", "m"])
def test_a_budget_is_a_time_or_a_number(budget):
    from nbcompare.commands.fuzz import _budget
    from nbcompare.errors import UsageError

    if budget == "5":
        assert _budget(budget) == (None, 5) and _budget("1.5m") == (90.0, None)
    else:
        with pytest.raises(UsageError, match="is no time"):
            _budget(budget)


def test_only_options_that_a_declaration_hands_on_are_tried(monkeypatch, tmp_path):
    rules = (ArgumentRule("-detpixels_x", ("--w",)), ArgumentRule("-detpixels_y", ("--h",)),
             ArgumentRule("-lambda", ("--wave",)), ArgumentRule("-N", drop="it knows one size"))
    engine = Engine("subject", "narrow", ("/bin/narrow",), "test")
    monkeypatch.setattr(Engine, "adapter", property(lambda self: Adapter(rules, "refuse")))
    pool = draw.pool_of([engine])
    assert pool == {"-detpixels_f", "-detpixels_s", "-lambda"}
    made = [draw.drawn(1, at, pool, [engine], tmp_path) for at in range(12)]
    assert {name for command in made if command for name in command.options} == pool


def test_pairs_are_counted_once_and_only_of_the_pool():
    found = coverage_of(frozenset({"-a", "-b", "-c"}), [("-a", "-b"), ("-b", "-a", "-x")])
    assert (found.never, len(found.pairs), found.possible_pairs) == (("-c",), 1, 3)
