"""The page of a bundle in a real browser: what a person can do with it, and what it never does.

All tests share one browser, and most of them one page: of a small failing case, in whose middle pixel the subject is
5 % too bright. What is marked in images is in test_marks_in_browser.py.
"""

from pathlib import Path

import numpy as np
import pytest

from nbcompare.cli import run
from tests.nbcompare.commands.browser import Opened, mark, viewed
from tests.nbcompare.conftest import FAKES, SMALL_CASE

pytestmark = pytest.mark.browser

MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
BRIGHTEST = (4, 3)
"""(fast, slow) of the pixel that differs: the middle one of 9 x 7."""
GEOMETRY = ("-lambda 1.2 -distance 50 -pixel 0.5 -cell 40 50 60 80 95 100 -misset 10 20 30 -default_F 1 -N 3 "
            "-osc 30 -phisteps 3 -detector_rotx 20")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a page of a small case whose title is hostile."""
    folder = tmp_path_factory.mktemp("page")
    case = folder / "small.yaml"
    case.write_text(SMALL_CASE.replace("a 9 x 7 image of fake engines", f"'a {MARKUP} image'")
                    .replace("-flux 1e18", f"-flux 1e18 {GEOMETRY}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(["run", str(case), "--c-bin", str(FAKES / "good.py"), "--py-bin", str(FAKES / "defect.py"), "-q"])
        bundle = next(folder.glob("bundles/small/2*"))
        assert run(["report", str(bundle), "--html", str(folder / "page.html")]) == 0
    return folder / "page.html"


@pytest.fixture(scope="module")
def opened(browser, made):
    return Opened(browser, made).ready()


@pytest.fixture
def keys(opened):
    """The page with its focus on the images, looking at the whole frame."""
    opened.page.locator("#viewer").focus()
    opened.page.keyboard.press("0")
    yield opened
    assert opened.said == [] and opened.asked == []


def test_every_plot_is_drawn_and_read_in_a_line(opened):
    read = opened.page.locator(".plots > div")
    drawn = opened.page.locator(".plots canvas")
    assert read.count() >= 7 and drawn.count() >= 7
    assert "The middle ratio is 1; " in opened.text("#plots + .plots")


@pytest.mark.parametrize("width", [1400, 1200, 420])
def test_nothing_lies_over_a_neighbour_or_beyond_the_window(opened, width):
    """Plots are as wide as their place, and the margins of the thresholds are seen without moving the table."""
    opened.page.set_viewport_size({"width": width, "height": 1000})
    try:
        opened.page.wait_for_function("() => [...document.querySelectorAll('.plots > div')].every(place => "
                                      "[...place.children].every(child => child.scrollWidth <= place.clientWidth + 1))",
                                      timeout=10_000)
        assert opened.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        for margin in opened.page.locator("table.used").first.locator("td.m").all():
            assert margin.bounding_box()["x"] + margin.bounding_box()["width"] <= width
        sums = opened.page.locator("td.hash")  # of 64 digits: a few lines, not one for each of them
        assert sums.count() and all(cell.bounding_box()["height"] < 150 for cell in sums.all())
    finally:
        opened.page.set_viewport_size({"width": 1400, "height": 1000})


def test_the_first_screen_decides(opened):
    assert opened.text("#decision strong") == "FAIL"
    assert "thresholds do not hold" in opened.text("#reason")
    below = opened.page.evaluate("() => document.querySelector('#thresholds').getBoundingClientRect().top")
    assert below < 1000


def test_text_of_strangers_is_text(keys):
    assert keys.page.evaluate("() => document.querySelectorAll('img[src=x]').length") == 0
    assert MARKUP in keys.text("#decision .what")
    refused = keys.page.evaluate("""() => { const s = document.createElement('script');
        s.textContent = 'window.ran = 1'; document.body.appendChild(s); return window.ran === undefined; }""")
    keys.said.clear()  # that a script was refused is told on the console
    assert refused


def test_the_page_may_fetch_nothing(opened):
    got = opened.page.evaluate("() => fetch('http://localhost:9/').then(() => 'fetched', () => 'refused')")
    opened.said.clear()
    assert got == "refused" and opened.asked == []


def test_the_value_of_a_known_pixel_is_read(keys):
    keys.page.keyboard.press("n")
    said = keys.text("#readout")
    assert f"fast {BRIGHTEST[0]}  slow {BRIGHTEST[1]}  reference 1000  subject 1050  difference 50  ratio 1.05" in said
    keys.page.keyboard.press("ArrowRight")
    assert f"fast {BRIGHTEST[0] + 1}  slow {BRIGHTEST[1]}" in keys.text("#readout")


def test_angle_resolution_and_indices_are_those_of_the_description(keys):
    """Both programs say of ``-detpixels_x 9 -detpixels_y 7 GEOMETRY -describe_pixel 4 3 -describe_pixel 8 0
    -describe_phistep 1`` (the middle one of three): 2 theta 0.810231 and 2.862405 degrees, 84.85918 and 24.02248 A,
    indices 0.281782 0.346660 -0.224872 and -0.232228 1.490886 2.025883."""
    keys.page.keyboard.press("n")
    assert keys.text("#readout").endswith("  2θ 0.810°  d 84.859 Å  hkl 0.282 0.347 -0.225")
    for key in ["Shift+ArrowUp", "Shift+ArrowRight"]:
        keys.page.keyboard.press(key)
    said = keys.text("#readout")
    assert said.startswith("fast 8  slow 0 ") and said.endswith("  2θ 2.862°  d 24.022 Å  hkl -0.232 1.491 2.026")


def test_the_mouse_reads_the_pixel_that_is_under_it(keys):
    """The middle of a pane is the middle of the frame, whose pixel is the brightest one. A click sets the cursor
    there, from which the arrow keys go on."""
    keys.page.locator("#pane-left").scroll_into_view_if_needed()
    inside = keys.page.evaluate("""() => { const view = Bokeh.index.roots.find((v) => v.model.name === 'left');
        const frame = view.frame.bbox, box = view.el.getBoundingClientRect();
        return [box.left + frame.left + frame.width / 2, box.top + frame.top + frame.height / 2]; }""")
    keys.page.mouse.move(inside[0] - 30, inside[1])
    keys.page.mouse.move(*inside)
    keys.page.wait_for_function("() => document.getElementById('readout').textContent.startsWith('fast 4  slow 3 ')")
    keys.page.evaluate("() => { nbViewer.state.cursor = null; }")
    keys.page.mouse.click(*inside)
    keys.page.wait_for_function("() => String(nbViewer.state.cursor) === '4,3'", timeout=5000)
    assert mark(keys, "cursor") == {"x": [4], "y": [3]}


def test_panes_zoom_and_move_together(keys):
    before = keys.state("x.end") - keys.state("x.start")
    keys.page.keyboard.press("+")
    assert keys.state("x.end") - keys.state("x.start") == pytest.approx(before / 2)
    assert keys.state("y.start") - keys.state("y.end") == pytest.approx(before / 2)  # the first row stays at the top
    keys.page.keyboard.press("-")
    assert keys.state("x.end") - keys.state("x.start") == pytest.approx(before)
    ranges = keys.page.evaluate("""() => Bokeh.index.roots.filter((v) => v.model.x_range?.name === 'x')
        .map((v) => [v.model.x_range.id, v.model.y_range.id].join())""")
    assert len(ranges) == 3 and len(set(ranges)) == 1


def test_blink_and_swipe_show_one_image_in_place_of_the_other(keys):
    """The first blinks twenty times as fast here, and not any more when it is left; the second follows its slider."""
    keys.page.evaluate("() => { const real = setInterval; window.setInterval = (act, ms) => real(act, ms / 20); }")
    keys.page.keyboard.press("b")
    keys.page.wait_for_function("() => document.getElementById('title-middle').textContent === 'blink: reference'")
    keys.page.keyboard.press("s")
    assert keys.text("#title-middle") == "subject | reference" and keys.page.locator("#swipe").is_visible()
    for place, is_reference in (("0", True), ("1000", False)):
        keys.page.locator("#swipe").fill(place)
        assert keys.page.evaluate("() => { const {left, middle} = Bokeh.documents[0].get_model_by_name('images').data;"
                                  " return left[0].every((value, i) => value === middle[0][i]); }") == is_reference
    keys.page.locator("#viewer").focus()
    keys.page.keyboard.press("s")
    assert keys.text("#title-middle") == "subject"
    assert not keys.page.evaluate("""() => new Promise((done) => { let other = false;
        setTimeout(() => done(other), 120);
        for (let at = 5; at < 120; at += 5)
            setTimeout(() => { other ||= nbViewer.state.shown !== 'subject'; }, at); })""")  # the blink was not left on


def test_scale_limits_and_differences_are_chosen(keys):
    keys.page.keyboard.press("2")
    assert keys.page.locator("#scale").input_value() == "linear"
    keys.page.locator("#high").fill("500")
    keys.page.locator("#high").press("Enter")
    assert keys.state("limits.high") == 500 and "500" in keys.text("#labels-left")
    for name, typed, holds in (("low", "100", "100"), ("high", "50", "500"), ("low", "600", "100")):
        keys.page.locator(f"#{name}").fill(typed)
        keys.page.locator(f"#{name}").press("Enter")
        assert (keys.page.locator(f"#{name}").input_value(), keys.state(f"limits.{name}")) == (holds, int(holds))
    keys.page.locator("#viewer").focus()
    keys.page.keyboard.press("d")
    assert keys.text("#title-right") == "subject ÷ reference" and "1.05" in keys.text("#labels-right")
    for typed, holds in (("x", 1.04999995), ("0.5", 1.04999995), ("1.0000004", 1.0000004)):  # 1.05 in float32 is kept
        keys.page.locator("#limit").fill(typed)
        keys.page.locator("#limit").press("Enter")
        assert keys.state("limits.limit.ratio") == pytest.approx(holds, rel=5e-9)
        assert keys.page.locator("#limit").input_value() == f"{holds}"
    assert keys.text("#labels-right") == "1 − 4e-71" + "1 + 4e-7"
    keys.page.locator("#viewer").focus()
    for key in "dd13":
        keys.page.keyboard.press(key)
    assert keys.page.locator("#scale").input_value() == "asinh"


@pytest.mark.parametrize(("chosen", "bar"), [("brightness", "left"), ("diverging", "right")])
def test_another_map_of_colours_is_that_of_the_images_and_of_the_bar_below(keys, chosen, bar):
    def colours():
        of_bar = keys.page.evaluate("""(bar) => { const copy = document.createElement('canvas');
            const pen = copy.getContext('2d', {willReadFrequently: true});
            pen.drawImage(document.getElementById('bar-' + bar), 0, 0);
            return Array.from(pen.getImageData(40, 0, 1, 1).data); }""", bar)
        model = ("brightness" if chosen == "brightness" else "difference") + " colours"
        of_images = keys.page.evaluate("(name) => Bokeh.documents[0].get_model_by_name(name).palette[40]", model)
        assert of_images in (f"#{bytes(of_bar[:3]).hex()}", int.from_bytes(bytes(of_bar), "big"))
        return of_bar

    first = colours()
    keys.page.locator(f"#{chosen}").select_option(index=1)
    assert colours() != first
    keys.page.locator(f"#{chosen}").select_option(index=0)
    assert colours() == first


def test_a_click_in_the_table_jumps_to_the_worst_pixel(keys):
    keys.page.locator("#worst button[aria-label='look at worst place 1']").click()
    assert f"fast {BRIGHTEST[0]}  slow {BRIGHTEST[1]} " in keys.text("#readout")
    assert (keys.state("x.start") + keys.state("x.end")) / 2 == BRIGHTEST[0]


def test_a_table_is_sorted_by_the_head_of_a_column(keys):
    table = keys.page.locator("table.sortable", has_text="why this number").first
    head = table.get_by_role("button", name="metric")
    rows = table.locator("td:nth-child(2)").all_text_contents()
    head.focus()
    keys.page.keyboard.press("Enter")
    assert table.locator("td:nth-child(2)").all_text_contents() == sorted(rows)
    keys.page.keyboard.press("Enter")
    assert table.locator("td:nth-child(2)").all_text_contents() == sorted(rows, reverse=True)


def test_a_command_is_copied(keys):
    assert keys.page.evaluate("""() => new Promise((done) => { const button = document.querySelector("button.copy");
        new MutationObserver(() => done(button.textContent)).observe(button, {childList: true}); button.click(); })"""
                              ) == "copied"


def test_the_index_leads_to_the_page_of_a_run_by_keys_alone(browser, made):
    """Nothing in it is a script; what strangers named is text, and a row opens and a link is followed by Enter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.parent)
        assert run(["index", "--pages", "1"]) == 0
    found = Opened(browser, made.parent / "bundles" / "index.html")
    assert found.page.locator("script, img[src=x]").count() == 0 and MARKUP in found.page.content().replace(
        "&lt;", "<").replace("&gt;", ">")
    found.page.set_viewport_size({"width": 420, "height": 900})  # margins and verdicts over time are seen there too
    for cell in found.page.locator(".cases td.title, .cases .chip, .cases .strip").all():
        assert cell.bounding_box()["x"] + cell.bounding_box()["width"] <= 420
    details = found.page.locator("details").last  # open, as there is one case alone
    details.locator("summary").first.focus()
    for is_open in (False, True):
        found.page.keyboard.press("Enter")
        assert (details.get_attribute("open") is not None) == is_open
    link = found.page.locator("a[href$='.html']").last
    link.focus()
    found.page.keyboard.press("Enter")
    found.ready()
    assert found.text("#decision strong") == "FAIL"
    assert found.said == [] and found.asked == []
    found.page.close()


