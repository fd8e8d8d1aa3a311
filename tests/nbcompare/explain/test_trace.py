"""Traces of a pixel: read from three dialects, lined up in order, the first difference named, the ratio shared out."""

import shlex

import pytest

from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.trace.dialects import LAST, read_trace
from nbcompare.engine.trace.lineup import line_up
from nbcompare.engine.trace.shares import share_out
from nbcompare.engine.trace.who import prints_traces
from tests.nbcompare.conftest import SMALL_CASE

ARGS = ("-detpixels_x", "8", "-detpixels_y", "8", "-flux", "1e18")

# -cell 100 100 100 90 90 90 -default_F 100 -N 5 -lambda 1 -distance 100 -detpixels 32 -pixel 0.1 -oversample 1
# -phi 0 -osc 4 -phisteps 2, pixel fast 5 slow 6; measured with nanoBragg C, July 2026.
PRINTOUT = """\
  incident fluence: 1.25932e+29 photons/m^2
  DIRECTION_OF_DETECTOR_X-AXIS= 0 0 1
  DIRECTION_OF_DETECTOR_Y-AXIS= 0 -1 0
  DIRECTION_OF_DETECTOR_Z-AXIS= 1 0 0
  dials origin= -1.7 1.7 -100
   5    6 : stol = 7.7855e+07 or 0.0077855
at 0.1 0.00105 -0.00115
hkl= 0.024525 1.049656 -1.149861  hkl0= 0 1 -1
 F_cell=100  F_latt=34.5248   I = 2.38393e+07
I/steps     11919634.09
polar      0.9998787794
omega   9.996363602e-07
capfrac               1
pixel       11.91385555
real-space cell vectors (Angstrom):
     a           b           c
X: 99.93908270 -3.48994967  0.00000000
Y:  3.48994967 99.93908270  0.00000000
Z:  0.00000000  0.00000000 100.00000000
"""
# The same pixel from the instrumented variant: its phi step 0 shows the vectors left by the last step.
INSTRUMENTED = """\
TRACE_C: pix0_vector_meters 0.1 0.0017 -0.0017
TRACE_C: fdet_vec 0 0 1
TRACE_C: sdet_vec 0 -1 0
TRACE_C: pixel_pos_meters 0.1 0.00105 -0.00115
TRACE_C: R_distance_meters 0.100012124265011
TRACE_C: omega_pixel_sr 9.99636360230532e-07
TRACE_C: scattering_vec_A_inv -1212279.5211178 104987271.065028 -114986058.785507
TRACE_C: rot_a_angstroms 99.9390827019096 3.4899496702501 6.12323399573677e-15
TRACE_C: rot_b_angstroms -3.4899496702501 99.9390827019096 6.12323399573677e-15
TRACE_C: rot_c_angstroms 0 0 100
TRACE_C: hkl_frac 0.024524618871503 1.04965623601306 -1.14986058785507
TRACE_C: hkl_rounded 0 1 -1
TRACE_C: F_latt 34.5248230883509
TRACE_C: F_cell 100
TRACE_C: I_before_scaling 23839268.1856385
TRACE_C: r_e_sqr 7.94079248018965e-30
TRACE_C: fluence_photons_per_m2 1.25932015286227e+29
TRACE_C: steps 2
TRACE_C: oversample_polar 0
TRACE_C: capture_fraction 1
TRACE_C: polar 0.999878779395996
TRACE_C: omega_pixel 9.99636360230532e-07
TRACE_C: I_pixel_final 11.9138552600064
"""
# The right physics for the same pixel.
FULL = """\
TRACE pix0_m=0.1 0.0017 -0.0017
TRACE fast_axis=0 0 1
TRACE slow_axis=0 -1 0
TRACE position_m[0,0,0]=0.1 0.00105 -0.00115
TRACE airpath_m[0,0,0]=0.100012124265011
TRACE solid_angle_sr[0,0,0]=9.99636360230532e-07
TRACE scattering_vector_per_m[0,0,0,0]=-1212279.5211178 104987271.065028 -114986058.785507
TRACE polarization[0,0,0,0]=0.999878779395996
TRACE phi_rad[0,0,0,0,0]=0
TRACE cell_vectors_m[0,0,0,0,0,0]=1e-08 6.12323399573677e-25 6.12323399573677e-25 -0 1e-08 6.12e-25 0 -0 1e-08
TRACE hkl[0,0,0,0,0,0]=-0.012122795211178 1.04987271065028 -1.14986058785507
TRACE F_cell[0,0,0,0,0,0]=100
TRACE F_latt[0,0,0,0,0,0]=35.1227288778202
TRACE I_term[0,0,0,0,0,0]=12336060.8382487
TRACE phi_rad[0,0,0,0,1]=0.0349065850398866
TRACE cell_vectors_m[0,0,0,0,1,0]=9.9939082702e-09 3.48994967e-10 6e-25 -3.48994967e-10 9.9939082702e-09 6e-25 0 0 1e-08
TRACE hkl[0,0,0,0,1,0]=0.024524618871503 1.04965623601306 -1.14986058785507
TRACE F_cell[0,0,0,0,1,0]=100
TRACE F_latt[0,0,0,0,1,0]=34.5248230883509
TRACE I_term[0,0,0,0,1,0]=11919634.0928193
TRACE steps=2
TRACE I_before_scaling=24255694.9310679
TRACE r_e_squared_m2=7.94079248018965e-30
TRACE fluence_per_m2=1.25932015286227e+29
TRACE polarization=0.999878779395996
TRACE solid_angle_sr=9.99636360230532e-07
TRACE capture_fraction=1
TRACE intensity=12.1219676874856
"""


