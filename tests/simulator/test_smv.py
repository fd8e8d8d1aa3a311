"""SMV images: headers written and read, masks, and 16-bit pixels. What is said to be measured was measured with
nanoBragg C, July 2026."""

import hashlib

import fabio
import numpy as np
import pytest

from nanobrag_torch.emulation import parse_emulations
from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.smv import apply_header, read_mask
from nanobrag_torch.options import Options

PHYSICS, SUBSTRING = parse_emulations(None), parse_emulations("header-substring")

TILTED = ("-detpixels_x 30 -detpixels_y 40 -pixel 0.11 -distance 120 -twotheta 10 -phi 3 -lambda 1.1 -Xbeam 2 "
          "-emulate twotheta-report")
TILTED_HEADER = """{
HEADER_BYTES=512;
DIM=2;
BYTE_ORDER=little_endian;
TYPE=unsigned_short;
SIZE1=30;
SIZE2=40;
PIXEL_SIZE=0.11;
DISTANCE=118.177;
WAVELENGTH=1.1;
BEAM_CENTER_X=2;
BEAM_CENTER_Y=1.705;
ADXV_CENTER_X=1.76;
ADXV_CENTER_Y=2.02843;
MOSFLM_CENTER_X=2.31657;
MOSFLM_CENTER_Y=1.705;
DENZO_X_BEAM=2.37157;
DENZO_Y_BEAM=1.76;
DIALS_ORIGIN=-1.76,2.02378,-120.357
XDS_ORGX=16.5;
XDS_ORGY=208.616;
CLOSE_DISTANCE=118.177;
PHI=3;
OSC_START=3;
OSC_RANGE=0;
TWOTHETA=10;
DETECTOR_SN=000;
BEAMLINE=fake;
}\f"""
"""As measured for this command."""

LONG = ("-pixel 0.123457 -distance 123.457 -lambda 0.987654 -Xbeam 12.3457 -Ybeam 13.4568 -detector_rotx 1.23457 "
        "-detector_roty 2.34568 -detector_rotz 3.45679 -phi 12.3457 -osc 0.123457 -twotheta 1.23457")
LONG_HEADER_BYTES = 541
"""As measured for this command: the real program's file has 2589 bytes, 2048 of them pixels."""

INT_PIXELS = {
    "": "ab3dbbb1e5781d1a75e41811b6e517eff5b15a0fe8b75d966a9741692577fe72",
    "-adc -50": "43f743f706bc45d806f4a474afca8e64549db3c6b805ea267951154eda5e15d8",
    "-adc 40.7 -roi 5 9 6 20": "fd2b1a78ffb27215d4ab2543eba942dbbb713356a48bc091d7d05ac726f5959e",
}
"""SHA-256 of the pixels of the real program's int image: measured."""

PGM_FILES = {
    "": "ba1a01a22a1d55a46a6b6d035c1899999e7e0404b0b75184d502651732117f2b",
    "-roi 5 9 6 20": "6161d40c10a09309c43726d45cec09f8ed1c0ae304af258918a94a6d1996c7f7",
}
"""SHA-256 of the real program's PGM file: measured."""


def smv(folder, items, pixels=None, name="m.img", size=512):
    """An SMV file with these header lines and uint16 pixels [slow, fast]."""
    text = f"{{\nHEADER_BYTES={size};\n{items}}}\f".encode().ljust(size)
    (folder / name).write_bytes(text + (b"" if pixels is None else np.asarray(pixels, "<u2").tobytes()))
    return folder / name


def taken(path, kind="img", emulate=PHYSICS):
    options = Options()
    apply_header(path, kind, options, emulate)
    return options.given


# --- written --------------------------------------------------------------------------------------------


def test_the_header_is_that_of_the_c_program_key_for_key(simulated):
    run = simulated(TILTED)
    assert (run.folder / "intimage.img").read_bytes()[:512].decode().rstrip(" ") == TILTED_HEADER


