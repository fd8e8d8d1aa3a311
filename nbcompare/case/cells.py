"""The cells of a case's matrix, each as a case of its own."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace

from nbcompare.case.arguments.command import declared_shape, size_is_in_a_header
from nbcompare.case.case import Case
from nbcompare.case.matrix import RUNS, Cell, cells_in
from nbcompare.compare.image import Roi
from nbcompare.errors import UsageError


def cells_of(case: Case, names: Container[str] | None = None) -> list[Case]:
    """Every cell of a case's matrix as a case of its own, called NAME.CELL; the case itself when it has none.

    A region that is the whole image of the case is the whole image of each cell. ``names`` are those of the cells that
    are wanted: a matrix has thousands, and making one of them costs more than its name.
    """
    return list(each_cell(case, names))


def each_cell(case: Case, names: Container[str] | None = None) -> Iterator[Case]:
    """The same, one after another: who looks at each when it is made has its command read once."""
    if not case.matrix:
        yield case
        return
    for name, cell in cells_by_name(case).items():
        if names is None or name in names:
            yield case_of_cell(case, cell)


def cell_named(case: Case, name: str) -> Case:
    """The cell that has this name, or the case itself: a bundle of a cell holds the case file of the whole matrix."""
    return next((cell for cell in cells_of(case, (name,)) if cell.name == name), case)


def cells_by_name(case: Case) -> dict[str, Cell]:
    """The combinations of a case's matrix by the names that they have as cases; none without a matrix."""
    return {f"{case.name}.{cell.name}": cell for cell in cells_in(case.matrix)} if case.matrix else {}


def case_of_cell(case: Case, cell: Cell) -> Case:
    """One combination of a case's matrix as a case of its own."""
    command = (*case.command, *cell.arguments)
    try:
        known = case.own_options or size_is_in_a_header(command)
        shape = case.shape if known else declared_shape(command, case.folder)
    except UsageError:
        shape = case.shape  # told by command_faults
    run = dict(cell.places).get(RUNS, "")
    own = case.matrix.thresholds.get(run, ()) if case.matrix else ()
    claims = case.matrix.divergences.get(run, ()) if case.matrix else ()
    chosen = {(threshold.metric, threshold.roi): threshold for threshold in (*case.thresholds, *own)}
    whole = Roi.full(case.shape).bounds
    rois = tuple(replace(roi, xmax=shape.fast - 1, ymax=shape.slow - 1) if roi.bounds == whole and roi.is_box else roi
                 for roi in case.rois)
    return replace(case, name=f"{case.name}.{cell.name}", title=f"{case.title} ({cell.name})", command=command,
                   shape=shape, rois=rois, thresholds=tuple(chosen.values()), matrix=None,
                   divergences=(*case.divergences, *claims), cell=dict(cell.places))
