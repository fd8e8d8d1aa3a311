"""Check values: largest pixel and sum of the 32 x 32 BASE image with options, in both simulators; geometry, cells."""

import re

import numpy as np
import pytest

# Options, largest pixel, sum. The first block is where nanoBragg C does something odd and the physics is
# done here instead; the figures are from an independent double-precision calculation.
PHYSICS = [
    ("", 104.3638, 5682.249931),
    ("-phi 0 -osc 4 -phisteps 2", 104.36439, 5505.720805),
    ("-phi -2 -osc 4 -phisteps 2", 104.36439, 5500.622776),
    ("-oversample 2 -oversample_omega", 97.280554, 5685.048281),
    ("-twotheta 10 -twotheta_axis 0 0 -2", 7.1665066, 188.7980834),
    ("-xds -curved_det 1", 104.36387, 5674.615269),
    ("-cell 50 50 50 60 60 60", 147.38231, 2431.054699),
    ("-misset_seed 42 -misset random", 104.53993, 945.7682698),
    ("-detector_thick 100", 65.980787, 3592.921386),
    ("-detector_thick 100 -thicksteps 5 -oversample_thick", 66.02353, 3593.560378),
    ("-fluence 1e24 -water 100 -default_F 1e-30 -oversample 2", 1754722.5, 1796212625),
    ("-nopolar -oversample_polar", 104.36383, 5682.6439),
    ("-gauss_xtal", 105.07045, 5541.329129),
    ("-binary_spots", 156.24984, 5623.49477),
]

# Where nanoBragg C and the physics agree; the figures are measured from nanoBragg C.
AGREED = [
    ("-oversample 2", 97.280609, 5685.0457),
    ("-oversample 3", 96.0933, 5685.3963),
    ("-point_pixel", 1.0436383e10, 5.682643892e11),
    ("-mosaic 1", 104.36391, 5624.347341),
    ("-mosaic 1 -mosaic_domains 4", 104.36375, 5641.973817),
    ("-mosaic 1 -mosaic_dom 5", 104.66699, 5633.783189),
    ("-divergence 1", 78.641983, 5691.447803),
    ("-divergence 1 -divsteps 4", 93.180847, 5686.182167),
    ("-divergence 1 -divsteps 4 -square_div", 89.546135, 5687.49793),
    ("-divergence 1 -divsteps 5", 96.838776, 5684.96679),
    ("-dispersion 1 -dispsteps 3", 104.36217, 5682.551486),
    ("-wave 2", 141.48978, 2944.646536),
    ("-N 2", 0.60905886, 148.33659),
    ("-Na 7", 204.55304, 11082.502),
    ("-nopolar", 104.36382, 5682.6439),
    ("-xds -twotheta 20", 89.787651, 1621.324398),
    ("-twotheta 20", 122.69143, 5639.915256),
    ("-adxv", 156.25, 5672.360504),
    ("-denzo", 156.25, 5672.360504),
    ("-misset 370 0 0", 136.60864, 5784.710605),
    ("-roi 5 5 6 8", 12.33008, 26.11395884),
    ("-round_xtal", 63.6355133, 4167.295652),
    ("-round_xtal -fudge 2", 49.0164146, 2084.35177),
    ("-polar 0.9 -distance 5", 61983.2969, 1608763.924),
    ("-polar -0.5 -polar_vector 1 2 3 -distance 5", 61986.1562, 1528969.318),
    ("-polar 0.9 -distance 5 -oversample 2", 14066.7891, 461840.1432),
    ("-dmin 90", 104.3638, 2901.933872),
    ("-dmin 90 -dispersion 20 -dispsteps 3", 103.709686, 2915.163752),
    ("-energy 8000", 153.161804, 7406.15462),
    ("-xds -ORGX 10 -ORGY 12", 156.25, 7252.731651),
    ("-adxv -Xbeam 1 -Ybeam 2", 104.3638, 7308.992103),
    ("-mosflm -Xbeam 1 -Ybeam 2", 156.25, 8394.863872),
    ("-denzo -Xbeam 1 -Ybeam 2", 104.3638, 7308.992103),
    ("-adxv -detpixels_s 21", 127.69825, 4526.874072),
    ("-dials", 104.3638, 5674.489418),
    ("-close_distance 90 -detector_roty 20", 146.92186, 5714.572954),
    ("-polar_vector 0 0 1 -detector_roty 20 -pivot sample", 130.898865, 1637.064354),
    ("-detector_rotx 10 -detector_roty 20 -detector_rotz 30", 125.256279, 5563.306883),
    ("-cell 80 150 230 -misset 10 20 30", 95.6877823, 1072.086791),
    ("-cell 80 90 100 90 105 90 -misset 10 20 30", 128.127914, 2423.502434),
    ("-xtalsize 0.000123", 1778.61023, 73105.357),
    ("-phi 5 -phisteps 4", 104.372047, 3666.774072),
    ("-phi 5 -osc 3 -phisteps 4 -spindle_axis 1 2 3", 142.581497, 3634.229923),
    ("-phi 5 -phistep 0.5", 104.371674, 3734.325584),
    ("-phi 5 -osc 3 -phistep 1", 104.374191, 3353.711789),
    ("-hdivrange 2 -vdivsteps 3 -vdivstep 1", 50.6755714, 5693.846838),
    ("-mosaic 1 -mosaic_dom 5 -mosaic_seed 99", 107.586792, 5636.372063),
    ("-flux 1e18 -exposure 2 -beamsize 0.01", 16.574625, 902.4313565),
    ("-detsize 2.46", 104.3638, 5682.249995),
]

