"""Words of a command line that are no option, emulations of claims, and files, told word for word."""

from dataclasses import replace

import pytest

from nbcompare.case.arguments.emulations import derived_control, fault_in, fault_in_declared, names_in, registered
from nbcompare.case.arguments.factors import FACTORS, OF_THE_VALUE, ONCE, PER_DOMAIN, PER_PHI, PER_SOURCE, PER_SUBPIXEL
from nbcompare.case.arguments.named_files import file_faults, files_of, leads_out, plain
from nbcompare.case.arguments.option_faults import (
    mistyped_size,
    nearly_options,
    no_option_in,
    option_faults,
    similar_options,
)
from nbcompare.case.case import Case
from nbcompare.case.from_arguments import refuse_near_options
from nbcompare.case.validate import refuse_slips
from nbcompare.compare.image import Shape
from nbcompare.errors import UsageError


@pytest.mark.parametrize(("text", "faults"), [
    ("", []), ("-N 5 -cell 1 2 3 4 5 6 -misset 1 2 3 -curved_det 1", []), ("-curved_det -N 5", []),
    ("-cell -N 5", ["-cell needs up to six numbers, and none follows"]),
    ("-cell 1 x 3", ["-cell needs a number, found 'x'"]), ("-cell 1", []),
    ("-misset", ["-misset needs three angles or the word random"]), ("-misset 1", []),
    ("-misset 1 2", ["-misset needs three angles or the word random"]), ("-misset rand -N 5", []),
    ("-misset 1 x 2", ["-misset needs a number, found 'x'"]),
    ("-roi 1 2 3", ["-roi needs 4 values, found 3"]), ("-roi 1 2 -N 5", ["-roi needs 4 values, found 2 before the "
                                                                         "option -N"]),
    ("-roi 1 2 x 4", ["-roi needs whole numbers, found 'x'"]), ("-roi -1 +2 3 4", []),
    ("-lambda", ["-lambda needs a number, found nothing"]), ("-N", ["-N needs a whole number, found nothing"]),
    ("-seed", ["-seed needs a whole number, found nothing"]), ("-seed 1e3", ["-seed needs whole numbers, found '1e3'"]),
    ("-hkl", ["-hkl needs a value, found nothing"]), ("-hkl -N 5", ["-hkl needs a value, found the option -N"]),
    ("-lambda one", ["-lambda needs a number, found 'one'"]), ("-polar_vector 0 y 1", ["-polar_vector needs a number, "
                                                                                        "found 'y'"]),
    ("stray -N 5", ["'stray' belongs to no option"]), ("-N 5 6", ["'6' belongs to no option"]),
    ("-zzz 4 7 -N 5 6", ["unknown option -zzz; docs/flags.md lists them", "'6' belongs to no option"]),
    ("-zzz 1 -yyy 2", [f"unknown option {word}; docs/flags.md lists them" for word in ("-zzz", "-yyy")]),
    ("--lambda 1", ["unknown option --lambda; did you mean -lambda?"]),
    ("-detsize_x 1 -hdiv 2", ["unknown option -detsize_x; did you mean -detsize_f?", "unknown option -hdiv; did you "
                                                                                     "mean -hdivrange?"]),
    ("-detector_rot 1", ["unknown option -detector_rot; did you mean -detector_rotz or -detector_roty or "
                         "-detector_rotx?"])])
def test_what_the_bundled_engines_would_refuse(text, faults):
    assert list(option_faults(text.split())) == faults


@pytest.mark.parametrize(("text", "faults"), [
    ("-mine 4 -x 1 2 3 -N 5", []), ("-hdiv 1", []), ("-detsize_y 1", ["unknown option -detsize_y; did you mean "
                                                                      "-detsize_s?"]),
    ("-lamda 1", ["unknown option -lamda; did you mean -lambda?"]),
    ("-dtctr_tick 1 2", []), ("-N 5 6", ["'6' belongs to no option"]), ("-mine 4 -N 5 -mine 6 7", []),
    ("-roi 1 2 3 -N 5", ["-roi needs 4 values, found 3 before the option -N"]), ("--lambda 1", []),
    ("5 -N 5", []), ("-N x", ["-N needs whole numbers, found 'x'"]), ("-curved_det x", ["'x' belongs to no option"])])
