"""What the reference simulator writes: pixels, traces, headers, dumps."""

import json
import re

import numpy as np
import pytest

MANY = "-phi 1 -osc 1 -phisteps 2 -mosaic 1 -mosaic_domains 2 -divergence 1 -misset 10 20 30 -oversample 2"


def traced(stdout):
    """The lines TRACE name=value as pairs of name and list of numbers."""
    pairs = re.findall(r"^TRACE (\S+?)=(.*)$", stdout, re.MULTILINE)
    return [(name, [float(word) for word in words.split()]) for name, words in pairs]


def test_the_number_of_threads_changes_no_bit(reference):
    one, four = (reference(MANY, threads=n).image() for n in (1, 4))
    assert np.array_equal(one, four)
    assert reference(MANY, threads=1).stdout == reference(MANY, threads=4).stdout


def test_a_region_of_interest_is_a_crop(reference):
    """-roi xmin xmax ymin ymax is inclusive; everything else stays 0."""
    whole = reference(MANY).image()
    part = reference(MANY + " -roi 5 9 7 20").image()
    expected = np.zeros_like(whole)
    expected[7:21, 5:10] = whole[7:21, 5:10]
    assert np.array_equal(part, expected)


def test_a_region_past_the_edge_is_clipped(reference):
    assert np.array_equal(reference("-roi 0 99 0 99").image(), reference().image())


@pytest.mark.parametrize(
    "options",
    [
        "",
        MANY,
        "-water 10 -detector_thick 100 -oversample_thick -oversample 2",
        "-gauss_xtal -oversample 2 -oversample_omega -oversample_polar -polar 0.9",
    ],
)
def test_the_traced_pixel_is_the_pixel_of_the_image(reference, options):
    run = reference(options + " -trace_pixel 14 17")
    values = dict(traced(run.stdout))
    assert values["pixel"] == [14, 17]
    assert np.float32(values["intensity"][0]) == pytest.approx(run.image()[14, 17], rel=1e-7)
    assert np.array_equal(run.image(), reference(options).image())


def test_a_trace_multiplies_out(reference):
    """intensity = r_e^2 fluence I/steps * polarization * solid angle * capture, from the traced factors."""
    names_and_values = traced(reference(MANY + " -trace_pixel 3 4").stdout)
    once = {name: value[0] for name, value in names_and_values if "[" not in name}
    terms = [value[0] for name, value in names_and_values if name.startswith("I_term[")]
    assert len(terms) == once["steps"]
    assert sum(terms) == pytest.approx(once["I_before_scaling"], rel=1e-12)
    product = once["r_e_squared_m2"] * once["fluence_per_m2"] * once["I_before_scaling"] / once["steps"]
    product *= once["polarization"] * once["solid_angle_sr"] * once["capture_fraction"]
    assert product == pytest.approx(once["intensity"], rel=1e-12)


def test_a_trace_names_the_factors_in_order(reference):
    names = [name for name, _ in traced(reference("-trace_pixel 3 4").stdout)]
    per_source, per_term = "[0,0,0,0]", "[0,0,0,0,0,0]"
    assert names == [
        "pixel", "pix0_m", "fast_axis", "slow_axis", "normal_axis", "close_distance_m",
        "position_m[0,0,0]", "airpath_m[0,0,0]", "diffracted_direction[0,0,0]", "solid_angle_sr[0,0,0]",
        "capture_fraction[0,0,0]",
        *(name + per_source for name in
          ("source_direction", "wavelength_m", "scattering_vector_per_m", "polarization")),
        "phi_rad[0,0,0,0,0]",
        *(name + per_term for name in ("cell_vectors_m", "hkl", "hkl_nearest", "F_cell", "F_latt", "I_term")),
        "I_background", "steps", "I_before_scaling", "r_e_squared_m2", "fluence_per_m2", "polarization",
        "solid_angle_sr", "capture_fraction", "intensity",
    ]  # fmt: skip


def test_the_json_trace_says_the_same(reference):
    run = reference("-trace_pixel 3 4 -trace_json trace.json")
    listed = json.loads((run.folder / "trace.json").read_text())["trace"]
    spoken = traced(run.stdout)
    assert [name for name, _ in listed] == [name for name, _ in spoken]
    for (_, value), (_, words) in zip(listed, spoken, strict=True):
        assert np.ravel(value) == pytest.approx(words, rel=1e-14)


