"""Mistakes with input files: the matrix read wrongly, the list of F misread or cut, sources misread."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.hypotheses.candidate import FileEdit
from nbcompare.explain.diagnose.hypotheses.row import Row
from nbcompare.explain.diagnose.hypotheses.value_table import ORDERS
from nbcompare.explain.diagnose.list_of_f import PERMUTATIONS, SIGNS, signed_names
from nbcompare.explain.diagnose.question import Question

SOURCE_WEIGHTS = "source-weights"
Change = Callable[[np.ndarray], np.ndarray]
Mistake = tuple[str, str, float, Change]
"""Cause, words, prior, and what becomes of the numbers of the file."""

SourceRows = list[list[str]]


def _times(factors: np.ndarray) -> Change:
    return lambda m: m * factors


def _columns(order: Sequence[int] | np.ndarray) -> Change:
    return lambda m: m[:, list(order)]


def _moved(by: np.ndarray) -> Change:
    return lambda m: m + by


def _without(at: int) -> Callable[[SourceRows], SourceRows]:
    return lambda rows: rows[:at] + rows[at + 1:]


MOST_SOURCES = 12
"""Of so many sources each may be the one that is lost."""


def rows(question: Question) -> Iterator[Row]:
    """Every mistake with each input file that the command names."""
    command = question.command
    if "-mat" in question.files:
        for id, words, prior, change in matrix_mistakes(question):
            yield Row(id, words, command, prior, (matrix_edit(words, change),))
    if "-hkl" in question.files:
        for id, words, prior, change in list_mistakes():
            yield Row(id, words, command, prior, (list_edit(words, change),))
    if "-sourcefile" in question.files:
        for id, words, prior, other in source_mistakes(question):
            yield Row(id, words, command, prior, (source_edit(words, other),))


# --- matrix ----------------------------------------------------------------------------------------------------------


def matrix_edit(label: str, change: Change) -> FileEdit:
    """Another matrix [3, 3], rows x y z, columns a* b* c*."""

    def make(text: str) -> str:
        matrix = np.array(text.split()[:9], float).reshape(3, 3)
        return "".join(" ".join(repr(float(v)) for v in row) + "\n" for row in change(matrix))

    return FileEdit("-mat", label, make)


def matrix_mistakes(question: Question) -> Iterator[Mistake]:
    wavelength = question.setting.wavelength_A
    yield causes.MATRIX_TRANSPOSED, "the orientation matrix is transposed", 0.7, lambda m: m.T
    if wavelength != 1.0:
        yield (causes.MATRIX_WAVELENGTH, "the orientation matrix is not divided by the wavelength", 0.66,
               lambda m: m * wavelength)
        yield (causes.MATRIX_WAVELENGTH, "the orientation matrix is divided twice by the wavelength", 0.5,
               lambda m: m / wavelength)
    yield causes.MATRIX_SIGN, "all axes of the orientation matrix are reversed", 0.55, lambda m: -m
    for axis, (star, name) in enumerate(zip("abc", "xyz", strict=True)):
        signs = np.where(np.arange(3) == axis, -1.0, 1.0)
        yield causes.MATRIX_SIGN, f"{star}* of the orientation matrix is reversed", 0.4, _times(signs)
        yield causes.MATRIX_SIGN, f"{name} of the orientation matrix is reversed", 0.4, _times(signs[:, None])
    for order in ORDERS:
        yield (causes.MATRIX_ORDER, f"reciprocal axes in the order {''.join('abc'[i] for i in order)}", 0.45,
               _columns(order))


# --- structure factors -----------------------------------------------------------------------------------------------


def list_edit(label: str, change: Change) -> FileEdit:
    """Another list; its records h k l F are [n, 4]."""

    def make(text: str) -> str:
        values = np.array(text.split(), float)
        table = change(values[:values.size // 4 * 4].reshape(-1, 4))
        return "".join(f"{h:.0f} {k:.0f} {l:.0f} {f!r}\n" for h, k, l, f in table.tolist())

    return FileEdit("-hkl", label, make)


def _of_f(change: Change) -> Change:
    return lambda t: np.column_stack((t[:, :3], change(t[:, 3])))


def _of_hkl(change: Change) -> Change:
    return lambda t: np.column_stack((change(t[:, :3]), t[:, 3]))


def merged(t: np.ndarray) -> np.ndarray:
    """Every reflection with the mean F of it and of its Friedel mate, where both are listed."""
    mean = {tuple(record[:3]): record[3] for record in t}
    return np.array([(*r[:3], (r[3] + mean.get((-r[0], -r[1], -r[2]), r[3])) / 2) for r in t])


def list_mistakes() -> Iterator[Mistake]:
    yield causes.HKL_FRIEDEL, "every reflection has the F of its Friedel mate (-h,-k,-l)", 0.7, _of_hkl(np.negative)
    yield causes.HKL_FRIEDEL_MERGED, "Friedel mates have the mean of their F", 0.5, merged
    yield causes.AMPLITUDE_NOT_SQUARED, "the F of the list are squared", 0.6, _of_f(np.square)
    yield (causes.AMPLITUDE_NOT_SQUARED, "of the F of the list the square root is taken", 0.6,
           _of_f(lambda f: np.sqrt(np.abs(f))))
    for words, change in (("cut to", np.trunc), ("rounded to", np.rint)):
        yield causes.HKL_ROUNDED, f"the F of the list are {words} whole numbers", 0.55, _of_f(change)
    for (axis, name), step in itertools.product(enumerate("hkl"), (1, -1)):
        move = np.where(np.arange(3) == axis, -step, 0)
        yield (causes.HKL_OFF_BY_ONE, f"every reflection has the F of {name}{step:+d}", 0.55,
               _of_hkl(_moved(move)))
    for words, order in PERMUTATIONS.items():
        yield (causes.HKL_ORDER, f"the indices are read in the order {words}", 0.55,
               _of_hkl(_columns(np.argsort(order))))
    for signs in SIGNS:
        yield (causes.HKL_SIGN, f"every reflection has the F of ({signed_names(signs)})", 0.45,
               _of_hkl(_times(signs)))
    cuts: tuple[tuple[str, Change], ...] = (
        ("the first record is lost", lambda t: t[1:]), ("the last record is lost", lambda t: t[:-1]),
        ("the second half is lost", lambda t: t[:len(t) // 2]), ("the first half is lost", lambda t: t[len(t) // 2:]))
    for words, cut in cuts:
        yield causes.HKL_TRUNCATED, f"list of F: {words}", 0.5, cut
    yield (causes.HKL_MATES_ADDED, "Friedel mates are filled in", 0.4,
           lambda t: np.concatenate((np.column_stack((-t[:, :3], t[:, 3])), t)))


# --- sources ---------------------------------------------------------------------------------------------------------


def source_edit(label: str, change: Callable[[SourceRows], SourceRows]) -> FileEdit:
    """Another source file; its rows are X Y Z weight wavelength, the last two not always."""

    def make(text: str) -> str:
        return "".join(" ".join(row) + "\n" for row in change(source_rows(text)))

    return FileEdit("-sourcefile", label, make)


_FIELD = re.compile(r"[^\s,;:!]+")


def source_rows(text: str) -> SourceRows:
    """The words of each line of a source file, which blanks or any of , ; : ! stand between."""
    return [row for row in map(_FIELD.findall, text.splitlines()) if row]


def _weighted(change: Callable[[float], float]) -> Callable[[SourceRows], SourceRows]:
    """Other weights, where a source has one."""
    return lambda rows: [[*row[:3], *(repr(change(float(w))) for w in row[3:4]), *row[4:]] for row in rows]


def source_mistakes(question: Question) -> Iterator[tuple[str, str, float, Callable[[SourceRows], SourceRows]]]:
    central, beam = repr(question.setting.wavelength_A * 1e-10), question.detector.beam
    count = len(source_rows(question.files["-sourcefile"].read_text(encoding="latin-1")))

    def directed(change: Callable[[np.ndarray], Iterable[float]]) -> Callable[[SourceRows], SourceRows]:
        return lambda rows: [[*(repr(float(v)) for v in change(np.array(row[:3], float))), *row[3:]] for row in rows]

    yield SOURCE_WEIGHTS, "the weights of the sources are ignored", 0.7, _weighted(lambda weight: 1.0)
    yield SOURCE_WEIGHTS, "the weights of the sources are applied twice", 0.45, _weighted(lambda weight: weight**2)
    yield causes.SOURCES_LOST, "only the first source is used", 0.6, lambda rows: rows[:1]
    for at in range(count if 1 < count <= MOST_SOURCES else 0):
        ends = 0.6 if at in (0, count - 1) else 0.5
        yield (causes.SOURCES_LOST, f"source {at + 1} of {count} is lost", ends,
               _without(at))
    yield (causes.SOURCES_WAVELENGTH, "all sources have the central wavelength", 0.6,
           lambda rows: [[*row[:4], *([central] if len(row) > 4 else [])] for row in rows])
    yield (causes.SOURCES_DIRECTION, "all sources lie in the direction of the beam", 0.6,
           directed(lambda v: -beam * float(np.linalg.norm(v) or 1.0)))
    yield causes.SOURCES_SIGN, "the directions of the sources are reversed", 0.5, directed(np.negative)