# --- dialects -------------------------------------------------------------------------------------------


def test_the_printout_gives_its_factors_in_our_units_with_the_digits_it_printed():
    """I is printed with six digits and I/steps with ten, so that steps = 2 and I = 2 * 11919634.09."""
    trace = read_trace(PRINTOUT)
    assert trace.number("steps") == 2
    assert trace.number("I_before_scaling") == pytest.approx(23839268.18, abs=1e-6)
    assert trace.get("pix0_m").numbers == pytest.approx((0.1, 0.0017, -0.0017))
    assert trace.get("cell_vectors_m", LAST).numbers[:4] == pytest.approx((9.993908270e-9, 3.48994967e-10, 0,
                                                                           -3.48994967e-10))
    assert trace.get("F_latt", LAST).resolution == pytest.approx(5e-5)
    assert trace.get("intensity").resolution == pytest.approx(5e-9)


def test_a_factor_inside_the_sum_is_none_of_the_final_value():
    """With -oversample_polar the printed polarization was applied to each term, and to the sum no more."""
    assert read_trace(PRINTOUT).number("polarization") == 0.9998787794
    assert read_trace(PRINTOUT, frozenset({"-oversample_polar"})).number("polarization") == 1


def test_text_without_a_trace_gives_none():
    assert read_trace("max_I = 3\n  incident fluence: 1e24 photons/m^2\n") is None


def test_both_spellings_of_the_instrumented_lines_are_read():
    for line in ("TRACE_C: steps 7", "TRACE_C:steps=7", "TRACE_PY: steps 7"):
        assert read_trace(line).number("steps") == 7


@pytest.mark.parametrize("version, capabilities, expected", [
    ("nanoBragg nanocrystal diffraction simulator - James Holton", {}, True), ("nanobragg_reference 0.1.0", {}, True),
    ("nanobrag_torch 0.1.0", {}, True), ("myport 3", {}, False), ("myport 3", {"trace": True}, True),
    ("nanobrag_torch 0.1.0", {"trace": False}, False), ("nanoBragg", {"roi": False}, False)])
def test_who_can_be_asked_is_known_from_the_declaration_else_from_the_version(version, capabilities, expected):
    engine = EngineIdentity("subject", "x", "default", ("x",), "", 0, version, (), capabilities=capabilities)
    assert prints_traces(engine) is expected


