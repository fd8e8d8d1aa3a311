"""nb-compare images: two image files judged, of any format, with their gaps."""

from pathlib import Path

import fabio
import junitparser
import numpy as np
import pytest


def detector(seed=1):
    """A detector image with photons, one spot, a gap of -1 and a dead pixel of -2."""
    image = np.random.default_rng(seed).poisson(3, (200, 300)).astype("i4")
    image[50:53, 60:63] += 4000
    image[:, 100:107], image[4, 4] = -1, -2
    return image


def cbf(name, image, distance="0.2"):
    header = {"_array_data.header_contents": f"# Wavelength 0.9795 A\r\n# Detector_distance {distance} m"}
    fabio.cbfimage.CbfImage(data=image, header=header).write(name)


def test_one_changed_pixel_between_gaps_is_found_and_told(nb):
    """By default, faint as it is, and where a threshold is given that it meets it is told all the same."""
    changed = detector()
    changed[150, 200] = 30
    cbf("a.cbf", detector())
    cbf("b.cbf", changed)
    said = nb("images", "a.cbf", "b.cbf", "--junit", "out.xml")
    assert said.code == 3
    told = "full: 1 of 58599 pixels differ, the worst at fast 200 slow 150 (6 against 30); atol 24 or rtol 4 would pass"
    assert told in said.out
    assert "int32, 1401 masked" in said.out
    assert next(iter(junitparser.JUnitXml.fromfile("out.xml"))).failures == 1 and told in Path("out.xml").read_text()
    loose = nb("images", "a.cbf", "b.cbf", "--threshold", "max_abs_diff=..30")
    assert loose.code == 0 and told in loose.out
    cbf("c.cbf", detector())
    assert "full: none of 58599 pixels differs" in nb("images", "a.cbf", "c.cbf").out


@pytest.mark.parametrize(("mark", "dtype", "option"), [(-1, "i4", "--mask-below 0"), (65535, "u2",
                                                                                       "--mask-equals 65535")])
def test_marks_of_gaps_that_count_as_photons_are_told_until_they_are_masked(nb, mark, dtype, option):
    """In formats that do not say that they mark gaps, as TIFF files of photon counters."""
    image = np.arange(600).reshape(20, 30).astype(dtype)
    image[3, :5] = mark
    for name in ("a.npy", "b.npy"):
        np.save(name, image)
    said = nb("images", "a.npy", "b.npy", "--no-bundle")
    assert said.code == 0 and "5 pixels of the reference are" in said.out and option in said.out
    assert "count as photons" not in nb("images", "a.npy", "b.npy", "--no-bundle", *option.split()).out


def test_headers_that_differ_in_the_sixth_digit_are_named_and_rounding_is_not(nb):
    for name, distance in (("a.cbf", "0.2"), ("b.cbf", "0.200002"), ("c.cbf", "0.20000002")):
        cbf(name, detector()[:60, :70], distance)
    told = "the headers differ: distance_mm is 200 in the reference, 200.002 in the subject"
    assert told in nb("images", "a.cbf", "b.cbf", "--no-bundle").out
    assert "headers differ" not in nb("images", "a.cbf", "c.cbf", "--no-bundle").out


def test_a_mask_file_leaves_out_its_pixels_that_are_not_zero_and_no_others(nb):
    image = np.random.default_rng(5).poisson(40, (20, 30)).astype("i4")
    changed, mask = image.copy(), np.zeros(image.shape, "u1")
    changed[3, 4] += 500
    mask[3, 4:6] = 1, 2
    for name, array in (("a.npy", image), ("b.npy", changed), ("mask.npy", mask), ("other.npy", 1 - mask.clip(0, 1))):
        np.save(name, array)
    said = nb("images", "a.npy", "b.npy", "--no-bundle", "--mask", "mask.npy")
    assert said.code == 0 and "int32, 2 masked" in said.out and "none of 598 pixels differs" in said.out
    assert nb("images", "a.npy", "b.npy", "--no-bundle", "--mask", "other.npy").code != 0


def test_floats_may_differ_by_rounding_and_not_by_one_pixel(nb):
    """1 % of a pixel and 0.1 % of the brightest are allowed by default; its own brightest of a faint region."""
    image = np.random.default_rng(4).exponential(5, (60, 50)).astype("f4")
    image[5, 5] = 100
    other = image * np.float32(1.004)
    np.save("a.npy", image)
    np.save("b.npy", other)
    said = nb("images", "a.npy", "b.npy")
    assert said.code == 0 and "share_outside(atol=0.1, rtol=0.01)" in said.out
    assert "3000 of 3000 pixels differ" in said.out
    other[40, 40] = image[40, 40] * 1.02 + 0.1
    np.save("b.npy", other)
    assert nb("images", "a.npy", "b.npy").code == 3
    assert nb("images", "a.npy", "b.npy", "--roi", 0, 49, 0, 39).code == 0
    other[40, 40] = image[40, 40] * 1.01 + 0.05
    np.save("b.npy", other)
    assert nb("images", "a.npy", "b.npy").code == 0
    assert nb("images", "a.npy", "b.npy", "--roi", 0, 49, 35, 59).code == 3


