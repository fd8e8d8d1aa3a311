"""Further subjects of a case and the subject on a device, beside the subject itself: one table, and differences on one
scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nbcompare.bundle.bundle import Bundle
from nbcompare.commands.views.page.bars import ThresholdBar, bar_of
from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.commands.views.page.stored_image import stored_image
from nbcompare.compare.compare import Comparison
from nbcompare.verdict.subjects import SubjectRun
from nbcompare.verdict.verdict import judge


@dataclass(frozen=True)
class SubjectColumn:
    """One subject in the table: its name, its arguments beside the case's, and its bars in the order of the case's
    thresholds; ``failure`` says why there are none."""

    name: str
    words: str
    bars: tuple[ThresholdBar, ...]
    failure: str = ""

    @property
    def holds(self) -> bool:
        return not self.failure and all(bar.check.holds for bar in self.bars)


def columns(bundle: Bundle) -> list[SubjectColumn]:
    """The subject first, then every other that was held against the reference; none where there is no other."""
    further = list(_further(bundle))
    plain = SubjectColumn("subject", "", tuple(bar_of(check) for check in bundle.verdict.checks))
    return [plain, *further] if further and plain.bars else []


def _further(bundle: Bundle) -> Iterator[SubjectColumn]:
    noise = {(check.threshold.metric, check.threshold.roi): check.noise for check in bundle.verdict.checks
             if check.noise is not None}
    for name, held in bundle.record.further.held:
        words = held.described if isinstance(held, SubjectRun) else "on this device"
        if held.run.failure or held.comparison is None:
            yield SubjectColumn(name, words, (), held.run.failure.sentence if held.run.failure else
                                "its image has another shape")
            continue
        checks = judge(held.comparison, bundle.record.case.thresholds, noise=noise).checks
        yield SubjectColumn(name, words, tuple(bar_of(check, of=name) for check in checks))


def rows(found: Sequence[SubjectColumn]) -> list[tuple[str, str, list[ThresholdBar | None]]]:
    """What a figure is called, what is allowed, and the bar of each subject; None where it failed."""
    first = found[0].bars if found else ()
    return [(bar.words, bar.check.threshold.allowed, [column.bars[at] if column.bars else None for column in found])
            for at, bar in enumerate(first)]


def comparisons(bundle: Bundle) -> dict[str, Comparison]:
    """All comparisons with the reference, by the name of the subject; that of the subject itself is empty."""
    plain = bundle.record.comparison
    further = {name: held.comparison for name, held in bundle.record.further.held if held.comparison}
    return {**({"": plain} if plain else {}), **further}


def images(bundle: Bundle, pair: ShownPair) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(title, reference, subject) of the subject and of every other whose image lies on the same grid; none where there
    is no other."""
    found = [(f"{name} − reference", other.reference, other.subject) for name, other in pairs(bundle, pair).items()]
    return [("subject − reference", pair.reference, pair.subject), *found] if found else []


def pairs(bundle: Bundle, pair: ShownPair) -> dict[str, ShownPair]:
    """Reference and every other subject whose image lies on the same grid, by the name of the subject."""
    stored = ((name, stored_image(bundle, pair, held.files, held.run)) for name, held in bundle.record.further.held)
    return {name: ShownPair(pair.reference, image) for name, image in stored if image is not None}