# --- line-up --------------------------------------------------------------------------------------------


def test_the_printout_is_laid_against_the_last_loop_and_its_gaps_are_named():
    """All that the last phi step shows agrees, so the first to differ is the sum, whose terms were not printed."""
    found = line_up(read_trace(PRINTOUT), read_trace(FULL))
    assert found.first.name == "I_before_scaling"
    assert found.inputs_of(found.first)["I_term"] is None
    assert {"I_term", "phi_rad", "1 of 2 F_latt"} <= set(found.not_compared)
    assert all(pair.agrees for pair in found.pairs if pair.name not in ("I_before_scaling", "intensity"))


def test_two_printouts_are_laid_side_by_side():
    """Both tell the last loop alone: the polarization stands there, and once more for the whole pixel."""
    found = line_up(read_trace(PRINTOUT), read_trace(PRINTOUT.replace("polar      0.99", "polar      0.98")))
    assert [pair.label for pair in found.pairs if not pair.agrees] == ["polarization", "polarization[last]"]


def test_the_instrumented_variant_shows_the_stale_vectors_of_phi_step_0():
    found = line_up(read_trace(INSTRUMENTED), read_trace(FULL))
    assert found.first.label == "cell_vectors_m[0,0,0,0,0,0]"


def test_the_order_of_the_roles_does_not_change_what_differs():
    forth, back = (line_up(read_trace(x), read_trace(y)) for x, y in ((PRINTOUT, FULL), (FULL, PRINTOUT)))
    assert [(pair.label, pair.agrees) for pair in forth.pairs] == [(pair.label, pair.agrees) for pair in back.pairs]


def test_a_difference_below_the_printed_digits_is_none():
    """34.5248 and 34.52482 agree to six digits; 34.526 does not."""
    near, far = (read_trace(PRINTOUT.replace("F_latt=34.5248", f"F_latt={value}")) for value in ("34.5248", "34.526"))
    by_name = [{pair.name: pair for pair in line_up(trace, read_trace(FULL)).pairs} for trace in (near, far)]
    assert by_name[0]["F_latt"].agrees and not by_name[1]["F_latt"].agrees


def test_an_entry_that_only_one_full_trace_has_is_a_difference():
    found = line_up(read_trace(FULL), read_trace("\n".join(line for line in FULL.splitlines()
                                                           if "phi_rad[0,0,0,0,1]" not in line)))
    assert found.first.label == "phi_rad[0,0,0,0,1]" and found.first.difference is None


def test_a_nan_never_agrees_not_even_with_a_nan():
    broken = FULL.replace("F_cell[0,0,0,0,1,0]=100", "F_cell[0,0,0,0,1,0]=nan")
    assert line_up(read_trace(broken), read_trace(broken)).first.label == "F_cell[0,0,0,0,1,0]"


def test_a_geometric_factor_is_held_a_thousand_times_tighter():
    """hkl off by 1e-7 is a difference, although 1e-6 is allowed to an intensity."""
    moved = FULL.replace("hkl[0,0,0,0,1,0]=0.024524618871503", "hkl[0,0,0,0,1,0]=0.024524718871503")
    assert line_up(read_trace(FULL), read_trace(moved)).first.name == "hkl"
    brighter = FULL.replace("intensity=12.1219676874856", "intensity=12.1219681874856")
    assert line_up(read_trace(FULL), read_trace(brighter)).first is None


def test_absorption_applied_to_terms_or_to_their_sum_is_compared_as_a_product():
    """One engine holds I = 24255694.9 with capture 1, the other the double with capture 0.5: no difference."""
    moved = FULL.replace("I_before_scaling=24255694.9310679", "I_before_scaling=48511389.8621358")
    moved = moved.replace("TRACE capture_fraction=1", "TRACE capture_fraction=0.5")
    assert line_up(read_trace(FULL), read_trace(moved)).first is None


# --- shares ---------------------------------------------------------------------------------------------


def shares(reference, subject):
    found = share_out(read_trace(reference), read_trace(subject))
    return found.ratio, {share.factor: share for share in found.shares}


