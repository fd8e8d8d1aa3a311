"""The plots of a page, by Bokeh, each with its reading in one line; the readings stay where scripts are blocked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbcompare.bundle import strict_json
from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.manifest import read_text
from nbcompare.bundle.names import RADIAL_PROFILE
from nbcompare.commands.views.page import distributions
from nbcompare.commands.views.page.bokeh_document import Model, drawn, source
from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.commands.views.page.viewer import palette
from nbcompare.errors import FileError

_BLUE, _ORANGE = "#2f81d6", "#e07b00"


@dataclass(frozen=True)
class ReadPlot:
    """A plot with its place in the page, its title and what it says; ``model`` is for Bokeh, None to draw nothing."""

    place: str
    title: str
    reading: str
    model: Model | None


def plots(bundle: Bundle, pair: ShownPair, geometry: Mapping[str, Any] | None,
          trace: Mapping[str, Any] | None = None) -> list[ReadPlot]:
    """All plots of two images, in their order; the last one of a pixel whose trace was kept."""
    bright = distributions.bright_pixels(pair)
    found = [*_of_pixels(bright)] if len(bright.reference) else []
    found.append(_quantiles(pair))
    found += _of_rings(bundle, geometry)
    comparison = bundle.record.comparison
    centre = comparison.centre if comparison and comparison.centre else (
        (pair.shape.fast - 1) / 2, (pair.shape.slow - 1) / 2)
    angles, ratio, reading = distributions.sectors(bright, pair.shape.fast, centre)
    found.append(ReadPlot("plot-azimuth", "Ratio against azimuth", reading,
                          _lines("azimuth (degrees)", "subject / reference", angles, {"ratio": ratio})))
    return found + _of_phi_steps(trace or {})


def _of_pixels(bright: distributions.Bright) -> list[ReadPlot]:
    counts, ends, said = distributions.density(bright)
    edges, heights, of_ratio = distributions.ratios(bright)
    logs, noisy, of_noise = distributions.against_noise(bright)
    return [ReadPlot("plot-density", "Subject against reference", said, _density(counts, ends)),
            ReadPlot("plot-ratio", "Ratio of bright pixels", of_ratio,
                     _histogram(edges, heights, "subject / reference")),
            ReadPlot("plot-noise", "Difference against counting noise", of_noise,
                     _histogram(logs, noisy, "log10 of |difference| / √reference"))]


def _quantiles(pair: ShownPair) -> ReadPlot:
    shares, sizes, said = distributions.quantiles(pair)
    numbers = [math.log10(size) if size > 0 else None for size in sizes]
    ranks = [min(-math.log10(1 - share), 7.0) if share < 1 else 7.0 for share in shares]
    return ReadPlot("plot-quantiles", "Quantiles of the difference", said,
                    _lines("nines of the share of pixels (2: 99 %, 7: all)", "log10 of |difference| / peak",
                           ranks, {"no larger than": numbers}))


def _of_rings(bundle: Bundle, geometry: Mapping[str, Any] | None) -> list[ReadPlot]:
    """Radial profiles of the first region, from what the bundle holds of them."""
    try:
        stored = strict_json.loads(read_text(bundle.folder / RADIAL_PROFILE))
        rings = next(iter(stored["regions"].values()))
        middles = [(ring["from_px"] + ring["to_px"]) / 2 for ring in rings]
        sums = {role: [ring[f"{role}_sum"] / ring["pixels"] if ring["pixels"] else None for ring in rings]
                for role in ("reference", "subject")}
        ratio = [ring["ratio"] for ring in rings]
        centre = stored["centre_px"]
    except (FileError, ValueError, KeyError, TypeError, StopIteration):
        return []
    axis, label = _resolutions(middles, centre, geometry)
    known = [value for value in ratio if value is not None]
    said = f"Ring by ring the ratio of sums lies between {min(known):.8g} and {max(known):.8g}" if known else \
        "No ring has any photons"
    trend = "; a slope would tell of a falloff with resolution (absorption, solid angle, a B factor)." if known else "."
    logs = {role: [math.log10(value) if value and value > 0 else None for value in values]
            for role, values in sums.items()}
    return [ReadPlot("plot-resolution", "Ratio against resolution", said + trend,
                     _lines(label, "subject / reference", axis, {"ratio": ratio})),
            ReadPlot("plot-radial", "Radial profiles",
                     "Mean photons per pixel of each ring; two lines that cannot be told apart are one profile.",
                     _lines(label, "log10 of photons per pixel", axis, logs))]


def _resolutions(radii: Sequence[float], centre: Sequence[float], geometry: Mapping[str, Any] | None) \
        -> tuple[list[float], str]:
    """1/d of rings in 1/Å, by the detector along its fast axis; their radii in pixels where nothing is known of it."""
    if geometry is None:
        return list(radii), "radius (pixels)"
    origin, fast, slow = (np.array(geometry[key]) for key in ("origin", "fast", "slow"))
    beam = np.array(geometry["beam"]) / np.linalg.norm(geometry["beam"])
    found = []
    for radius in radii:
        at = origin + geometry["pixel"] * ((centre[0] + radius + 0.5) * fast + (centre[1] + 0.5) * slow)
        angle = math.acos(min(1.0, max(-1.0, float(at @ beam / np.linalg.norm(at)))))
        found.append(2 * math.sin(angle / 2) / (geometry["wavelength"] * 1e10))
    return found, "1 / d (1/Å)"


def _of_phi_steps(trace: Mapping[str, Any]) -> list[ReadPlot]:
    """What each phi step gives to the first traced pixel; none where its terms were not traced for several steps."""
    try:
        pixel = trace["pixels"][0]
        sums: dict[str, dict[int, float]] = {"reference": {}, "subject": {}}
        for entry in pixel["factors"]:
            if entry["name"] == _TERM and entry["reference"] and entry["subject"]:
                step = int(entry["index"][_PHI])
                for role, held in sums.items():
                    held[step] = held.get(step, 0.0) + float(entry[role][0])
        fast, slow = int(pixel["pixel"]["fast"]), int(pixel["pixel"]["slow"])
    except (KeyError, IndexError, TypeError, ValueError):
        return []
    steps = sorted(sums["reference"])
    if len(steps) < 2:
        return []
    apart = max(steps, key=lambda step: abs(sums["subject"][step] - sums["reference"][step]))
    same = sums["reference"] == sums["subject"]
    said = "every step gives the same in both" if same else (
        f"they differ most at step {apart}: {sums['reference'][apart]:.6g} against {sums['subject'][apart]:.6g}")
    return [ReadPlot("plot-phi", "Sum by phi step", f"Of the pixel fast {fast}, slow {slow}: {said}.",
                     _lines("phi step", "sum of the terms", steps,
                            {role: [held[step] for step in steps] for role, held in sums.items()}))]


_TERM, _PHI = "I_term", 4
"""The factor of a trace that is summed over everything, and the place of the phi step among its indices."""


# --- drawing ----------------------------------------------------------------------------------------------------


_TICKS = 4
"""Along the lower axis: more labels of nine digits would lie over each other."""


def _plot(x_label: str, y_label: str, renderers: Sequence[Model], **attributes: Any) -> Model:
    hover = Model("HoverTool", tooltips=[["x", "$x{0.000000}"], ["y", "$y{0.000000}"]])
    tools = [Model("PanTool"), Model("WheelZoomTool"), Model("ResetTool"), hover]
    below = Model("LinearAxis", axis_label=x_label, ticker=Model("BasicTicker", desired_num_ticks=_TICKS))
    return Model("Plot", x_range=Model("DataRange1d"), y_range=Model("DataRange1d"), height=280,
                 sizing_mode="stretch_width", toolbar_location="above", min_border=6,
                 toolbar=Model("Toolbar", tools=tools, logo=None), below=[below],
                 left=[Model("LinearAxis", axis_label=y_label)], renderers=list(renderers), **attributes)


def _lines(x_label: str, y_label: str, x: Sequence[float], lines: Mapping[str, Sequence[float | None]]) -> Model | None:
    if all(value is None for y in lines.values() for value in y):
        return None
    renderers, items = [], []
    for (name, y), colour in zip(lines.items(), (_BLUE, _ORANGE), strict=False):
        columns = source({"x": list(x), "y": [math.nan if value is None else value for value in y]})
        line = drawn(columns, "Line", x="x", y="y", line_color=colour, line_width=2,
                     line_dash="solid" if colour == _BLUE else "dashed")
        renderers += [line, drawn(columns, "Scatter", x="x", y="y", size=5, line_color=colour, fill_color=colour)]
        items.append(Model("LegendItem", label={"type": "value", "value": name}, renderers=[line]))
    legend = {"center": [Model("Legend", items=items, background_fill_alpha=0.6)]} if len(items) > 1 else {}
    return _plot(x_label, y_label, renderers, **legend)


def _histogram(edges: np.ndarray, counts: np.ndarray, label: str) -> Model | None:
    if not counts.any():
        return None
    columns = source({"left": edges[:-1].tolist(), "right": edges[1:].tolist(), "top": counts.tolist()})
    return _plot(label, "pixels", [drawn(columns, "Quad", left="left", right="right", top="top", bottom=0,
                                         fill_color=_BLUE, line_color=None)])


def _density(counts: np.ndarray, ends: tuple[float, float]) -> Model:
    low, high = ends
    with np.errstate(divide="ignore"):
        shown = np.where(counts > 0, np.log10(counts), np.nan).astype(np.float32)
    mapper = Model("LinearColorMapper", palette=palette("viridis"), low=0, high=float(np.nanmax(shown)) or 1.0,
                   nan_color="rgba(0,0,0,0)")
    image = source({"image": [shown], "x": [low], "y": [low], "side": [high - low]})
    diagonal = source({"x": [low, high], "y": [low, high]})
    return _plot("log10 of reference", "log10 of subject", [
        drawn(image, "Image", image="image", x="x", y="y", dw="side", dh="side", color_mapper=mapper),
        drawn(diagonal, "Line", x="x", y="y", line_color=_ORANGE, line_dash="dashed")])
