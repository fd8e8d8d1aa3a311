"""Each emulation changes what it says it changes where its condition holds, and nothing where it does not."""

import struct
from dataclasses import dataclass

import numpy as np
import pytest
from engines import PRECISE

from nanobrag_torch.emulation import EMULATIONS

BASE = ("-cell 100 100 100 90 90 90 -default_F 100 -N 5 -lambda 1 -distance 100 -detpixels 32 -pixel 0.1 "
        "-oversample 1 -noprogress").split()


@dataclass(frozen=True)
class Case:
    """Options with which an emulation changes ``what`` (image, int, noise, stdout or status), and others, one case
    per line, with which it changes nothing at all."""

    what: str
    acts: str
    idle: tuple[str, ...]


CASES = {
    "phi-carryover": Case("image", "-phi 0 -osc 4 -phisteps 2", ("-phi 1 -osc 4 -phisteps 2", "-phi 0")),
    "running-product": Case("image", "-oversample 2 -oversample_omega", ("-oversample_omega", "-oversample 2")),
    "cell-triclinic": Case("image", "-cell 50 60 70 80 85 95", ("-cell 50 60 70", "-cell 50 50 70 90 90 120")),
    "curved-lab-axes": Case("image", "-curved_det", ("", "-twotheta 10")),
    "last-layer-capture": Case("image", "-detector_thick 100", ("", "-detector_abs inf")),
    "water-scaling": Case("image", "-water 100 -fluence 1e24", ("", "-water 0")),
    "misset-radians": Case("image", "-misset_seed 5 -misset random", ("-misset 10 20 30", "-misset_seed 5")),
    "sticky-interpolation": Case("image", "-hkl small.hkl -interpolate -pixel 0.8",
                                 ("-hkl large.hkl -interpolate", "-hkl small.hkl -nointerpolate -pixel 0.8")),
    "nopolar-oversample": Case("image", "-nopolar -oversample_polar", ("-nopolar", "-oversample_polar")),
    "twotheta-axis-raw": Case("image", "-twotheta_axis 0 0 -2 -twotheta 10",
                              ("-twotheta_axis 0 0 -1 -twotheta 10", "-twotheta 10")),
    "twotheta-report": Case("image", "-twotheta 20 -curved_det", ("-curved_det", "-detector_roty 10")),
    "gauss-tophat-width": Case("image", "-gauss_xtal -Na 3", ("", "-round_xtal")),
    "source-weights": Case("image", "-sourcefile uneven.src", ("-sourcefile even.src", "-divergence 1")),
    "interpolation-before-size": Case("image", "-hkl large.hkl -N 1 -xtalsize 0.00005",
                                      ("-hkl large.hkl -N 1", "-hkl large.hkl -N 1 -xtalsize 0.00005 -interpolate")),
    "header-substring": Case("image", "-img other_keys.img -xds", ("-img plain.img -xds", "")),
    "mask-16-bit": Case("image", "-mask wide.img", ("-mask mask.img", "")),
    "fdump-reuse": Case("image", "left-over", ("", "-hkl small.hkl")),
    "hkl-columns": Case("status", "-hkl five.hkl", ("-hkl small.hkl", "")),
    "source-file-lines": Case("image", "-sourcefile carriage.src -N 2", ("-sourcefile even.src", "")),
    "smv-overflow": Case("int", "-detector_rotx 1.23456 -detector_roty 2.34567 -distance 123.4567 -lambda 1.234567 "
                                "-phi 12.34567 -osc 1.234567 -pixel 0.1234567 -Xbeam 1.234567 -Ybeam 1.345678",
                         ("", "-N 3")),
    "noise-truncation": Case("noise", "-seed 3 -noisefile noiseimage.img -adc 40.7",
                             ("-seed 3 -noisefile noiseimage.img",)),
    "printed-solid-angle": Case("stdout", "-phi 1 -osc 1 -phisteps 4", ("", "-oversample 2")),
    "masked-rmsd": Case("stdout", "-mask mask.img", ("", "-roi 3 9 3 9")),
    "argv": Case("status", "--lambda 1.5", ("-lambda 1.5", "-phi 1 -osc 1")),
}


def smv(items, pixels=()):
    text = "{\nHEADER_BYTES=512;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"
    text += "".join(f"{key}={value};\n" for key, value in items) + "}\f"
    return text.encode().ljust(512) + struct.pack(f"<{len(pixels)}H", *pixels)


def reflections(reach):
    indices = range(-reach, reach + 1)
    return "".join(f"{h} {k} {l} {100 + 20 * ((7 * h + 3 * k * k + l) % 9)}\n"
                   for h in indices for k in indices for l in indices)