def test_two_causes_share_the_ratio_by_their_logarithms():
    """Fluence * 100 and polarization * 10 make 1000: two thirds and one third of log 1000."""
    subject = FULL.replace("1.25932015286227e+29", "1.25932015286227e+31").replace(
        "TRACE polarization=0.999878779395996", "TRACE polarization=9.99878779395996").replace(
        "intensity=12.1219676874856", "intensity=12121.9676874856")
    ratio, found = shares(FULL, subject)
    assert ratio == pytest.approx(1000)
    assert found["fluence"].share == pytest.approx(2 / 3) and found["polarization"].share == pytest.approx(1 / 3)
    assert found["not explained by these"].share == pytest.approx(0, abs=1e-6)


def test_the_lattice_factor_inside_the_sum_has_its_own_share():
    """F_latt^2 of the second step doubled: the sum goes from 24255694.9 to 36175329.0."""
    subject = FULL.replace("F_latt[0,0,0,0,1,0]=34.5248230883509", "F_latt[0,0,0,0,1,0]=48.825473").replace(
        "I_before_scaling=24255694.9310679", "I_before_scaling=36175329.0").replace(
        "intensity=12.1219676874856", "intensity=18.0788976")
    ratio, found = shares(FULL, subject)
    assert ratio == pytest.approx(36175329.0 / 24255694.9, rel=1e-5)
    assert found["F_latt^2"].share == pytest.approx(1, abs=1e-4) and found["F_cell^2"].ratio == 1


def test_absorption_that_was_moved_out_of_the_sum_is_no_share_of_its_own():
    """The subject's terms hold it: a seventh, where the reference has 1/7 for the sum; and the fluence is 1.5 times."""
    subject = FULL.replace("I_before_scaling=24255694.9310679", "I_before_scaling=3465099.27586684").replace(
        "fluence_per_m2=1.25932015286227e+29", "fluence_per_m2=1.88898022929341e+29").replace(
        "intensity=12.1219676874856", "intensity=2.59756450446120")
    reference = FULL.replace("TRACE capture_fraction=1", "TRACE capture_fraction=0.142857142857143").replace(
        "intensity=12.1219676874856", "intensity=1.73170966964080")
    ratio, found = shares(reference, subject)
    assert ratio == pytest.approx(1.5) and found["fluence"].share == pytest.approx(1)
    assert "capture" not in found and all(abs(share.share) < 1e-6 for name, share in found.items() if name != "fluence")


def test_a_dark_pixel_has_no_ratio_to_share():
    found = share_out(read_trace(FULL), read_trace(FULL.replace("intensity=12.1219676874856", "intensity=0")))
    assert found.ratio is None and "not positive" in found.unknown


def test_a_ratio_of_1_within_the_digits_printed_shares_nothing_out():
    """The C program prints six digits of its fluence: 1.2e-7 off is no part of a ratio that is 1."""
    subject = FULL.replace("1.25932015286227e+29", "1.25932000000000e+29").replace(
        "intensity=12.1219676874856", "intensity=12.1219677")
    ratio, found = shares(FULL, subject)
    assert ratio == pytest.approx(1, abs=1e-8) and {share.share for share in found.values()} == {None}


# --- the command ----------------------------------------------------------------------------------------


@pytest.fixture
def trace(nb, fake):
    """Trace the fake engines: words before the command line's own."""

    def call(*words, reference="traced", subject="traced", more=()):
        return nb("trace", *words, "-q", "--c-bin", fake(reference), "--py-bin", fake(subject), "--", *ARGS, *more)

    return call


def test_equal_engines_agree_and_exit_0(trace):
    said = trace("--pixel", 3, 2)
    assert said.code == 0 and "all factors agree" in said.out


