"""What the page of a bundle marks in its images, in a real browser: peaks that moved or are lost, masks, worst places.

All tests share the page of two image files with a mask, a peak that moved and one that is lost.
"""

import numpy as np
import pytest

from nbcompare.cli import run
from tests.nbcompare.commands.browser import mark, viewed

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def two_files(browser, tmp_path_factory):
    """Two images of 64 x 64: of four peaks the second moved by 2 pixels along fast, the third is lost; columns 0 to 2
    are masked in the reference, 0 to 3 in the subject. One pixel of none of these differs the most."""
    folder = tmp_path_factory.mktemp("files")
    slow, fast = np.mgrid[:64, :64]
    def peaks(*places):
        return sum(np.round(height * np.exp(-((fast - x)**2 + (slow - y)**2) / 4)) for x, y, height in places)
    reference = peaks((12, 10, 900), (30, 20, 800), (50, 50, 700), (20, 50, 600)).astype(np.float32)
    subject = peaks((12, 10, 900), (32, 20, 800), (20, 50, 600)).astype(np.float32)
    subject[40, 5] += 850
    reference[:, :3] = subject[:, :4] = -7
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, image in (("a", reference), ("b", subject)):
            np.save(f"{name}.npy", image)
        run(["images", "a.npy", "b.npy", "--mask-equals", "-7", "-q"])
        assert run(["report", "images", "--html", "page.html"]) == 0
    with viewed(browser, folder / "page.html") as found:
        yield found


def test_a_peak_that_moved_has_an_arrow_and_one_that_is_lost_a_cross(two_files):
    """The arrow points to where the peak is now, a whole number of times as far."""
    arrow = mark(two_files, "moved")
    assert [round(x) for x in arrow["x0"]] == [30] and [round(y) for y in arrow["y1"]] == [20]
    assert arrow["x1"][0] - arrow["x0"][0] == pytest.approx(2, abs=0.1)
    lost = mark(two_files, "lost")
    assert [(round(x), round(y)) for x, y in zip(lost["x"], lost["y"], strict=True)] == [(50, 50)]
    assert {round(x) for x in mark(two_files, "matched")["x"]} == {12, 20, 30}
    two_files.page.locator("[data-mark=peaks]").click()
    assert mark(two_files, "moved")["x0"] == mark(two_files, "lost")["x"] == mark(two_files, "matched")["x"] == []
    two_files.page.locator("[data-mark=peaks]").click()


def test_each_press_of_n_goes_to_the_next_worst_place_and_after_the_last_to_the_first(two_files):
    """As the table *Where they differ most* has them."""
    rows = two_files.page.locator("#worst tr").all()[1:]
    places = [tuple(cell.text_content() for cell in row.locator("td").all()[1:3]) for row in rows]
    assert len(set(places)) == len(places) > 2
    two_files.page.locator("#worst button[aria-label='look at worst place 1']").click()
    two_files.page.locator("#viewer").focus()
    for fast, slow in [*places[1:], places[0]]:
        two_files.page.keyboard.press("n")
        assert two_files.text("#readout").startswith(f"fast {fast}  slow {slow} ")
    two_files.page.evaluate("() => { nbViewer.state.rank = -1; nbViewer.state.cursor = null; }")


def test_masks_are_grey_until_they_are_switched_off(two_files):
    def shown(column):
        return two_files.page.evaluate("(column) => { const images = Bokeh.documents[0].get_model_by_name('images');"
                                       " return Array.from(images.data[column][0].slice(0, 5)).map(Number.isNaN); }",
                                       column)

    assert shown("left") == [True, True, True, False, False] and shown("middle") == [True, True, True, True, False]
    assert shown("right") == [True, True, True, True, False]
    two_files.page.locator("[data-mark=masks]").click()
    assert shown("left") == shown("middle") == [False] * 5
    two_files.page.locator("[data-mark=masks]").click()
    assert shown("left")[0]


def test_the_worst_pixel_is_jumped_to_and_a_masked_one_says_so(two_files):
    two_files.page.locator("#viewer").focus()
    two_files.page.keyboard.press("n")
    assert two_files.text("#readout").startswith("fast 5  slow 40  reference 0  subject 850  difference 850 ")
    assert [(two_files.state("x.start") + two_files.state("x.end")) / 2,
            (two_files.state("y.start") + two_files.state("y.end")) / 2] == [5, 40]
    for _ in range(2):
        two_files.page.keyboard.press("ArrowLeft")
    assert "(masked in the subject; stored: reference 0, subject -7)" in two_files.text("#readout")
    two_files.page.keyboard.press("ArrowLeft")
    assert "(masked in both; stored: reference -7, subject -7)" in two_files.text("#readout")
