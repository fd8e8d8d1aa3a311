"""What a run says on stdout: the C program's lines, in its order, and the same from both simulators."""

import numpy as np
import pytest

BASE_LINES = [
    "mosflm convention selected.",
    "pivoting detector around direct beam spot",
    "XDS incident beam: 0 0 1",
    "auto-selected no interpolation",
    "Unit Cell: 100 100 100 90 90 90",
    "Recp Cell: 0.01 0.01 0.01 90 90 90",
    "volume = 1e+06 A^3",
    "real-space cell vectors (Angstrom):",
    "crystal is 0.05 x 0.05 x 0.05 microns",
    "approximate MW = 722657",
    "thick0 = 0 um",
    "phi0 = 0",
    "divergence deviation: 0 0",
    "lambda0 = 1e-10",
    "  created a total of 1 sources:",
    "-10 -0 0   1 1e-10",
    "  created a total of 1 mosaic domains",
    "  0 initialized hkls (all others =100)",
    "  parallelpiped xtal: 5x5x5 cells",
    "  wave=1e-10 meters +/- 0% in 1 steps",
    "  Kahn polarization factor: 0.000000",
    "  incident fluence: 1.25932e+29 photons/m^2",
    "  distance=0.1 detsize=0.0032x0.0032  pixel=0.0001 meters (32x32 pixels)",
    "  sensor is 0 m thick in 1 layers with mu= -1",
    "  Xbeam=0.00165 Ybeam=0.00165",
    "  Fbeam=0.0017 Sbeam=0.0017",
    "  Xclose=0.0016 Yclose=0.0016",
    "  Fclose=0.0017 Sclose=0.0017",
    "  DIRECTION_OF_DETECTOR_X-AXIS= 0 0 1",
    "  DIRECTION_OF_DETECTOR_Y-AXIS= 0 -1 0",
    "  DIRECTION_OF_DETECTOR_Z-AXIS= 1 0 0",
    "  INCIDENT_BEAM_DIRECTION= 1 0 0",
    "  spindle ROTATION_AXIS= 0 0 1",
    "  POLARIZATION_PLANE_NORMAL= 0 -1 0",
    "  dials origin= -1.7 1.7 -100",
    "  roi: 0 < x < 32 && 0 < y < 32",
    "  hdivrange=0 hdivstep=0  radians",
    "  vdivrange=0 vdivstep=0  radians",
    "  1 divergence steps",
    "  1 sources",
    "  1 mosaic domains over mosaic spread of 0 degrees",
    "  1 phi steps from 0 to 0 degrees",
    "  1x1 pixel oversample steps",
    "solid angle subtended by detector = 0.00102374 steradian ( 0.00814663% sphere)",
    "writing floatimage.bin as 1024 4-byte floats",
    "max_I = 104.364  at 0.00165 0.00165",
    "mean= 5.54907 rms= 19.8454 rmsd= 19.053",
    "intfile_scale = 527.003",
    "writing intimage.img as 2-byte integers",
    "pgm_scale = 2.62426",
    "writing image.pgm as 1-byte integers",
]
"""Of BASE: measured with nanoBragg C, July 2026."""

