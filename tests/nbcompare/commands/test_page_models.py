"""The models that a page draws are such as Bokeh itself reads, each written once."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from nbcompare.bundle.names import RADIAL_PROFILE
from nbcompare.commands.views.page.bokeh_document import document
from nbcompare.commands.views.page.distributions import bright_pixels
from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.commands.views.page.plots import _lines, _of_pixels, _of_rings, _resolutions
from nbcompare.commands.views.page.viewer import panes
from nbcompare.commands.views.page.whole_page import data_block


@pytest.fixture(scope="module")
def read_back():
    """The document of three panes and four plots, as Bokeh reads it; it refuses what is no attribute or has no such
    value."""
    Document = pytest.importorskip("bokeh.document", reason="pip install 'nb-compare[report]'").Document

    reference = np.linspace(1, 2, 64, dtype=np.float32).reshape(8, 8)
    pair = ShownPair(reference, reference * np.linspace(1, 1.1, 8, dtype=np.float32))
    plots = {plot.place: plot.model for plot in _of_pixels(bright_pixels(pair))}
    lines = _lines("x", "y", [1, 2, 3], {"a": [1.0, None, 3.0], "b": [2.0, 2.0, 2.0]})
    text = data_block(document({**panes(pair), **plots, "plot-lines": lines}))
    held = json.loads(text)
    settings = {"type": "object", "name": "DocumentConfig", "id": "p1"}  # which Bokeh's script can do without
    found = Document.from_json(held["documents"]["page"] | {"version": "none", "config": settings})
    return found, held["items"][0]


def test_every_root_has_its_place(read_back):
    found, item = read_back
    assert [root.id for root in found.roots] == item["root_ids"] == list(item["roots"])
    assert list(item["roots"].values()) == ["pane-left", "pane-middle", "pane-right", "plot-density", "plot-ratio",
                                            "plot-noise", "plot-lines"]


def test_panes_share_their_ranges_and_their_data(read_back):
    left, middle, right = read_back[0].roots[:3]
    assert left.x_range is middle.x_range is right.x_range and left.y_range is right.y_range
    assert (left.y_range.start, left.y_range.end) == (7.5, -0.5)
    images = [pane.renderers[0] for pane in (left, middle, right)]
    assert images[0].data_source is images[2].data_source and images[2].glyph.image.field == "right"
    assert images[0].glyph.color_mapper is images[1].glyph.color_mapper is not images[2].glyph.color_mapper
    assert left.toolbar.active_scroll is left.toolbar.tools[1] and left.toolbar.logo is None


def test_a_line_has_a_gap_where_there_is_no_number_and_two_have_a_legend(read_back):
    plot = read_back[0].roots[-1]
    y = plot.renderers[0].data_source.data["y"]
    assert (y[0], y[2]) == (1, 3) and np.isnan(y[1])
    assert [item.label.value for item in plot.center[0].items] == ["a", "b"]
    assert plot.center[0].items[1].renderers[0] is plot.renderers[2]
    assert plot.renderers[2].glyph.line_dash == [6]


def test_data_of_a_page_cannot_end_their_element():
    value = {"</script>": ["<!--", "a & b", "\u2028\u2029"]}
    text = data_block(value)
    assert json.loads(text) == value and not set("<>&\u2028\u2029") & set(text)


def test_profiles_are_means_of_rings_on_a_logarithmic_scale(tmp_path):
    """Of two rings of 10 and 20 pixels; a third has none."""
    def ring(start, pixels, reference, subject):
        return {"from_px": start, "to_px": start + 1, "pixels": pixels, "reference_sum": reference,
                "subject_sum": subject, "ratio": subject / reference if reference else None}

    rings = [ring(0, 10, 100.0, 200.0), ring(1, 20, 20000.0, 20000.0), ring(2, 0, 0.0, 0.0)]
    (tmp_path / RADIAL_PROFILE).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / RADIAL_PROFILE).write_text(json.dumps({"regions": {"full": rings}, "centre_px": [0, 0]}))
    ratio, radial = _of_rings(SimpleNamespace(folder=tmp_path), None)
    assert ratio.reading.startswith("Ring by ring the ratio of sums lies between 1 and 2")
    y = [line.attributes["data_source"].attributes["data"]["y"] for line in radial.model.attributes["renderers"][::2]]
    assert y[0][:2] == [1.0, 3.0] and y[1][0] == pytest.approx(np.log10(20)) and np.isnan(y[0][2])


def test_rings_stand_at_one_over_the_spacing_that_bragg_gives():
    """A metre away, a ring of tan 30 degrees: d = lambda / (2 sin 15 degrees)."""
    geometry = {"origin": [0, 0, 1], "fast": [1, 0, 0], "slow": [0, 1, 0], "beam": [0, 0, 1], "pixel": 1e-3,
                "wavelength": 1e-10}
    radius = 1000 * math.tan(math.radians(30))
    (found,), label = _resolutions([radius], (-0.5, -0.5), geometry)
    assert (found, label) == (pytest.approx(2 * math.sin(math.radians(15))), "1 / d (1/Å)")
    assert _resolutions([radius], (0, 0), None) == ([radius], "radius (pixels)")


def test_an_image_is_read_as_it_was(read_back):
    density = read_back[0].roots[3].renderers[0]
    (image,) = density.data_source.data["image"]
    assert image.shape == (120, 120) and np.nansum(10**image) == pytest.approx(64) and np.isnan(image).any()
