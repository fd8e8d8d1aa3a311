"""The quick layer on images of spots made here: each defect of an image is named first, whatever its size."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nbcompare.explain.diagnose import DiagnosisOptions, Question, top_cause
from nbcompare.explain.diagnose.cause import standing_of
from nbcompare.explain.diagnose.diagnose import diagnose
from nbcompare.explain.diagnose.finders.displacement import find_displaced
from nbcompare.explain.diagnose.finders.layout import find_bytes
from nbcompare.explain.diagnose.finders.noise import find_noise
from nbcompare.explain.diagnose.image_only import STAGES
from nbcompare.explain.diagnose.search.seeds import drawn_anew

SLOW, FAST = 70, 84
ARGV = ("-cell", "61", "73", "87", "-default_F", "50", "-lambda", "1.3", "-distance", "90", "-pixel", "0.15",
        "-detpixels_x", "84", "-detpixels_y", "70", "-N", "6", "-flux", "2e19", "-exposure", "3", "-beamsize", "0.4",
        "-phi", "1", "-osc", "1", "-phisteps", "7", "-mosaic", "0.2", "-mosaic_dom", "5", "-oversample", "2", "-polar",
        "0.6")
PIXEL = np.arange(SLOW * FAST).reshape(SLOW, FAST)


def spots(seed=1, brightest=3000.0):
    """Spots of unlike brightness on a faint sloping background, float32 [slow, fast]."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:SLOW, :FAST]
    image = 1e-3 * brightest * (0.3 + (x + 2 * y) / 500)
    for height in draw.uniform(0.05, 1, 30) * brightest:
        cy, cx = draw.uniform(3, SLOW - 3), draw.uniform(3, FAST - 3)
        image = image + height * np.exp(-((y - cy) ** 2 / 2 + (x - cx) ** 2 / 1.5))
    return image.astype("<f4")


def causes(subject, reference=None, argv=ARGV, folder="."):
    question = Question(spots() if reference is None else reference, subject.astype("<f4"), argv, Path(folder))
    found = diagnose(question, DiagnosisOptions(quick=True))
    return found.agree, found.causes


def float_bytes(raw):
    return np.frombuffer(raw[:4 * SLOW * FAST], "<f4").reshape(SLOW, FAST)


