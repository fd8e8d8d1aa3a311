"""Reduction: the smallest command that fails in the same way, with few engine runs, and going on where it stopped."""

import math
import shlex
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbcompare.explain.reduce.minimize import ddmin, smallest_part
from nbcompare.explain.reduce.signature import Signature
from tests.nbcompare.conftest import SMALL_CASE

# Thirty options, as many as a real command has.
ARGS = ("-detpixels_x", "40", "-detpixels_y", "36", "-flux", "1e18", "-exposure", "1", "-beamsize", "1.0",
        "-lambda", "1", "-distance", "100", "-pixel", "0.1", "-Na", "5", "-Nb", "6", "-Nc", "7", "-phi", "0",
        "-osc", "0.1", "-phisteps", "3", "-Xbeam", "20", "-Ybeam", "12", "-oversample", "1", "-nonoise",
        "-spindle_axis", "-1", "0", "0", "-twotheta", "0", "-detector_rotx", "0", "-detector_roty", "0",
        "-cell", "50", "60", "70", "80", "85", "95", "-default_F", "100", "-nointerpolate", "-polar", "0.5",
        "-dmin", "1", "-fudge", "1", "-square_xtal", "-adc", "40", "-mosaic", "0", "-misset", "1", "2", "3")


# --- the algorithm ----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1,
                                                                       max_size=4))))
def test_exactly_the_needed_elements_are_found_with_few_tests(drawn):
    """At most 2 k (log2(n / k) + 1) tests by halves, and k + 2 to confirm."""
    n, needed = drawn
    tests = []

    def shows(part):
        tests.append(part)
        return needed <= set(part)

    assert smallest_part(range(n), shows) == sorted(needed)
    k = len(needed)
    assert len(tests) <= 2 * k * (math.log2(n / k) + 2) + k + 3


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 20).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1,
                                                                       max_size=4))))
def test_ddmin_finds_them_too(drawn):
    n, needed = drawn
    assert set(ddmin(range(n), lambda part: needed <= set(part))) == needed


def test_elements_that_hide_what_fewer_show_do_no_harm():
    """1 shows it, and so does everything together, but 0 hides what 1 shows unless 2 is there: the answer shows it."""

    def shows(part):
        return 1 in part and (0 not in part or 2 in part)

    assert shows(range(6)) and shows(smallest_part(range(6), shows))


def test_what_shows_by_itself_needs_nothing():
    assert smallest_part(range(5), lambda part: True) == []


# --- the same way -----------------------------------------------------------------------------------------


def test_another_threshold_direction_or_ratio_is_another_way_of_failing():
    """125932 and 126452 differ by 0.4 %, and 1259 is a hundred times less."""
    whole = Signature((("sum_ratio", "above"),), 125932.0)
    assert Signature((("sum_ratio", "above"),), 126452.0).is_like(whole)
    assert not Signature((("sum_ratio", "above"),), 1259.3).is_like(whole)
    assert not Signature((("sum_ratio", "below"),), 125932.0).is_like(whole)
    assert not Signature((("correlation", "below"), ("sum_ratio", "above")), 125932.0).is_like(whole)
    assert not Signature().is_like(Signature())


# --- the command ------------------------------------------------------------------------------------------


@pytest.fixture
def reduce(nb, fake, tmp_path):
    """Reduce ARGS with two engines of which the subject is broken in some way."""

    def call(broken, *words, more=(), program="photons"):
        return nb("reduce", "-q", "--format", "json", "--cache", tmp_path / "cache", "--c-bin", fake("photons"),
                  "--py-bin", f"{sys.executable} -B {fake(program)}", "--py-args", f"-broken {broken}", *words,
                  "--", *ARGS, *more)

    return call


def test_a_lost_flux_is_found_with_the_pair_that_matters_in_few_runs(reduce):
    """Without -beamsize the ratio would be 100 times smaller, so both options are needed for the same failure."""
    said = reduce("flux")
    assert said.code == 3 and said.json["complete"]
    assert said.json["needed"] == ["-flux 1e18", "-beamsize 1.0"]
    assert said.json["engine_runs"] < 60
    assert said.json["command"][:2] == ["-detpixels", "8"]


