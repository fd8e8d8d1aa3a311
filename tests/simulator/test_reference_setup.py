"""What the reference simulator makes of its options, as it echoes them: cell, size, geometry, scans."""

import re

import numpy as np
import pytest


def number(run, pattern):
    found = re.search(pattern, run.stdout)
    assert found, run.stdout
    return [float(word) for word in found.groups()]


def test_the_convention_is_mosflm_unless_a_vector_is_given(reference):
    assert reference().stdout.splitlines()[1:3] == [
        "mosflm convention selected.",
        "pivoting detector around direct beam spot",
    ]
    assert "custom convention selected." in reference("-polar_vector 0 0 1").stdout
    assert "xds convention selected." in reference("-polar_vector 0 0 1 -xds").stdout


def test_a_matrix_holds_the_reciprocal_axes_in_columns_times_the_wavelength(reference, tmp_path):
    matrix = np.array([[0.02, 0.002, 0.001], [0.0005, 0.01, 0.003], [0.004, 0.0007, 0.015]])
    np.savetxt(tmp_path / "a.mat", matrix)
    run = reference(argv="-mat a.mat -lambda 2 -default_F 1 -detpixels 4 -N 3 -nonoise".split())
    printed = run.stdout.split("reciprocal-space cell vectors")[1].splitlines()[2:5]
    rows = [[float(word) for word in line.split()[1:]] for line in printed]
    assert np.allclose(rows, matrix / 2, atol=1e-8)


def test_a_cell_rules_the_lengths_and_a_matrix_the_directions(reference, tmp_path):
    (tmp_path / "a.mat").write_text("0 0.01 0\n0.02 0 0\n0 0 -0.01\n")
    run = reference("-mat a.mat -cell 50 60 70 90 90 90")
    assert "Unit Cell: 50 60 70 90 90 90\n" in run.stdout
    assert number(run, r"X: +(\S+) +(\S+) +(\S+)") == [0, 60, 0]


def test_a_triclinic_cell_keeps_its_angles(reference):
    assert "Unit Cell: 50 60 70 80 85 95\n" in reference("-cell 50 60 70 80 85 95").stdout
    assert "Unit Cell: 50 50 50 100 100 100\n" in reference("-cell 50 50 50 100 100 100").stdout


def test_a_second_cell_replaces_only_what_it_gives(reference):
    run = reference(argv="-cell 50 60 70 80 85 95 -cell 100 -default_F 1 -detpixels 4 -nonoise".split())
    assert "Unit Cell: 100 60 70 80 85 95\n" in run.stdout


def test_the_beam_clips_the_sample_along_y_and_z(reference):
    run = reference("-xtalsize 0.2 -roi 0 0 0 0")
    assert "xtal: 20000x10000x10000 cells" in run.stdout


def test_cells_are_counted_upwards_from_the_size(reference):
    assert "xtal: 4x3x7 cells" in reference("-cell 100 150 60 -xtalsize 0.000040000001 -xtal_x 0.000039").stdout


def test_oversampling_follows_the_size_of_the_crystal(reference):
    """3 * 50 * 101 A over lambda * distance/pixel = 1000 A is 15.15, hence 16."""
    argv = "-cell 101 -default_F 1 -N 50 -detpixels 4 -distance 100 -nonoise".split()
    assert "auto-selected 16-fold oversampling" in reference(argv=argv).stdout


@pytest.mark.parametrize(("options", "words"), [("-N 2", "tricubic interpolation"), ("-N 3", "no interpolation"),
                                                ("-N 1 -xtalsize 0.001", "no interpolation")])  # fmt: skip
