"""Limits where they stand: what is on a limit, what is just beyond it, and what an answer must not be shared over.

Each of these was changed in the code once, unnoticed by any other test.
"""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from nbcompare.case.command import rendered_region
from nbcompare.case.options import SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Shape
from nbcompare.compare.peaks import find_peaks
from nbcompare.engine.engine import Engine
from nbcompare.engine.renderer import Renderer
from nbcompare.engine.runs import Job
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.finders.scale import lookup, named_factor, ratios


def test_a_value_on_a_limit_is_within_it():
    both = Threshold("sum_ratio", "full", 0.9, 1.1, "w")
    assert both.admits(0.9) and both.admits(1.1)
    assert not both.admits(math.nextafter(0.9, 0)) and not both.admits(math.nextafter(1.1, 2))
    assert Threshold("sum_ratio", "full", None, 1.1, "w").admits(-5)
    assert Threshold("rmse", "full", 2, None, "w").admits(9)


@pytest.mark.parametrize(("given", "expected"), [
    ("0 99 0 99", (0, 9, 0, 6)),
    ("2 9 3 6", (2, 9, 3, 6)),
    ("2 10 3 7", (2, 9, 3, 6)),
    ("-1 -1 -1 -1", (0, 9, 0, 6)),
])
def test_both_far_ends_of_a_roi_are_cut_to_the_image(given, expected):
    """In C `xmax > fast - 1` and `ymax > slow - 1` are both set back."""
    found = rendered_region(["-roi", *given.split()], Shape(fast=10, slow=7))
    assert found.bounds == expected


def test_a_peak_is_what_rises_above_a_ten_thousandth_of_the_brightest():
    image = np.zeros((40, 40), np.float32)
    image[5, 5], image[5, 30], image[30, 5] = 1e6, 110, 90
    assert sorted((round(peak.x), round(peak.y)) for peak in find_peaks(image)) == [(5, 5), (30, 5)]


# --- what an answer must not be shared over ---------------------------------------------------------------


def test_a_sweep_with_resample_is_not_done_by_a_bundle_without(tmp_path):
    from nbcompare.case.case import load_case
    from nbcompare.run.run_case import RunOptions
    from nbcompare.run.sweep.plan import key_of_cell

    path = tmp_path / "small.yaml"
    path.write_text("name: small\ntitle: t\ncommand: -flux 1e18 -detpixels_x 9 -detpixels_y 7\n"
                    "image: {fast: 9, slow: 7}\nrois: {full: full}\n"
                    "thresholds:\n  - {metric: sum_ratio, min: 0.99, max: 1.01, why: w}\n")
    case, options = load_case(path), RunOptions()
    keys = {key_of_cell(case, replace(options, resample=resample), (), "") for resample in (False, True)}
    assert len(keys) == 2


@pytest.mark.parametrize("what", ["version", "program_sha256", "libraries", "started_as"])
def test_a_kept_answer_belongs_to_one_engine_as_it_is(tmp_path, monkeypatch, what):
    """reduce, trace and diagnose keep what an engine answered; another version of it is asked again."""
    from nbcompare.engine.identity import EngineIdentity

    def key(**changes):
        who = EngineIdentity(SUBJECT, "engine", "--py-bin", ("engine",), "0" * 64, 1, "version 1", ("libm.so",))
        monkeypatch.setattr("nbcompare.engine.renderer.identify", lambda engine: replace(who, **changes))
        job = Job(Engine(SUBJECT, "engine", ("engine",), "--py-bin"), ("-flux", "1"), Shape(9, 7), 1.0, tmp_path)
        with Renderer() as renderer:
            return renderer.key(job)

    other = ("other",) if what in ("libraries", "started_as") else "other"
    assert key() == key() != key(**{what: other})


# --- ranks of the diagnosis -------------------------------------------------------------------------------


def _product() -> float:
    """A factor that two known mistakes give together and none alone."""
    singles = list(ratios(None))
    return next(a.factor * b.factor for a, b in itertools.combinations(singles, 2)
                if a.id != b.id and not any(abs(a.factor * b.factor / one.factor - 1) < 1e-3 for one in singles))


def test_a_product_is_believed_only_while_accidents_are_rarer_than_one_in_fifty():
    factor = _product()
    exact = lookup(None, factor, 1e-9)
    assert exact and exact[0].ratio.id == causes.SCALE_PRODUCT
    accidents_per_residual = exact[0].chance / 3e-6 * 3
    assert lookup(None, factor, 0.019 / accidents_per_residual)
    assert not lookup(None, factor, 0.021 / accidents_per_residual)


def test_one_mistake_is_likelier_than_two_and_two_than_a_bare_factor():
    factor = _product()
    two, *_, bare = named_factor(None, factor, 1e-9, None)
    assert (two.id, bare.id) == (causes.SCALE_PRODUCT, causes.SCALE_FACTOR)
    assert min(ratio.prior for ratio in ratios(None)) > two.prior > bare.prior == 0.15


