"""Defects of the crystal: its size and shape, its mosaic, its cell and its orientation."""

from __future__ import annotations

import math

import numpy as np

from nbcompare.case.arguments.command import is_number
from nbcompare.explain.audit.arguments import drop, name_of_file, number, put, values
from nbcompare.explain.audit.kind import Defect, Kind, NotApplicable, Target, either_way, kind, of_arguments, of_file

CELLS = ("cells-value", "cells-off-by-one", "cells-factor-two", "cells-ignored")
SHAPES = ("-square_xtal", "-round_xtal", "-gauss_xtal", "-tophat_spots", "-binary_spots")


# --- size and shape ----------------------------------------------------------------------------------------------


def _cells(target: Target) -> dict[str, int]:
    return {option: int(number(target.argv, option)) for option in ("-Na", "-Nb", "-Nc")}


@kind("one-more-cell", "physics", "one more unit cell along one axis", named_by=CELLS)
def one_more_cell(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    cells = _cells(target)
    option = list(cells)[int(draw.integers(3))]
    return of_arguments(target, f"{option} {cells[option] + 1}", put(target.argv, option, cells[option] + 1))


@kind("cells-swapped", "physics", "Na and Nb are exchanged", named_by=(*CELLS, "cells-order"))
def cells_swapped(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    cells = _cells(target)
    argv = put(put(target.argv, "-Na", cells["-Nb"]), "-Nb", cells["-Na"])
    return of_arguments(target, f"-Na {cells['-Nb']} -Nb {cells['-Na']}", argv)


@kind("cells-halved", "physics", "half the unit cells along one axis", named_by=CELLS)
def cells_halved(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    cells = _cells(target)
    option = list(cells)[int(draw.integers(3))]
    return of_arguments(target, f"{option} {cells[option] // 2}", put(target.argv, option, max(1, cells[option] // 2)))


def _shape(id: str, option: str, title: str) -> Kind:
    @kind(id, "physics", title, named_by=("crystal-shape-value", "crystal-shape-ignored"))
    def seed(target: Target, amount: float, draw: np.random.Generator) -> Defect:
        given = next((word for word in target.argv if word in SHAPES), "-square_xtal")
        if given == option:
            raise NotApplicable(f"the command asks for {option}")
        argv = tuple(word for word in target.argv if word not in SHAPES)
        return of_arguments(target, option, (*argv, option))

    return seed


crystal_round = _shape("crystal-round", "-round_xtal", "an ellipsoidal crystal for a parallelepiped")
crystal_gauss = _shape("crystal-gauss", "-gauss_xtal", "a gaussian crystal for a parallelepiped")
spots_tophat = _shape("spots-tophat", "-tophat_spots", "spots with sharp edges")


# --- mosaic ------------------------------------------------------------------------------------------------------


@kind("mosaic-spread", "physics", "another mosaic spread", full=0.05, unit="deg", named_by=("mosaic-spread-value",))
def mosaic_spread(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    new = number(target.argv, "-mosaic", 0.0) + amount
    domains = int(number(target.argv, "-mosaic_dom", 8))
    return of_arguments(target, f"-mosaic {new:.6g} -mosaic_dom {domains}",
                        put(put(target.argv, "-mosaic", new), "-mosaic_dom", domains))


def _mosaic(target: Target) -> float:
    spread = number(target.argv, "-mosaic", 0.0)
    if not spread:
        raise NotApplicable("the crystal has no mosaic spread")
    return spread


@kind("mosaic-lost", "physics", "the mosaic spread is not read", named_by=("mosaic-spread-ignored",))
def mosaic_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    _mosaic(target)
    return of_arguments(target, "-mosaic 0", put(target.argv, "-mosaic", 0))


@kind("mosaic-seed", "physics", "another seed of the mosaic domains", named_by=(
    "mosaic-seed-value", "mosaic-seed-ignored", "mosaic-seed-sign"))
def mosaic_seed(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    _mosaic(target)
    if number(target.argv, "-mosaic_dom", 0.0) < 2:
        raise NotApplicable("there is one mosaic domain")
    new = -int(draw.integers(1, 10**6))
    return of_arguments(target, f"-mosaic_seed {new}", put(target.argv, "-mosaic_seed", new))


# --- cell and orientation ----------------------------------------------------------------------------------------


def _matrix(target: Target) -> tuple[str, np.ndarray]:
    name = name_of_file(target.argv, "-mat")
    return name, np.array(target.files[name].split()[:9], dtype=float).reshape(3, 3)


def _text(matrix: np.ndarray) -> str:
    return "".join(" ".join(f"{value:.10f}" for value in row) + "\n" for row in matrix)


@kind("cell", "echo", "an edge of the unit cell is longer", full=0.2, unit="% of the edge", echoed=True, named_by=(
    "cell-value", "matrix-value", "echo-cell"))
def cell(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    edge = int(draw.integers(3))
    if values(target.argv, "-mat"):
        name, matrix = _matrix(target)
        matrix[:, edge] /= 1 + amount / 100
        return of_file(target, f"reciprocal axis {edge + 1} shorter by {amount:.4g} %", name, _text(matrix))
    given = values(target.argv, "-cell")
    if not given:
        raise NotApplicable("the command has neither -mat nor -cell")
    lengths = [float(value) for value in given]
    edge = min(edge, len(lengths) - 1)
    lengths[edge] *= 1 + amount / 100
    return of_arguments(target, f"edge {edge + 1} is {lengths[edge]:.9g}", put(target.argv, "-cell", *lengths))


@kind("matrix-transposed", "physics", "the orientation matrix is read in rows for columns", named_by=(
    "matrix-transposed",))
def matrix_transposed(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    name, matrix = _matrix(target)
    return of_file(target, "transposed", name, _text(matrix.T))


@kind("orientation", "physics", "the crystal is turned by a small angle", full=0.05, unit="deg", named_by=(
    "misset-value", "matrix-value"))
def orientation(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    """Turned about a random axis, by Rodrigues' formula."""
    axis = draw.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = math.radians(amount) * either_way(draw)
    turn = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    name, matrix = _matrix(target)
    return of_file(target, f"turned by {math.degrees(angle):.5g} deg about {x:.3f} {y:.3f} {z:.3f}", name,
                   _text(turn @ matrix))


@kind("misset", "physics", "a misset rotation that is not asked for, or another one", full=0.05, unit="deg",
      named_by=("misset-value", "matrix-value"))
def misset(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    given = values(target.argv, "-misset") or ("0", "0", "0")
    if given[0] == "random":
        raise NotApplicable("the misset is random")
    angles = [float(angle) for angle in given[:3]]
    angles[int(draw.integers(3))] += either_way(draw) * amount
    words = " ".join(f"{angle:.6g}" for angle in angles)
    return of_arguments(target, f"-misset {words}", put(target.argv, "-misset", *angles))


@kind("seed-for-angles", "physics", "the option of the misset's seed is taken for the misset's own", named_by=(
    "misset-seed-angles",))
def seed_for_angles(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    """A program that looks for -misset at the beginning of a word takes the three words behind -misset_seed as angles,
    and as 0 what is no number."""
    number(target.argv, "-misset_seed")
    behind = target.argv[target.argv.index("-misset_seed") + 1:][:3]
    angles = [float(word) if is_number(word) else 0.0 for word in (*behind, "0", "0")[:3]]
    bare = tuple(drop(target.argv, "-misset_seed"))
    argv = put(bare, "-misset", *angles)
    return of_arguments(target, f"-misset {' '.join(f'{angle:g}' for angle in angles)}", argv)