# The same and more as nanoBragg C has them, defects included; measured with nanoBragg C, July 2026, serial, gcc -O2.
EMULATED = [
    ("-phi 0 -osc 4 -phisteps 2", 104.364975, 5329.192402),
    ("-phi -2 -osc 4 -phisteps 2", 104.364975, 5318.995605),
    ("-phi -0.3 -osc 0.9 -phisteps 9", 104.363823, 5675.422166),
    ("-oversample 2 -oversample_omega", 35.3724747, 1418.577437),
    ("-oversample_omega -phi 1e-9 -osc 0 -phisteps 3", 34.7879677, 1894.085181),
    ("-oversample 2 -oversample_polar -distance 5", 13663.2432, 434921.9357),
    ("-twotheta 10 -twotheta_axis 0 0 -2", 104.3638, 5674.489418),
    ("-twotheta_axis 5 0 0", 122.428528, 5339.322481),
    ("-twotheta_axis 0 0 -2 -twotheta 10", 87.3838654, 1558.051629),
    ("-xds -curved_det 1", 10.2543726, 2263.805746),
    ("-curved_det 1", 104.363869, 5682.84066),
    ("-cell 50 50 50 60 60 60", 147.508301, 2464.881759),
    ("-cell 50 60 70 80 85 95", 152.731857, 5605.510853),
    ("-misset_seed 42 -misset random", 104.664169, 1224.784884),
    ("-misset random -misset_seed 42 -phi 0", 150.896423, 7188.636386),
    ("-detector_thick 100", 49.8233719, 2713.112038),
    ("-detector_thick 100 -thicksteps 1", 48.6522026, 2644.446105),
    ("-detector_thick 100 -thicksteps 5", 42.5634689, 2313.487664),
    ("-detector_thick 100 -thicksteps 5 -oversample_thick", 9.60462189, 519.2214498),
    ("-detector_abs inf -detector_thick 100", 0, 0),
    ("-detector_thick 100 -detector_abs inf", 104.3638, 5682.249995),
    ("-detector_thick -100 -thicksteps 3", 45.5666618, 2480.980197),
    ("-oversample_thick", 0, 0),
    ("-fluence 1e24 -water 100 -default_F 1e-30", 13.933877, 14263.38373),
    ("-fluence 1e24 -water 100 -default_F 1e-30 -oversample 2", 3.48347187, 3565.837924),
    ("-fluence 1e24 -water 100 -default_F 1e-30 -phi 1 -osc 1 -phisteps 5", 2.78677535, 2852.676765),
    ("-fluence 1e24 -water 100 -default_F 1e-30 -dmin 1e6", 0, 0),
    ("-fluence 1e24 -water 100 -default_F 1e-30 -dmin 1e6 -nopolar", 13.9338808, 14264.61369),
    ("-nopolar -oversample_polar", 104.3638, 5682.249995),
    ("-gauss_xtal", 152.422256, 76048.85233),
    ("-binary_spots", 156.249847, 123865.7627),
    ("-gauss_xtal -Na 3 -Nb 4 -Nc 7", 69.7740707, 50107.48956),
    ("-N 1 -nointerpolate", 0.00999999046, 10.23646853),
    ("-N 1 -gauss_xtal", 0.0099999737, 10.23589965),
    ("-N 1 -round_xtal", 0.0051845233, 3.833695434),
    ("-twotheta 20 -curved_det 1", 171.960037, 6448.681129),
]