def test_fabio_reads_header_and_pixels_back(simulated):
    run = simulated("-detpixels_x 20 -scale 10 -adc 3 -Xbeam 1.5")
    image = fabio.open(str(run.folder / "intimage.img"))
    assert image.data.shape == (32, 20)
    assert np.array_equal(image.data, np.floor(run.image(32, 20).astype(float) * 10 + 3 + 0.5))
    assert image.header["BEAM_CENTER_X"] == "1.5" and image.header["PIXEL_SIZE"] == "0.1"


def test_a_long_header_takes_another_block_and_fabio_still_finds_the_pixels(simulated):
    run = simulated(LONG)
    raw = (run.folder / "intimage.img").read_bytes()
    image = fabio.open(str(run.folder / "intimage.img"))
    assert len(raw) == 1024 + 2048 and image.header["HEADER_BYTES"] == "1024"
    assert np.array_equal(image.data, np.frombuffer(raw[1024:], "<u2").reshape(32, 32)) and image.data.any()


def test_an_emulated_long_header_pushes_the_pixels_back(simulated):
    run = simulated(f"{LONG} -emulate smv-overflow,twotheta-report")
    raw = (run.folder / "intimage.img").read_bytes()
    assert b"HEADER_BYTES=512;" in raw and raw.index(b"}\f") + 2 == LONG_HEADER_BYTES
    assert len(raw) == LONG_HEADER_BYTES + 2048


@pytest.mark.parametrize("options", INT_PIXELS)
def test_int_pixels_are_those_of_the_c_program(simulated, options):
    raw = (simulated(options).folder / "intimage.img").read_bytes()
    assert hashlib.sha256(raw[-2048:]).hexdigest() == INT_PIXELS[options]


@pytest.mark.parametrize("options", PGM_FILES)
def test_the_pgm_file_is_that_of_the_c_program(simulated, options):
    raw = (simulated(options).folder / "image.pgm").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == PGM_FILES[options]


def test_int_pixels_are_rounded_clamped_and_zero_outside_the_region(simulated):
    run = simulated("-scale 1000 -adc 2.5 -roi 4 30 3 30")
    pixels = np.frombuffer((run.folder / "intimage.img").read_bytes()[512:], "<u2").reshape(32, 32)
    inside = pixels[3:31, 4:31]
    exact = np.minimum(run.image()[3:31, 4:31].astype(float) * 1000 + 2.5, 65535)
    assert np.abs(inside - exact).max() <= 0.5 and inside.max() == 65535
    assert pixels.sum() == inside.sum()


def test_the_scale_is_the_one_given_or_makes_the_brightest_pixel_55000(simulated):
    assert "intfile_scale = 527.003\n" in simulated().stdout
    assert "intfile_scale = 3\n" in simulated("-scale 3").stdout
    assert "pgm_scale = 2.62426\n" in simulated().stdout
    assert "pgm_scale = 0.5\n" in simulated("-pgmscale 0.5").stdout


# --- read -----------------------------------------------------------------------------------------------


def test_every_key_sets_its_field_in_si_units(tmp_path):
    path = smv(tmp_path, "SIZE1=7;\nSIZE2=5;\nPIXEL_SIZE=0.2;\nDISTANCE=150;\nCLOSE_DISTANCE=140;\nWAVELENGTH=1.5;\n"
               "BEAM_CENTER_X=1;\nBEAM_CENTER_Y=2;\nORGX=3.5;\nORGY = 4;\nPHI=180;\nOSC_RANGE=0.5;\nTWOTHETA=-90;\n")
    assert taken(path) == pytest.approx({
        "fast_pixels": 7, "slow_pixels": 5, "pixel_size_m": 2e-4, "distance_m": 0.15, "close_distance_m": 0.14,
        "wavelength_m": 1.5e-10, "beam_x_m": 1e-3, "beam_y_m": 2e-3, "origin_x_pixels": 3.5, "origin_y_pixels": 4,
        "phi_rad": np.pi, "oscillation_rad": 0.5 * np.pi / 180, "twotheta_rad": -np.pi / 2}, rel=1e-15)