def test_the_same_picture_in_two_formats_passes_and_gaps_are_no_photons(nb):
    image = detector()
    cbf("a.cbf", image)
    other = image.astype("f8")
    other[image < 0] = np.nan
    np.save("b.npy", other)
    said = nb("images", "a.cbf", "b.npy", "--nan", "compare", "--format", "json")
    assert (said.code, said.json["verdict"]["word"]) == (0, "PASS")
    images = said.json["images"]
    assert (images["reference"]["dtype"], images["subject"]["dtype"]) == ("int32", "float64")
    assert images["reference"]["masked"] == 1401
    assert "both are compared as they are" in said.json["notes"][0]


def test_a_scale_factor_of_1_02_fails_by_default(nb):
    rng = np.random.default_rng(2)
    image = rng.exponential(5, (40, 50))
    np.save("a.npy", image)
    np.save("b.npy", image * 1.02)
    said = nb("images", "a.npy", "b.npy", "--format", "json")
    assert said.code == 3
    assert any(reason.startswith("sum_ratio on full: 1.02") for reason in said.json["verdict"]["reasons"])


def test_a_difference_that_float32_could_not_hold_is_seen(nb):
    image = np.random.default_rng(2).exponential(5, (40, 50)) + 1
    np.save("a.npy", image)
    np.save("b.npy", image * (1 + 1e-10))
    assert nb("images", "a.npy", "b.npy", "--threshold", "max_abs_diff=..1e-12").code == 3
    assert nb("images", "a.npy", "b.npy").code == 0


def test_headers_that_differ_are_named(nb):
    cbf("a.cbf", detector())
    cbf("b.cbf", detector(), distance="0.25")
    said = nb("images", "a.cbf", "b.cbf")
    assert "the headers differ: distance_mm is 200 in the reference, 250 in the subject" in said.out


@pytest.mark.parametrize("other", ["a.npy", "./a.npy", "link.npy"])
def test_a_file_against_itself_is_refused(nb, other):
    np.save("a.npy", np.eye(20))
    Path("link.npy").symlink_to("a.npy")
    said = nb("images", "a.npy", other)
    assert said.code == 1 and "compared with itself" in said.err


def test_pixels_that_are_no_number_are_an_error_unless_asked_for(nb):
    image = np.random.default_rng(2).exponential(5, (40, 50))
    np.save("a.npy", image)
    image[3, 4] = np.nan
    np.save("b.npy", image)
    said = nb("images", "a.npy", "b.npy")
    assert said.code == 5 and "b.npy: 1 of 2000 pixels are NaN or infinite" in said.err and "--nan compare" in said.err
    alone = nb("images", "a.npy", "b.npy", "--nan", "compare")
    assert alone.code == 8 and "1 of 2000 pixels are NaN or infinite in the subject alone" in alone.out
    assert nb("images", "b.npy", "a.npy", "--nan", "compare").code == 0, "what the reference lacks is no fault of it"
    for most, code in (("..0", 3), ("..0.5", 0)):
        assert nb("images", "a.npy", "b.npy", "--nan", "compare", "--threshold", f"nan_mismatch={most}").code == code


def test_pixels_that_are_no_number_in_both_or_masked_are_nobody_s_fault(nb):
    image = np.random.default_rng(2).exponential(5, (40, 50))
    image[3, 4] = np.nan
    for name in ("a.npy", "b.npy"):
        np.save(name, image)
    np.save("mask.npy", np.isnan(image).astype("u1"))
    said = nb("images", "a.npy", "b.npy", "--no-bundle", "--nan", "compare")
    assert said.code == 0 and "none of 1999 pixels differs" in said.out
    said = nb("images", "a.npy", "b.npy", "--no-bundle", "--mask", "mask.npy")
    assert said.code == 0 and "none of 1999 pixels differs" in said.out


def test_two_shapes_are_exit_4_and_a_mask_of_another_shape_too(nb):
    np.save("a.npy", np.random.default_rng(2).exponential(5, (40, 50)))
    np.save("b.npy", np.random.default_rng(2).exponential(5, (40, 51)))
    np.save("c.npy", np.random.default_rng(2).exponential(5, (40, 50)))
    np.save("mask.npy", np.zeros((40, 49), "u1"))
    assert nb("images", "a.npy", "b.npy").code == 4
    said = nb("images", "a.npy", "c.npy", "--mask", "mask.npy")
    assert said.code == 4 and "the mask is 49 x 40" in said.err


