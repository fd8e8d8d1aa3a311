"""Orientation matrices: nine numbers, rows x y z, wavelength times a*, b*, c* as columns."""

from __future__ import annotations

import numpy as np

from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.text import read_text, real


def read_matrix(path) -> np.ndarray:
    """The first nine numbers of a file as float64 [3, 3], rows as in the file.

    Raises InputFileError for a missing, empty or short file, and for a word that is not a finite number.
    """
    values = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        for word in line.split():
            values.append(real(word, path, number))
            if len(values) == 9:
                return np.array(values).reshape(3, 3)
    raise InputFileError(f"an orientation matrix has nine numbers; {len(values)} found", path)