def test_a_mask_counts_the_beam_centre_along_y_from_the_other_edge(tmp_path):
    items = "SIZE1=7;\nSIZE2=50;\nBEAM_CENTER_Y=1;\n"
    assert taken(smv(tmp_path, items), "img")["beam_y_m"] == 1e-3
    assert taken(smv(tmp_path, items), "mask")["beam_y_m"] == pytest.approx(50 * 1e-4 - 1e-3)
    assert taken(smv(tmp_path, items + "PIXEL_SIZE=0.2;\n"), "mask")["beam_y_m"] == pytest.approx(50 * 2e-4 - 1e-3)


def test_keys_are_whole_words_and_the_last_one_counts(tmp_path):
    path = smv(tmp_path, "DISTANCE=100;\nDISTANCE=120;\nCLOSE_DISTANCE=90;\nXDS_ORGX=5;\n")
    assert taken(path) == {"distance_m": 0.12, "close_distance_m": 0.09}


def test_emulated_keys_are_found_inside_other_keys(tmp_path):
    path = smv(tmp_path, "DISTANCE=120;\nCLOSE_DISTANCE=90;\nXDS_ORGX=5;\nTWOTHETA=7;\nOSC_RANGE=0;\n")
    expected = {"distance_m": 0.09, "close_distance_m": 0.09, "origin_x_pixels": 5.0, "oscillation_rad": 0.0}
    assert taken(path, emulate=SUBSTRING) == expected


def test_emulated_sizes_of_a_mask_are_found_inside_other_keys_and_cut(tmp_path):
    """nanoBragg takes 3 x 2 pixels from these headers, and its mask accordingly."""
    path = smv(tmp_path, "CCD_SIZE1=3;\nCCD_SIZE2=2;\n", [[0, 3, 1], [1, 0, 0]])
    seen = [[False, True, True], [True, False, False]]
    assert read_mask(path, SUBSTRING).tolist() == seen and taken(path, emulate=SUBSTRING)["fast_pixels"] == 3
    with pytest.raises(InputFileError, match="needs its size"):
        read_mask(path)
    path = smv(tmp_path, "SIZE1=3.9;\nSIZE2=2,5;\n", [[0, 3, 1], [1, 0, 0]])
    assert read_mask(path, SUBSTRING).tolist() == seen
    with pytest.raises(InputFileError, match="SIZE1: 3.9 is not a number of pixels"):
        read_mask(path)


def test_an_oscillation_of_zero_is_a_still_and_twotheta_counts(tmp_path):
    assert taken(smv(tmp_path, "TWOTHETA=90;\nOSC_RANGE=0;\n")) == {"twotheta_rad": pytest.approx(np.pi / 2)}


def test_one_size_for_both_axes_may_be_given(tmp_path):
    assert taken(smv(tmp_path, "DETECTOR_DIMENSIONS=9;\n")) == {"fast_pixels": 9, "slow_pixels": 9}


def test_a_header_may_be_longer_than_a_block(tmp_path):
    path = smv(tmp_path, "X=" + "y" * 600 + ";\nPHI=0;\nSIZE1=2;\nSIZE2=1;\n", [[0, 3]], size=1024)
    assert taken(path)["phi_rad"] == 0.0
    assert read_mask(path).tolist() == [[False, True]]


def test_an_image_beats_a_mask_and_the_command_line_beats_both(simulated, tmp_path):
    smv(tmp_path, "SIZE1=8;\nSIZE2=8;\nDISTANCE=110;\nWAVELENGTH=1.1;\nPHI=1;\n", np.ones((8, 8)), "m.img")
    smv(tmp_path, "SIZE1=8;\nSIZE2=8;\nDISTANCE=120;\nWAVELENGTH=1.2;\n", name="i.img")
    run = simulated(argv="-lambda 1.3 -img i.img -mask m.img -cell 90 -default_F 9 -nonoise -oversample 1".split())
    assert "  distance=0.12 " in run.stdout and "  wave=1.3e-10 meters" in run.stdout
    assert "phi0 = 1\n" in run.stdout and "(8x8 pixels)" in run.stdout


