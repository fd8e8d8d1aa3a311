"""Run hypotheses about crystal and sampling: cells, unit cell, misset, mosaic domains, oversampling, divergence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from nbcompare.case.command import Command
from nbcompare.explain.diagnose.causes import DIVERGENCE_SWAPPED, MOSAIC_SPREAD_WIDTH, mistake_id
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.detector_edits import exchanged
from nbcompare.explain.diagnose.question import Question


def crystal_edits(question: Question) -> Iterator[Candidate]:
    """Cells exchanged or one off, axes of the cell exchanged, nm for A, misset angles exchanged or reversed."""
    command, cells = question.command, question.setting.cells
    bare = command.without("-Na", "-Nb", "-Nc", "-N")
    if command.has("-Na", "-Nb", "-Nc", "-N"):
        for order in itertools.permutations(range(3)):
            other = tuple(cells[i] for i in order)
            if other != cells:
                yield Candidate(mistake_id("cells", "order"), f"cells {_by(other)} instead of {_by(cells)}",
                                _with_cells(bare, other), 0.65)
        for step in (1, -1):
            for which in ((0,), (1,), (2,), (0, 1, 2)):
                other = tuple(max(1, n + step * (i in which)) for i, n in enumerate(cells))
                yield Candidate(mistake_id("cells", "off-by-one"), f"cells {_by(other)} instead of {_by(cells)}",
                                _with_cells(bare, other), 0.6)
        for n in {cells[0], cells[1], cells[2], 1, 5}:
            yield Candidate(mistake_id("cells", "value"), f"cells {_by((n, n, n))} instead of {_by(cells)}",
                            _with_cells(bare, (n, n, n)), 0.45)
    yield from _cell(command)
    yield from _misset(command)


def _by(cells: Sequence[int]) -> str:
    return " x ".join(map(str, cells))


def _with_cells(command: Command, cells: Sequence[int]) -> Command:
    for name, count in zip(("-Na", "-Nb", "-Nc"), cells, strict=True):
        command = command.setting(name, count)
    return command


def _cell(command: Command) -> Iterator[Candidate]:
    item = command.find("-cell")
    if not item or not item.values:
        return
    given = list(item.values)
    lengths = [given[i] if i < len(given) else given[0] for i in range(3)]
    angles = [given[i] if i < len(given) else "90" for i in range(3, 6)]
    for order in itertools.permutations(range(3)):
        names = "".join("abc"[i] for i in order)
        for new, words in (([lengths[i] for i in order] + angles, f"lengths in the order {names}"),
                           (lengths + [angles[i] for i in order], f"angles in the order {names}"),
                           ([lengths[i] for i in order] + [angles[i] for i in order], f"axes in the order {names}")):
            if new != lengths + angles:
                yield Candidate(mistake_id("cell", "order"), f"{item}: {words}", command.setting("-cell", *new), 0.5)
    if angles != ["90"] * 3:
        yield Candidate(mistake_id("cell", "value"), f"{item}: all angles count as 90 degrees",
                        command.setting("-cell", *lengths, 90, 90, 90), 0.65)
        turned = [f"{180 - float(angle):.12g}" for angle in angles]
        yield Candidate(mistake_id("cell", "value"), f"{item}: angles of the reciprocal kind (180 - angle)",
                        command.setting("-cell", *lengths, *turned), 0.45)
    if len(set(lengths)) > 1:
        yield Candidate(mistake_id("cell", "value"), f"{item}: all edges count as a",
                        command.setting("-cell", *lengths[:1] * 3, *angles), 0.5)
    for factor, words in ((10.0, "nm for A"), (0.1, "A for nm")):
        scaled = [float(length) * factor for length in lengths]
        yield Candidate(mistake_id("cell", "unit"), f"{item}: {words}", command.setting("-cell", *scaled, *angles),
                        0.45)


def _misset(command: Command) -> Iterator[Candidate]:
    item = command.find("-misset")
    if not item or len(item.values) != 3:
        return
    angles = item.numbers
    yield Candidate(mistake_id("misset", "sign"), f"{item}: all angles reversed",
                    command.setting("-misset", *(-a for a in angles)), 0.65)
    for axis, letter in enumerate("xyz"):
        flipped = [-a if i == axis else a for i, a in enumerate(angles)]
        if angles[axis]:
            yield Candidate(mistake_id("misset", "sign"), f"{item}: {letter} reversed",
                            command.setting("-misset", *flipped), 0.5)
            dropped = [0.0 if i == axis else a for i, a in enumerate(angles)]
            yield Candidate(mistake_id("misset", "value"), f"{item}: {letter} is left out",
                            command.setting("-misset", *dropped), 0.5)
    for order in itertools.permutations(range(3)):
        changed = [angles[i] for i in order]
        if changed != list(angles):
            names = "".join("xyz"[i] for i in order)
            yield Candidate(mistake_id("misset", "order"), f"{item}: angles in the order {names}",
                            command.setting("-misset", *changed), 0.5)
    for factor, words in ((180 / math.pi, "degrees for radians"), (math.pi / 180, "radians for degrees")):
        yield Candidate(mistake_id("misset", "unit"), f"{item}: {words}",
                        command.setting("-misset", *(a * factor for a in angles)), 0.55)


def sampling_edits(question: Question) -> Iterator[Candidate]:
    """Oversampling, mosaic domains and widths, divergence exchanged."""
    command, s = question.command, question.setting
    for count in range(1, 6):
        if count != s.oversample:
            yield Candidate(mistake_id("oversample", "value"), f"oversample {count} instead of {s.oversample}",
                            command.setting("-oversample", count), 0.66)
    spread = command.number("-mosaic")
    if spread > 0:
        for factor, words in ((2.354820045, "sigma for FWHM"), (1 / 2.354820045, "FWHM for sigma")):
            yield Candidate(MOSAIC_SPREAD_WIDTH, f"mosaic spread {spread:g}: {words}",
                            command.setting("-mosaic", spread * factor), 0.5)
        for count in {1, 10, s.mosaic_domains + 1, s.mosaic_domains - 1} - {s.mosaic_domains, 0}:
            words = f"{count} mosaic domains instead of {s.mosaic_domains}"
            yield Candidate(mistake_id("mosaic-domains", "value"), words, command.setting("-mosaic_dom", count), 0.55)
        for seed in (12345678, 1, 0, 12345, 42, 54321, 2):
            yield Candidate(mistake_id("mosaic-seed", "value"), f"mosaic seed {seed}",
                            command.setting("-mosaic_seed", seed), 0.4)
    yield from exchanged(command, ("-hdivrange", "-vdivrange"), DIVERGENCE_SWAPPED, "divergences")
    for name in ("-dispsteps", "-divsteps"):
        count = int(command.number(name))
        for other in {1, count + 1, count - 1} if count > 1 else ():
            topic = "dispersion-steps" if name == "-dispsteps" else "divergence-steps"
            yield Candidate(mistake_id(topic, "value"), f"{name} {other} instead of {count}",
                            command.setting(name, other), 0.5)
