"""The first screen of a page by what was decided: who decided, where, by what claim, and what can be done next."""

import html
import re
from types import SimpleNamespace

import numpy as np
import pytest

from nbcompare.case.threshold import Threshold
from nbcompare.commands.views.page.bars import WIDTH, Decades, bar_of, drawing, factor_of, in_order, legend, scale_of
from nbcompare.commands.views.page.crops import crops
from nbcompare.commands.views.page.decided import decided
from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.verdict.verdict import Check, judge
from tests.nbcompare.commands.test_html_report import page_of
from tests.nbcompare.verdict.test_claimed_cases import CLAIM

STRICT = "thresholds:\n  - {metric: max_abs_diff, max: 1, why: exact}\n"


@pytest.fixture
def shown(nb, fake, small_case, tmp_path, quick_runs):
    """Run the small case with some text changed or added; the verdict's word and what a reader of its page sees."""

    def call(reference, subject, *more, old="thresholds:\n", new="thresholds:\n", add=""):
        small_case.write_text(small_case.read_text().replace(old, new) + add)
        said = nb("run", small_case, "--c-bin", fake(reference), "--py-bin", fake(subject), "-q", "--fresh", "--format",
                  "json", *more)
        page = page_of(nb, said.json["bundle"], tmp_path)
        return SimpleNamespace(word=said.json["verdict"]["word"], page=html.unescape(page), bundle=said.json["bundle"])

    return call


@pytest.mark.parametrize("factor, said", [(1.02, ""), (5000.0, "on its own scale: 5,000 × the reference"),
                                          (2e-4, "on its own scale: 1/5,000 of the reference")])
def test_images_of_two_scales_get_one_each_and_say_so(factor, said):
    """On one scale the dimmer of the two would be black, and its spots could not be seen."""
    x = np.random.default_rng(1).exponential(size=(8, 9)).astype("f4")
    reference, subject = crops(ShownPair(x, x * np.float32(factor)), Roi("full", 0, 8, 0, 7))[:2]
    assert subject.note == said and reference.note == ""
    assert (reference.shade == subject.shade) is not bool(said)
    if said:
        assert reference.address == subject.address, "the same pattern looks the same"


def sentence(page):
    return re.search('<p id="reason">(.*?)</p>', page)[1]


def next_steps(page):
    return re.findall("<pre>(.*?)</pre>", page.partition("What to do next")[2].partition('id="thresholds"')[0])


def test_a_further_subject_that_decided_is_the_one_whose_image_is_shown(shown, nb, fake, small_case):
    """The subject itself gives the reference's image: there is nothing to diagnose, but to run the other one alone."""
    found = shown("good", "defect", "--py-args", "-phi 1", new=STRICT, add="subjects: {plain: -phi 0}\n")
    assert found.word == "FAIL" and "furthest off is max_abs_diff on full of plain: " in sentence(found.page)
    pictures = re.findall(r'class="picture" src="([^"]+)"[^>]*alt="([^"]+)', found.page)
    assert [title for _, title in pictures] == ["reference", "plain", "subject − reference", "plain − reference"]
    assert pictures[0][0] != pictures[1][0]
    assert next_steps(found.page) == [f"nb-compare run {small_case.name} '--py-args=-phi 0'"]
    alone = nb("run", small_case.name, "--py-args=-phi 0", "--c-bin", fake("good"), "--py-bin", fake("defect"), "-q")
    assert alone.code == 3 and "subject    defect.py" in alone.out


def test_a_claim_is_told_with_what_it_says_and_until_when(shown):
    proven = shown("defect", "physics", old="min: 0.99, max: 1.01", new="min: 0.999, max: 1.001",
                   add=CLAIM)
    assert proven.word == "PROVEN" and "bright-peak is proven to be all of it" in sentence(proven.page)
    assert ("bright-peak: the brightest pixel is too high. A defect of the reference, excused until 2099-12-31 by "
            "tests") in proven.page


