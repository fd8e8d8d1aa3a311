"""Files of every format, judged: what its own library wrote passes, and what is damaged is one clear error."""

import numpy as np
import pytest

from tests.nbcompare.formats.test_formats import TYPES, WRITERS, pixels

RAW = {"a.bin": lambda path, image: path.write_bytes(image.astype(">f8").tobytes())}
FORMATS = {**WRITERS, **RAW}


def read_as(name, shape="33x47", dtype=None):
    """How it is to be read, where the file does not say it."""
    dtype = dtype or (">f8" if name in RAW else None)
    return f"shape={shape}" + (f",dtype={dtype}" if dtype else "")


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_each_format_is_judged_and_a_damaged_one_is_one_error(nb, tmp_path, name):
    """Exit 5 for a file that is cut short or of another type, 4 for one of another shape, 3 for one changed pixel."""
    image = pixels(TYPES.get(name, ("f8",))[0])
    np.save("same.npy", image)
    path = tmp_path / name
    FORMATS[name](path, image)

    def judged(**how):
        return nb("images", "same.npy", name, "--no-bundle", "--read-subject", read_as(name, **how))

    good = judged()
    assert good.code == 0 and "none of 1551 pixels differs" in good.out, good.out + good.err
    other = judged(shape="47x33") if name not in RAW else None
    assert other is None or (other.code == 4 and "declared are 47 x 33" in other.err)
    wrong = judged(dtype="<i1")
    assert wrong.code == 5 and name in wrong.err
    path.write_bytes(path.read_bytes()[:-200])
    cut = judged()
    assert cut.code == 5 and name in cut.err and len(cut.err.splitlines()) <= 2 and "Traceback" not in cut.err, cut.err
    changed = image.copy()
    changed[7, 8] += 1 + image.max() // 2
    FORMATS[name](path, changed)
    assert judged().code == 3
