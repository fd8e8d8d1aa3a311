"""From a failing command to its reproducer: a small frame first, then few options, then no files, then few pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.command import Command, WrittenOption, declared_shape, parse_command
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi
from nbcompare.engine.progress import Progress
from nbcompare.errors import UsageError, nearest
from nbcompare.explain.experiment import Experiment, render
from nbcompare.explain.reduce.minimize import smallest_part
from nbcompare.explain.reduce.signature import Signature, signature_of, signature_of_failed, thresholds_for
from nbcompare.explain.reduce.trial import ReductionCandidate, ReductionTrials, is_possible, trials

REGION = "window"

Pair = Mapping[str, np.ndarray]
"""The two images by role, float32 [slow, fast]."""

QUIET = ("-nonoise", "-nopgm")
"""End every candidate, where both engines take them: the other output images cost time and say nothing about the float
image."""

SIZES = (("-detpixels",), ("-detpixels_x", "-detpixels_y"))
"""What says how large a square image is; a port that is declared may know one of them alone."""

FRAMES = (128, 256, 512)
SMALLEST_FRAME = 8
WINDOWS = (16, 32, 64, 128, 256)
FRAME_KINDS = ("size", "roi")
"""Kinds of options that say how many pixels there are and which are rendered."""

NOT_OF_THE_IMAGE = ("output", "run")
"""Kinds of options that have no part in the float image."""

PLACING = ("-Xbeam", "-Ybeam", "-Xclose", "-Yclose", "-ORGX", "-ORGY")
"""Options that put the beam at a place of the original frame."""

WITHOUT_FILES = {"-hkl": ("-default_F", "100"), "-mat": ("-cell", "30", "40", "50", "90", "90", "90")}
"""What may stand for an input file."""

SKELETON = ("-mat", "-cell", "-hkl", "-default_F", "-dump")
"""Without a cell and structure factors there is nothing to render."""


class NothingFails(Exception):
    """The whole command passes, so there is nothing to reduce."""


class RunsUsedUp(Exception):
    """The limit of engine runs was reached."""


@dataclass(frozen=True)
class Reduction:
    """The smallest command found, and the way there. ``needed`` are the options that matter beside the skeleton;
    ``complete`` is False when the limit of runs came first."""

    candidate: ReductionCandidate
    signature: Signature
    whole: Signature
    options_before: int
    needed: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    tests: int
    runs: int
    remembered: int
    how: tuple[str, ...]
    complete: bool


class ReductionSearch:
    """Puts candidates to the trials, and holds the smallest that failed in the same way: as ``expected``, which is how
    the whole fails, or a part of it that is looked at."""

    def __init__(self, asked: ReductionTrials, whole: Signature, most_runs: int, progress: Progress):
        self.asked, self.whole, self.most_runs, self.progress = asked, whole, most_runs, progress
        self.expected = whole
        command = asked.experiment.case.command
        self.quiet = tuple(word for word in QUIET if asked.have_words_for((*command, word)))
        self.best: ReductionCandidate | None = None
        self.signature = whole

    def candidate(self, items: Iterable[WrittenOption], window: Roi | None) -> ReductionCandidate:
        return ReductionCandidate((*_tokens(items), *self.quiet), window)

    def same(self, candidate: ReductionCandidate, what: str) -> bool:
        """Whether the candidate fails in the same way; if so it becomes the best. Raises RunsUsedUp."""
        if not is_possible(candidate, self.asked.experiment.inputs) or not self.asked.have_words_for(candidate.argv):
            return False
        if self.asked.runs + 2 > self.most_runs:
            raise RunsUsedUp
        self.progress.begin(f"test {self.asked.tests + 1}: {what}")
        found = self.asked.answer(candidate)
        alike = found.is_like(self.expected)
        self.progress.end(("fails in the same way: " if alike else "") + str(found))
        if alike:
            self.best, self.signature = candidate, found
        return alike


def reduce_experiment(experiment: Experiment, cache: Path, most_runs: int, progress: Progress, *,
                      metrics: Sequence[str] = ()) -> Reduction:
    """Shrink the command of an experiment with at most ``most_runs`` engine runs; answers are kept below ``cache``.

    Only thresholds on ``metrics`` count, where some are named. Raises NothingFails when the whole command passes,
    UsageError when it fails no second time.
    """
    asked_for = thresholds_on(metrics, experiment.case.thresholds)
    images, runs_before = experiment.images, 0
    if images is None:
        runs, images = render(experiment, progress)
        runs_before = len(runs)
    if images is None:
        whole = signature_of_failed(next(run for run in runs if run.failure))
        thresholds = thresholds_for(asked_for, ())
    else:
        whole, thresholds = whole_signature(experiment.case.rois, asked_for, images)
    if not whole.fails:
        raise NothingFails
    command = parse_command(experiment.case.command)
    with trials(experiment, thresholds, cache) as asked:
        asked.runs = runs_before
        search = ReductionSearch(asked, whole, most_runs, progress)
        try:
            needed, complete = _shrink(search, command, images), True
        except RunsUsedUp:
            needed, complete = (), False
        best = search.best or ReductionCandidate(command.argv)
        return Reduction(best, search.signature, whole, len(command.items), needed if complete else _options(best),
                         thresholds, asked.tests, asked.runs, asked.remembered, tuple(sorted(asked.how)), complete)


def _options(candidate: ReductionCandidate) -> tuple[str, ...]:
    return tuple(str(item) for item in parse_command(candidate.command).items)


def _shrink(search: ReductionSearch, command: Command, images: Pair | None) -> tuple[str, ...]:
    """The options that are needed, with ever smaller candidates on the way."""
    items, window = _small_frame(search, command, images)
    items = _without_files(search, items, window)
    free = [item for item in items if not _is_frame(item) and not _is_of(item, SKELETON)]

    def with_only(part: Sequence[WrittenOption]) -> list[WrittenOption]:
        left_out = {id(item) for item in free} - {id(item) for item in part}
        return [item for item in items if id(item) not in left_out]

    needed = smallest_part(free, lambda part: search.same(search.candidate(with_only(part), window), _counted(part)))
    _fewer_pixels(search, with_only(needed), window)
    return tuple(str(item) for item in needed)


def _counted(part: Sequence[WrittenOption]) -> str:
    names = " ".join(item.word for item in part[:6])
    return f"{len(part)} of the options" + (f" ({names}{' ...' if len(part) > 6 else ''})" if part else "")


def _tokens(items: Iterable[WrittenOption]) -> tuple[str, ...]:
    return tuple(token for item in items for token in item.tokens)


def _is_of(item: WrittenOption, names: Sequence[str]) -> bool:
    return item.option is not None and item.option.name in names


def _is_frame(item: WrittenOption) -> bool:
    return item.option is not None and item.option.kind in FRAME_KINDS


# --- a small frame ----------------------------------------------------------------------------------------


def _small_frame(search: ReductionSearch, command: Command,
                 images: Pair | None) -> tuple[Sequence[WrittenOption], Roi | None]:
    """The command on a small image about the beam, if it fails there too; else on a window of its own image."""
    written = command.writing()
    quiet = [item for item in command.items
             if item not in written and not (item.option and item.option.kind in NOT_OF_THE_IMAGE)]
    loose = [item for item in quiet if not _is_frame(item) and not _is_of(item, PLACING)]
    says_size = next((words for words in SIZES if search.asked.have_words_for(
        (*_square(words, FRAMES[0]), *_tokens(loose)))), SIZES[0])
    for size in FRAMES:
        framed = [*parse_command(_square(says_size, size)).items, *loose]
        if search.same(search.candidate(framed, None), f"an image of {size} x {size} pixels about the beam"):
            return framed, None
    unframed = [item for item in quiet if not _is_of(item, ("-roi",))]
    for window, expected in _windows(search, command, images):
        search.expected = expected
        if search.same(search.candidate(unframed, window), f"the window {' '.join(map(str, window.bounds))}"):
            return unframed, window
    search.expected = search.whole
    if not search.same(search.candidate(command.items, None), "the whole command"):
        raise UsageError(f"the command does not fail in the same way when it is run again (it had: {search.whole})",
                         hint="run it twice with nb-compare run; an engine may depend on chance, threads or load")
    return list(command.items), None


def _square(words: Sequence[str], size: int) -> tuple[str, ...]:
    return tuple(token for word in words for token in (word, str(size)))


def _windows(search: ReductionSearch, command: Command, images: Pair | None) -> Iterator[tuple[Roi, Signature]]:
    """Windows of the image in which the two images fail in the same way, and how; small ones first, of one
    size that with the ratio of the whole. Without images it is the whole."""
    if images is None or images[REFERENCE].shape != images[SUBJECT].shape:
        yield Roi.full(declared_shape(command.argv, search.asked.experiment.inputs), REGION), search.whole
        return
    reference, subject = images[REFERENCE], images[SUBJECT]
    difference = np.abs(subject.astype(np.float64) - reference)
    centres = [np.unravel_index(int(np.nanargmax(image)), image.shape) for image in (reference, difference)]
    for size in WINDOWS:
        windows = [_about(int(slow), int(fast), size, reference.shape) for slow, fast in centres]
        found = [(window, signature_of(reference, subject, window, search.asked.thresholds)) for window in windows]
        yield from sorted((pair for pair in found if pair[1].is_part_of(search.whole)),
                          key=lambda pair: not pair[1].is_like(search.whole))[:1]


def _about(slow: int, fast: int, size: int, shape: tuple[int, int]) -> Roi:
    """A square window about a pixel, moved inside the image where it would overhang."""
    bounds = []
    for centre, extent in ((fast, shape[1]), (slow, shape[0])):
        low = max(0, min(centre - size // 2, extent - size))
        bounds += [low, min(extent, low + size) - 1]
    return Roi(REGION, *bounds)


# --- smaller still ----------------------------------------------------------------------------------------


def _without_files(search: ReductionSearch, items: Sequence[WrittenOption],
                   window: Roi | None) -> Sequence[WrittenOption]:
    """The items with plain values in place of input files, where that fails in the same way."""
    for name, words in WITHOUT_FILES.items():
        changed = tuple(part for item in items
                        for part in (parse_command(words).items if _is_of(item, (name,)) else (item,)))
        if changed != tuple(items) and search.same(search.candidate(changed, window), f"{' '.join(words)} for {name}"):
            items = changed
    return items


def _fewer_pixels(search: ReductionSearch, items: Sequence[WrittenOption], window: Roi | None) -> None:
    """Halve the image, or the window, as long as that fails in the same way."""
    make = _smaller_window(search, items, window) if window else _smaller_image(search, items)
    for candidate, what in make:
        if not search.same(candidate, what):
            return


def _smaller_image(search: ReductionSearch,
                   items: Sequence[WrittenOption]) -> Iterator[tuple[ReductionCandidate, str]]:
    sizes = {word for words in SIZES for word in words}
    said = {item.values[0] for item in items if item.word in sizes}
    size = int(said.pop()) if len(said) == 1 else 0  # what is no square stays as it is
    while size > SMALLEST_FRAME:
        size //= 2
        changed = [WrittenOption(item.word, (str(size),), item.option) if item.word in sizes else item
                   for item in items]
        yield search.candidate(changed, None), f"{size} x {size} pixels"


def _smaller_window(search: ReductionSearch, items: Sequence[WrittenOption],
                    window: Roi) -> Iterator[tuple[ReductionCandidate, str]]:
    size = min(window.xmax - window.xmin, window.ymax - window.ymin) + 1
    while size > SMALLEST_FRAME:
        size //= 2
        middle = [(low + high + 1) // 2 - size // 2 for low, high in ((window.xmin, window.xmax),
                                                                      (window.ymin, window.ymax))]
        window = Roi(REGION, middle[0], middle[0] + size - 1, middle[1], middle[1] + size - 1)
        yield search.candidate(items, window), f"a window of {size} x {size} pixels"


# --- how the whole command fails --------------------------------------------------------------------------


def thresholds_on(metrics: Sequence[str], thresholds: Sequence[Threshold]) -> tuple[Threshold, ...]:
    """The thresholds on the metrics named, or all. Raises UsageError for a metric that has none."""
    known = {threshold.metric for threshold in thresholds}
    for metric in metrics:
        if metric not in known:
            raise UsageError(f"--metric {metric}: there is no threshold on it; {nearest(metric, known)}")
    return tuple(threshold for threshold in thresholds if not metrics or threshold.metric in metrics)


def whole_signature(rois: Sequence[Roi], thresholds: Sequence[Threshold],
                    images: Mapping[str, np.ndarray]) -> tuple[Signature, tuple[Threshold, ...]]:
    """How the whole images fail, on the first region that does; and the thresholds that candidates are held to."""
    for roi in rois:
        own = [threshold for threshold in thresholds if threshold.roi == roi.name]
        if not own:
            continue
        found = signature_of(images[REFERENCE], images[SUBJECT], roi, own)
        if found.fails:
            names = {metric for metric, _ in found.thresholds}
            return found, thresholds_for(own, [threshold for threshold in own if threshold.metric in names])
    return Signature(), ()