def test_slips_of_the_finger_also_of_programs_with_options_of_their_own(text, faults):
    """From 0.85 of a name on it is one: a letter of seven is, two of ten are not."""
    assert list(nearly_options(text.split())) == faults


def test_the_c_programs_way_with_a_command_line_has_to_be_asked_for_by_name():
    """It passes over 47 and 29 in silence, and so does -emulate argv; -emulate all is asked for other reasons."""
    words = "-N 36 47 29".split()
    for more in ((), ("-emulate", "all"), ("-emulate", "phi-carryover")):
        with pytest.raises(UsageError, match="'29' belongs to no option") as caught:
            refuse_near_options(words, more)
        assert '--py-args "-emulate argv"' in caught.value.hint
    refuse_near_options(words, ("-emulate", "phi-carryover,argv"))
    case = Case("c", "t", tuple(words), Shape(4, 4), (), ())
    with pytest.raises(UsageError, match="'29' belongs to no option"):
        refuse_slips(case)
    refuse_slips(replace(case, subject_args=("-emulate", "argv")))


def test_a_mistyped_size_is_what_a_wrong_size_follows_from():
    found = mistyped_size("-N 5 -detpixel_x 9".split())
    assert found.startswith("unknown option -detpixel_x; did you mean -detpixels_")
    assert mistyped_size("-lamda 1 -detpixels_x 9".split()) is None and mistyped_size([]) is None
    assert no_option_in(["detpixels", "9"]) == "'detpixels' belongs to no option" and no_option_in(["9", "-N"]) is None


@pytest.mark.parametrize(("word", "meant"), [
    ("-PHI", ["-phi"]), ("--phi", ["-phi"]), ("-detpixelsx", ["-detpixels_x"]), ("-pp", []), ("-NN", ["-N"]),
    ("-NNNN", []), ("-Nzq", []), ("-xyzzy", []), ("-detpixels_z", ["-detpixels_y", "-detpixels_x", "-detpixels_s"])])
def test_the_nearest_names_come_first_three_at_most(word, meant):
    found = similar_options(word)
    assert (found[:1] == meant if len(meant) == 1 else sorted(found) == sorted(meant)) and len(found) <= 3
    assert similar_options("-lamdda", cutoff=0.99) == []


# --- emulations -------------------------------------------------------------------------------------------


def test_names_stand_apart_from_other_words():
    assert names_in(["-N", "5", "-emulate", "a,b,", "-x", "-emulate"]) == (["-N", "5", "-x"], ["a", "b"])
    assert registered()["curved-lab-axes"] == "-curved_det"


@pytest.mark.parametrize(("words", "fault"), [
    ("-emulate phi-carryover", None), ("-emulate phi-carryover:threads=8", None),
    ("-emulate phi-carryover:threads=0", "there is no emulation 'phi-carryover:threads=0' that stands for one defect; "
     "did you mean 'phi-carryover'?"),
    ("-emulate phi-carryover:threads=1234567", "there is no emulation 'phi-carryover:threads=1234567' that"),
    ("-emulate phi-cary", "there is no emulation 'phi-cary' that stands for one defect; did you mean 'phi-carryover'?"),
    ("-x", "'-x' is no registered emulation; write -emulate NAME (docs/emulations.md lists them), or declare a switch "
     "of an engine of your own: switch: declared, with what it changes"),
    ("-emulate water-scaling -x", "'-x' is no registered emulation"),
    ("-emulate water-scaling,phi-carryover", "a claim is of one defect, and has -emulate with one name; make a claim "
     "of each, so that each is shown to be needed"),
    ("-emulate water-scaling -emulate ,", "a claim is of one defect"), ("-emulate", "-emulate needs the name of an "
                                                                                    "emulation")])
def test_a_claim_is_of_one_registered_emulation(words, fault):
    found = fault_in(words.split())
    assert found is None if fault is None else found.startswith(fault)


@pytest.mark.parametrize(("words", "fault"), [
    ("-fix 5 x", None), ("--fix -5", None), ("-fix -.5", None), ("-emulate anything", None),
    ("-fix -other", "a declared switch is one word that begins with '-', and its values; make a claim of each switch, "
     "so that each is shown to be needed"), ("fix", "a declared switch is one word"),
    ("5 -fix", "a declared switch is one"),
    ("-fix -phi 1", "-phi is an option of the experiment, not a switch of an engine; with it another image is "
     "compared, and nothing is proven"), ("-emulate", "-emulate takes one name in a claim"),
    ("-emulate a,b", "-emulate takes one name in a claim")])
