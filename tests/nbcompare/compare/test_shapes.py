"""The image shape comes from the arguments, by nanoBragg's own rules."""

import numpy as np
import pytest

from nbcompare.case.arguments.command import declared_shape
from nbcompare.compare.image import Shape, read_float_image, resample_nearest
from nbcompare.errors import FileError, UsageError


@pytest.mark.parametrize(("args", "fast", "slow"), [
    ("", 1024, 1024),
    ("-detpixels 32", 32, 32),
    ("-detpixels_x 9 -detpixels_y 7", 9, 7),
    ("-detpixels_f 9 -detpixels_s 7", 9, 7),
    ("-detpixels 32 -detpixels_y 7", 32, 7),
    ("-detsize 10.07", 101, 101),
    ("-detsize_f 5 -detsize_s 3 -pixel 0.2", 25, 15),
    ("-detsize 50 -detpixels_f 9", 9, 500),
    ("-detpixels 8 -detpixels 16", 16, 16),
    ("-detpixels 0 -detsize 1", 10, 10),
])
def test_declared_shape(tmp_path, args, fast, slow):
    """npixels = ceil(size/pixel - 1/2); a count beats a size; 102.4 mm and 0.1 mm are the defaults."""
    assert declared_shape(args.split(), tmp_path) == Shape(slow=slow, fast=fast)


def test_a_header_gives_the_shape_unless_arguments_do(tmp_path):
    (tmp_path / "mask.img").write_bytes(b"{\nHEADER_BYTES=512;\nSIZE1=12;\nSIZE2=34;\nPIXEL_SIZE=0.1;\n}".ljust(512))
    assert declared_shape(["-mask", "mask.img"], tmp_path) == Shape(slow=34, fast=12)
    assert declared_shape(["-mask", "mask.img", "-detpixels_x", "5"], tmp_path) == Shape(slow=34, fast=5)


@pytest.mark.parametrize("args", ["-detpixels_x nine", "-detpixels", "-pixel 0", "-detsize inf"])
def test_nonsense_is_refused(tmp_path, args):
    with pytest.raises(UsageError):
        declared_shape(args.split(), tmp_path)


@pytest.mark.parametrize("header_bytes", [512, 1024])
def test_a_dtrek_header_gives_the_size_wherever_its_keys_stand(tmp_path, header_bytes):
    """DETECTOR_DIMENSIONS stands for both sizes where there is no SIZE1; a header may be longer than 512 bytes."""
    text = f"{{\nHEADER_BYTES={header_bytes:5d};\n" + "COMMENT=x;\n" * (45 if header_bytes > 512 else 1)
    (tmp_path / "d.img").write_bytes((text + "DETECTOR_DIMENSIONS=64;\n}\f").ljust(header_bytes).encode())
    assert declared_shape(["-img", "d.img"], tmp_path) == Shape(slow=64, fast=64)
    (tmp_path / "d.img").write_bytes((text + "DETECTOR_DIMENSIONS=64 64;\n}\f").ljust(header_bytes).encode())
    assert declared_shape(["-img", "d.img"], tmp_path) == Shape(slow=64, fast=64)
    (tmp_path / "d.img").write_bytes((text + "SIZE1=12;\nSIZE2=34;\nDETECTOR_DIMENSIONS=64;\n}\f").ljust(1024).encode())
    assert declared_shape(["-img", "d.img"], tmp_path) == Shape(slow=34, fast=12)


def test_a_resampled_pixel_is_the_one_that_its_centre_falls_in():
    """Of three pixels made two, the centres lie at 0.75 and 2.25 of the old ones; of two made four, in pairs."""
    image = np.array([[1, 2, 3], [4, 5, 6]])
    assert resample_nearest(image, Shape(slow=2, fast=2)).tolist() == [[1, 3], [4, 6]]
    assert resample_nearest(image, Shape(slow=4, fast=1)).tolist() == [[2], [2], [5], [5]]
    assert resample_nearest(image, Shape(slow=1, fast=6)).tolist() == [[4, 4, 5, 5, 6, 6]]


def test_a_float_file_has_four_bytes_for_each_pixel(tmp_path):
    path = tmp_path / "f.bin"
    np.arange(6, dtype="<f4").tofile(path)
    assert read_float_image(path, Shape(slow=2, fast=3)).tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(FileError, match=r"24 bytes, but 4 x 2 pixels \(fast x slow\) need 32"):
        read_float_image(path, Shape(slow=2, fast=4))
    with pytest.raises(FileError, match="cannot read the image: No such file or directory"):
        read_float_image(tmp_path / "none", Shape(1, 1))
