"""nb-compare fuzz: random commands, and what they fail by, each cause once."""

import json
from pathlib import Path

import numpy as np
import pytest

from nbcompare.case.declared.adapter import Adapter, ArgumentRule, ConfigFile
from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Engine, Run
from nbcompare.engine.failure import Failure
from nbcompare.explain.fuzz import draw
from nbcompare.explain.fuzz.causes import FailureCause, Sighting, cause_of_factor
from nbcompare.explain.fuzz.coverage import coverage_of
from nbcompare.explain.fuzz.failure_modes import way_of
from nbcompare.explain.reduce.signature import Signature, signature_of_failed

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
    programs = f"--c-bin {fake('any_command')} --py-bin {fake('five_defects')}"
    assert "0 of them new" in again.out and again.out.startswith("FAIL  ") and "by 5 causes" in again.out
    assert again.out.splitlines()[-1].endswith(f"causes/1/case.yaml {programs}")
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
    ways = sorted(cause["kind"] for cause in said.json["causes"])
    assert ways == ["factor", "no image", "places"]


@pytest.fixture
def at_exposure(nb, fake, tmp_path, monkeypatch, small_case):
    """Fuzz an engine whose image is off as ``formula`` says, of the exposure, around a case with an exposure of 1."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("nbcompare.explain.fuzz.begin.likely", lambda *asked: "")
    small_case.write_text(small_case.read_text().replace("-flux 1e18", "-exposure 1"))

    def call(formula, *words):
        (tmp_path / "two.py").write_text(f"""\
import sys
sys.path.insert(0, {str(fake("any_command").parent)!r})
from _any_command import main


def defects(argv, values):
    exposure = float(argv[argv.index("-exposure") + 1]) if "-exposure" in argv else 1
    {formula}