@pytest.fixture(params=["reference", "simulated"])
def simulator(request):
    """Each of the two simulators in turn."""
    return request.getfixturevalue(request.param)


def check(run, largest, total):
    """1e-7: half a unit of float32, and the eight digits to which the figures are stated."""
    assert run.status == 0, run.stderr
    image = np.fromfile(run.folder / "floatimage.bin", "=f4").astype(np.float64)
    assert image.max() == pytest.approx(largest, rel=1e-7)
    assert image.sum() == pytest.approx(total, rel=1e-7)


@pytest.mark.parametrize(("options", "largest", "total"), PHYSICS + AGREED)
def test_check_values_hold(simulator, options, largest, total):
    check(simulator(options), largest, total)


@pytest.mark.parametrize(("options", "largest", "total"), EMULATED + AGREED)
def test_check_values_of_the_c_program_hold_where_it_is_emulated(simulated, options, largest, total):
    check(simulated(options + " -emulate all"), largest, total)


# --- geometry -------------------------------------------------------------------------------------------

# Options, pivot, the corner as DIALS has it (mm), distance (m) in physics and as nanoBragg C reports it, and the
# point nearest to the sample (m). Measured with nanoBragg C, July 2026; it leaves two-theta out of the distance.
PLACES = [
    ("", "direct beam spot", (-1.7, 1.7, -100), 0.1, 0.1, (0.0017, 0.0017)),
    ("-detector_roty 20", "direct beam spot", (-1.59748, 1.7, -99.4186), 0.1, 0.1, (-0.032502, 0.0017)),
    ("-twotheta 20", "direct beam spot", (-1.7, 1.59748, -100.581), 0.1, 0.0939693, (0.0017, 0.035902)),
    ("-close_distance 90 -detector_roty 20", "direct beam spot", (-1.59748, 1.7, -95.1946), 0.095776, 0.095776,
     (-0.0310573, 0.0017)),
    ("-xds -twotheta 20", "sample", (93.422, -35.7055, 1.6), 0.106418, 0.1, (0.0016, 0.0016)),
    ("-xds -detector_roty 20", "sample", (88.8495, -1.6, -30.6359), 0.1, 0.1, (0.0016, 0.0016)),
    ("-xds -ORGX 10 -ORGY 12", "sample", (100, -1.15, 0.95), 0.1, 0.1, (0.00095, 0.00115)),
    ("-polar_vector 0 0 1 -detector_roty 20 -pivot sample", "sample", (-33.6429, 1.6, -87.755), 0.1, 0.1,
     (0.0016, 0.0016)),
]


def numbers(run, pattern):
    found = re.search(pattern, run.stdout)
    assert found, run.stdout
    return [float(word) for word in found.groups()]


