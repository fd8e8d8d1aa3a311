"""The project's own crystal: the same bytes everywhere, and the statistics it claims."""

import math
from dataclasses import replace
from decimal import getcontext
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from nbcompare.case.case_file import load_case
from nbcompare.case.inputs import GENERATORS, stage_inputs
from nbcompare.case.lysozyme import CELL_A, CELL_DEG, D_MIN_A, WAVELENGTH_A, amplitudes_text, orientation_text
from nbcompare.errors import CaseError
from nbcompare.files import sha256_of

SUPERVISOR = Path(__file__).resolve().parents[3] / "cases" / "supervisor.yaml"


@pytest.fixture(scope="module")
def reflections():
    rows = [line.split() for line in amplitudes_text().splitlines()]
    return np.array([[int(x) for x in row[:3]] for row in rows]), np.array([float(row[3]) for row in rows])


@pytest.fixture(scope="module")
def reciprocal():
    """a*, b*, c* as rows (A^-1), from the matrix file, which holds wavelength * A* as columns."""
    matrix = np.array([[float(x) for x in line.split()] for line in orientation_text().splitlines()])
    return matrix.T / float(WAVELENGTH_A)


def test_generated_inputs_are_those_the_case_pins(tmp_path):
    for entry in load_case(SUPERVISOR).inputs:
        path = tmp_path / entry.name
        path.write_text(GENERATORS[entry.made_by](), newline="\n")
        assert sha256_of(path) == entry.sha256


def test_generated_inputs_do_not_depend_on_the_callers_precision():
    """A program that has set its own decimal context still gets the same text."""
    before = orientation_text()
    kept = getcontext().prec
    getcontext().prec = 5
    try:
        assert orientation_text() == before
    finally:
        getcontext().prec = kept


def test_the_matrix_holds_the_cell(reciprocal):
    direct = np.linalg.inv(reciprocal).T
    lengths = np.linalg.norm(direct, axis=1)
    angles = [math.degrees(math.acos(direct[i] @ direct[j] / lengths[i] / lengths[j])) for i, j in
              ((1, 2), (0, 2), (0, 1))]
    assert lengths == pytest.approx([float(x) for x in CELL_A], abs=2e-3)
    assert angles == pytest.approx([float(x) for x in CELL_DEG], abs=5e-3)
    assert np.linalg.det(direct) > 0


def test_about_64000_reflections_with_their_friedel_mates(reflections):
    indices, _ = reflections
    assert 63_000 < len(indices) < 65_000
    listed = {tuple(row) for row in indices}
    assert len(listed) == len(indices)
    assert all((-h, -k, -l) in listed for h, k, l in listed)
    assert (0, 0, 0) not in listed


def test_resolution_ends_at_the_limit(reflections, reciprocal):
    spacing = 1 / np.linalg.norm(reflections[0] @ reciprocal, axis=1)
    assert spacing.min() == pytest.approx(float(D_MIN_A), abs=2e-3)


def test_amplitudes_follow_the_acentric_wilson_distribution(reflections, reciprocal):
    """<F^2>/<F>^2 = 4/pi = 1.273 in thin resolution shells (centric would be pi/2)."""
    indices, F = reflections
    s = np.linalg.norm(indices @ reciprocal, axis=1)
    ratios = []
    for low in np.arange(0.3, 0.75, 0.05):
        shell = F[(s > low) & (s < low + 0.01)]
        ratios.append((shell**2).mean() / shell.mean() ** 2)
    assert np.mean(ratios) == pytest.approx(4 / math.pi, abs=0.02)


def test_friedel_mates_differ_by_at_most_two_percent_but_do_differ(reflections):
    values = {tuple(row): f for row, f in zip(*reflections, strict=True)}
    ratio = np.array([values[key] / values[-key[0], -key[1], -key[2]] for key in values if values[key] > 20])
    assert 0.97 < ratio.min() < 0.985 and 1.015 < ratio.max() < 1.03


# --- the user's own files ---------------------------------------------------------------------------


@pytest.fixture
def case_with_input(small_case, tmp_path):
    (tmp_path / "own.mat").write_text("1 0 0\n0 1 0\n0 0 1\n")
    text = small_case.read_text().replace("-flux", "-mat A.mat -flux")
    small_case.write_text(text + f"inputs: {{A.mat: {{file: own.mat, sha256: {sha256_of(tmp_path / 'own.mat')}}}}}\n")
    return small_case


def test_an_input_of_the_case_is_as_pinned(run_small, case_with_input):
    said, folder = run_small()
    assert said.code == 0 and said.json["inputs_as_pinned"]
    assert said.json["inputs"][0]["origin"] == "case"
    assert (folder / "inputs/data/A.mat").read_text().startswith("1 0 0")


def test_a_users_own_input_is_used_and_said(run_small, nb, fake, case_with_input, tmp_path):
    (tmp_path / "mine.txt").write_text("2 0 0\n0 2 0\n0 0 2\n")
    said, folder = run_small("good", "twin", "--input", "A.mat=mine.txt")
    assert said.code == 0
    assert said.json["inputs"][0]["origin"] == "user" and not said.json["inputs_as_pinned"]
    assert (folder / "inputs/data/A.mat").read_text().startswith("2 0 0")
    told = nb("run", case_with_input, "--c-bin", fake("good"), "--py-bin", fake("twin"), "--input", "A.mat=mine.txt")
    assert "the user's own: A.mat" in told.out


def test_an_input_that_changed_is_refused(nb, case_with_input, tmp_path, fake):
    (tmp_path / "own.mat").write_text("3 0 0\n0 3 0\n0 0 3\n")
    said = nb("run", case_with_input, "--c-bin", fake("good"), "--py-bin", fake("twin"))
    assert said.code == 1
    assert "but the case pins" in said.err
    assert not list((tmp_path / "bundles/small").iterdir())


@pytest.mark.parametrize(("override", "words"), [
    ("A.mat", "must read NAME=PATH"), ("B.mat=own.mat", "did you mean 'A.mat'?"), ("A.mat=gone", "no file gone")])
def test_a_bad_override_is_a_usage_error(nb, case_with_input, override, words):
    said = nb("run", case_with_input, "--input", override)
    assert said.code == 1 and words in said.err


def test_what_was_made_once_is_taken_again_where_its_sum_is_the_pinned_one(tmp_path, monkeypatch):
    """Kept bytes that somebody changed are no such bytes, and a generator that changed is refused."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    calls = []
    monkeypatch.setitem(GENERATORS, "lysozyme-orientation", lambda: calls.append(1) or "a matrix\n")
    case = load_case(SUPERVISOR)
    entry = replace(case.inputs[0], sha256=sha256(b"a matrix\n").hexdigest())
    case = replace(case, inputs=(entry,))

    def staged(name):
        (tmp_path / name).mkdir()
        stage_inputs(case, {}, tmp_path / name)
        return (tmp_path / name / entry.name).read_text()

    assert [staged("first"), staged("second")] == ["a matrix\n"] * 2 and len(calls) == 1
    kept, = (tmp_path / "cache/nb-compare/inputs").iterdir()
    kept.write_text("another\n")
    assert staged("third") == "a matrix\n" and len(calls) == 2 and kept.read_text() == "a matrix\n"
    kept.unlink()
    monkeypatch.setitem(GENERATORS, "lysozyme-orientation", lambda: "changed\n")
    with pytest.raises(CaseError, match="pins"):
        staged("fourth")
    assert not kept.exists()