DEFECTS = {
    "nan-pixels": lambda x: np.where(PIXEL == 777, np.nan, x),
    "zero-image": lambda x: 0 * x,
    "constant-image": lambda x: 0 * x + 3,
    "truncated": lambda x: np.where(PIXEL > 4000, 0, x),
    "head-lost": lambda x: np.where(PIXEL < 900, 0, x),
    "roi-only": lambda x: np.where((PIXEL // FAST > 9) & (PIXEL % FAST > 20) & (PIXEL % FAST < 70), x, 0),
    "hole": lambda x: np.where((abs(PIXEL // FAST - 30) < 8) & (abs(PIXEL % FAST - 40) < 9), 0, x),
    "lines-lost": lambda x: np.where(abs(PIXEL // FAST - 30) < 2, 0, x),
    "single-pixels": lambda x: np.where(PIXEL == 3210, 9e4, x),
    "clipped": lambda x: np.minimum(x, 1000),
    "floored": lambda x: np.maximum(x, 4),
    "small-values-lost": lambda x: np.where(x < 5, 0, x),
    "sign-flipped": lambda x: -x,
    "integer-overflow": lambda x: np.mod(x, 256),
    "power-law": np.sqrt,
    "logarithm": np.log1p,
    "background-offset": lambda x: x + 40,
    "scale-and-offset": lambda x: 1.7 * x + 11,
    "float16-rounding": lambda x: x.astype("f2"),
    "bfloat16-rounding": lambda x: (x.view("u4") & np.uint32(0xFFFF0000)).view("f4"),
    "integer-rounding": np.rint,
    "quantised": lambda x: np.rint(x / 0.25) * 0.25,
    "integer-image": lambda x: np.floor(x * 17.3 + 40.5),
    "text-digits": lambda x: np.array([float(f"{v:.3e}") for v in x.ravel()]).reshape(x.shape),
    "poisson-noise": lambda x: np.random.default_rng(3).poisson(x),
    "gaussian-noise": lambda x: x + np.random.default_rng(4).normal(0, 3, x.shape),
    "gain-noise": lambda x: x * np.random.default_rng(5).normal(1, 0.02, x.shape),
    "wrong-endian": lambda x: x.byteswap(),
    "header-bytes": lambda x: float_bytes(b"{\nHEADER_BYTES= 512;\n}\f".ljust(518, b" ") + x.tobytes()),
    "wrong-stride": lambda x: np.pad(x, ((0, 0), (0, 5))).ravel()[:x.size].reshape(x.shape),
    "float64-bytes": lambda x: float_bytes(x.astype("f8").tobytes()),
    "transposed": lambda x: np.ascontiguousarray(x.T).reshape(x.shape),
    "flipped-fast": lambda x: x[:, ::-1],
    "flipped-slow": lambda x: x[::-1],
    "rotated-180": lambda x: x[::-1, ::-1],
    "rotated-90": lambda x: np.ascontiguousarray(np.rot90(x)).reshape(x.shape),
    "pixel-shift": lambda x: np.roll(x, (2, -3), (0, 1)),
    "sub-pixel-shift": lambda x: ndimage.shift(x.astype(float), (0.02, 0.3), order=3),
    "blurred": lambda x: ndimage.gaussian_filter(x.astype(float), 0.5),
}


@pytest.mark.parametrize("id", DEFECTS)
def test_a_defect_of_the_image_is_named_first(id):
    agree, found = causes(np.ascontiguousarray(DEFECTS[id](spots())))
    assert not agree
    assert found[0].id == id, [cause.id for cause in found]


@pytest.mark.parametrize("centre", [(0, 0), (1, 2)])
def test_a_turn_is_no_proof_where_the_reference_is_nearly_symmetric_to_it(centre):
    """A factor that grows along an axis by a thousandth, the other way round: the turned image to the last bit."""
    even = np.maximum(spots(), spots()[::-1, ::-1]).astype("f8")
    slope = np.linspace(-1, 1, even.shape[0])[:, None]
    for tilted, proven in ((even * (1 + 1e-3 * slope), False), (even * (1 + 0.5 * slope), True)):
        images = [np.roll(image, centre, (0, 1)).astype("f4") for image in (tilted, tilted[::-1, ::-1])]
        found = diagnose(Question(*images, ARGV, Path()), DiagnosisOptions(quick=True)).causes
        assert (found[0].id, found[0].proven) == ("rotated-180", proven), found[0].sentence
        assert any("symmetric to this move" in line for line in found[0].evidence) is not proven


@pytest.mark.parametrize("id, factor", {
    "fluence-default": 125932015286227086360700780544 / (2e19 * 3 / 0.4e-3**2),
    "exposure-ignored": 1 / 3,
    "beamsize-default": (0.4 / 0.1) ** 2,
    "beamsize-unit": 1e-6,
    "flux-term-lost": 1 / 2e19,
    "electron-radius": 1 / 7.94079248018965e-30,
    "phi-steps-not-divided": 7.0,
    "mosaic-domains-not-divided": 5.0,
    "oversample-not-divided": 4.0,
    "steps-not-divided": 7.0 * 5 * 4,
    "steps-off-by-one": 7 / 8,
    "pixel-area": 1 / 0.15e-3**2,
    "amplitude-not-squared": 1 / 50,
    "cells-normalised": 1 / 216,
    "power-of-ten": 1e9,
    "power-of-two": 512.0,
    "circle-constant": 4 * math.pi,
    "scale-product": 7.0 / 3,
    "scale-factor": 1.01873,
}.items())
def test_a_factor_is_named_by_the_ratio_of_the_command_line_that_it_is(id, factor):
    agree, found = causes((spots().astype("f8") * factor).astype("f4"))
    assert not agree
    assert found[0].id == id, [(cause.id, cause.sentence) for cause in found]
    assert found[0].proven and found[0].residual < 1e-5


@pytest.mark.parametrize(("argv", "said"), [((), ""), (ARGV, "; the factor is no ratio of this command line")])
def test_a_factor_is_held_against_a_command_line_where_there_is_one(argv, said):
    image = spots()
    found = diagnose(Question(image, (image * 1.01873).astype("f4"), argv, Path()), DiagnosisOptions(quick=True)).causes
    assert found[0].sentence.partition(" times the reference")[2] == said


@pytest.mark.parametrize("count", [lambda x: np.random.default_rng(7).poisson(x), lambda x: x > 0.3,
                                   lambda x: np.random.default_rng(7).poisson(x[::-1]),
                                   lambda x: 3 * np.random.default_rng(7).poisson(x / 3)])
def test_counts_of_an_image_of_fractions_of_photons_are_noise_where_they_are_counts_of_it(count):
    """Drawn from it, cut at a limit, drawn from its mirror image, and counted in threes."""
    faint = spots(brightest=0.6)
    _, found = causes(count(faint), faint)
    drawn = bool(np.array_equal(count(faint), np.random.default_rng(7).poisson(faint)))
    assert ("poisson-noise" in [cause.id for cause in found]) is drawn
    assert not drawn or found[0].id == "poisson-noise"


def test_one_mistake_of_scale_is_told_once_where_only_one_kind_of_step_is_there():
    """Two phi steps are all the steps there are, and divided by one too few is not divided."""
    argv = (*ARGV[:ARGV.index("-phi")], "-phi", "1", "-osc", "1", "-phisteps", "2", "-oversample", "1")
    agree, found = causes((spots().astype("f8") * 2).astype("f4"), argv=argv)
    assert not agree and [cause.id for cause in found[:2]] == ["phi-steps-not-divided", "power-of-two"]


@settings(max_examples=25, deadline=None)
@given(st.floats(1.001, 1e6), st.integers(0, 1000))
def test_a_random_factor_is_never_called_something_of_the_command_line(factor, seed):
    """Some 10^4 ratios, each 6e-6 wide in its logarithm, over 200 in the logarithm: one in thousands by accident."""
    reference = spots(seed)
    _, found = causes((reference.astype("f8") * factor).astype("f4"), reference)
    named = [cause for cause in found if cause.id != "scale-factor"]
    for cause in named:
        assert cause.edit["what"] and abs(float(cause.edit["what"].split()[-1]) / factor - 1) < 1e-5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_equal_images_have_no_cause_and_rounding_is_none(seed, share):
    """A change of one unit in the last place is 6e-8 of a value; sums and peaks stay within 1e-6."""
    reference = spots(seed)
    moved = np.where(np.random.default_rng(seed).random(reference.shape) < share,
                     np.nextafter(reference, np.float32(np.inf)), reference)
    agree, found = causes(moved, reference)
    assert agree and found == ()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_images_of_other_things_prove_nothing(seed):
    agree, found = causes(spots(seed + 20_000), spots(seed))
    assert not agree
    assert not any(cause.proven for cause in found), found[0]
    assert all(cause.confidence <= 0.8 for cause in found)


def test_a_shift_by_one_pixel_that_renders_its_edge_is_the_beam_centre():
    """Moving the beam by one pixel shows at each pixel what its neighbour showed, and at the edge what was outside."""
    wide = spots()
    _, found = causes(wide[:, 1:], wide[:, :-1], (*ARGV[:12], "-detpixels_x", "83", *ARGV[14:]))
    assert found[0].id == "beam-centre-one-pixel" and found[0].proven


def test_the_top_cause_is_one_sentence_and_a_guess_says_perhaps(tmp_path):
    reference = spots()
    assert top_cause(reference, reference.copy(), ARGV, tmp_path) is None
    assert top_cause(reference, 7 * reference, ARGV, tmp_path).startswith("the sum is not divided by the 7 phi steps")
    noisy = np.random.default_rng(1).poisson(reference).astype("f4")
    assert top_cause(reference, noisy, ARGV, tmp_path).startswith("perhaps: ")


@pytest.mark.parametrize(("said", "standing"), [
    ("it is turned", ("proven", "it is turned")), ("perhaps: it is turned", ("perhaps", "it is turned")),
    ("beside the claim, it is turned", ("proven", "beside the claim, it is turned")),
    ("beside the claim, perhaps: it is turned", ("perhaps", "beside the claim, it is turned")),
    ("none found: the diagnosis failed", ("none found", "the diagnosis failed"))])
def test_how_a_kept_cause_stands_is_read_off_it(said, standing):
    assert standing_of(said) == standing


def test_the_top_cause_never_raises_whatever_the_images_are(tmp_path):
    """A verdict asks for it, and must come out whatever the images are."""
    reference = spots()
    broken = reference.copy()
    broken[3, 4] = np.inf
    for ours, theirs, argv in ((broken, reference, ARGV), (reference, broken, ARGV), (reference, reference[1:], ARGV),
                               (0 * reference, reference, ARGV), (reference, reference * 2, ("-cell", "x", "-roi")),
                               (reference[:1, :1], reference[:1, :1] * 2, ())):
        said = top_cause(ours, theirs, argv, tmp_path / "nowhere")
        assert said is None or (isinstance(said, str) and "the diagnosis failed" not in said)


def test_a_finder_that_fails_is_named_in_a_note_and_the_others_go_on(tmp_path, monkeypatch):
    def find_broken(question):
        raise TypeError("no such thing")

    monkeypatch.setattr("nbcompare.explain.diagnose.finders.values.FINDERS", (find_broken,))
    reference = spots()
    found = diagnose(Question(reference, 7 * reference, ARGV, tmp_path), DiagnosisOptions(quick=True))
    assert found.notes == ("the diagnosis failed: find_broken: TypeError: no such thing",)
    assert found.causes[0].sentence.startswith("the sum is not divided by the 7 phi steps")


@pytest.mark.parametrize("place", ["image_only_causes", "figures", "ranked", "top_sentence"])
def test_a_diagnosis_that_fails_leaves_a_verdict_its_word(tmp_path, monkeypatch, place):
    def fail(*_):
        raise TypeError("no such thing")

    monkeypatch.setattr(f"nbcompare.explain.diagnose.diagnose.{place}", fail)
    said = top_cause(spots(), 7 * spots(), ARGV, tmp_path)
    assert said == "none found: the diagnosis failed: the images and arguments: TypeError: no such thing"


# --- masks, by the type of their pixels -----------------------------------------------------------------------------


def mask_file(path, excluded, declared, header=512):
    """An SMV image that is 0 where ``excluded``, with the first pixels of other values."""
    width = {"unsigned_char": 1, "unsigned_short": 2, "signed_long": 4}[declared]
    text = f"{{\nHEADER_BYTES={header:5d};\nSIZE1={FAST};\nSIZE2={SLOW};\nTYPE={declared};\n}}\f".encode()
    path.write_bytes(text.ljust(header) + np.where(excluded, 0, 7).astype(f"<u{width}").tobytes())


@pytest.mark.parametrize(("declared", "header"), [("unsigned_short", 512), ("unsigned_short", 1024),
                                                  ("signed_long", 512), ("unsigned_char", 512)])
def test_a_mask_is_read_by_the_type_that_it_declares(tmp_path, declared, header):
    """A mask of 32-bit pixels was read as one of 16 bits, and a subject that ignored it was called something else."""
    excluded = (PIXEL // FAST > 20) & (PIXEL // FAST < 40) & (PIXEL % FAST > 10) & (PIXEL % FAST < 44)
    mask_file(tmp_path / "mask.img", excluded, declared, header)
    reference = np.where(excluded, 0, spots()).astype("<f4")
    _, found = causes(spots(), reference, (*ARGV, "-mask", "mask.img"), tmp_path)
    assert found[0].id == "mask-ignored"


def test_a_reference_that_read_a_mask_as_16_bits_is_understood(tmp_path):
    """nanoBragg reads every mask so."""
    excluded = np.zeros((SLOW, FAST), bool)
    excluded[20:40, 10:44] = True
    mask_file(tmp_path / "mask.img", excluded, "signed_long")
    as_16_bits = np.frombuffer((tmp_path / "mask.img").read_bytes(), "<u2", SLOW * FAST, 512).reshape(SLOW, FAST) == 0
    reference = np.where(as_16_bits, 0, spots()).astype("<f4")
    _, found = causes(spots(), reference, (*ARGV, "-mask", "mask.img"), tmp_path)
    assert found[0].id == "mask-ignored"


def test_a_region_that_moved_shares_pixels_and_another_image_shares_none():
    """Where one image or both are zero, any two are the same: that proves no region."""
    argv = (*ARGV, "-roi", "20", "50", "10", "40")
    inside = (PIXEL // FAST >= 10) & (PIXEL // FAST <= 40) & (PIXEL % FAST >= 20) & (PIXEL % FAST <= 50)
    moved = (PIXEL // FAST >= 11) & (PIXEL // FAST <= 41) & (PIXEL % FAST >= 20) & (PIXEL % FAST <= 50)
    reference = np.where(inside, spots(), 0).astype("<f4")
    _, found = causes(np.where(moved, spots(), 0), reference, argv)
    assert found[0].id == "roi-off-by-one"
    elsewhere = np.zeros((SLOW, FAST), "<f4")
    elsewhere[45:65, 2:80] = spots(9)[45:65, 2:80]
    _, found = causes(elsewhere, reference, argv)
    assert "roi-off-by-one" not in [cause.id for cause in found]


# --- what moved: the pixels, or the bytes -------------------------------------------------------------------------


def framed_spots():
    """Spots in the middle of an image that is dark along all its edges: there nothing says what was carried over."""
    dark = (PIXEL // FAST < 9) | (PIXEL // FAST > SLOW - 10) | (PIXEL % FAST < 9) | (PIXEL % FAST > FAST - 10)
    return np.where(dark, 0, spots()).astype("<f4")


@pytest.mark.parametrize("rows, columns", [(2, -1), (1, 0), (3, 2), (-2, 3), (0, 3), (-1, 0), (5, -7)])
def test_pixels_that_moved_are_not_called_a_header_where_the_edges_are_dark(rows, columns):
    _, found = causes(np.roll(framed_spots(), (rows, columns), (0, 1)), framed_spots())
    assert found[0].id == "pixel-shift", [(cause.id, cause.sentence) for cause in found]


@pytest.mark.parametrize("count", [2 * FAST - 1, FAST, 128, 3])
def test_bytes_before_the_data_are_a_header_whatever_shift_they_come_to(count):
    """The same moves, but where a shifted array has nothing there is text."""
    header = b"HEADER_BYTES=512; ".ljust(4 * count)
    _, found = causes(float_bytes(header[:4 * count] + framed_spots().tobytes()), framed_spots())
    assert found[0].id == "header-bytes", [(cause.id, cause.sentence) for cause in found]


@pytest.mark.parametrize("spread, named", [(0.03, True), (0.43, False)])
def test_spots_one_pixel_wide_of_other_heights_are_no_gains(spread, named):
    """With a step of a scan left out each changes on its own, by far more than a pixel's gain is off."""
    draw = np.random.default_rng(6)
    image = draw.exponential(100.0, (60, 60)) * (draw.uniform(size=(60, 60)) < 0.5)
    question = Question(image.astype("f4"), (image * draw.normal(1, spread, image.shape)).astype("f4"), (), Path())
    assert [cause.id for cause in find_noise(question)] == ["gain-noise"] * named


@pytest.mark.parametrize("rows", [1, 2])
def test_rows_that_were_rendered_above_the_others_are_no_header(rows):
    """A beam centre off by whole rows: what comes in at the edge is a row of pixels, and no text."""
    draw = np.random.default_rng(5)
    whole = ndimage.gaussian_filter(draw.exponential(100.0, (66, 50)), 1.0) + draw.uniform(0.1, 0.2, (66, 50))
    question = Question(whole[2:].astype("f4"), whole[2 - rows:66 - rows].astype("f4"), ("-nothing",), Path())
    assert not [cause for cause in find_bytes(question) if cause.id == "header-bytes"]


def test_a_row_length_that_explains_the_bright_pixels_alone_is_no_proof():
    """Below the spots, which lie as in rows that are five longer, everything is of another image."""
    padded = np.pad(framed_spots(), ((0, 0), (0, 5))).ravel()[:SLOW * FAST].reshape(SLOW, FAST)
    other = np.where(padded > 300, padded, 0.05 * spots(7))
    _, found = causes(other, framed_spots())
    assert not [cause.id for cause in found if cause.id == "wrong-stride"]


def test_an_orientation_that_nobody_seeded_is_no_other_distance():
    """Peaks of two random orientations may be laid over each other by a stretch."""
    y, x = np.mgrid[:SLOW, :FAST]
    beam = (SLOW - 1) / 2, (FAST - 1) / 2
    farther = ndimage.map_coordinates(spots().astype(float), [(at - middle) / 1.012 + middle for at, middle in
                                                              ((y, beam[0]), (x, beam[1]))], order=1, mode="nearest")
    for words, count in (((), 2), (("-misset", "random", "-seed", "5"), 2), (("-misset", "random"), 0)):
        question = Question(spots(), farther.astype("<f4"), (*ARGV, *words), Path())
        assert len([cause for cause in find_displaced(question) if "stretched" in cause.sentence]) == count, words
        assert [cause.id for cause in drawn_anew(question)] == ["misset-seed-value"] * (not count), words
    assert drawn_anew in [finder for stage in STAGES for module in stage for finder in module.FINDERS]


@pytest.mark.simulator
@pytest.mark.parametrize(("edit", "proven"), [("one zone stays", False), ("a block stays", True)])
def test_a_region_that_may_as_well_be_a_reflection_is_no_proof(tmp_path, edit, proven):
    """Each pixel has the value of its nearest reflection. What is left of them is one whole reflection, or a block that
    cuts several; the images alone tell the second, and the first as well as another list of F would."""
    words = ("-cell 40 40 40 90 90 90 -default_F 1 -lambda 1 -distance 100 -pixel 0.5 -detpixels 60 -N 5 "
             "-misset 10 20 30").split()
    blank = Question(np.ones((60, 60), "f4"), np.zeros((60, 60), "f4"), words, tmp_path)
    slow, fast = np.divmod(np.arange(3600), 60)
    zone = np.round(blank.lattice.indices(blank.detector, fast, slow, 0.0)).astype(int)
    _, which = np.unique(zone, axis=0, return_inverse=True)
    reference = (5.0 + which.ravel() % 7).reshape(60, 60).astype("f4")
    kept = which.ravel() == which.ravel()[20 * 60 + 40] if edit == "one zone stays" else \
        (slow > 20) & (slow < 50) & (fast > 10) & (fast < 50)
    if not proven:  # dark around it, as where no other reflection is listed near
        box = np.zeros((60, 60), bool)
        rows, columns = np.nonzero(kept.reshape(60, 60))
        box[rows.min():rows.max() + 1, columns.min():columns.max() + 1] = True
        reference[box & ~kept.reshape(60, 60)] = 0
    subject = np.where(kept.reshape(60, 60), reference, 0).astype("f4")
    found = {cause.id: cause for cause in diagnose(Question(reference, subject, words, tmp_path),
                                                   DiagnosisOptions(quick=True)).causes}
    assert found["roi-only"].proven == proven


@pytest.mark.parametrize("header", [512, 514, 20])
def test_a_header_before_an_image_that_is_its_own_mirror_image_is_no_flip(header):
    """Every value stands there twice, so that none is found again at one place."""
    whole = spots()
    whole[:, FAST // 2:] = whole[:, :FAST // 2][:, ::-1]
    subject = float_bytes(b"HEADER_BYTES=512; ".ljust(header) + whole.tobytes())
    _, found = causes(subject, whole)
    assert (found[0].id, found[0].proven) == ("header-bytes", True) and f"{header:+d} bytes" in found[0].sentence


def test_repeated_rows_are_told_where_some_of_them_repeat_a_dark_one():
    """And where a row is like the repeated one before it by the symmetry of the image."""
    whole = spots()
    whole[:12] = whole[30:34] = 0
    whole[55] = whole[57]
    rows = np.arange(2, SLOW, 4)
    subject = whole.copy()
    subject[rows] = whole[rows - 1]
    assert not subject[34].any() and whole[34].any()
    _, found = causes(subject, whole)
    assert (found[0].id, found[0].proven) == ("lines-repeated", True)
    assert found[0].sentence.startswith("14 rows of the subject, from 14 on")


def test_a_bilinear_shift_of_a_smooth_image_with_a_hard_edge_is_told():
    """Within, many kernels do the same; only a bilinear one does it at the edge as well."""
    y, x = np.mgrid[:SLOW, :FAST]
    whole = (200 + np.exp(-((y - 35) ** 2 + (x - 40) ** 2) / 5000) * 100).astype("<f4")
    whole[:17] = whole[:, :15] = 0
    _, found = causes(ndimage.shift(whole.astype("f8"), (0.406, 0.235), order=1, mode="nearest"), whole)
    assert (found[0].id, found[0].proven) == ("sub-pixel-shift", True)
    assert "+0.235 pixels along fast and +0.406 along slow, by bilinear" in found[0].sentence