SCAN = (
    "-detector_thick 100 -detector_abs 50 -thicksteps 2 -phi 10 -osc 1 -phisteps 2 -mosaic 1 -mosaic_dom 3 "
    "-divergence 1 -divsteps 4 -dispersion 1 -dispsteps 2 -nopolar -roi 3 10 4 9 -point_pixel -round_xtal "
    "-fluence 1e20 -emulate last-layer-capture"
)
SCAN_LINES = [
    "emulating: last-layer-capture",
    "thick0 = 0 um",
    "thick1 = 100 um",
    "phi0 = 10",
    "phi1 = 10.5",
    "divergence deviation: -0.0005 -0.000166667",
    "divergence deviation: -0.0005 0.000166667",
    "divergence deviation: -0.000166667 -0.0005",
    "divergence deviation: 0.0005 0.000166667",
    "lambda0 = 9.95e-11",
    "lambda1 = 1.005e-10",
    "  created a total of 24 sources:",
    "-10 0.00166667 0.005   0.0416667 9.95e-11",
    "-10 0.00166667 0.005   0.0416667 1.005e-10",
    "-10 -0.00166667 -0.005   0.0416667 1.005e-10",
    "  created a total of 3 mosaic domains",
    "  ellipsoidal xtal: 5x5x5 cells",
    "  wave=1e-10 meters +/- 1% in 2 steps",
    "  polarization effect disabled",
    "  pixel obliquity effect disabled",
    "  incident fluence: 1e+20 photons/m^2",
    "  sensor is 0.0001 m thick in 2 layers with mu= 20000",
    "  roi: 3 < x < 10 && 4 < y < 9",
    "  hdivrange=0.001 hdivstep=0.000333333  radians",
    "  vdivrange=0.001 vdivstep=0.000333333  radians",
    "  12 divergence steps",
    "  24 sources",
    "  3 mosaic domains over mosaic spread of 1 degrees",
    "  2 phi steps from 10 to 11 degrees",
]
"""Of BASE with SCAN, but for the first: measured with nanoBragg C, July 2026."""


def missing(lines, stdout):
    """The lines that do not come after those before them."""
    said = iter(stdout.splitlines())
    return [line for line in lines if line not in said]


def test_a_run_says_the_lines_of_the_c_program_in_its_order(simulated):
    assert missing(BASE_LINES, simulated().stdout) == []


def test_layers_steps_and_sources_are_listed_as_the_c_program_lists_them(simulated):
    assert missing(SCAN_LINES, simulated(SCAN).stdout) == []


def test_flags_of_oversampling_are_named(simulated):
    run = simulated("-oversample 2 -oversample_thick -oversample_polar -oversample_omega")
    assert "  2x2 pixel oversample steps +thick +polar +omega\n" in run.stdout


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-xds -ORGX 10 -roi 3 10 4 9 -interpolate",
        "-twotheta 20 -distance 150 -detector_rotx 3 -close_distance 120",
        "-dials -twotheta 3 -polar 0.9 -oversample 0",
        "-mat a.mat -hkl a.hkl -stol a.hkl -Na 3 -Nc 9 -gauss_xtal -oversample_omega",
        "-sourcefile s.txt -binary_spots -fluence 1e20",
        "-mask m.img -adxv -point_pixel",
        "-misset_seed 3 -misset random -osc 1 -phi 5 -phisteps 3 -mosaic 1 -mosaic_dom 4",
        "-divergence 1 -divsteps 4 -dispersion 1 -dispsteps 3 -nopolar -detector_thick 100 -thicksteps 3",
        "-curved_det -round_xtal -water 10 -flux 1e18 -beamsize 0.001 -xtalsize 0.0005",
    ],
)
def test_both_simulators_say_the_same(simulated, reference, tmp_path, options):
    """All but the first line, which names the program. Figures are printed to six digits."""
    (tmp_path / "a.mat").write_text("0.02 0.001 0\n0 0.011 0.002\n0.003 0 0.013\n")
    (tmp_path / "a.hkl").write_text("0 0 0 10\n0 1 0 5\n0 0 -1 7\n0 1 -1 3.5\n")
    (tmp_path / "s.txt").write_text("-10 0 0 2 1e-10\n-10 1 0\n-10 0 1 3\n")
    header = b"{\nHEADER_BYTES=512;\nSIZE1=32;\nSIZE2=32;\nDISTANCE=90;\nBEAM_CENTER_Y=1;\n}\f".ljust(512)
    (tmp_path / "m.img").write_bytes(header + np.repeat([0, 1], [300, 724]).astype("<u2").tobytes())
    expected, obtained = reference(options), simulated(options)
    assert obtained.status == expected.status == 0, obtained.stderr + expected.stderr
    assert obtained.stdout.splitlines()[1:] == expected.stdout.splitlines()[1:]


def test_only_a_run_that_emulates_says_so(simulated):
    assert "emulating" not in simulated().stdout
    assert "\nemulating: smv-overflow,masked-rmsd\n" in simulated("-emulate smv-overflow,masked-rmsd").stdout