def test_a_lost_flux_is_named_with_its_option_and_its_whole_share(trace):
    said = trace("--pixel", 3, 2, "--py-args", "-deaf flux", "--format", "json")
    assert said.code == 3
    found, = said.json["pixels"]
    assert found["first"]["name"] == "fluence_per_m2" and found["first"]["options"] == ["-flux", "1e18"]
    fluence = next(share for share in found["shares"]["factors"] if share["factor"] == "fluence")
    assert fluence["share"] == pytest.approx(1) and fluence["ratio"] == pytest.approx(1.25e29 / 1e24)


def test_the_factor_is_named_before_what_is_made_of_it(trace):
    said = trace("--pixel", 3, 2, "--py-args", "-wrong F_latt")
    assert said.code == 3
    assert "first to differ: F_latt[0,0,0,0,1,0], reference 20, subject 40" in said.out
    typed = shlex.split(said.out.splitlines()[-1])
    assert typed[:4] == ["next", "nb-compare", "reduce", "--c-bin"] and "--py-args=-wrong F_latt" in typed


def test_a_phi_step_too_many_is_a_difference(trace):
    said = trace("--pixel", 3, 2, "--py-args", "-wrong third")
    assert said.code == 3 and "absent" in said.out


def test_without_a_pixel_the_worst_and_the_brightest_are_traced(trace):
    """The fake image grows to its last pixel, which is both."""
    said = trace("--py-args", "-deaf flux", "--format", "json")
    found, = said.json["pixels"]
    assert (found["pixel"]["fast"], found["pixel"]["slow"]) == (7, 7)
    assert not found["notes"]


def test_a_trace_that_is_not_of_the_image_says_so(nb, fake, run_small, small_case):
    """The images of the bundle are those of engines that know nothing of traces."""
    said = nb("trace", small_case, "-q", "--c-bin", fake("good"), "--py-bin", fake("twin"))
    assert said.code == 2 and "printed no trace" in said.out


def test_an_engine_that_fails_is_exit_2(trace):
    assert trace("--pixel", 1, 1, subject="crash").code == 2
    assert trace(subject="exit7").code == 2


def test_a_port_that_has_no_word_for_a_trace_is_told_how_to_say_so(nb, fake, tmp_path):
    """Rules for -roi and -trace_pixel are of use to one that prints factors alone."""
    rules = ", ".join(f"{word}: {word}" for word in ("-detpixels_x", "-detpixels_y", "-flux", "-floatfile"))
    declared = f"subject: {{command: {fake('good')}, arguments: {{{rules}}}}}"
    (tmp_path / "nb-compare.yaml").write_text(f"engines:\n  {declared}\n")
    (tmp_path / "small.yaml").write_text(SMALL_CASE)
    said = nb("trace", "-q", "--pixel", 3, 2, "--c-bin", fake("traced"), "small.yaml")
    assert said.code == 1 and "no rule says what becomes of" in said.err
    assert "capabilities: {trace: false}; for one that does, add to arguments" in said.err


def test_a_pixel_outside_the_rendered_region_is_a_usage_error(trace):
    assert trace("--pixel", 8, 0).code == 1
    said = trace("--pixel", 3, 6, more=("-roi", "0", "7", "0", "5"))
    assert said.code == 1 and "slow 0..5" in said.err


def test_a_bundle_is_traced_with_its_own_engines_at_its_worst_pixel(nb, fake, tmp_path):
    case = tmp_path / "traced.yaml"
    case.write_text("name: traced\ntitle: t\ncommand: -detpixels_x 8 -detpixels_y 8 -flux 1e18\n"
                    "image: {fast: 8, slow: 8}\nrois: {full: full}\nsubject_args: -wrong F_latt\n"
                    "thresholds:\n  - {metric: sum_ratio, min: 0.9, max: 1.1, why: w}\n")
    ran = nb("run", case, "-q", "--c-bin", fake("traced"), "--py-bin", fake("traced"), "--format", "json")
    said = nb("trace", ran.json["bundle"], "-q", "--c-bin", fake("traced"), "--py-bin", fake("traced"))
    assert (ran.code, said.code) == (3, 3)
    assert "pixel fast 7 slow 7 (largest difference, and brightest of the reference)" in said.out
    assert "first to differ: F_latt" in said.out
