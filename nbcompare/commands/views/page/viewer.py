"""The images of a bundle to look into, by Bokeh: three panes with one pan and zoom, and all that is marked on them.

Here the panes are laid out and what they show is packed; viewer.js fills them, as every array is sent once and worked
out from there. Bokeh is the extra ``report``: without it nothing is made, and the page says so.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from nbcompare.bundle.bundle import Bundle
from nbcompare.commands.views.page.bokeh_document import Model, drawn, source
from nbcompare.commands.views.page.frames import carried, without_reference
from nbcompare.commands.views.page.further_subjects import pairs
from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.commands.views.page.places import geometry, outlines, peaks_again
from nbcompare.compare.image import Roi

MISSING = ("Images to look into and plots need Bokeh, which is not installed: pip install 'nb-compare[report]', then "
           "write this page again.")
_BRIGHTNESS = ("viridis", "cividis", "inferno", "gray")
_DIFFERENCE = ("RdBu_r", "PuOr_r", "BrBG_r")
_MOST_CHARACTERS = 5_500_000
"""Of all images that a page carries, so that with Bokeh and all else it stays below 8 MB."""

_SIDE = 405
"""Pixels of a pane on the screen."""


def viewer_data(bundle: Bundle, pair: ShownPair, peaks: Mapping[str, Any], of: str = "") -> dict[str, Any]:
    """What viewer.js reads beside the panes; ``of`` names the further subject to begin with, if any."""
    comparison = bundle.record.comparison
    rois = [region.roi for region in comparison.regions] if comparison else []
    subjects, left_out = _subjects(bundle, pair, peaks, rois)
    return {"fast": pair.shape.fast, "slow": pair.shape.slow, "subjects": subjects, "left_out": left_out,
            "begin": next((at for at, one in enumerate(subjects) if at and one["name"] == of), 0),
            "geometry": geometry(bundle, pair), "outlines": outlines(rois, Roi.full(pair.shape)),
            "brightness": {name: palette(name) for name in _BRIGHTNESS},
            "difference": {name: palette(name) for name in _DIFFERENCE}}


def _subjects(bundle: Bundle, pair: ShownPair, peaks: Mapping[str, Any], rois: Sequence[Roi]) \
        -> tuple[list[dict[str, Any]], list[str]]:
    """The images of the subject and of every other one, with where each differs most; and the names of those for which
    there is no room on the page."""
    first = carried(pair, rois)
    found, left_out, room = [{"name": "subject", **first, "peaks": peaks}], [], _MOST_CHARACTERS - _size(first)
    for name, other in pairs(bundle, pair).items():
        more = without_reference(carried(other, rois), first)
        room -= _size(more)
        if room < 0:
            left_out.append(name)
            room += _size(more)
        else:
            found.append({"name": name, **more, "peaks": peaks_again(bundle, other)})
    return found, left_out


def _size(images: Mapping[str, Any]) -> int:
    return sum(len(array) for tile in images["tiles"] for array in tile["arrays"].values())


@functools.cache
def palette(name: str) -> list[str]:
    """The 256 colours of that name, from those of Bokeh."""
    from bokeh import palettes

    whole = {"viridis": palettes.Viridis256, "cividis": palettes.Cividis256, "inferno": palettes.Inferno256,
             "gray": palettes.Greys256}
    classes = {"RdBu_r": palettes.RdBu11, "PuOr_r": palettes.PuOr11, "BrBG_r": palettes.BrBG11}
    return list(whole[name] if name in whole else palettes.interp_palette(classes[name], 256))


def panes(pair: ShownPair) -> dict[str, Model]:
    """The three panes by their places: reference, subject and what differs, over one pair of ranges."""
    slow, fast = pair.reference.shape
    side = max(slow, fast)
    x = Model("Range1d", start=(fast - side) / 2 - 0.5, end=(fast + side) / 2 - 0.5, name="x")
    y = Model("Range1d", start=(slow + side) / 2 - 0.5, end=(slow - side) / 2 - 0.5, name="y")
    images = source({key: [] for key in ("x", "y", "dw", "dh", "left", "middle", "right")}, name="images")
    marks = {name: source({key: [] for key in keys.split()}, name=name) for name, keys in _MARKS.items()}
    mappers = {name: Model("LinearColorMapper", palette=palette(colours), low=0, high=1, nan_color="#808080",
                           name=f"{name} colours")
               for name, colours in (("brightness", _BRIGHTNESS[0]), ("difference", _DIFFERENCE[0]))}
    return {f"pane-{column}": _pane(column, x, y, [
        drawn(images, "Image", x="x", y="y", dw="dw", dh="dh", image=column, color_mapper=mappers[kind]),
        *_drawn_marks(marks)]) for column, kind in (
        ("left", "brightness"), ("middle", "brightness"), ("right", "difference"))}


_MARKS = {"regions": "xs ys", "names": "x y name", "matched": "x y", "lost": "x y", "moved": "x0 y0 x1 y1",
          "worst": "x y", "cursor": "x y"}


def _pane(column: str, x: Model, y: Model, renderers: list[Model]) -> Model:
    wheel = Model("WheelZoomTool")
    tools = [Model("PanTool"), wheel, Model("BoxZoomTool", match_aspect=True), Model("ResetTool")]
    return Model("Plot", x_range=x, y_range=y, width=_SIDE, height=_SIDE, name=column, output_backend="canvas",
                 min_border=4, toolbar_location="above", renderers=renderers,
                 toolbar=Model("Toolbar", tools=tools, active_scroll=wheel, logo=None),
                 below=[Model("LinearAxis", axis_label="fast")], left=[Model("LinearAxis", axis_label="slow")])


def _drawn_marks(marks: dict[str, Model]) -> list[Model]:
    blue, orange, green = "#00b4ff", "#ff9500", "#00d084"
    return [
        drawn(marks["regions"], "MultiLine", xs="xs", ys="ys", line_color=blue, line_width=1.5),
        drawn(marks["names"], "Text", x="x", y="y", text="name", text_color=blue, text_font_size="11px"),
        drawn(marks["matched"], "Scatter", x="x", y="y", marker="circle", size=12, fill_alpha=0, line_color=green),
        drawn(marks["lost"], "Scatter", x="x", y="y", marker="x", size=12, line_color=orange, line_width=2),
        drawn(marks["moved"], "Segment", x0="x0", y0="y0", x1="x1", y1="y1", line_color=orange, line_width=2),
        drawn(marks["moved"], "Scatter", x="x1", y="y1", marker="triangle", size=7, fill_color=orange,
              line_color=orange),
        drawn(marks["worst"], "Scatter", x="x", y="y", marker="square", size=11, fill_alpha=0, line_color="#ff00c8"),
        drawn(marks["cursor"], "Scatter", x="x", y="y", marker="cross", size=22, line_color="#ffffff", line_width=3),
        drawn(marks["cursor"], "Scatter", x="x", y="y", marker="cross", size=22, line_color="#000000")]
