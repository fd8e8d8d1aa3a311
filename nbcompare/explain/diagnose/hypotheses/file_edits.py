"""Run hypotheses about input files: the matrix read wrongly, the list of F misread or cut, sources misread."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.finders.reflections import PERMUTATIONS, SIGNS, reflection_table, signed_names
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, FileEdit
from nbcompare.explain.diagnose.question import Question

Change = Callable[[np.ndarray], np.ndarray]

SOURCE_WEIGHTS = "source-weights"


def file_candidates(question: Question) -> list[Candidate]:
    """Every edit of an input file of this question, likeliest first."""
    makers = {"-mat": _matrix, "-hkl": _list_of_f, "-sourcefile": _sources}
    found = [candidate for name, make in makers.items() if name in question.files for candidate in make(question)]
    return sorted(found, key=lambda candidate: -candidate.prior)


def _edit(question: Question, option: str, id: str, words: str, prior: float,
          make: Callable[[str], str]) -> Candidate:
    return Candidate(id, words, question.command, prior, (FileEdit(option, words, make),))


# --- matrix -----------------------------------------------------------------------------------------------------


def _matrix(question: Question) -> Iterator[Candidate]:
    wavelength = question.setting.wavelength_A

    def edit(id: str, words: str, prior: float, change: Change) -> Candidate:
        def make(text: str) -> str:
            matrix = np.array(text.split()[:9], float).reshape(3, 3)
            return "".join(" ".join(repr(float(v)) for v in row) + "\n" for row in change(matrix))

        return _edit(question, "-mat", id, words, prior, make)

    yield edit(causes.MATRIX_TRANSPOSED, "the orientation matrix is transposed", 0.7, lambda m: m.T)
    if wavelength != 1.0:
        yield edit(causes.MATRIX_WAVELENGTH, "the orientation matrix is not divided by the wavelength", 0.66,
                   lambda m: m * wavelength)
        yield edit(causes.MATRIX_WAVELENGTH, "the orientation matrix is divided twice by the wavelength", 0.5,
                   lambda m: m / wavelength)
    yield edit(causes.MATRIX_SIGN, "all axes of the orientation matrix are reversed", 0.55, lambda m: -m)
    for axis, name in enumerate("abc"):
        signs = np.where(np.arange(3) == axis, -1.0, 1.0)
        yield edit(causes.MATRIX_SIGN, f"{name}* of the orientation matrix is reversed", 0.4, _times(signs))
        yield edit(causes.MATRIX_SIGN, f"{'xyz'[axis]} of the orientation matrix is reversed", 0.4,
                   _times(signs[:, None]))
    for order in list(itertools.permutations(range(3)))[1:]:
        yield edit(causes.MATRIX_ORDER, f"reciprocal axes in the order {''.join('abc'[i] for i in order)}", 0.45,
                   _in_columns(order))


def _times(factors: np.ndarray) -> Change:
    return lambda table: table * factors


def _moved(step: np.ndarray) -> Change:
    return lambda table: table + step


def _in_columns(order: Sequence[int]) -> Change:
    return lambda table: table[:, list(order)]


# --- structure factors --------------------------------------------------------------------------------------------


def _list_of_f(question: Question) -> Iterator[Candidate]:
    def edit(id: str, words: str, prior: float, change: Change) -> Candidate:
        return _edit(question, "-hkl", id, words, prior, lambda text: _table_text(change(_table(text))))

    yield from _single_reflections(question, edit)
    yield edit(causes.HKL_FRIEDEL, "every reflection has the F of its Friedel mate (-h,-k,-l)", 0.7,
               lambda t: np.column_stack((-t[:, :3], t[:, 3])))
    yield edit(causes.AMPLITUDE_NOT_SQUARED, "the F of the list are squared", 0.6,
               lambda t: np.column_stack((t[:, :3], t[:, 3] ** 2)))
    yield edit(causes.AMPLITUDE_NOT_SQUARED, "of the F of the list the square root is taken", 0.6,
               lambda t: np.column_stack((t[:, :3], np.sqrt(np.abs(t[:, 3])))))
    for axis, name in enumerate("hkl"):
        for step in (1, -1):
            move = np.where(np.arange(4) == axis, -step, 0)
            yield edit(causes.HKL_OFF_BY_ONE, f"every reflection has the F of {name}{step:+d}", 0.5,
                       _moved(move))
    for signs in SIGNS:
        yield edit(causes.HKL_SIGN, f"every reflection has the F of ({signed_names(signs)})", 0.45,
                   _times(np.append(signs, 1.0)))
    for words, order in PERMUTATIONS.items():
        yield edit(causes.HKL_ORDER, f"the indices are read in the order {words}", 0.5,
                   _in_columns((*np.argsort(order), 3)))
    for words, change in (("the first record is lost", lambda t: t[1:]), ("the last record is lost", lambda t: t[:-1]),
                          ("the second half is lost", lambda t: t[:len(t) // 2]),
                          ("the first half is lost", lambda t: t[len(t) // 2:])):
        yield edit(causes.HKL_TRUNCATED, f"list of F: {words}", 0.5, change)
    yield edit(causes.HKL_MATES_ADDED, "Friedel mates are filled in", 0.4,
               lambda t: np.concatenate((np.column_stack((-t[:, :3], t[:, 3])), t)))


_FEW_REFLECTIONS = 40
"""So many reflections may have been changed one by one."""


def _all_alike(ratio: np.ndarray) -> bool:
    """Whether all reflections changed by one factor, which is none of theirs."""
    middle = float(np.median(ratio))
    return middle != 1 and bool(np.mean(np.abs(ratio - middle) < 1e-3 * middle) > 0.8) and abs(middle - 1) > 1e-3


def _single_reflections(question: Question,
                        edit: Callable[[str, str, float, Change], Candidate]) -> Iterator[Candidate]:
    """The few reflections whose intensity differs get the F that the subject shows."""
    if question.lattice is None or question.amplitudes is None:
        return
    table = reflection_table(question)
    if table is None:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(table.x > 0, table.y / table.x, np.nan)
    off = np.isfinite(ratio) & (np.abs(ratio - 1) > 1e-4) & np.isfinite(table.listed)
    told = np.isfinite(ratio) & np.isfinite(table.listed)
    if not 0 < np.count_nonzero(off) <= _FEW_REFLECTIONS or _all_alike(ratio[told]):
        return
    hkl, factors = table.hkl[off], np.where(ratio[off] > 1e-3, np.sqrt(np.maximum(ratio[off], 0)), 0.0)
    id = causes.REFLECTION_MISSING if (factors == 0).all() else causes.REFLECTION_CHANGED
    named = ", ".join(f"({h},{k},{l})" for h, k, l in hkl[:6])
    words = f"F of {len(hkl)} reflections {'is zero' if id == causes.REFLECTION_MISSING else 'is another'}: {named}"

    def change(t: np.ndarray) -> np.ndarray:
        t = t.copy()
        for (h, k, l), factor in zip(hkl, factors, strict=True):
            t[(t[:, 0] == h) & (t[:, 1] == k) & (t[:, 2] == l), 3] *= factor
        return t

    yield edit(id, words, 0.72, change)


def _table(text: str) -> np.ndarray:
    """Records h k l F of a list."""
    values = np.array(text.split(), float)
    return values[:values.size // 4 * 4].reshape(-1, 4)


def _table_text(table: np.ndarray) -> str:
    return "".join(f"{h:.0f} {k:.0f} {l:.0f} {f!r}\n" for h, k, l, f in table.tolist())


# --- sources ------------------------------------------------------------------------------------------------------


def _part_of(part: slice) -> Callable[[list[list[str]]], list[list[str]]]:
    """Some of the rows, or all where there would be none."""
    return lambda rows: rows[part] or rows


def _sources(question: Question) -> Iterator[Candidate]:
    central = question.setting.wavelength_A * 1e-10

    def edit(id: str, words: str, prior: float, change: Callable[[list[list[str]]], list[list[str]]]) -> Candidate:
        def make(text: str) -> str:
            rows = [line.split() for line in text.splitlines() if line.strip()]
            return "".join(" ".join(row) + "\n" for row in change(rows))

        return _edit(question, "-sourcefile", id, words, prior, make)

    yield edit(SOURCE_WEIGHTS, "the weights of the sources are ignored", 0.7,
               lambda rows: [[*row[:3], *(["1"] if len(row) > 3 else []), *row[4:]] for row in rows])
    for words, part in (("the first source is lost", slice(1, None)), ("the last source is lost", slice(None, -1)),
                        ("only the first source is used", slice(0, 1))):
        yield edit(causes.SOURCES_LOST, words, 0.6, _part_of(part))
    yield edit(causes.SOURCES_WAVELENGTH, "all sources have the central wavelength", 0.6,
               lambda rows: [[*row[:4], *([repr(central)] if len(row) > 4 else [])] for row in rows])
    yield edit(causes.SOURCES_SIGN, "the directions of the sources are reversed", 0.5,
               lambda rows: [[*(repr(-float(v)) for v in row[:3]), *row[3:]] for row in rows])
