"""Run hypotheses about where the detector is and what its pixels do: centre, convention, pivot, axes, switches."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from nbcompare.case.command import Command, Item
from nbcompare.case.options import option_named
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.causes import mistake_id
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.fit_parameters import beam_centre
from nbcompare.explain.diagnose.question import Question


def beam_centre_edits(question: Question) -> Iterator[Candidate]:
    """Half a pixel, one pixel, exchanged, taken for the near point."""
    centre = beam_centre(question)
    command = question.command
    for size, id, words in ((1.0, causes.BEAM_CENTRE_ONE_PIXEL, "one pixel"), (0.5, causes.BEAM_CENTRE_HALF_PIXEL,
                                                                               "half a pixel")):
        for dx, dy in itertools.product((-size, 0, size), repeat=2):
            if dx or dy:
                yield Candidate(id, f"the beam centre lies {words} off ({dx:+g} fast, {dy:+g} slow)",
                                centre.moved(command, dx, dy), 0.62 if dx and dy else 0.6, geometry=True)
    x, y = (command.find(name) for name in centre.names)
    if x and y and x.values != y.values:
        swapped = command.setting(centre.names[0], *y.values).setting(centre.names[1], *x.values)
        yield Candidate(causes.BEAM_CENTRE_SWAPPED, f"{x} {y}: X and Y are exchanged", swapped, 0.85, geometry=True)
    if command.has("-Xbeam", "-Ybeam"):
        both = command.without("-Xbeam", "-Ybeam")
        yield Candidate(mistake_id("beam-centre", "ignored"), "the beam centre is ignored", both, 0.82, geometry=True)
        renamed = command
        for ours, theirs in (("-Xbeam", "-Xclose"), ("-Ybeam", "-Yclose")):
            renamed = _renamed(renamed, ours, theirs)
        yield Candidate(causes.BEAM_CENTRE_KIND, "the beam centre is taken as the near point", renamed, 0.5,
                        geometry=True)


def _renamed(command: Command, name: str, other: str) -> Command:
    return command.changed(name, lambda item: Item(other, item.values, option_named(other)))


def detector_edits(question: Question) -> Iterator[Candidate]:
    """Convention, pivot, axes exchanged, rotations exchanged, distance of the other kind."""
    command, now = question.command, question.detector
    for name in ("mosflm", "xds", "adxv", "denzo", "dials"):
        if name != now.convention:
            yield Candidate(mistake_id("convention", "value"), f"convention {name} instead of {now.convention}",
                            command.without("-mosflm", "-xds", "-adxv", "-denzo", "-dials").ending(f"-{name}"), 0.6)
    pivot = "beam" if now.pivot == "sample" else "sample"
    if now.convention == "custom":
        yield Candidate(mistake_id("pivot", "value"), f"pivot {pivot} instead of {now.pivot}",
                        command.ending("-pivot", pivot), 0.85, geometry=True)
    fast, slow = command.find("-fdet_vector"), command.find("-sdet_vector")
    if fast and slow:
        swapped = command.setting("-fdet_vector", *slow.values).setting("-sdet_vector", *fast.values)
        yield Candidate(causes.DETECTOR_AXES_SWAPPED, "the fast and the slow vector are exchanged", swapped, 0.7,
                        geometry=True)
    yield from exchanged(command, ("-detector_rotx", "-detector_roty", "-detector_rotz"),
                         causes.DETECTOR_ROTATION_ORDER, "detector rotations", geometry=True)
    for ours, theirs in (("-distance", "-close_distance"), ("-close_distance", "-distance")):
        if command.has(ours) and not command.has(theirs):
            yield Candidate(causes.DISTANCE_KIND, f"{ours} is taken as {theirs}", _renamed(command, ours, theirs), 0.6,
                            geometry=True)


def exchanged(command: Command, names: Sequence[str], id: str, words: str, *, default: str = "0", prior: float = 0.6,
               geometry: bool = False) -> Iterator[Candidate]:
    """The values of several options given to one another."""
    if not command.has(*names):
        return
    values = [item.values[0] if (item := command.find(name)) and item.values else default for name in names]
    for order in itertools.permutations(range(len(names))):
        if [values[i] for i in order] != values:
            changed = command
            for name, i in zip(names, order, strict=True):
                changed = changed.setting(name, values[i])
            new = " ".join(f"{name} {values[i]}" for name, i in zip(names, order, strict=True))
            yield Candidate(id, f"{words} exchanged: {new}", changed, prior, geometry=geometry)


def switch_edits(question: Question) -> Iterator[Candidate]:
    """Options without value: each one that is not given is given, each group gets its other members."""
    command = question.command
    groups = (("crystal-shape", ("-square_xtal", "-round_xtal", "-gauss_xtal", "-binary_spots"), 0.7),
              ("interpolation", ("-interpolate", "-nointerpolate"), 0.6),
              ("divergence-corners", ("-round_div", "-square_div"), 0.5))
    for topic, names, prior in groups:
        last = command.find(*names)
        for name in names:
            if not last or last.name != name:
                yield Candidate(mistake_id(topic, "value"), f"{name} instead of {last or 'the default'}",
                                command.without(*names).ending(name), prior)
    for name, topic in (("-point_pixel", "point-pixel"), ("-oversample_omega", "oversample-omega"),
                        ("-oversample_polar", "oversample-polar"), ("-oversample_thick", "oversample-thick")):
        if not command.has(name):
            id = causes.POINT_PIXEL if topic == "point-pixel" else mistake_id(topic, "value")
            yield Candidate(id, f"{name} is applied without being asked for", command.ending(name), 0.6)
    if not command.has("-curved_det"):
        yield Candidate(mistake_id("curved-detector", "value"), "-curved_det is applied without being asked for",
                        command.starting("-curved_det", "1"), 0.58)
    if question.setting.polarized:
        yield Candidate(causes.POLARIZATION_MISSING, "the polarization factor is left out (-nopolar)",
                        command.without("-polar").ending("-nopolar"), 0.85)
        for kahn in {0.0, 1.0, -question.setting.kahn, 1 - question.setting.kahn, 0.95, 0.99} - {question.setting.kahn}:
            yield Candidate(causes.POLARIZATION_VALUE,
                            f"polarization: K = {kahn:g} instead of {question.setting.kahn:g}",
                            command.setting("-polar", kahn), 0.6)
    else:
        yield Candidate(causes.POLARIZATION_ADDED, "a polarization factor is applied in spite of -nopolar",
                        command.without("-nopolar"), 0.86)