def test_crystals_of_few_cells_are_interpolated(reference, tmp_path, options, words):
    (tmp_path / "f.hkl").write_text("0 0 0 50\n1 1 1 70\n")
    assert f"auto-selected {words}" in reference(f"-hkl f.hkl {options}").stdout


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ("", "1 phi steps from 0 to 0"),
        ("-phistep 0.1", "2 phi steps from 0 to 0.1"),
        ("-osc 1", "2 phi steps from 0 to 1"),
        ("-osc 1 -phistep 0.3", "4 phi steps from 0 to 1"),
        ("-phisteps 4", "4 phi steps from 0 to 1"),
        ("-phisteps 4 -phistep 0.1", "2 phi steps from 0 to 0.1"),
        ("-phisteps 4 -osc 2 -phi 5", "4 phi steps from 5 to 7"),
        ("-phisteps 0 -osc 2", "1 phi steps from 0 to 2"),
        ("-hdivrange 1", "2 divergence steps"),
        ("-hdivstep 1", "2 divergence steps"),
        ("-hdivrange 1 -hdivstep 0.3", "4 divergence steps"),
        ("-hdivsteps 3", "3 divergence steps"),
        ("-hdivsteps 5 -hdivstep 1", "2 divergence steps"),
        ("-hdivrange 1 -hdivsteps 1", "2 divergence steps"),
        ("-divergence 1 -divsteps 4", "12 divergence steps"),
        ("-divergence 1 -divsteps 5", "13 divergence steps"),
        ("-divergence 1 -divsteps 4 -square_div", "16 divergence steps"),
        ("-dispsteps 3", "in 1 steps"),
        ("-dispersion 1 -dispsteps 1", "in 2 steps"),
        ("-mosaic 1", "10 mosaic domains over mosaic spread of 1 degrees"),
        ("-mosaic 1 -mosaic_dom 1", "1 mosaic domains over mosaic spread of 1 degrees"),
        ("-mosaic_dom 5", "1 mosaic domains over mosaic spread of 0 degrees"),
        ("-detector_thick 50", "5e-05 m thick in 2 layers with mu= 20000"),
        ("-detector_thick 50 -detector_abs 25 -thicksteps 1", "5e-05 m thick in 1 layers with mu= 40000"),
        ("-thicksteps 5", "0 m thick in 1 layers with mu= -1"),
        ("-detector_abs inf -detector_thick 50", "0 m thick in 1 layers"),
        ("-flux 1e18 -exposure 2", "incident fluence: 2e+26"),
        ("-flux 1e18 -fluence 1", "incident fluence: 1e+26"),
        ("-detsize 10.07 -detpixels 0", "(101x101 pixels)"),
    ],
)
def test_scans_are_completed_from_what_is_given(reference, options, steps):
    assert f"{steps}" in reference(options).stdout


def test_sources_take_the_wavelength_and_weight_they_leave_out(reference, tmp_path):
    (tmp_path / "s.src").write_text("-10, 0, 0\r\n\r\n0; -1; 0; 0.5\n-10 0 0 2 3e-10")
    lines = reference("-lambda 2 -sourcefile s.src").stdout.splitlines()
    first = lines.index("  created a total of 3 sources:") + 1
    assert lines[first : first + 3] == ["-10 0 0   1 2e-10", "0 -1 0   0.5 2e-10", "-10 0 0   2 3e-10"]
    assert "  -1 divergence steps" in lines


def smv(path, items, pixels=b""):
    text = "{\nHEADER_BYTES=512;\n" + "".join(f"{key}={value};\n" for key, value in items) + "}\f"
    path.write_bytes(text.encode().ljust(512) + pixels)


def test_header_items_are_whole_words(reference, tmp_path):
    smv(tmp_path / "a.img", [("ORGX", 5.5), ("XDS_ORGX", 9.5), ("DISTANCE", 120), ("OSC_RANGE", 0)])
    run = reference(argv="-img a.img -cell 100 -default_F 1 -N 5 -xds -detpixels 32 -nonoise".split())
    assert number(run, r"Fclose=(\S+) ") == pytest.approx([0.0005])
    assert number(run, r"distance=(\S+) ") == pytest.approx([0.12])
    assert "  1 phi steps" in run.stdout


def test_a_mask_counts_the_beam_centre_from_the_other_edge_and_gives_way_to_an_image(reference, tmp_path):
    items = [("SIZE1", 32), ("SIZE2", 20), ("PIXEL_SIZE", 0.1), ("BEAM_CENTER_X", 1.1), ("BEAM_CENTER_Y", 0.5)]
    smv(tmp_path / "m.img", items, b"\1\0" * 640)
    smv(tmp_path / "i.img", [("BEAM_CENTER_X", 0.9)])
    options = "-cell 100 -default_F 1 -N 5 -nonoise".split()
    mask = reference(argv=["-mask", "m.img", *options])
    assert number(mask, r"Xbeam=(\S+) Ybeam=(\S+)") == pytest.approx([0.0011, 0.0015])
    both = reference(argv=["-img", "i.img", "-mask", "m.img", *options])
    assert number(both, r"Xbeam=(\S+) Ybeam=(\S+)") == pytest.approx([0.0009, 0.0015])


def test_listed_reflections_count_with_their_square(reference, tmp_path):
    (tmp_path / "one.hkl").write_text("0 0 0 100\n")
    (tmp_path / "two.hkl").write_text("0 0 0 1\n0 0 0 200\n")
    one = reference("-default_F 0 -hkl one.hkl -nointerpolate").image()
    two = reference("-default_F 0 -hkl two.hkl -nointerpolate").image()
    assert one.max() > 0
    assert np.array_equal(two, 4 * one)
