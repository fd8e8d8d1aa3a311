"""Twins: parameters that do the same to an image, found by a step of each or by a ratio that is known."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nbcompare.explain.diagnose import Question
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters
from nbcompare.explain.diagnose.search.twins import TwinSearch

ARGV = ("-cell", "61", "73", "87", "90", "90", "90", "-default_F", "50", "-lambda", "1.3", "-distance", "175", "-pixel",
        "0.15", "-detpixels", "40", "-N", "6", "-fluence", "1e24", "-nonoise")


def test_twins_are_tried_by_how_much_they_leave_whatever_their_numbers():
    """In a smooth image everything turns it a little alike; two numbers that leave 1e-9 of it come before one that
    leaves 1e-3, and one before two where both leave as much."""
    turn = np.array([1.0, 2.0, 3.0, 4.0])

    def response(id, *off, prior=0.5):
        slopes = np.stack([turn + d * np.array([1.0, -1.0, 1.0, -1.0]) for d in off], axis=1)
        parameter = SimpleNamespace(id=id, start=(0.0,) * len(off), steps=(1.0,) * len(off), begin=None, prior=prior)
        return SimpleNamespace(parameter=parameter, slopes=slopes, promise=1.0)

    own, near, two, one = (response("own", 0.0), response("near", 0.05, prior=0.9), response("two", 0.0, 1.0),
                           response("one", 1e-7, prior=0.1))
    responses = [own, near, two, one]
    fitter = SimpleNamespace(responses=lambda parameter: [r for r in responses if r.parameter is parameter])
    search = TwinSearch(SimpleNamespace(within=lambda share: True), fitter, None, responses)
    found = search.same_way(own.parameter, (1.0,))
    assert [response.parameter.id for response, _ in found] == ["one", "two", "near"]


@pytest.mark.parametrize("found, twin", [(("cell-value", 0.9), ("wavelength-value", 1 / 0.9)),
                                         (("wavelength-value", 0.9), ("cell-value", 1 / 0.9)),
                                         (("distance-value", 1.2), ("pixel-size-value", 1 / 1.2))])
def test_a_ratio_that_undoes_another_is_a_twin_however_long_it_is(found, twin):
    """A tenth is far beyond where an image goes with a step: only the known ratio leads from one to the other."""
    question = Question(np.eye(40, dtype="f4"), np.eye(40, k=3, dtype="f4"), ARGV, Path())
    start = {p.id: p for p in fit_parameters(question) if len(p.start) == 1}
    aim = twin[1] * start[twin[0]].start[0]
    fitter = SimpleNamespace(images=lambda other, at: abs(at[0] / aim - 1) if other.id == twin[0] else 1.0)
    trials = SimpleNamespace(question=question, within=lambda share: True,
                             reading=lambda parts: SimpleNamespace(left=parts))
    parameter = start[found[0]]
    begun = TwinSearch(trials, fitter, None, [])._by_ratio(parameter, (found[1] * parameter.start[0],))
    assert [(other.id, at) for other, at in begun] == [(twin[0], (pytest.approx(aim),))]