def test_the_page_prints_its_pictures_and_tables(browser, made):
    """On paper there are no buttons, what is folded on the screen is open, and plots are whole, one below another."""
    found = Opened(browser, made).ready()
    found.page.emulate_media(media="print")
    assert not any(found.page.locator(name).first.is_visible() for name in (".controls", "button.copy", "#viewer"))
    assert all(found.page.locator(name).first.is_visible() for name in ("img.picture", "svg.bar rect"))
    plots = [place.bounding_box() for place in found.page.locator(".plots > div > div").all()]
    assert len(plots) >= 7 and all(plot and plot["height"] > 200 for plot in plots)
    assert len({plot["x"] for plot in plots}) == 1
    folded = found.page.locator("details:not([open])").last
    assert folded.locator("table").is_visible()
    found.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert found.page.locator("details:not([open])").count() == 0
    found.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert found.page.locator("details:not([open])").count() > 0
    found.page.close()


def test_of_identical_images_no_scale_of_a_difference_is_shown(browser, tmp_path, monkeypatch):
    """A bar of colours from -1 to 1 beside an empty pane would promise a difference."""
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.arange(20, dtype=np.float32).reshape(4, 5))
    Path("b.npy").write_bytes(Path("a.npy").read_bytes())
    run(["images", "a.npy", "b.npy", "-q"])
    assert run(["report", "images", "--html", "page.html"]) == 0
    found = Opened(browser, tmp_path / "page.html").ready()
    assert found.text("#title-right") == "subject − reference: no pixel differs"
    assert [found.page.locator(name).is_visible() for name in ("#bar-right", "#labels-right", "#limit", "#bar-left")] \
        == [False, False, False, True]
    assert found.said == [] and found.asked == []
    found.page.close()


