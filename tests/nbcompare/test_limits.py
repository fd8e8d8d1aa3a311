"""Limits where they stand: what is on a limit, what is just beyond it, and what an answer must not be shared over.

Each of these was changed in the code once, unnoticed by any other test.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from nbcompare.case.arguments.command import rendered_region
from nbcompare.case.arguments.options import SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Shape
from nbcompare.compare.metrics import METRICS
from nbcompare.compare.peaks import find_peaks
from nbcompare.engine.engine import Engine
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.rendering.runs import Job
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.finders.scale import Ratio, lookup, named_factor


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


def test_a_limit_that_judges_excuses_the_other_end_that_does_not():
    """A band of which one end is as far as the figure goes; alone, such an end is refused."""
    for metric, band in (("correlation", (0.9, 1.0)), ("nan_fraction", (0.1, 1.0)), ("nan_fraction", (0.0, 0.5)),
                         ("rmse", (0.0, 3.0))):
        assert METRICS[metric].fault_in_limits(*band) is None, metric
    assert "judges nothing" in METRICS["correlation"].fault_in_limits(-1, None)


# --- what an answer must not be shared over ---------------------------------------------------------------


def test_a_sweep_with_resample_is_not_done_by_a_bundle_without(tmp_path):
    from nbcompare.case.case_file import load_case
    from nbcompare.run.one_case import RunOptions
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
        monkeypatch.setattr("nbcompare.engine.rendering.renderer.identify", lambda engine: replace(who, **changes))
        job = Job(Engine(SUBJECT, "engine", ("engine",), "--py-bin"), ("-flux", "1"), Shape(9, 7), 1.0, tmp_path)
        with Renderer() as renderer:
            return renderer.key(job)

    other = ("other",) if what in ("libraries", "started_as") else "other"
    assert key() == key() != key(**{what: other})


# --- ranks of the diagnosis -------------------------------------------------------------------------------


KNOWN = (Ratio(causes.FLUENCE_DEFAULT, 2.5, "one mistake", 0.5),
         Ratio(causes.ELECTRON_RADIUS, 3.5, "the other mistake", 0.7))
PRODUCT = 2.5 * 3.5


@pytest.fixture
def two_mistakes(monkeypatch):
    """A command line of which two mistakes are known, each a factor of the image."""
    monkeypatch.setattr("nbcompare.explain.diagnose.finders.scale.ratios", lambda setting: iter(KNOWN))


@pytest.mark.usefixtures("two_mistakes")
def test_a_product_is_believed_only_while_accidents_are_rarer_than_one_in_fifty():
    """One product lies within a factor of ten, so that accidents are 3 * residual / ln 10."""
    assert [match.ratio.id for match in lookup(None, PRODUCT, 1e-9)] == [causes.SCALE_PRODUCT]
    assert lookup(None, PRODUCT, 0.019 * math.log(10) / 3)
    assert not lookup(None, PRODUCT, 0.021 * math.log(10) / 3)


@pytest.mark.usefixtures("two_mistakes")
def test_one_mistake_is_likelier_than_two_and_two_than_a_bare_factor():
    two, bare = named_factor(None, PRODUCT, 1e-9, None)
    assert (two.id, bare.id) == (causes.SCALE_PRODUCT, causes.SCALE_FACTOR)
    assert (two.prior, bare.prior) == (pytest.approx(0.2 + 0.1 * 0.5 * 0.7), 0.15)
    assert [cause.id for cause in named_factor(None, 3.5, 1e-9, None)] == [causes.ELECTRON_RADIUS, causes.SCALE_FACTOR]
