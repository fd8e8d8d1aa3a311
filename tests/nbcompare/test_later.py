"""NumPy that is loaded when it is first needed."""

import numpy as np
import pytest

from nbcompare import later


def test_numpy_later_is_numpy():
    assert later.np.float32 is np.float32 and later.np.linalg is np.linalg
    with pytest.raises(AttributeError, match="nothing_of_it"):
        _ = later.np.nothing_of_it