def test_a_declared_switch_is_one_word_of_the_engines_own(words, fault):
    found = fault_in_declared(words.split())
    assert found is None if fault is None else found.startswith(fault)


@pytest.mark.parametrize(("words", "arguments", "control"), [
    ("-emulate phi-carryover", "", ("-phi", "1e-12")), ("-emulate phi-carryover:threads=2", "-phi 30 -N 5",
                                                        ("-phi", repr(30 + 1e-12))),
    ("-emulate phi-carryover", "-phi 1 -phi -2", ("-phi", repr(-2 + 1e-12))),
    ("-emulate phi-carryover", "-N -phi", ("-phi", "1e-12")), ("-emulate phi-carryover", "-phi x", ()),
    ("-emulate water-scaling", "", ()), ("-emulate phi-carryover,water-scaling", "", ()), ("", "", ())])
def test_where_no_step_is_at_zero_nothing_is_carried_over(words, arguments, control):
    assert derived_control(words.split(), arguments.split()) == control


# --- files and factors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "faults"), [
    ("-hkl a.hkl -mat ./A.mat", []), ("-hkl b.hkl", ["-hkl b.hkl is not among the inputs; did you mean 'a.hkl'?"]),
    ("-floatfile x", ["-floatfile is added by the runner, for each engine its own; leave it out"]),
    ("-floatimage float.bin", ["-floatimage is added by the runner, for each engine its own; leave it out"]),
    ("-intfile out.img", []),
    ("-intfile float.bin", ["-intfile float.bin would replace the float image; give it another name"]),
    ("-pgmfile ./a.hkl", ["-pgmfile ./a.hkl would replace an input; give it another name"]),
    ("-pgmfile a/../b", ["-pgmfile a/../b leads out of the folder of the run; give a plain file name"]),
    ("-pgmfile .", ["-pgmfile . leads out of the folder of the run; give a plain file name"]),
    ("-noisefile below/x -hkl c", ["-hkl c is not among the inputs; known: A.mat, a.hkl"])])
def test_the_files_of_a_command_are_inputs_or_stay_in_the_folder_of_the_run(text, faults):
    assert list(file_faults(text.split(), ["a.hkl", "A.mat"])) == faults


def test_names_of_files(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("x", "a/y", "a/b/z"):
        (tmp_path / name).write_text("")
    assert files_of(tmp_path) == {"x", "a/y", "a/b/z"}
    assert [plain(name) for name in ("./a", "a//b", "a/./b", "a")] == ["a", "a/b", "a/b", "a"]
    assert [leads_out(name) for name in ("a", "a/b", "/a", "../a", "a/../b", "a..b")] == [
        False, False, True, True, True, False]


def test_factors_are_made_of_those_before_them_in_loops_that_are_no_deeper_but_for_sums():
    """Loop indices: layer, sub-pixel slow and fast; then source; phi step; mosaic domain."""
    assert (ONCE, PER_SUBPIXEL, PER_SOURCE, PER_PHI, PER_DOMAIN) == (0, 3, 4, 5, 6)
    depths = {0: "pix0_m intensity steps", 3: "position_m solid_angle_sr capture_fraction",
              4: "polarization wavelength_m", 5: "phi_rad", 6: "F_cell F_latt hkl I_term"}
    assert all(FACTORS[name].depth == depth for depth, names in depths.items() for name in names.split())
    names = list(FACTORS)
    for name, factor in FACTORS.items():
        assert factor.name == name and all(part in FACTORS for part in factor.made_of)
        assert name == "I_background" or all(names.index(part) < names.index(name) for part in factor.made_of), name
    assert [name for name in names if FACTORS[name].geometric] == [
        "pix0_m", "fast_axis", "slow_axis", "normal_axis", "close_distance_m", "position_m", "airpath_m",
        "diffracted_direction", "source_direction", "wavelength_m", "scattering_vector_per_m", "phi_rad",
        "cell_vectors_m", "hkl"]
    assert set(OF_THE_VALUE) - {"intensity"} == set(FACTORS["intensity"].made_of) - {"I_background"}
