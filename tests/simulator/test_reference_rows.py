"""The C reference takes quicker sines where that changes no bit of the image."""

import ctypes
import re
import subprocess

import numpy as np
import pytest

from tests.simulator.test_reference_build import SOURCES

PARTS = """
#include "plain_rows.c"
#include <stdio.h>

static int asked;
double quick_value, exact_value;

double pixel_intensity(const Scene *s, const Basis *c, int slow, int fast, int quick, double *omega, Trace *trace)
{
    (void)s; (void)c; (void)slow; (void)fast; (void)trace;
    *omega = 0.25;
    asked += !quick;
    return quick ? quick_value : exact_value;
}
int is_rendered(const Scene *s, int slow, int fast) { (void)s; (void)slow; return fast != 1; }
double term_count(const Scene *s) { return s->spindle.phi_steps; }
size_t grid_size(const StructureFactors *F) { (void)F; return 2; }
double length(Vector v) { return v.x; }

static double changed(const char *what)
{
    static double grid[2] = {7.0, 1e101};
    static Source sources[2];
    Scene scene = {0};
    int i;
    for (i = 0; i < 2; i++) {
        sources[i].weight = 1.0;
        sources[i].wavelength_m = 1e-10;
        scene.crystal.cells[i] = 5;
    }
    scene.crystal.real_m.a.x = 1e-8;
    scene.beam.sources = sources;
    scene.beam.source_count = 2;
    scene.beam.fluence_per_m2 = 1e29;
    scene.crystal.F.grid = grid;
    scene.spindle.phi_steps = 3;
    CHANGES
    return spread(&scene);
}

void told(double *spreads)
{
    static const char *const all[] = {NAMES};
    size_t i;
    for (i = 0; i < sizeof all / sizeof all[0]; i++)
        spreads[i] = changed(all[i]);
}

int row(double part, float *pixels, double *omega)
{
    Scene scene = {0};
    scene.sampling.roi[1] = 2;
    asked = 0;
    *omega = render_row(&scene, NULL, 0, part, pixels);
    return asked;
}
"""
NOT_KNOWN = {
    "gauss": "crystal.shape = SHAPE_GAUSS", "water": "crystal.water_size_m = 1e-6",
    "polar": "sampling.oversample_polar = 1", "omega": "sampling.oversample_omega = 1",
    "thick": "sampling.oversample_thick = 1", "sensor": "detector.thickness_m = 1e-4",
    "fluence": "beam.fluence_per_m2 = 1e120", "default": "crystal.F.default_F = 1e101",
    "list": "crystal.F.records = 9", "angle": "crystal.cells[0] = 2000", "wave": "beam.sources[1].wavelength_m = 1e-13",
    "weight": "beam.sources[1].weight = -1e-9", "nan": "beam.sources[1].weight = NAN",
}


def compiled(folder, text):
    """A library of C text that includes sources of the reference."""
    (folder / "part.c").write_text(text)
    command = ["cc", "-O2", "-std=c99", "-ffp-contract=off", "-shared", "-fPIC", f"-I{SOURCES}", "part.c", "-o",
               "part.so", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "part.so"))


def doubles(array):
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    changes = "".join(f'if (!strcmp(what, "{name}")) scene.{change};\n' for name, change in NOT_KNOWN.items())
    names = ", ".join(f'"{name}"' for name in ["", *NOT_KNOWN])
    text = PARTS.replace("CHANGES", changes).replace("NAMES", names)
    return compiled(tmp_path_factory.mktemp("rows"), "#include <string.h>\n" + text)


def test_its_sines_are_as_near_as_is_taken_for_granted(tmp_path):
    """Also beside multiples of pi, where all digits but the last cancel, and up to the largest angle."""
    library = compiled(tmp_path, """#include "shape.c"
        void sines(const double *x, double *s, long n) { for (; n > 0; n -= 6, x += 6, s += 6) unsigned_sines(x, s); }
        double limits[] = {SINE_ULPS, MOST_ANGLE, LEAST_SINE};""")
    ulps, largest, least = (ctypes.c_double * 3).in_dll(library, "limits")
    draw, beside = np.random.default_rng(1), np.arange(1, 300_001) * np.pi
    x = np.concatenate([draw.uniform(-50, 50, 60_000), draw.uniform(-largest, largest, 60_000), beside,
                        beside * (1 + 1e-15), beside * (1 + 1e-11), 10.0 ** draw.uniform(-12, 6, 60_000)])
    found, of_c = np.empty_like(x), np.abs(np.sin(x))
    library.sines(doubles(x), doubles(found), ctypes.c_long(x.size))
    off = np.abs(np.abs(found) - of_c) / np.spacing(of_c)
    known = (of_c >= least) & (np.abs(x) <= largest)
    assert x.size % 6 == 0 and np.count_nonzero(known) > 0.9 * x.size
    assert off[known].max() <= ulps / 2
    assert np.all(np.abs(found) <= 1.0)


def test_where_it_is_not_known_how_far_a_pixel_can_be_off_its_sines_are_not_taken(rows):
    spreads = np.empty(1 + len(NOT_KNOWN))
    rows.told(doubles(spreads))
    assert 139 * 2.0**-52 <= spreads[0] < 1e-13
    assert dict(zip(NOT_KNOWN, spreads[1:], strict=True)) == dict.fromkeys(NOT_KNOWN, 0.0)


@pytest.mark.parametrize(("exact", "decides"), [(1.0, False), (0.0, False), (1e-60, False), (2.5e9 + 1 / 3, False),
                                                (1.0 + 2.0**-24, True), (3.4028235677973366e38, True),
                                                (1.5 * 2.0**-149, True), (np.nan, True)])
@pytest.mark.parametrize("off", [-0.9, 0.0, 0.9])
def test_a_value_halfway_between_two_float32_numbers_is_summed_again(rows, exact, decides, off):
    """1 + 2^-24 lies between 1 and the next number; then the largest and infinity, and two of the smallest."""
    part, omega, pixels = 1e-14, ctypes.c_double(), np.full(3, 7, dtype=np.float32)
    quick = ctypes.c_double.in_dll(rows, "quick_value")
    ctypes.c_double.in_dll(rows, "exact_value").value = exact
    quick.value = exact * (1.0 + off * part)
    asked = rows.row(ctypes.c_double(part), pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), ctypes.byref(omega))
    with np.errstate(over="ignore"):
        expected = np.float32(exact)
    assert np.array_equal(pixels, [expected, 7, expected], equal_nan=True)
    assert (asked, omega.value) == (2 if decides else 0, 0.5)


def test_a_part_of_0_takes_the_sines_of_the_c_library(rows):
    ctypes.c_double.in_dll(rows, "quick_value").value = 3.0
    ctypes.c_double.in_dll(rows, "exact_value").value = 5.0
    pixels, omega = np.zeros(3, dtype=np.float32), ctypes.c_double()
    rows.row(ctypes.c_double(0.0), pixels.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), ctypes.byref(omega))
    assert pixels.tolist() == [5.0, 0.0, 5.0]


def test_python_and_c_allow_for_the_same():
    from nanobrag_torch.render import plain_rows

    text = (SOURCES / "plain_rows.c").read_text() + (SOURCES / "shape.h").read_text()
    told = dict(re.findall(r"#define (\w+) +([\d.e+]+)\b", text))
    ours = {"SINE_ULPS": plain_rows.SINE_ULPS, "SINES_OF_TERM": plain_rows.SINES, "ROUNDINGS": plain_rows.ROUNDINGS,
            "MOST_FLUENCE": plain_rows.MOST_FLUENCE}
    assert {name: float(told[name]) for name in ours} == ours
