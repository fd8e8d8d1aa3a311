"""Masked arrays are known as such, and where nobody made one numpy.ma is not even imported."""

import subprocess
import sys

import numpy as np
import pytest

from nbcompare.compare.colour_scales import _lowest_but_one_percent
from nbcompare.compare.masked_arrays import filled, is_masked, mask_of, values_of

PLAIN = np.arange(6.0).reshape(2, 3)
MASKED = np.ma.MaskedArray(PLAIN, PLAIN > 3)


def test_a_masked_array_is_known_and_taken_apart():
    assert is_masked(PLAIN, MASKED)
    assert not is_masked(PLAIN)
    assert type(values_of(MASKED)) is np.ndarray
    assert (values_of(MASKED) == PLAIN).all()
    assert (mask_of(MASKED) == (PLAIN > 3)).all()
    assert not mask_of(PLAIN).any()
    assert mask_of(np.ma.MaskedArray(PLAIN)).shape == PLAIN.shape
    assert np.array_equal(filled(MASKED, -1), [[0, 1, 2], [3, -1, -1]])
    assert filled(PLAIN, -1) is PLAIN


def test_plain_images_are_compared_and_drawn_without_masked_arrays(tmp_path):
    said = subprocess.run([sys.executable, "-c", """
import sys
import numpy as np
from pathlib import Path
from nbcompare.compare import Roi, compare_images, write_pictures
from nbcompare.compare.region_pictures import write_region_pictures
image = np.linspace(1, 9, 64 * 64, dtype=np.float32).reshape(64, 64)
found = compare_images(image, image * 2, [Roi("all", 0, 63, 0, 63)])
write_pictures(image, image * 2, found.regions[0].roi, [], {"c": Path("c.png"), "diff": Path("d.png")})
write_region_pictures(image, image * 2, {Path("r.png"): found.regions[0]})
print([name for name in sys.modules if name.startswith("numpy.ma.")])
"""], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


@pytest.mark.parametrize("count", [1, 2, 3, 100, 101, 777])
def test_the_lowest_value_shown_is_the_first_percentile(count):
    values = np.random.default_rng(count).random(count).astype(np.float32)
    assert _lowest_but_one_percent(values) == pytest.approx(np.percentile(values.astype(float), 1), rel=1e-6)
