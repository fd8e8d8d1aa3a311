"""Pixels that the subject alone leaves out are no evidence, unless a threshold says how many they may be; nor is a
region of which masks leave out most of the signal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison

OF_MASKS = ("mask_mismatch", "masked_fraction")
OF_NO_NUMBERS = ("nan_mismatch", "nan_fraction", "inf_mismatch", "inf_fraction")
"""Metrics by which a threshold says how many such pixels there may be."""


def unanswered(comparison: Comparison, thresholds: Sequence[Threshold]) -> Iterator[str]:
    """The regions in which the subject leaves out what the reference holds, or anyone most of the signal, and nobody
    said how much it may."""
    judged = {(threshold.metric, threshold.roi) for threshold in thresholds}
    for region in comparison.regions:
        lost, name = region.left_out, region.roi.name
        for count, metrics, words in ((lost.masked, OF_MASKS, "are masked in the subject alone"),
                                      (lost.no_number, OF_NO_NUMBERS, "are NaN or infinite in the subject alone")
                                      ) if lost else ():
            if count and not any((metric, name) in judged for metric in metrics):
                yield (f"region {name}: {count} of {lost.pixels if lost else 0} pixels {words}, so they were not "
                       f"judged; a threshold on {metrics[0]} (max: the share that may be) says how many are allowed")
        answered = region.roi.weak_allowed or any((metric, name) in judged for metric in (*OF_MASKS, *OF_NO_NUMBERS))
        if lost and lost.signal_percent and not answered:
            yield (f"region {name}: {lost.sentences[0]}, so the rest was judged alone; where that is meant, allow it "
                   f"with a reason (--allow-weak, or weak in a case), or by a threshold on {OF_MASKS[1]}")
        if lost and lost.in_signal and not answered:
            yield (f"region {name}: {lost.sentences[-1]}; where that is meant, allow it with a reason (--allow-weak, "
                   f"or weak in a case), or by a threshold on {OF_NO_NUMBERS[1]}")