def test_a_claim_that_is_not_proven_is_no_reason(shown):
    found = shown("defect", "physics", "--py-args", "-deaf", add=CLAIM)
    assert found.word == "NOT PROVEN"
    assert re.match(r"The images differ \(\d of 4 thresholds do not hold\), and bright-peak is not proven to be all of",
                    sentence(found.page))
    assert any(step.startswith("nb-compare diagnose ") for step in next_steps(found.page))


def test_what_is_proven_beside_a_claim_is_not_taken_for_the_claim(shown, monkeypatch):
    monkeypatch.setattr("nbcompare.run.judged.likely_cause", lambda *asked: "beside the claim, it is turned")
    found = shown("defect", "physics", "--py-args", "-deaf", add=CLAIM)
    assert found.word == "NOT PROVEN" and "<h2>Cause of what the claim does not explain</h2>" in found.page
    assert "<h2>Cause</h2>" not in found.page
    monkeypatch.setattr("nbcompare.run.judged.likely_cause", lambda *asked: "it is turned")
    assert "<h2>Cause</h2>" in shown("good", "bright", old=CLAIM, new="").page


def test_where_every_threshold_holds_there_is_nothing_to_diagnose(shown):
    found = shown("defect", "physics", "--c-args", "-phi 2", add=CLAIM)
    assert found.word == "CLAIM NOT NEEDED" and next_steps(found.page) == []
    assert "remove the claim" in found.page and "What is claimed" in found.page


def test_images_of_two_shapes_are_intact_evidence_with_a_page(shown, nb):
    found = shown("good", "twin", "--py-args", "-detpixels_x 8")
    assert found.word == "NOT COMPARABLE" and nb("verify", found.bundle).code == 0
    assert sentence(found.page) == "the reference is 9 x 7 pixels (fast x slow), the subject 8 x 7 pixels (fast x slow)"
    assert "allow --resample" in found.page


def test_a_folder_in_no_repository_is_said_to_be_in_none(shown):
    found = shown("good", "crash")
    assert "<td>repository of the project</td><td>none</td>" in found.page
    assert "What failed, and what it said last" in found.page


# --- where it was decided ----------------------------------------------------------------------------------------


def decided_of(reference, subject, rois, thresholds, off=0):
    comparison = compare_images(reference, subject, rois, further={(t.metric, t.roi) for t in thresholds})
    bars = sorted(map(bar_of, judge(comparison, thresholds).checks), key=lambda bar: -(bar.used or 0))
    bundle = SimpleNamespace(record=SimpleNamespace(comparison=comparison, further=SimpleNamespace(held=())))
    return decided(bundle, ShownPair(reference, subject), bars)


def exactly(*names):
    return [Threshold("max_abs_diff", name, None, 1.0, "exact") for name in names]


@pytest.fixture
def reference():
    """120 x 150 pixels, the brightest near a corner."""
    image = np.ones((120, 150), np.float32)
    image[110, 140] = 1000
    return image


def test_it_is_shown_where_the_figure_that_is_furthest_off_was_taken(reference):
    """Not where a smaller region is a little outside; of regions that are as far off as the whole frame the smallest.
    But the region that the sentence above names is shown, where it can be."""
    near, far = Roi("near", 0, 3, 0, 3), Roi("far", 60, 70, 60, 70)
    rois = [Roi.full(Shape(120, 150)), near, far]
    subject = reference.copy()
    subject[1, 2], subject[65, 66] = 40, 101
    found = decided_of(reference, subject, rois, exactly("full", "near", "far"))
    assert (found.region.name, found.of) == ("far", "")
    subject[1, 2] = 52  # half as far off counts as much
    assert decided_of(reference, subject, rois, exactly("full", "near", "far")).region.name == "near"
    assert decided_of(reference, subject, rois, exactly("far", "near")).region.name == "far"


def test_of_a_large_region_the_part_about_its_worst_pixel_is_shown(reference):
    subject = reference.copy()
    subject[20, 30] = 50
    part = decided_of(reference, subject, [Roi.full(Shape(120, 150))], exactly("full")).region
    assert (part.xmin, part.xmax, part.ymin, part.ymax) == (0, 95, 0, 95)


