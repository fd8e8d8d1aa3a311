"""Cells of a crystal that is an exact multiple of its cell: the last bit of the axis decides, so programs round alike.

The counts of the C program were printed by nanoBragg (gcc -O2, x86-64) for these arguments: "crystal is ... microns".
"""

import json

import pytest

BY_NANOBRAGG = [
    ("-cell 40 125 40 90 90 120 -misset 90 78 75 -xtal_thick 0.000668", 0, 167),
    ("-cell 125 90 100 90 90 120 -misset 0 68 69 -xtal_height 0.00119", 2, 119),
    ("-cell 80 125 90 70 80 110 -misset 60 14 3 -xtal_width 0.00125", 1, 100),
    ("-cell 80 40 64 85 95 100 -misset 41 72 17 -xtal_thick 0.000888", 0, 112),
    ("-cell 50 40 70 85 95 100 -xtal_thick 0.000585", 0, 118),
    ("-cell 70 64 50 70 80 110 -misset 48 69 37 -xtal_width 0.0011776", 1, 184),
    ("-cell 70 80 70 85 95 100 -xtal_width 0.001552", 1, 195),
    ("-cell 80 100 100 85 95 100 -misset 78 11 29 -xtal_thick 2.4e-05", 0, 4),
]
REST = "-default_F 1 -detpixels 2 -nonoise".split()


def described(output):
    return json.loads(output)["crystal"]["cells"]


@pytest.mark.parametrize(("options", "axis", "count"), BY_NANOBRAGG)
def test_the_emulation_counts_as_the_c_program_does(scene_of, options, axis, count):
    assert scene_of(f"{options} -emulate all", REST).lattice.cells[axis] == count


@pytest.mark.parametrize("options", [options for options, *_ in BY_NANOBRAGG])
def test_both_simulators_count_alike(scene_of, reference, options):
    told = described(reference(argv=[*REST, *options.split(), "-describe"]).stdout)
    assert list(scene_of(options, REST).lattice.cells) == told


@pytest.mark.parametrize(("options", "axis", "count"), BY_NANOBRAGG[:2])
def test_with_one_oblique_angle_physics_counts_as_the_c_program_does(scene_of, options, axis, count):
    """The defect of the default orientation needs two."""
    assert scene_of(options, REST).lattice.cells[axis] == count
