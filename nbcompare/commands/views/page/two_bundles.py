"""The page of two bundles of one case: what changed in code, inputs, limits, figures and images, A before B.

Like the page of one bundle it is a view and no evidence; it needs no script.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.pairing import BundlePair, Pairing
from nbcompare.bundle.history.past_run import PastRun, past_run
from nbcompare.bundle.history.trend import DEFAULT_FACTOR, Shrunk, Step, trend_of
from nbcompare.bundle.listing import ListedBundle
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.commands.views.page.crops import SIDE, crops
from nbcompare.commands.views.page.pair import ShownPair, window
from nbcompare.commands.views.page.still_images import StillImage
from nbcompare.commands.views.page.whole_page import render
from nbcompare.commands.views.trend import grouped, limit_words, margin_words, shrunk_words

MOST_FILES = 60
"""Files of an engine that are named one by one."""

_FIGURES = ("correlation", "sum_ratio", "rmse", "max_abs_diff")


def two_bundles_page(a: Bundle, b: Bundle, pairing: Pairing) -> str:
    """The page. The template escapes everything."""
    runs = [past_run(ListedBundle(bundle.folder, bundle.record)) for bundle in (a, b)]
    step = trend_of(a.record.case.name, runs, DEFAULT_FACTOR).steps[1]
    told = {entry.what for entry in step.changed}
    told_shrunk = _worth_telling(step.shrunk)
    return render("two_bundles.html.j2", a=a.record, b=b.record, runs=runs, loosened=step.loosened,
                  tightened=step.tightened, changes=grouped(step.changed), limits=limit_words,
                  shrunk=[(f"{entry.metric} on {entry.roi}", shrunk_words(entry)) for entry in told_shrunk],
                  more_shrunk=len(step.shrunk) - len(told_shrunk),
                  thresholds=list(_thresholds(runs, step)), figures=list(_figures(a.record, b.record)),
                  inputs=list(_inputs(a.record, b.record)), files=dict(_files(a.record, b.record)),
                  environment=list(_differing(a.record.environment, b.record.environment)),
                  pairs=[_pair(pair) for pair in pairing.pairs], metrics=_FIGURES,
                  notes=[note for note in pairing.notes if note.partition(":")[0] not in told],
                  sentence=_sentence(pairing))


def _worth_telling(shrunk: Sequence[Shrunk]) -> list[Shrunk]:
    """Of margins that were unlimited the smallest: where images were identical and are not, all of them shrink."""
    fallen = sorted((entry for entry in shrunk if math.isinf(entry.before) and entry.after is not None),
                    key=lambda entry: entry.after or 0.0)
    return [entry for entry in shrunk if entry not in fallen[1:]]


def _sentence(pairing: Pairing) -> str:
    """The images in one line: nothing else on the page says as much."""
    said = [f"the {pair.a.role}'s image is " + ("the same to the last bit" if pair.identical else "another one")
            if pair.comparison else f"of the {pair.a.role} nothing was compared" for pair in pairing.pairs]
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}."


def _thresholds(runs: list[PastRun], step: Step) -> Iterator[dict[str, Any]]:
    """Value, what was allowed and margin in both, a row for each threshold of either."""
    held = [{entry.key: entry for entry in run.held} for run in runs]
    shrunk = {(entry.metric, entry.roi) for entry in step.shrunk}
    for key in dict.fromkeys((*held[0], *held[1])):
        sides = [{"value": run.value(*key), "holds": key in side and side[key].holds,
                  "allowed": side[key].threshold.allowed if key in side else "not asked for",
                  "margin": margin_words(side[key].margin) if key in side else ""}
                 for run, side in zip(runs, held, strict=True)]
        yield {"metric": key[0], "roi": key[1], "sides": sides, "shrunk": key in shrunk,
               "changed": sides[0]["allowed"] != sides[1]["allowed"]}


def _figures(a: Record, b: Record) -> Iterator[tuple[str, str, float | None, float | None]]:
    """Region, metric and both values of every figure that is not the same."""
    for old in a.comparison.regions if a.comparison else ():
        new = b.comparison.region(old.roi.name) if b.comparison else None
        for figure in old.figures:
            value = new.figure(figure.metric).value if new else None
            if value != figure.value:
                yield old.roi.name, figure.metric, figure.value, value


def _inputs(a: Record, b: Record) -> Iterator[tuple[str, str, str]]:
    old, new = ({entry.name: entry.sha256 for entry in record.inputs} for record in (a, b))
    yield from _differing(old, new)


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Name and both values of what is not the same; one that is not there is said not to be."""
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name, "not there"), new.get(name, "not there")
        if before != after:
            yield name, before, after


def _files(a: Record, b: Record) -> Iterator[tuple[str, dict[str, Any]]]:
    """By role, the files of an engine that changed, came or went, and how many there were in all."""
    for role in (REFERENCE, SUBJECT):
        made = [record.engine_of(role).made_of for record in (a, b)]
        old, new = ({entry.name: entry.sha256 for entry in side.files} if side else {} for side in made)
        changed = list(_differing(old, new))
        unknown = [reason for side in made for reason in (side.unknown if side else ("its files were not kept",))]
        yield role, {"changed": changed[:MOST_FILES], "more": len(changed[MOST_FILES:]), "of": len(new),
                     "unknown": list(dict.fromkeys(unknown))}


def _pair(pair: BundlePair) -> dict[str, Any]:
    """One engine's two images: their figures, and where they differ most."""
    said: dict[str, Any] = {"role": pair.a.role, "identical": pair.identical, "reasons": pair.verdict.reasons,
                            "word": str(pair.verdict.word), "rows": [], "stills": [], "region": None}
    if pair.comparison is None or pair.identical:
        return said
    region = pair.comparison.regions[0]
    part = window(region.roi, (region.worst.x, region.worst.y), SIDE)
    images = ShownPair(pair.a.image(), pair.b.image())
    rows = [(entry.roi.name, [entry.figure(metric).value for metric in _FIGURES])
            for entry in pair.comparison.regions]
    return {**said, "rows": rows, "region": part, "stills": [_of_two(still) for still in crops(images, part)],
            "worst": region.worst}


def _of_two(still: StillImage) -> StillImage:
    """A picture of the first as reference and the second as subject, called A and B."""
    def named(text: str) -> str:
        return text.replace("the reference", "A").replace("reference", "A").replace("subject", "B")

    return replace(still, title=named(still.title), note=named(still.note))
