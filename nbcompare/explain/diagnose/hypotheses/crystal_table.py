"""Mistakes with the number of cells, with what is sampled, and with the whole command."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from nbcompare.case.arguments.command import Command, number, parse_command, written
from nbcompare.explain.diagnose.causes import (
    ARGUMENTS_DIFFER,
    FLOAT32_ARITHMETIC,
    MISSET_SEED_ANGLES,
    MOSAIC_SPREAD_WIDTH,
    OPTION_REPEATED,
    mistake_id,
)
from nbcompare.explain.diagnose.hypotheses.row import Row
from nbcompare.explain.diagnose.question import Question

SIGMA = 2.354820045
"""Full width at half maximum of a normal distribution, in standard deviations."""

SEEDS = (12345678, 1, 0, 12345, 42, 54321, 2)
"""Seeds of the mosaic domains that a program may have by itself."""

OVERSAMPLINGS = range(1, 6)


def rows(question: Question) -> Iterator[Row]:
    """Cells, oversampling, mosaic domains, steps of the beam's spread, seeds for angles, repeated options, other
    arguments."""
    for part in (_cells, _sampling, _mosaic, _orientation, _whole_command):
        yield from part(question)


def _cells(question: Question) -> Iterator[Row]:
    command, cells = question.command, question.setting.cells
    if not command.has("-Na", "-Nb", "-Nc", "-N"):
        return
    for id, others, prior in (
            (mistake_id("cells", "order"), list(itertools.permutations(cells))[1:], 0.65),
            (mistake_id("cells", "off-by-one"), [tuple(max(1, n + step * (i in which)) for i, n in enumerate(cells))
                                                 for step in (1, -1) for which in ((0,), (1,), (2,), (0, 1, 2))], 0.6),
            (mistake_id("cells", "value"), [(n, n, n) for n in {*cells, 1, 5}], 0.45)):
        for other in others:
            if other != cells:
                yield Row(id, f"cells {_by(other)} instead of {_by(cells)}", with_cells(command, other), prior)


def _by(cells: Sequence[int]) -> str:
    return " x ".join(map(str, cells))


def with_cells(command: Command, cells: Sequence[int]) -> Command:
    """The command with these numbers of cells, and no other."""
    bare = command.without("-Na", "-Nb", "-Nc", "-N")
    for name, count in zip(("-Na", "-Nb", "-Nc"), cells, strict=True):
        bare = bare.setting(name, count)
    return bare


def _sampling(question: Question) -> Iterator[Row]:
    command, now = question.command, question.setting.oversample
    for count in OVERSAMPLINGS:
        if count != now:
            yield Row(mistake_id("oversample", "value"), f"oversample {count} instead of {now}",
                      command.setting("-oversample", count), 0.66)
    for name, topic in (("-dispsteps", "dispersion-steps"), ("-divsteps", "divergence-steps")):
        asked = command.number(name)
        count = int(asked) if math.isfinite(asked) else 0
        for other in {1, count + 1, count - 1} if count > 1 else ():
            yield Row(mistake_id(topic, "value"), f"{name} {other} instead of {count}",
                      command.setting(name, other), 0.5)
    spread = 0.01 * command.number("-dispersion")
    if 0 < spread < 1 and not command.has("-sourcefile", "-mat"):  # of a matrix, the wavelength is a part
        for side, words in ((1, "lowest"), (-1, "highest")):
            middle = 1 + side * spread / 2
            yield Row(mistake_id("dispersion", "value"), f"-dispersion: the wavelength counts as the {words} of the "
                      "range, not as its middle", command.without("-energy").setting(
                          "-lambda", question.setting.wavelength_A * middle).setting(
                          "-dispersion", 100 * spread / middle), 0.62)


def _mosaic(question: Question) -> Iterator[Row]:
    command, domains = question.command, question.setting.mosaic_domains
    spread = command.number("-mosaic")
    if not spread > 0:
        return
    for factor, words in ((SIGMA, "sigma for FWHM"), (1 / SIGMA, "FWHM for sigma")):
        yield Row(MOSAIC_SPREAD_WIDTH, f"mosaic spread {spread:g}: {words}",
                  command.setting("-mosaic", spread * factor), 0.5)
    for count in {1, 10, domains + 1, domains - 1} - {domains, 0}:
        yield Row(mistake_id("mosaic-domains", "value"), f"{count} mosaic domains instead of {domains}",
                  command.setting("-mosaic_dom", count), 0.55)
    for seed in SEEDS:
        yield Row(mistake_id("mosaic-seed", "value"), f"mosaic seed {seed}", command.setting("-mosaic_seed", seed), 0.4)


def _orientation(question: Question) -> Iterator[Row]:
    """-misset_seed found by its first letters is -misset: the seed counts as the first angle, and what stands behind it
    as the others, or nothing does."""
    command, argv = question.command, question.argv
    item = command.find("-misset_seed")
    if item is None or not item.values:
        return
    behind = [number(word) for word in argv[len(argv) - argv[::-1].index(item.word) + 1:]][:2]
    for angles in {(number(item.values[0]), *more) for more in ((0.0, 0.0), (*behind, 0.0, 0.0)[:2])}:
        yield Row(MISSET_SEED_ANGLES, f"{item} is read as the angles {' '.join(f'{angle:g}' for angle in angles)}",
                  command.without("-misset", "-misset_seed").ending("-misset", *map(written, angles)), 0.75)


def _whole_command(question: Question) -> Iterator[Row]:
    """Other arguments altogether, repeated options, single precision."""
    command = question.command
    if question.subject_argv is not None and question.subject_argv != question.argv:
        other = parse_command(question.subject_argv)
        yield Row(ARGUMENTS_DIFFER, f"the subject was given {_differing(command, other)}", other, 0.99)
    names = [item.name for item in command.items if item.option]
    for name in {name for name in names if names.count(name) > 1}:
        first = next(item for item in command.items if item.option and item.name == name)
        yield Row(OPTION_REPEATED, f"of the repeated {name} the first value counts",
                  command.setting(name, *first.values), 0.7)
    yield Row(FLOAT32_ARITHMETIC, "the lattice arithmetic is done in single precision",
              command.ending("-dtype", "float32"), 0.35)


def _differing(ours: Command, theirs: Command) -> str:
    own, other = ({str(item) for item in command.items} for command in (ours, theirs))
    added = [str(item) for item in theirs.items if str(item) not in own]
    lost = [str(item) for item in ours.items if str(item) not in other]
    parts = ([f"also {', '.join(added)}"] if added else []) + ([f"not {', '.join(lost)}"] if lost else [])
    return " and ".join(parts) or "the same options in another order"
