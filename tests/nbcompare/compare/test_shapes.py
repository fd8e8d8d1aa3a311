"""The image shape comes from the arguments, by nanoBragg's own rules."""

import numpy as np
import pytest

from nbcompare.case.arguments.command import declared_shape
from nbcompare.compare.image import (
    Roi,
    Shape,
    dtype_code,
    read_float_image,
    read_mask,
    read_smv_numbers,
    resample_nearest,
    stored_mask,
    stored_pixels,
)
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


def test_masks_and_pixels_are_kept_as_they_are_read(tmp_path):
    path, mask, image = tmp_path / "f.bin", np.array([[True, False, True]]), np.array([[1, 2, -3]], ">i2")
    path.write_bytes(stored_mask(mask))
    assert path.read_bytes() == b"\1\0\1" and read_mask(path, Shape(1, 3)).tolist() == mask.tolist()
    path.write_bytes(b"\0\2\xff")
    assert read_mask(path, Shape(1, 3)).tolist() == [[False, True, True]]
    assert (dtype_code(image), stored_pixels(image)) == ("<i2", b"\1\0\2\0\xfd\xff")
    assert stored_pixels(np.array([[1, 2], [3, 4]], "u1").T) == b"\1\3\2\4"
    path.write_bytes(stored_pixels(image))
    assert read_float_image(path, Shape(1, 3), "<i2").tolist() == image.tolist()
    with pytest.raises(FileError, match="6 bytes, but 2 x 1 pixels .* need 4$"):
        read_float_image(path, Shape(1, 2), "<i2")
    assert Shape(3, 5).bytes == 60


@pytest.mark.parametrize(("bounds", "fault"), [
    ((0, 4, 0, 2), None), ((-1, 4, 0, 2), "x (fast) bounds -1..4 are negative; pixel numbers start at 0"),
    ((0, -1, 0, 2), "x (fast) bounds 0..-1 are negative; pixel numbers start at 0"),
    ((3, 2, 0, 2), "x (fast) bounds 3..2 are inverted"), ((3, 3, 1, 1), None),
    ((0, 5, 0, 2), "x (fast) bounds 0..5 overhang the image, whose last pixel is 4"),
    ((0, 4, 0, 3), "y (slow) bounds 0..3 overhang the image, whose last pixel is 2"),
    ((0, 4, 2, 1), "y (slow) bounds 2..1 are inverted")])
def test_a_region_lies_in_the_image_or_says_which_bound_does_not(bounds, fault):
    assert Roi("r", *bounds).fault_in(Shape(slow=3, fast=5)) == fault


def test_the_numbers_of_a_header(tmp_path):
    """Up to the brace that ends it, in the first 512 bytes or as many as it says; what is no number is passed over."""
    path = tmp_path / "h.img"

    def numbers(text, size):
        path.write_bytes(text.encode().ljust(size) + b"AFTER=9;\n")
        return read_smv_numbers(path)

    assert numbers("{\nA=1;\n B = -2.5e1 ;\nC=.5 mm;\nD=x;\nE;\nF=7.;\n}\nG=3;\n", 512) == {
        "A": 1, "B": -25, "C": 0.5, "F": 7}
    long = "{\nHEADER_BYTES= 1024;\n" + "C=x;\n" * 110 + "LATE=4;\n"
    assert 512 < len(long) < 1024 and numbers(long, 1024) == {"HEADER_BYTES": 1024, "LATE": 4}
    assert numbers(long.replace(" 1024", "00512"), 1024) == {"HEADER_BYTES": 512}
    assert numbers("{\nA=1;\n", 505) == {"A": 1, "AFTER": 9}
    assert numbers("{\nA=1;\n", 506) == {"A": 1}, "the line is cut, and has no number"
    assert numbers("{\nDETECTOR_DIMENSIONS=7 8;\n}", 512) == {"DETECTOR_DIMENSIONS": 7, "SIZE1": 7, "SIZE2": 7}
    assert numbers("{\nSIZE1=3;\nDETECTOR_DIMENSIONS=7;\n}", 512) == {"DETECTOR_DIMENSIONS": 7, "SIZE1": 3}
    with pytest.raises(FileError, match="cannot read the image header: No such file"):
        read_smv_numbers(tmp_path / "none")