def check_place(run, pivot, origin_mm, distance_m, nearest_m):
    assert f"pivoting detector around {pivot}\n" in run.stdout
    assert numbers(run, r"dials origin= (\S+) (\S+) (\S+)") == pytest.approx(origin_mm, rel=1e-5)
    assert numbers(run, r"distance=(\S+) ") == pytest.approx([distance_m], rel=1e-5)
    assert numbers(run, r"Fclose=(\S+) Sclose=(\S+)") == pytest.approx(nearest_m, rel=1e-5)


@pytest.mark.parametrize(("options", "pivot", "origin_mm", "distance_m", "reported_m", "nearest_m"), PLACES)
def test_the_detector_is_where_its_options_put_it(simulator, options, pivot, origin_mm, distance_m, reported_m,
                                                  nearest_m):
    check_place(simulator(options), pivot, origin_mm, distance_m, nearest_m)


@pytest.mark.parametrize(("options", "pivot", "origin_mm", "distance_m", "reported_m", "nearest_m"), PLACES)
def test_the_distance_leaves_two_theta_out_where_that_is_emulated(simulated, options, pivot, origin_mm, distance_m,
                                                                  reported_m, nearest_m):
    check_place(simulated(options + " -emulate twotheta-report"), pivot, origin_mm, reported_m, nearest_m)


@pytest.mark.parametrize(("options", "fast_m", "slow_m"), [
    ("", 0.0017, 0.0017),
    ("-denzo", 0.00165, 0.00165),
    ("-adxv", 0.00165, 0.00165),
    ("-xds", 0.0016, 0.0016),
    ("-dials", 0.0016, 0.0016),
    ("-polar_vector 0 0 1", 0.0016, 0.0016),
    ("-Xbeam 1 -Ybeam 2", 0.00205, 0.00105),
    ("-denzo -Xbeam 1 -Ybeam 2", 0.002, 0.001),
    ("-adxv -Xbeam 1 -Ybeam 2", 0.001, 0.0012),
])  # fmt: skip
def test_each_convention_has_its_own_beam_centre(simulator, options, fast_m, slow_m):
    assert numbers(simulator(options), r"Fbeam=(\S+) Sbeam=(\S+)") == pytest.approx([fast_m, slow_m], rel=1e-5)


# --- cells ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "printed"), [
    ("50 50 50 60 60 60", "50 50 50 57.849 57.849 58.5252"),
    ("50 60 70 80 85 95", "50 60 70 80.0162 85.0082 95.0032"),
    ("50 50 50 100 100 100", "50 50 50 99.929 99.929 100.03"),
])  # fmt: skip
def test_a_triclinic_cell_keeps_its_angles_unless_that_is_emulated(simulated, cell, printed):
    assert f"Unit Cell: {cell}\n" in simulated(f"-cell {cell}").stdout
    assert f"Unit Cell: {printed}\n" in simulated(f"-cell {cell} -emulate cell-triclinic").stdout


def real_axes(run):
    """a, b, c (A) as printed, in columns."""
    rows = run.stdout.split("real-space cell vectors")[1].splitlines()[2:5]
    return np.array([[float(word) for word in row.split()[1:]] for row in rows])


def test_a_cell_is_turned_by_its_misset(simulated):
    """Measured with nanoBragg C, July 2026, which has the cell 3e-4 degrees off."""
    run = simulated("-cell 50 60 70 80 85 95 -misset 10 20 30 -emulate cell-triclinic")
    expected = [[44.25159843, -22.12004843, 26.49656145], [18.77051702, 52.33948828, 1.26198179],
                [-13.76458235, 19.26866431, 64.77916049]]
    assert np.allclose(real_axes(run), expected, atol=1.1e-8)


def test_a_matrix_is_turned_by_the_misset(simulator, tmp_path):
    (tmp_path / "a.mat").write_text("0.02 0 0\n0 0.01 0\n0 0 0.01\n")
    run = simulator(argv="-mat a.mat -misset 0 0 90 -default_F 1 -detpixels 4 -nonoise".split())
    assert np.allclose(real_axes(run), [[0, -100, 0], [50, 0, 0], [0, 0, 100]], atol=1e-7)
