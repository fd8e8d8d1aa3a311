"""The library of this machine's cache against the plain path, at length: ``make test-compiled``.

A short form of it is in test_fast_compiled.py.
"""

import pytest
from drawn_scenes import misses

from nanobrag_torch.render import compile_cache


@pytest.mark.parametrize("seed", range(100, 108))
def test_random_commands_render_the_plain_image(tmp_path, seed):
    found, _ = misses(seed, 500, tmp_path)
    assert found == []


def test_the_library_is_what_was_checked():
    assert compile_cache.obstacle() == ""
