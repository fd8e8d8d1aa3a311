"""Defects of the layout: pixels in other places, parts of the image lost, and bytes that mean something else."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nbcompare.explain.audit.kind import Defect, NotApplicable, Target, either_way, kind, of_image

HEADER_BYTES = 512


# --- other places ------------------------------------------------------------------------------------------------


@kind("written-transposed", "geometry", "fast and slow are exchanged when the image is written", named_by=(
    "transposed", "anti-transposed"))
def written_transposed(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "columns first", lambda image: image.T)


@kind("fast-flipped", "geometry", "the image is mirrored along the fast axis", named_by=("flipped-fast",))
def fast_flipped(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "fast axis reversed", lambda image: image[:, ::-1])


@kind("slow-flipped", "geometry", "the image is mirrored along the slow axis", named_by=("flipped-slow",))
def slow_flipped(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "slow axis reversed", lambda image: image[::-1])


@kind("half-turned", "geometry", "the image is turned by 180 degrees", named_by=("rotated-180",))
def half_turned(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "both axes reversed", lambda image: image[::-1, ::-1])


@kind("quarter-turned", "geometry", "the image is turned by 90 degrees", named_by=("rotated-90", "rotated-270"))
def quarter_turned(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    if target.shape.fast != target.shape.slow:
        raise NotApplicable("the image is not square")
    return of_image(target, "turned", np.rot90)


@kind("pixels-shifted", "geometry", "the image is shifted by whole pixels", named_by=("pixel-shift",))
def pixels_shifted(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    moves = (int(draw.integers(1, 4)), int(-draw.integers(0, 4)))
    return of_image(target, f"by {moves[0]} rows and {moves[1]} columns", lambda image: _moved(image, moves))


@kind("rolled", "geometry", "rows and columns run over to the other side", named_by=("pixel-shift",))
def rolled(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    moves = (int(draw.integers(-3, 4)), int(draw.integers(1, 4)))
    return of_image(target, f"rolled by {moves[0]} rows and {moves[1]} columns",
                    lambda image: np.roll(image, moves, (0, 1)))


def _moved(image: np.ndarray, moves: tuple[int, int]) -> np.ndarray:
    """Shifted, with zeros where nothing comes from."""
    moved = np.roll(image, moves, (0, 1))
    for axis, move in enumerate(moves):
        edge = slice(0, move) if move >= 0 else slice(move, None)
        moved[(edge, slice(None)) if axis == 0 else (slice(None), edge)] = 0
    return moved


@kind("image-shifted", "geometry", "the image is resampled a part of a pixel away", named_by=("sub-pixel-shift",),
      full=0.4, unit="pixel")
def image_shifted(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    moves = (either_way(draw) * amount, either_way(draw) * amount * draw.uniform(0.2, 0.8))
    return of_image(target, f"by {moves[0]:.4g} rows and {moves[1]:.4g} columns, linear",
                    lambda image: ndimage.shift(image.astype(np.float64), moves, order=1, mode="nearest"))


@kind("blurred", "geometry", "the image is blurred", named_by=("blurred",), full=0.5, unit="pixel (width)")
def blurred(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, f"gaussian of width {amount:.4g} pixel",
                    lambda image: ndimage.gaussian_filter(image.astype(np.float64), amount))


# --- parts lost --------------------------------------------------------------------------------------------------


@kind("tail-lost", "data", "the end of the image is missing", named_by=("truncated",), full=0.3, unit="of the file")
def tail_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    def change(image: np.ndarray) -> np.ndarray:
        flat = image.ravel().copy()
        flat[int(flat.size * (1 - amount)):] = 0
        return flat

    return of_image(target, f"the last {amount:.4g} of the file is zero", change)


@kind("head-lost", "data", "the beginning of the image is missing", named_by=("head-lost",))
def head_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    share = draw.uniform(0.3, 0.5)

    def change(image: np.ndarray) -> np.ndarray:
        flat = image.ravel().copy()
        flat[:int(flat.size * share)] = 0
        return flat

    return of_image(target, f"the first {share:.3f} of the file is zero", change)


@kind("rows-lost", "data", "rows of the image are missing", named_by=("lines-lost",))
def rows_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    rows = draw.choice(target.shape.slow, max(1, target.shape.slow // 20), replace=False)

    def change(image: np.ndarray) -> np.ndarray:
        kept = image.copy()
        kept[rows] = 0
        return kept

    return of_image(target, f"{rows.size} rows are zero", change)


@kind("rows-repeated", "data", "rows hold what the row before them holds", named_by=("lines-repeated",))
def rows_repeated(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    rows = np.arange(int(draw.integers(1, 3)), target.shape.slow, 4)

    def change(image: np.ndarray) -> np.ndarray:
        kept = image.copy()
        kept[rows] = image[rows - 1]
        return kept

    return of_image(target, f"{rows.size} rows repeat the one before", change)


@kind("header-and-tail", "data", "a header stands before the data, and the end of the file is missing", named_by=(
    "header-bytes", "truncated"))
def header_and_tail(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    share = draw.uniform(0.1, 0.3)

    def change(image: np.ndarray) -> np.ndarray:
        header = np.frombuffer(b"{HEADER_BYTES=512;".ljust(HEADER_BYTES), np.float32)
        flat = np.concatenate((header, image.ravel()))[:image.size]
        flat[int(flat.size * (1 - share)):] = 0
        return flat

    return of_image(target, f"{HEADER_BYTES} bytes of a header, {share:.3f} of the file lost", change)


def _block(target: Target, draw: np.random.Generator) -> tuple[slice, slice]:
    """A block of about a tenth of the area of the first region."""
    roi = target.rois[0]
    sides = (roi.ymax - roi.ymin + 1, roi.xmax - roi.xmin + 1)
    sizes = [max(1, int(side * draw.uniform(0.3, 0.4))) for side in sides]
    starts = [low + int(draw.integers(0, side - size + 1))
              for low, side, size in zip((roi.ymin, roi.xmin), sides, sizes, strict=True)]
    rows, columns = (slice(start, start + size) for start, size in zip(starts, sizes, strict=True))
    return rows, columns


@kind("hole", "data", "a block of the image is zero", named_by=("hole",))
def hole(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    block = _block(target, draw)

    def change(image: np.ndarray) -> np.ndarray:
        kept = image.copy()
        kept[block] = 0
        return kept

    return of_image(target, _bounds(block), change)


@kind("region-only", "data", "only a region was calculated", named_by=("roi-only",))
def region_only(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    block = _block(target, draw)

    def change(image: np.ndarray) -> np.ndarray:
        if not image[block].any():
            raise NotApplicable("nothing is lit in the region")
        kept = np.zeros_like(image)
        kept[block] = image[block]
        return kept

    return of_image(target, _bounds(block), change)


def _bounds(block: tuple[slice, slice]) -> str:
    rows, columns = block
    return f"x {columns.start}..{columns.stop - 1}, y {rows.start}..{rows.stop - 1}"


@kind("edge-lost", "data", "the last row and column are not calculated", named_by=(
    "roi-off-by-one", "lines-lost", "roi-only"))
def edge_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    def change(image: np.ndarray) -> np.ndarray:
        kept = image.copy()
        kept[-1] = 0
        kept[:, -1] = 0
        return kept

    return of_image(target, "the last row and column are zero", change)


# --- bytes -------------------------------------------------------------------------------------------------------


@kind("bytes-swapped", "data", "the bytes of every value are in the other order", named_by=("wrong-endian",))
def bytes_swapped(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "big endian", lambda image: image.byteswap())


@kind("header-left", "data", "a header stands before the data", named_by=("header-bytes",))
def header_left(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    def change(image: np.ndarray) -> np.ndarray:
        header = np.frombuffer(b"{HEADER_BYTES=512;".ljust(HEADER_BYTES), np.float32)
        return np.concatenate((header, image.ravel()))[:image.size]

    return of_image(target, f"{HEADER_BYTES} bytes of a header", change)


@kind("row-length", "data", "rows are one pixel shorter than they should be", named_by=("wrong-stride",))
def row_length(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    def change(image: np.ndarray) -> np.ndarray:
        flat = image[:, :-1].ravel()
        return np.concatenate((flat, np.zeros(image.size - flat.size, np.float32)))

    return of_image(target, f"{target.shape.fast - 1} pixels a row", change)


@kind("doubles-written", "data", "doubles are written where floats are read", named_by=("float64-bytes",))
def doubles_written(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "64-bit values",
                    lambda image: image.astype(np.float64).view(np.float32).ravel()[:image.size])


@kind("integers-written", "data", "32-bit integers are written where floats are read", named_by=("integer-bytes",))
def integers_written(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "whole numbers as int32", lambda image: np.rint(image).astype(np.int32).view(np.float32))


@kind("other-image", "data", "the image is another one altogether", named_by=("unrelated-image",))
def other_image(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    """Spots of random places, heights and widths."""
    def change(image: np.ndarray) -> np.ndarray:
        other = np.zeros(image.shape)
        count = max(10, image.size // 20_000)
        rows, columns = draw.integers(0, image.shape[0], count), draw.integers(0, image.shape[1], count)
        other[rows, columns] = float(image.max()) * draw.exponential(1.0, count)
        spots: np.ndarray = ndimage.gaussian_filter(other, 1.5)
        return spots

    return of_image(target, "spots at random", change)