def test_of_identical_images_the_part_about_the_brightest_pixel_is_shown(reference):
    part = decided_of(reference, reference, [Roi.full(Shape(120, 150))], exactly("full")).region
    assert (part.xmin, part.xmax, part.ymin, part.ymax) == (54, 149, 24, 119)


# --- bars ------------------------------------------------------------------------------------------------------------


def bar(value, most=1.0, noise=None):
    return bar_of(Check(Threshold("max_abs_diff", "full", None, most, "w"), value, value <= most, None, noise))


def test_the_scale_holds_all_bars_but_is_not_stretched_by_what_no_limit_allows():
    assert (scale_of([bar(0.5)]).low, scale_of([bar(0.5)]).high) == (-2, 1)
    scale = scale_of([bar(2e5), bar(1.0, most=0.0), bar(3e-4, noise=2e-6)])
    assert (scale.low, scale.high) == (-7, 6)
    assert scale.x(1e-7) == 0 and scale.x(float("inf")) == 210


def test_a_bar_ends_where_its_share_is_and_is_red_beyond_the_limit():
    scale = scale_of([bar(0.5), bar(5.0)])
    limit = float(re.search(r'class="limit" x1="([\d.]+)"', drawing(bar(0.5), scale))[1])
    for value, kind in ((0.5, "holds"), (5.0, "fails")):
        found = re.search(r'rect class="(\w+)" x="0" y="4.0" width="([\d.]+)"', drawing(bar(value), scale))
        assert found[1] == kind and (float(found[2]) > limit) == (kind == "fails")
    assert "<rect" not in drawing(bar(0.0), scale) and "noise" not in drawing(bar(0.5), scale)
    noisy = re.search(r'class="noise" d="M([\d.]+) ', drawing(bar(0.5, noise=0.1), scale))
    assert float(noisy[1]) == pytest.approx(scale.x(0.1), abs=0.05)


def test_what_does_not_hold_stands_first_and_then_what_is_nearest_to_its_limit():
    undefined = bar_of(Check(Threshold("max_abs_diff", "full", None, 1.0, "w"), None, False, "no signal", None))
    ordered = in_order([bar(0.1), bar(5.0), bar(0.9), undefined, bar(50.0)])
    assert [found.check.value for found in ordered] == [None, 50.0, 5.0, 0.9, 0.1]


@pytest.mark.parametrize(("value", "most", "words"), [
    (0.5, 1.0, "2\xa0× below its limit"), (3.0, 1.0, "3\xa0× over its limit"), (0.0, 1.0, "no difference"),
    (1.0, 0.0, "nothing is allowed")])
def test_a_margin_is_told_in_words(value, most, words):
    assert bar(value, most).margin == words


def test_factors_have_few_digits():
    assert [factor_of(times) for times in (1.26, 12.4, 3440, 9.9e8, 1.3e10)] == [
        "1.3\xa0×", "12\xa0×", "3,400\xa0×", "990,000,000\xa0×", "1.3e+10\xa0×"]


def test_an_engine_that_said_nothing_leaves_something_to_do(shown):
    """Why is no step: what to type follows it."""
    page = shown("good", "good", "--py-bin", "/bin/false").page
    steps = page.partition("What to do next")[2].partition('id="thresholds"')[0]
    assert "the subject printed nothing; nb-compare run CASE --dry-run" in steps


@pytest.mark.parametrize(("low", "high"), [(-5, 1), (-5, 2), (-5, 4), (-5, 5), (-5, 9), (-2, 9)])
def test_no_label_of_the_scale_of_bars_is_cut_or_touches_another(low, high):
    """Seven pixels a digit, about the place that its anchor says, and six between two of them."""
    labels = re.findall('<text x="([^"]+)" y="11" text-anchor="([^"]+)">([^<]+)<', legend(Decades(low, high)))
    assert len(labels) > 1
    before = -6.0
    for at, anchor, said in labels:
        left = float(at) - {"start": 0, "middle": 0.5, "end": 1}[anchor] * 7 * len(said)
        assert left >= before + 6 and left + 7 * len(said) <= WIDTH
        before = left + 7 * len(said)