@pytest.fixture(scope="module")
def several(browser, tmp_path_factory):
    """A case of two subjects, of which the second gives the reference's image."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "small.yaml").write_text(SMALL_CASE + "subjects: {turned: -phi 1}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(["run", "small.yaml", "--c-bin", str(FAKES / "good.py"), "--py-bin", str(FAKES / "defect.py"), "-q"])
        assert run(["report", str(next(folder.glob("bundles/small/2*"))), "--html", "page.html"]) == 0
    with viewed(browser, folder / "page.html") as found:
        yield found


def test_each_of_several_subjects_can_be_looked_at(several):
    """Images, marks, read-out and worst places are those of the subject that is chosen, at the same place."""
    fast, slow = BRIGHTEST
    several.page.keyboard.press("n")
    assert f"fast {fast}  slow {slow}  reference 1000  subject 1050 " in several.text("#readout")
    titles = [several.page.locator(".worst h3").nth(at) for at in (0, 1)]
    assert [title.is_visible() for title in titles] == [True, False]
    several.page.keyboard.press("u")
    assert f"fast {fast}  slow {slow}  reference 1000  turned 1000  difference 0 " in several.text("#readout")
    assert [several.text(f"#title-{pane}") for pane in ("middle", "right")] == [
        "turned", "turned − reference: no pixel differs"]
    assert [title.is_visible() for title in titles] == [False, True]
    assert titles[1].text_content() == "Where they differ most: turned"
    assert len(mark(several, "worst")["x"]) == 0
    several.page.locator("#of").select_option("subject")
    assert "subject 1050 " in several.text("#readout") and len(mark(several, "worst")["x"]) == 1


def test_a_large_frame_is_read_in_blocks_and_pixel_by_pixel_where_it_differs(browser, tmp_path, monkeypatch):
    """900 x 300 pixels are shown in blocks of 3 x 3; the pixel that differs, and those about it, as they are."""
    monkeypatch.chdir(tmp_path)
    reference = np.arange(900 * 300, dtype=np.float32).reshape(300, 900)
    subject = reference.copy()
    subject[20, 700] += 1000
    for name, image in (("a", reference), ("b", subject)):
        np.save(f"{name}.npy", image)
    run(["images", "a.npy", "b.npy", "-q"])
    assert run(["report", "images", "--html", "page.html"]) == 0
    found = Opened(browser, tmp_path / "page.html").ready()
    assert "in blocks of 3 × 3 pixels; at full resolution: about the worst places." in found.text("body")
    found.page.locator("#viewer").focus()
    found.page.keyboard.press("n")
    assert found.text("#readout").startswith(
        "fast 700  slow 20  reference 18700  subject 19700  difference 1000  ratio 1.0534759")
    for _ in range(10):
        found.page.keyboard.press("Shift+ArrowLeft")
    assert found.text("#readout").startswith(
        "fast 600  slow 20 (maximum of 3 × 3)  reference 18602  subject 18602  difference 0  ratio 1")
    found.page.locator("#reduced").select_option("mean")
    found.page.locator("#viewer").focus()
    found.page.keyboard.press("ArrowRight")
    assert found.text("#readout").startswith("fast 601  slow 20 (mean of 3 × 3)  reference 17701  subject 17701 ")
    assert found.said == [] and found.asked == []
    found.page.close()


def test_pictures_tables_and_verdict_stay_where_scripts_are_blocked(browser, made):
    found = Opened(browser, made, java_script_enabled=False)
    assert found.page.locator("img.picture").count() == 4 and found.page.locator("#viewer").is_hidden()
    assert found.page.locator("svg.bar rect").count() >= 1
    assert found.page.locator("noscript").first.is_visible()
    assert found.said == [] and found.asked == []
    found.page.close()