def test_the_reproducer_fails_in_the_same_way(nb, reduce, fake):
    found = reduce("flux").json
    words = shlex.split(found["reproducer"])
    assert words[0] == "nb-compare" and words[words.index("--py-bin") + 1].startswith(f"{sys.executable} -B ")
    again = nb("-q", "--format", "json", *words[1:])
    assert again.code == 3
    assert again.json["sum_ratio"] == pytest.approx(found["signature"]["ratio"])


def test_the_reproducer_names_declared_engines_and_the_very_limits_of_the_case(nb, fake, tmp_path):
    """The variables that an engine needs come with its name; 1.000001 is not 1."""
    (tmp_path / "nb-compare.yaml").write_text(
        f"engines:\n  reference: {{command: {fake('good')}}}\n  subject: {{command: {fake('bright')}}}\n")
    (tmp_path / "small.yaml").write_text(SMALL_CASE.replace("max: 1.01", "max: 1.000001").replace(
        "0.9995", "0.999999999"))
    words = shlex.split(nb("reduce", "-q", "--format", "json", "small.yaml").json["reproducer"])
    assert words[words.index("--py-bin") + 1] == "subject" and words[words.index("--c-bin") + 1] == "reference"
    assert words[words.index("--sum-ratio") + 1:][:2] == ["0.99", "1.000001"] and "0.999999999" in words
    assert nb("-q", *words[1:]).code == 3


def test_the_reproducer_names_the_users_own_files(nb, reduce, tmp_path):
    """Though the engines were given copies: one from elsewhere, and one that lies here."""
    (tmp_path / "lists").mkdir()
    for name in ("lists/F.txt", "G.txt"):
        (tmp_path / name).write_text("F")
    elsewhere = str(tmp_path / "lists" / "F.txt")
    found = reduce("flux", more=("-dump", elsewhere, "-dumpfile", "G.txt")).json
    assert "F.txt" in found["command"] and found["complete"]
    words = shlex.split(found["reproducer"])
    assert elsewhere in words and "G.txt" in words
    assert nb("-q", *words[1:]).code == 3


def test_the_dump_that_a_command_writes_is_left_out_before_its_list_of_reflections(reduce, tmp_path):
    """Without -hkl it would be read; and it has no part in the image."""
    (tmp_path / "F.txt").write_text("F")
    found = reduce("flux", more=("-hkl", "F.txt", "-dump", "out.dump")).json
    assert found["complete"] and found["needed"] == ["-flux 1e18", "-beamsize 1.0"]
    assert not {"-hkl", "-dump"} & set(found["command"])


def test_a_defect_of_two_options_together_is_both(reduce):
    said = reduce("pair")
    assert said.json["needed"] == ["-phi 0", "-osc 0.1"]


def test_a_defect_at_one_place_is_kept_in_a_window_of_the_image(reduce):
    """The wrong pixel is where -Xbeam and -Ybeam point, so the image cannot be made small about the beam."""
    found = reduce("beam").json
    assert found["needed"] == ["-Xbeam 20", "-Ybeam 12"]
    xmin, xmax, ymin, ymax = found["window"]
    assert xmin <= 20 <= xmax and ymin <= 12 <= ymax and xmax - xmin < 16


def test_a_port_is_only_asked_in_words_that_its_declaration_has(nb, fake, tmp_path):
    """It knows no -detpixels, no -roi and no -nonoise, and all of its template has to be filled: a candidate that
    it has no word for is none, and does not end the reduction."""
    (tmp_path / "nb-compare.yaml").write_text(f"""\
engines:
  reference: {{command: {fake('photons')}}}
  subject:
    command: {fake('photons')} -broken pair
    arguments:
      -detpixels_x: -detpixels_x
      -detpixels_y: -detpixels_y
      -flux: -flux
      -phi: {{config: PHI}}
      -osc: -osc
      -lambda: {{drop: it has no other}}
      -floatfile: -floatfile
    config: {{file: run.ini, template: port.ini, argument: -phi}}
""")
    (tmp_path / "port.ini").write_text("{PHI}")
    (tmp_path / "case.yaml").write_text(SMALL_CASE.replace("-flux 1e18", "-flux 1e18 -lambda 1 -phi 0 -osc 0.1"))
    said = nb("reduce", "case.yaml", "-q", "--format", "json", "--cache", tmp_path / "cache")
    assert said.code == 3 and said.json["complete"] and set(said.json["needed"]) == {"-phi 0", "-osc 0.1"}
    assert said.json["command"][:4] == ["-detpixels_x", "8", "-detpixels_y", "8"]
    assert not {"-nonoise", "-nopgm", "-detpixels", "-roi"} & set(said.json["command"])