main(defects)
""")
        return nb("fuzz", "--c-bin", fake("any_command"), "--py-bin", "two.py", "--around", small_case, *words)

    return call


def test_two_scales_at_one_option_each_at_several_values_are_told_as_two(at_exposure):
    """1.3 times below the value of the case and half above; so when it was stopped before and taken up again."""
    formula = "values[:] = [value * (1.3 if exposure < 1 else 0.5 if exposure > 1 else 1) for value in values]"
    words = ("--budget", "10", "--seed", "3", "--format", "json")  # the second is told from the first at the ninth
    once = at_exposure(formula, *words).json["causes"]
    assert sorted(sorted({round(scale, 4) for scale in cause["scales"]}) for cause in once) == [[0.5], [1.3]], once
    assert not set(once[0]["trials"]) & set(once[1]["trials"])
    for cause in once:
        below = float(cause["argv"][cause["argv"].index("-exposure") + 1]) < 1
        assert below == (round(cause["scales"][0], 4) == 1.3)
    lines = Path("fuzz/trials.jsonl").read_text().splitlines(keepends=True)
    split = next(at for at, line in enumerate(lines) if '"split_from": 1' in line)
    Path("fuzz/trials.jsonl").write_text("".join(lines[:split]))
    assert at_exposure(formula, *words).json["causes"] == once


def test_a_scale_that_depends_on_the_value_is_one_mistake_and_told_to_be_several_perhaps(at_exposure):
    said = at_exposure("values[:] = [value * (1 + abs(exposure)) / 2 for value in values]", "--budget", "12")
    assert "by 1 cause\n" in said.out and "note       cause 1 is off by " in said.out


@pytest.mark.parametrize(("seen", "apart"), [
    ([(2.0, "-x 1"), (2.0, "-x 2"), (3.0, "-x 3"), (3.0, "-x 4")], 3.0),
    ([(2.0, "-x 1"), (2.0, "-x 2"), (3.0, "-x 3"), (3.0, "-x 3")], None),  # the same value: it may depend on it
    ([(2.0, "-x 1"), (2.0, "-x 1"), (3.0, "-x 3"), (3.0, "-x 4")], None),
    ([(2.0, "-x 1"), (2.1, "-x 2"), (2.2, "-x 3"), (2.3, "-x 4")], None)])
def test_a_factor_is_a_mistake_of_its_own_once_it_and_the_first_were_seen_at_two_values(seen, apart):
    cause = FailureCause(1, ("-x",), Signature(), (), kind="factor", trials=[*range(len(seen)), 9])
    cause.seen = [Sighting(at, *entry) for at, entry in enumerate(seen)]
    found = cause.apart()
    assert (found and found.factor) == apart
    if found:
        other = FailureCause(2, ("-x",), Signature(), (), kind="factor", split_from=1)
        cause.hand_over(found.factor, other)
        assert (cause.trials, other.trials, cause.scales, other.scales) == ([0, 1, 9], [2, 3], [2.0, 2.0], [3.0, 3.0])
        assert cause_of_factor([cause, other], cause, 3.0) is other
        assert cause_of_factor([cause, other], cause, 5.0) is cause


@pytest.mark.parametrize(("code", "said", "way"), [
    (1, ["KeyError: 'x'"], "exit-code 1 KeyError"), (1, ["my.package.BadError"], "exit-code 1 my.package.BadError"),
    (7, ["no idea"], "exit-code 7"), (1, [], "exit-code 1"), (1, ["ValueError in line 3"], "exit-code 1")])
def test_an_engine_that_ends_in_another_way_makes_another_mistake(code, said, way):
    run = Run("subject", (), Shape(1, 1), code, 0.0, Failure("exit-code", "ended", tuple(said)), None)
    assert signature_of_failed(run).engine == ("subject", way)


@pytest.mark.parametrize(("change", "kind"), [
    (lambda image: image * 1.00001, "factor"), (lambda image: image * 3, "factor"), (lambda image: image + 2, "level"),
    (lambda image: image[::-1], "places"), (lambda image: image + np.eye(8) * 2, "pattern"),
    (lambda image: image * 1.3 + np.eye(8) * 2, "pattern"), (lambda image: image * 0, "pattern")])
def test_in_what_way_an_image_is_wrong(change, kind):
    """To the rounding of float32, whatever thresholds it fails by."""
    reference = np.arange(1.0, 65.0).reshape(8, 8).astype(np.float32)
    way = way_of(Signature((("sum_ratio", "above"),)), {"reference": reference,
                                                        "subject": change(reference).astype(np.float32)})
    assert way.kind == kind and (way.factor is None) == (kind != "factor")


def test_where_nothing_fails_it_passes_and_says_what_was_covered(fuzz):
    said = fuzz("--budget", "6", subject="any_command_too")
    assert said.code == 0 and said.out.startswith("PASS  ") and "of 98 compared" in said.out
    assert Path("fuzz/.gitignore").read_text() == "*\n"  # a gate that wants a clean tree stays green


def test_a_case_is_varied_and_judged_by_its_own_thresholds(fuzz, small_case):
    said = fuzz("--budget", "40", "--around", small_case, "--format", "json")
    assert said.code == 3 and {name for cause in said.json["causes"] for name in cause["needed"]} <= DEFECTS
    for case in Path("fuzz/failures").glob("*/case.yaml"):
        assert "same scale" in case.read_text() and "fast: 9" in case.read_text()


def test_trials_of_other_files_of_the_case_are_no_trials_of_these(fuzz, small_case):
    small_case.write_text(small_case.read_text().replace(
        "1e18\n", "1e18 -hkl P1.hkl\ninputs: {P1.hkl: {file: P1.hkl}}\n", 1))
    found = []
    for text in ("0 0 0 1\n", "0 0 0 1\n", "0 0 0 2\n"):
        Path("P1.hkl").write_text(text)
        found.append(fuzz("--budget", "2", "--around", small_case, "--format", "json", subject="any_command_too").json)
    assert [each["new"] for each in found] == [2, 0, 2]


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


def test_a_port_that_is_told_by_a_file_is_drawn_commands_that_fill_it(monkeypatch, tmp_path):
    """Each place without a default, and the size in the one word that the port has for it."""
    names = {"-cell": "CELL", "-default_F": "F", "-N": "N", "-lambda": "WAVE", "-detpixels": "SIZE", "-phi": "PHI"}
    template = ConfigFile("run.ini", " ".join(f"{{{hole}}}" for hole in names.values()), None, (("PHI", "0"),))
    adapter = Adapter(tuple(ArgumentRule(name, config=(hole,)) for name, hole in names.items()), "refuse", template)
    engine = Engine("subject", "port", ("/bin/port",), "test")
    monkeypatch.setattr(Engine, "adapter", property(lambda self: adapter))
    made = [draw.drawn(1, at, draw.pool_of([engine]), [engine], tmp_path) for at in range(6)]
    assert all(command and draw.accepted([engine], command.argv) for command in made)
    assert any("-phi" in command.options for command in made), "nothing asks for it: it was in the command drawn"
    assert not draw.accepted([engine], ("-cell", "100")) and draw.accepted([engine], ("-cell", "100"), whole=False)


def test_pairs_are_counted_once_and_only_of_the_pool():
    found = coverage_of(frozenset({"-a", "-b", "-c"}), [("-a", "-b"), ("-b", "-a", "-x")])
    assert (found.never, len(found.pairs), found.possible_pairs) == (("-c",), 1, 3)
