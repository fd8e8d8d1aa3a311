"""Which path renders a command, and that the version line says so."""

import gc
import re

import pytest

from nanobrag_torch.options import Program
from nanobrag_torch.render.choose import choose_path, not_compiled, one_thread

LARGE = "-detpixels 1100"


def chosen(scene, **program):
    return str(choose_path(scene, Program(**program)))


def test_a_small_image_takes_the_plain_path_and_a_large_one_the_fast(scene_of):
    """A million terms of plain rendering are a tenth of a second."""
    assert chosen(scene_of("")) == "plain:float64"
    assert chosen(scene_of(LARGE)) == "fast:float32"
    assert chosen(scene_of("-detpixels 200 -phi 1 -osc 1 -phisteps 30")) == "fast:float32"


def test_a_region_of_interest_does_not_change_the_path(scene_of):
    """Parts of an image that are rendered one by one must fit together."""
    assert chosen(scene_of(f"{LARGE} -roi 0 3 0 3")) == "fast:float32"


@pytest.mark.parametrize(("dtype", "plain", "fast"), [("auto", "float64", "float32"), ("float64", "float64", "float64"),
                                                      ("float32", "float32", "float32")])
def test_the_precision_is_the_one_asked_for(scene_of, dtype, plain, fast):
    scene = scene_of("")
    assert chosen(scene, dtype=dtype, render="plain") == f"plain:{plain}"
    assert chosen(scene, dtype=dtype, render="fast") == f"fast:{fast}"


@pytest.mark.parametrize(("options", "path"), [
    ("-square_xtal", "fast:float32"),
    ("-gauss_xtal", "fast:float64"),
    ("-round_xtal", "fast:float32"),
    ("-binary_spots", "fast:float64"),
    ("-default_F 1e-13", "fast:float64"),
    ("-N 1000000", "fast:float64"),
    ("-emulate all", "fast:float32"),
    ("-emulate running-product -oversample_omega -oversample 2", "fast:float32"),
    ("-emulate running-product -oversample_omega -gauss_xtal", "plain:float64 (emulation running-product)"),
    ("-emulate running-product -oversample_omega -gauss_xtal -water 10", "fast:float64"),
    ("-emulate gauss-tophat-width -gauss_xtal", "fast:float64"),
    ("-emulate gauss-tophat-width -square_xtal", "fast:float32"),
    ("-emulate water-scaling -water 10", "fast:float32"),
    ("-twotheta 89 -pivot sample -oversample 1", "fast:float32"),
    ("-twotheta 90 -pivot sample -oversample 1", "plain:float64 (a detector through the sample)"),
    ("-close_distance 1e-7 -oversample 1", "plain:float64 (a detector through the sample)"),
    ("-distance 1e150 -oversample 1", "fast:float32"),
    ("-distance 1e160 -oversample 1", "plain:float64 (a detector beyond all numbers)"),
    ("-detpixels 9 -pixel 1e160 -oversample 1", "plain:float64 (a detector beyond all numbers)"),
])
def test_float32_only_where_it_is_exact_and_plain_for_what_only_plain_can_do(scene_of, options, path):
    assert chosen(scene_of(options), render="fast") == path


def test_machine_code_looks_nothing_up_by_what_is_no_number(scene_of):
    """A pixel at the sample has no direction: the fast path ended with a trace."""
    assert not_compiled(scene_of("-twotheta 90 -pivot sample -oversample 1")) == "a detector through the sample"


def test_the_version_line_names_the_path(simulated):
    run = simulated("-render fast")
    assert run.status == 0
    assert re.search(r"^nanobrag_torch .* dtype=auto .* path=fast:float32$", run.stdout, re.MULTILINE)


def test_a_path_or_precision_that_is_not_there_is_refused(simulated):
    for options in ("-render quick", "-dtype float16"):
        run = simulated(options)
        assert run.status == 2
        assert "expected" in run.stderr


@pytest.mark.parametrize("before", [True, False])
def test_garbage_is_looked_for_again_once_rendering_has_ended_even_by_a_fault(before):
    """And not where that was off before."""
    was = gc.isenabled()
    (gc.enable if before else gc.disable)()
    try:
        with pytest.raises(KeyboardInterrupt), one_thread():
            assert not gc.isenabled()
            raise KeyboardInterrupt
        assert gc.isenabled() == before
    finally:
        (gc.enable if was else gc.disable)()