def test_an_engine_that_crashes_is_reduced_to_the_option_that_does_it(reduce):
    said = reduce("crash")
    assert said.code == 2 and said.json["needed"] == ["-mosaic 0"]
    assert said.json["signature"]["engine"] == ["subject", "exit-code 9"]


def test_an_engine_that_behaves_otherwise_in_a_batch_is_not_run_in_one(reduce):
    """The subject is deaf in a batch only, so that the plain command passes."""
    assert reduce("batch").code == 0
    found = reduce("pair").json
    assert "subject: batch" in found["engines"]


def test_a_batch_that_is_deaf_is_found_out_before_it_is_believed(reduce, nb, fake, tmp_path):
    said = nb("reduce", "-q", "--format", "json", "--cache", tmp_path / "c", "--c-bin", fake("photons"), "--py-bin",
              fake("photons"), "--c-args", "-broken pair", "--py-args", "-broken batch", "--", *ARGS)
    assert said.json["needed"] == ["-phi 0", "-osc 0.1"]
    assert "subject: process" in said.json["engines"] and "reference: batch" in said.json["engines"]


def test_answers_are_remembered_and_a_changed_engine_is_asked_again(reduce):
    first, second = reduce("flux").json, reduce("flux").json
    assert second["remembered"] == second["tests"] == first["tests"] and second["engine_runs"] == 2
    assert reduce("pair").json["remembered"] < 5


def test_a_stopped_reduction_goes_on(reduce):
    """The first call may make 16 runs, 2 of them for the whole command and 2 x 2 to prove the batches."""
    stopped = reduce("flux", "--max-runs", 16).json
    assert not stopped["complete"] and stopped["engine_runs"] <= 16
    went_on = reduce("flux").json
    assert went_on["complete"] and went_on["remembered"] >= 4


def test_a_command_that_passes_has_nothing_to_reduce(reduce):
    said = reduce("nothing")
    assert said.code == 0 and said.json["fails"] is False


def test_one_threshold_alone_leaves_the_options_of_other_causes_out(reduce, fake, nb, tmp_path):
    """The pixel at the beam spoils the correlation, half the image the sum ratio."""
    both = reduce("beam+pair").json
    assert set(both["needed"]) == {"-phi 0", "-osc 0.1", "-Xbeam 20", "-Ybeam 12"}
    assert reduce("beam+pair", "--metric", "sum_ratio").json["needed"] == ["-phi 0", "-osc 0.1"]
    said = reduce("beam+pair", "--metric", "rmse")
    assert said.code == 1 and "no threshold on it" in said.err


def test_a_failing_case_is_reduced_too(nb, fake, tmp_path):
    """The case allows a sum ratio of 0.99 to 1.01; only there it fails."""
    case = tmp_path / "case.yaml"
    case.write_text("name: c\ntitle: t\ncommand: " + " ".join(ARGS) + "\nsubject_args: -broken pair\n"
                    "image: {fast: 40, slow: 36}\nrois: {full: full}\n"
                    "thresholds:\n  - {metric: sum_ratio, min: 0.99, max: 1.01, why: w}\n")
    said = nb("reduce", case, "--c-bin", fake("photons"), "--py-bin", fake("photons"), "--cache", tmp_path / "cache")
    assert said.code == 3
    assert "needed     -phi 0, -osc 0.1" in said.out and "--sum-ratio 0.99 1.01" in said.out