@pytest.fixture(scope="module")
def files():
    """What the cases read, by name."""
    mask = [0 if number // 32 < 10 else 1 for number in range(1024)]
    size = [("SIZE1", 32), ("SIZE2", 32), ("PIXEL_SIZE", 0.1)]
    return {
        "small.hkl": reflections(3).encode(),
        "large.hkl": reflections(6).encode(),
        "five.hkl": b"0 0 0 10 9\n0 1 0 5 4\n0 0 1 7 3\n1 1 1 2 5\n",
        "even.src": b"-10 0 0 2 1e-10\n-10 0.02 0 2 1.1e-10\n",
        "uneven.src": b"-10 0 0 1 1e-10\n-10 0.02 0 3 1.1e-10\n",
        "carriage.src": b"-10 0 0 1 1e-10\n-10 0.02 0 3\r\n",
        "plain.img": smv([*size, ("ORGX", 10), ("ORGY", 12)]),
        "other_keys.img": smv([*size, ("ORGX", 10), ("ORGY", 12), ("XDS_ORGX", 20), ("XDS_ORGY", 22)]),
        "mask.img": smv(size, mask),
        "wide.img": smv(size).replace(b"unsigned_short", b"signed_long;  ") + struct.pack("<1024i", *mask),
    }


@pytest.fixture
def outcome(torch_batch, tmp_path, files):
    """What came of options after BASE, in a fresh folder: status, stdout but for the version, and the images."""

    def run(options, emulate=None):
        folder = tmp_path / f"{options[:40]} {emulate}".replace("/", "_")
        folder.mkdir()
        for name in (word for word in options.split() if word in files):
            (folder / name).write_bytes(files[name])
        if options == "left-over":
            grid = struct.pack("=27d", *(50.0 + index for index in range(27)))
            (folder / "Fdump.bin").write_bytes(b"-1 0 -1 0 -1 0\n\f" + grid)
        argv = [*BASE, *([] if "-noisefile" in options else ["-nonoise"]), *options.replace("left-over", "").split()]
        ran = torch_batch.run([*argv, *PRECISE, *(["-emulate", emulate] if emulate else [])], folder)
        said = [line for line in ran.stdout.splitlines()[1:] if not line.startswith("emulating: ")]
        images = {"image": "floatimage.bin", "int": "intimage.img", "noise": "noiseimage.img"}
        found = {what: (folder / name).read_bytes() if (folder / name).exists() else None
                 for what, name in images.items()}
        return {"status": ran.status, "stdout": said, **found}

    return run


def test_every_emulation_has_a_case():
    assert set(CASES) == set(EMULATIONS)


@pytest.mark.parametrize("name", CASES)
def test_an_emulation_acts_where_its_condition_holds(outcome, name):
    case = CASES[name]
    without, with_it = outcome(case.acts), outcome(case.acts, name)
    assert with_it["status"] == 0
    assert with_it[case.what] is not None
    assert with_it[case.what] != without[case.what]


@pytest.mark.parametrize(("name", "options"), [(name, idle) for name, case in CASES.items() for idle in case.idle])
def test_an_emulation_does_nothing_elsewhere(outcome, name, options):
    without, with_it = outcome(options), outcome(options, name)
    assert without["status"] == 0
    assert with_it == without


@pytest.mark.parametrize("name", ["smv-overflow", "noise-truncation", "printed-solid-angle", "masked-rmsd"])
def test_an_emulation_of_files_or_words_leaves_the_image_alone(outcome, name):
    assert outcome(CASES[name].acts)["image"] == outcome(CASES[name].acts, name)["image"]


def test_a_run_says_what_it_emulates(torch_batch, tmp_path):
    ran = torch_batch.run([*BASE, "-nonoise", "-emulate", "water-scaling,phi-carryover:threads=3"], tmp_path)
    assert "emulations=phi-carryover:threads=3,water-scaling" in ran.stdout.splitlines()[0]


# --- phi-carryover, thread by thread --------------------------------------------------------------------

SCAN = "-phi 0 -osc 4 -phisteps 2"
LAST = "-phi 2 -phisteps 1"


def unturned(outcome, options, threads):
    """(slow, fast) of the pixels that are not those of the last step alone."""
    scan = outcome(f"{SCAN} {options}", f"phi-carryover:threads={threads}")["image"]
    last = outcome(f"{LAST} {options}")["image"]
    scan, last = (np.frombuffer(image, "<f4") for image in (scan, last))
    return [divmod(int(pixel), 32) for pixel in np.flatnonzero(scan != last)]


@pytest.mark.parametrize(("options", "threads", "pixels"), [
    ("", 1, [(0, 0)]),
    ("", 2, [(0, 0), (16, 0)]),
    ("", 4, [(0, 0), (8, 0), (16, 0), (24, 0)]),
    ("", 3, [(0, 0), (11, 0), (22, 0)]),
    ("-detpixels_s 10", 4, [(0, 0), (3, 0), (6, 0), (8, 0)]),
    ("-roi 4 20 5 29", 2, [(5, 4), (16, 4)]),
    ("-roi 4 20 5 9", 4, [(5, 4), (8, 4)]),
    ("-roi 4 20 18 29", 2, [(18, 4)]),
])  # fmt: skip
def test_only_the_first_pixel_of_each_thread_sees_the_crystal_at_phi_zero(outcome, options, threads, pixels):
    """Rows go to threads in order, q = rows div T each and one more for the first rows mod T; measured with
    nanoBragg C, July 2026, with OpenMP."""
    assert unturned(outcome, options, threads) == pixels


def test_masked_and_culled_pixels_do_not_turn_the_crystal(outcome):
    """10 rows are masked. With a limit of 90 A the corners are beyond it, so that turning begins later."""
    assert unturned(outcome, "-mask mask.img", 2) == [(10, 0), (16, 0)]
    (first,) = unturned(outcome, "-dmin 90", 1)
    image = np.frombuffer(outcome("-dmin 90")["image"], "<f4").reshape(32, 32)
    slow, fast = (int(found[0]) for found in np.nonzero(image))
    assert first == (slow, fast) != (0, 0)


def test_a_zero_in_the_middle_of_a_scan_repeats_the_step_before(outcome):
    """phi -2 and 0 give phi -2 twice."""
    scan = outcome("-phi -2 -osc 4 -phisteps 2", "phi-carryover")["image"]
    assert scan == outcome("-phi -2 -phisteps 1")["image"]


def test_a_phi_that_is_only_nearly_zero_is_turned(outcome):
    """-0.3 + 3 * 0.1 degrees is 5e-17, not 0."""
    options = "-phi -0.3 -osc 0.9 -phisteps 9"
    assert outcome(options, "phi-carryover")["image"] == outcome(options)["image"]