def test_an_image_that_is_all_masked_is_no_evidence(nb):
    np.save("a.npy", np.full((40, 50), -1.0))
    np.save("b.npy", np.full((40, 50), -1.0) * 1)
    said = nb("images", "a.npy", "b.npy", "--mask-below", 0, "--threshold", "max_abs_diff=..1")
    assert said.code == 8 and "all 2000 are masked" in said.out


def test_what_the_subject_alone_masks_is_judged_by_no_default(nb):
    """A subject that marks all but a corner as a gap would agree on the rest."""
    image = detector()
    cbf("a.cbf", image)
    hidden = image.copy()
    hidden[20:] = -1
    cbf("b.cbf", hidden)
    said = nb("images", "a.cbf", "b.cbf")
    assert said.code == 8 and "52740 of 60000 pixels are masked in the subject alone" in said.out
    assert nb("images", "b.cbf", "a.cbf").code == 0, "a reference with gaps decides what is measured"
    assert nb("images", "a.cbf", "b.cbf", "--threshold", "nan_mismatch=..0.5", "--nan", "compare").code == 8
    said = nb("images", "a.cbf", "b.cbf", "--threshold", "mask_mismatch=..0.9", "--threshold", "max_abs_diff=..0")
    assert said.code == 0


def test_raw_files_of_the_engines_are_judged_in_their_region(nb):
    rng = np.random.default_rng(3)
    image = rng.exponential(5, (40, 50)).astype("<f4")
    image.tofile("c.bin")
    (image * (1 + (np.arange(50) > 30) * 0.5)).astype("<f4").tofile("py.bin")
    how = ("--read", "shape=40x50,dtype=<f4")
    assert nb("images", "c.bin", "py.bin", *how).code == 3
    assert nb("images", "c.bin", "py.bin", *how, "--roi", 0, 30, 0, 39).code == 0
    said = nb("images", "c.bin", "py.bin", *how, "--roi", 0, 50, 0, 39)
    assert said.code == 1 and "overhang" in said.err
    assert nb("images", "c.bin", "py.bin").code == 1


@pytest.mark.parametrize(("text", "words"), [
    ("correlation", "METRIC=MIN..MAX"), ("corelation=0.9..", "did you mean 'correlation'"),
    ("correlation=..", "METRIC=MIN"), ("correlation=nan..", "no finite number"), ("sum_ratio=1e999..", "finite"),
    ("sum_ratio=2..1", "nothing could hold")])
def test_a_threshold_that_cannot_be_used_says_so(nb, text, words):
    np.save("a.npy", np.eye(20))
    np.save("b.npy", np.eye(20))
    said = nb("images", "a.npy", "b.npy", "--threshold", text)
    assert said.code == 1 and words in said.err


def test_what_no_double_can_sum_has_no_correlation_and_prints_no_warning(nb, recwarn):
    """Sums of squares of 1e302 overflow: undefined, and never a correlation of -1 or 1."""
    image = 1e300 * (np.random.default_rng(2).exponential(5, (40, 50)) + 1)
    np.save("a.npy", image)
    np.save("b.npy", image * 1.001)
    said = nb("images", "a.npy", "b.npy")
    assert said.code == 3 and "correlation on full: undefined (the spread of the pixel values overflows)" in said.out
    assert not [str(entry.message) for entry in recwarn if entry.category is RuntimeWarning]


def test_whole_numbers_beyond_a_double_are_told_exactly(nb):
    image = np.random.default_rng(2).integers(0, 1000, (40, 50)).astype("u8") + np.uint64(2**60)
    np.save("a.npy", image)
    image[3, 4] += np.uint64(1)
    np.save("b.npy", image)
    said = nb("images", "a.npy", "b.npy")
    assert said.code == 3
    assert f"1 of 2000 pixels differ, the worst at fast 4 slow 3 ({image[3, 4] - np.uint64(1)} against" in said.out


def test_all_that_is_wrong_with_the_files_is_told_at_once(nb):
    """Of the reference, the subject and the mask; the code is that of the worst."""
    np.save("a.npy", np.ones((4, 5)))
    Path("a.xyz").write_text("?")
    said = nb("images", "none.npy", "a.xyz", "--mask", "no-mask.npy")
    assert said.code == 5 and "3 errors\n  none.npy: cannot read: No such file" in said.err
    assert "  no-mask.npy: cannot read" in said.err
    assert "  a.xyz: the format of .xyz is not known\n    next: say format=" in said.err
    alone = nb("images", "a.npy", "a.xyz")
    assert (alone.code, alone.err.count("a.xyz"), "errors" in alone.err) == (1, 1, False)
