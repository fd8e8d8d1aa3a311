"""The generated crystal on a few reflections, against its formulas in floating point."""

import math

import numpy as np
import pytest

from nbcompare.case import lysozyme
from nbcompare.case.lysozyme import CELL_A, CELL_DEG, ORIENTATION_DEG, amplitudes_text, orientation_text


def reciprocal_vectors():
    """a*, b*, c* as the rows of the inverse of the direct vectors, a along x and b in the xy plane."""
    a, b, c = map(float, CELL_A)
    alpha, beta, gamma = (math.radians(float(angle)) for angle in CELL_DEG)
    cx, cy = math.cos(beta), (math.cos(alpha) - math.cos(beta) * math.cos(gamma)) / math.sin(gamma)
    direct = np.array([[a, 0, 0], [b * math.cos(gamma), b * math.sin(gamma), 0],
                       [c * cx, c * cy, c * math.sqrt(1 - cx**2 - cy**2)]])
    return np.linalg.inv(direct).T


def rotation(axis, degrees):
    """Right-handed, about x, y or z."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    matrix, (i, j) = np.eye(3), ((1, 2), (2, 0), (0, 1))[axis]
    matrix[[i, i, j, j], [i, j, i, j]] = cosine, -sine, sine, cosine
    return matrix


def test_the_matrix_is_the_turned_reciprocal_cell():
    turned = reciprocal_vectors().T
    for axis, degrees in enumerate(map(float, ORIENTATION_DEG)):
        turned = rotation(axis, degrees) @ turned
    lines = orientation_text().splitlines()
    assert [[len(word.partition(".")[2]) for word in line.split()] for line in lines] == [[8] * 3] * 3
    assert np.array([line.split() for line in lines], float) == pytest.approx(0.9768 * turned, abs=6e-9)


def uniform(h, k, l, salt):
    """SplitMix64 (Steele, Lea & Flood 2014), seeded with 16 bits of each index, two outputs deep."""
    state = (h % 65536 << 48) ^ (k % 65536 << 32) ^ (l % 65536 << 16) ^ salt
    for _ in range(2):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        state = (state ^ state >> 27) * 0x94D049BB133111EB % 2**64
        state ^= state >> 31
    return ((state >> 11) + 0.5) / 2**53


def expected(d_min, d_complete):
    """{(h, k, l): F} by the formulas: Wilson's distribution, a temperature factor, and Friedel mates apart."""
    vectors, found = reciprocal_vectors(), {}
    span = range(-12, 13)
    for h, k, l in ((h, k, l) for h in span for k in span for l in span if (h, k, l) > (0, 0, 0)):
        s2 = float(((h, k, l) @ vectors) @ ((h, k, l) @ vectors))
        if s2 > 1 / d_min**2 or (s2 > 1 / d_complete**2 and uniform(h, k, l, 2) > 0.52):
            continue
        amplitude = 220 * math.exp(-10 * s2 / 4) * math.sqrt(-math.log(uniform(h, k, l, 1)))
        apart = 0.01 * (2 * uniform(h, k, l, 3) - 1)
        found[h, k, l], found[-h, -k, -l] = amplitude * (1 + apart), amplitude * (1 - apart)
    return found


def test_few_reflections_have_the_amplitudes_of_the_formulas(monkeypatch):
    """To 3 A instead of 1.1: 1,600 reflections, of which those between 4 and 3 A are listed in part."""
    monkeypatch.setattr(lysozyme, "D_MIN_A", lysozyme.Decimal(3))
    monkeypatch.setattr(lysozyme, "D_COMPLETE_A", lysozyme.Decimal(4))
    wanted, lines = expected(3, 4), amplitudes_text().splitlines()
    given = {tuple(map(int, line.split()[:3])): float(line.split()[3]) for line in lines}
    assert given.keys() == wanted.keys() and list(given) == sorted(given)
    assert [given[key] for key in given] == pytest.approx([wanted[key] for key in given], abs=0.00501)
    assert {(len(line), line[-3]) for line in lines} == {(22, ".")}


def test_what_is_written_from_doubles_is_what_decimals_give(monkeypatch):
    """Of 2,700 reflections; and doubles leave to decimals what they cannot tell."""
    monkeypatch.setattr(lysozyme, "D_MIN_A", lysozyme.Decimal("2.5"))
    written, left = lysozyme._written_in_doubles, []
    monkeypatch.setattr(lysozyme, "_written_in_doubles",
                        lambda *reflection: written(*reflection) or left.append(reflection))
    quick = amplitudes_text()
    assert 0 < len(left) < 0.02 * quick.count("\n")
    monkeypatch.setattr(lysozyme, "_written_in_doubles", lambda *reflection: None)
    assert amplitudes_text() == quick
