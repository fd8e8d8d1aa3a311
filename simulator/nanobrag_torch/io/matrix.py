"""Orientation matrices: nine numbers, rows x y z, wavelength times a*, b*, c* as columns."""

from __future__ import annotations

import numpy as np

from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.text import STRICT, Allowed, hint_of, read_text, real, text_lines


def read_matrix(path, allowed: Allowed = STRICT) -> np.ndarray:
    """The first nine numbers of a file as float64 [3, 3], rows as in the file; comments only where allowed.

    Raises InputFileError for a missing, empty or short file, and for a word that is not a finite number.
    """
    values = []
    for number, line in text_lines(read_text(path, allowed)):
        for word in line.split():
            values.append(real(word, path, number, hint_of(line, allowed)))
            if len(values) == 9:
                return np.array(values).reshape(3, 3)
    raise InputFileError(f"an orientation matrix has nine numbers; {len(values)} found", path)