def test_an_image_of_our_own_gives_the_same_image_again(simulated, tmp_path):
    """Not bit for bit: a header holds six digits."""
    image = simulated("-distance 150 -lambda 1.25 -Xbeam 1.5 -phi 2 -intfile own.img").image()
    again = simulated(argv=("-img own.img -cell 100 100 100 90 90 90 -default_F 100 -N 5 -oversample 1 -nonoise "
                            "-floatfile again.bin").split())
    assert np.allclose(again.image(name="again.bin"), image, rtol=0, atol=2e-4 * image.max())


def test_masked_pixels_are_not_rendered(simulated, tmp_path):
    whole = simulated().image()
    mask = np.ones((32, 32))
    mask[:10] = 0
    mask[20, 3] = 0
    smv(tmp_path, "SIZE1=32;\nSIZE2=32;\nPIXEL_SIZE=0.1;\n", mask)
    run = simulated("-mask m.img -floatfile masked.bin -scale 1")
    assert np.array_equal(run.image(name="masked.bin"), np.where(mask > 0, whole, 0))
    pixels = np.frombuffer((tmp_path / "intimage.img").read_bytes()[512:], "<u2").reshape(32, 32)
    assert (pixels[mask == 0] == 40).all()
    assert "  skipping zero-flagged pixels in m.img\n" in run.stdout


@pytest.mark.parametrize("emulate", [PHYSICS, SUBSTRING])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes are too few for an SMV header of 512"),
        (b"{\nHEADER_BYTES=512;\n}\f".ljust(511), "511 bytes are too few"),
        (b"P5\n8 8\n255\n".ljust(600), "this is no SMV image"),
        (bytes(600), "this is no SMV image"),
        (b"{\nHEADER_BYTES=1024;\n}\f".ljust(600), "header item HEADER_BYTES: 1024 bytes in a file of 600"),
        (b"{\nHEADER_BYTES=-512;\n}\f".ljust(600), "header item HEADER_BYTES: -512 bytes"),
        (b"{\nHEADER_BYTES=wide;\n}\f".ljust(600), "2: header item HEADER_BYTES: 'wide' is not a number"),
        (b"{\nHEADER_BYTES=512;\nSIZE1=-4;\n}\f".ljust(600), "header item SIZE1: -4 is not a number of pixels"),
    ],
)
def test_a_damaged_image_is_refused_in_one_line(tmp_path, content, message, emulate):
    (tmp_path / "bad.img").write_bytes(content)
    with pytest.raises(InputFileError, match="bad.img:") as caught:
        taken(tmp_path / "bad.img", emulate=emulate)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["far", "nan", "1e999", "", "1_0"])
def test_a_value_that_is_no_number_is_named_with_its_line(tmp_path, value):
    path = smv(tmp_path, f"DIM=2;\nDISTANCE={value};\n")
    with pytest.raises(InputFileError) as caught:
        taken(path)
    assert (caught.value.line, caught.value.value) == (4, value)
    assert f"m.img:4: header item DISTANCE: {value!r} is not a number" == str(caught.value).split("/")[-1]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("DIM=2;\n", "a mask needs its size"),
        ("SIZE1=3;\nSIZE2=4;\n", "3 x 4 pixels need 24 bytes, 12 found"),
    ],
)
def test_a_mask_without_its_pixels_is_refused(tmp_path, items, message):
    with pytest.raises(InputFileError, match=message):
        read_mask(smv(tmp_path, items, [[1, 2, 3], [4, 5, 6]]))


@pytest.mark.parametrize("options", ["-img none.img", "-mask none.img"])
def test_a_missing_image_ends_the_run_with_one_line(simulated, options):
    run = simulated(options)
    assert run.status == 2 and run.stdout == ""
    assert run.stderr.count("\n") == 1 and "none.img: cannot be read: No such file" in run.stderr