def test_a_dump_gives_the_image_of_its_reflections(reference, tmp_path):
    """Header line, newline, form feed, then (nh+1)(nk+1)(nl+1) doubles."""
    (tmp_path / "f.hkl").write_text("0 0 0 50\n1 -1 2 70\n")
    listed = reference("-default_F 0 -hkl f.hkl -dump f.dump").image()
    dump = (tmp_path / "f.dump").read_bytes()
    assert dump.startswith(b"0 1 -1 0 0 2\n\f")
    assert len(dump) == len(b"0 1 -1 0 0 2\n\f") + 3 * 3 * 4 * 8
    assert np.array_equal(reference("-default_F 0 -dump f.dump").image(), listed)


def test_a_dump_left_behind_is_not_read(reference, tmp_path):
    (tmp_path / "f.hkl").write_text("0 0 0 50\n")
    clean = reference().image()
    reference("-hkl f.hkl")
    assert (tmp_path / "Fdump.bin").exists()
    assert np.array_equal(reference().image(), clean)


def read_smv(path):
    data = path.read_bytes()
    size = int(re.search(rb"HEADER_BYTES=(\d+);", data).group(1))
    header = dict(re.findall(rb"^(\w+)=(.*?);?$", data[:size], re.MULTILINE))
    pixels = np.frombuffer(data[size:], "<u2").reshape(int(header[b"SIZE2"]), int(header[b"SIZE1"]))
    return size, {key.decode(): value.decode() for key, value in header.items()}, pixels


def test_the_int_image_is_the_scaled_image(reference):
    run = reference("-scale 10 -adc 5")
    size, header, pixels = read_smv(run.folder / "intimage.img")
    assert size == 512
    assert (header["DISTANCE"], header["BEAM_CENTER_X"], header["XDS_ORGX"]) == ("100", "1.65", "17.5")
    assert np.array_equal(pixels, np.floor(run.image().astype(float) * 10 + 5.5).astype("u2"))


def test_a_long_smv_header_takes_another_block(reference):
    run = reference("-distance 123.456 -lambda 1.23456 -pixel 0.123456 -Xbeam 1.23456 -Ybeam 2.34567 "
                    "-twotheta 1.23456 -phi 12.3456 -osc 1.23456 -detpixels_f 12 -detpixels_s 20")  # fmt: skip
    size, _, pixels = read_smv(run.folder / "intimage.img")
    assert size == 1024
    assert pixels.shape == (20, 12)


def test_an_image_header_gives_the_geometry(reference):
    """DISTANCE is not taken from CLOSE_DISTANCE, and the swing of the detector is kept."""
    made = reference("-distance 150 -twotheta 10 -detpixels_f 24 -Xbeam 1 -intfile first.img")
    again = reference(argv="-img first.img -cell 100 -default_F 100 -N 5 -oversample 1 -nonoise".split())
    assert "(24x32 pixels)" in again.stdout
    assert np.allclose(again.image(fast=24), made.image(fast=24), rtol=1e-4, atol=1e-3)


def test_masked_pixels_stay_dark_and_out_of_the_statistics(reference, tmp_path):
    flags = np.ones((32, 32), "<u2")
    flags[5:15] = 0
    header = b"{\nHEADER_BYTES=512;\nSIZE1=32;\nSIZE2=32;\n}\f".ljust(512)
    (tmp_path / "mask.img").write_bytes(header + flags.tobytes())
    whole = reference().image().astype(float)
    run = reference("-mask mask.img")
    assert np.array_equal(run.image(), whole * flags)
    kept = whole[flags == 1]
    figures = re.search(r"mean= (\S+) rms= (\S+) rmsd= (\S+)", run.stdout).groups()
    assert [float(x) for x in figures] == pytest.approx(
        [kept.mean(), np.sqrt((kept**2).sum() / (kept.size - 1)), kept.std(ddof=1)], rel=1e-5
    )


def test_the_pgm_holds_truncated_bytes(reference):
    run = reference("-pgmscale 2")
    head, pixels = (run.folder / "image.pgm").read_bytes().split(b"\n255\n", 1)
    assert head == b"P5\n32 32\n# pixels scaled by 2"
    expected = np.minimum(255, run.image().astype(float) * 2).astype("u1")
    assert np.array_equal(np.frombuffer(pixels, "u1").reshape(32, 32), expected)


def test_progress_is_in_percent_and_can_be_silenced(reference):
    said = reference("-progress").stdout
    assert re.findall(r"^(\d+)% done$", said, re.MULTILINE)[-1] == "100"
    assert "% done" not in reference().stdout
