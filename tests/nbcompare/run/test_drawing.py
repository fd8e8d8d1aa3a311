"""The pictures of a bundle are drawn side by side, and all of them are there, or it is told."""

import errno

import numpy as np
import pytest

from nbcompare.compare import Roi, Shape, compare_images
from nbcompare.run import drawing

IMAGE = np.arange(16, dtype=np.float32).reshape(4, 4)
FOUND = compare_images(IMAGE, IMAGE + 1, [Roi.full(Shape(4, 4))])


class Pictures:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        (self.folder / name).parent.mkdir(exist_ok=True)
        return self.folder / name


@pytest.mark.parametrize("kind", ["write_region_pictures", "write_pictures"])
def test_a_picture_that_cannot_be_written_is_told_whichever_it_is(kind, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no room")

    drawing.draw(Pictures(tmp_path), IMAGE, IMAGE + 1, FOUND)
    assert len(list(tmp_path.rglob("*.png"))) == 4
    monkeypatch.setattr(drawing, kind, full)
    with pytest.raises(OSError, match="no room"):
        drawing.draw(Pictures(tmp_path), IMAGE, IMAGE + 1, FOUND)
