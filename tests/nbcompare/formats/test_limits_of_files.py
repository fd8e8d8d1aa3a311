"""Limits of image files: sides, frames, offsets, units of headers, and what is masked."""

import h5py
import numpy as np
import pytest

from nbcompare.errors import FileError, ShapeError, UsageError
from nbcompare.formats.declared import GEOMETRY, Declared
from nbcompare.formats.read import read_image

IMAGE = np.arange(12, dtype="f4").reshape(3, 4)


def of(text):
    return Declared.of(text, "--as")


def test_sides_counts_and_scales_at_their_ends():
    assert of("shape=1x100000").shape == (1, 100_000) and of("shape=100000x1").shape == (100_000, 1)
    assert of("offset=0,frame=0").offset == 0 and of("scale=-2").scale == -2 and of("scale=1e-300").scale == 1e-300
    assert of("axes=slow-fast").transposed is False and of("dataset=a=b").dataset == "a=b"
    for text in ("shape=0x1", "shape=1x0", "shape=100001x1", "shape=1x100001", "shape=1x", "shape=x1", "offset=-1",
                 "offset=+1", "frame=1_0", "scale=0", "scale=inf", "scale=-inf", "scale=x", "dtype=f2", "dtype=<i3",
                 "dtype=f1", "axes=", "=", "shape=3", ","):
        with pytest.raises(UsageError, match="^--as: "):
            of(text)


@pytest.mark.parametrize("text", ["f4", "<f8", ">i2", "u1", "i8", "<u4"])
def test_types_that_a_raw_file_may_hold(text):
    assert of(f"dtype={text}").dtype == text


def test_what_was_declared_as_plain_values():
    assert of("shape=3x4,frame=0,offset=5").as_dict() == {"shape": [3, 4], "frame": 0, "offset": 5}


@pytest.mark.parametrize("name", ["a.npy", "a.h5"])
def test_the_frames_of_a_stack_are_counted_from_0(tmp_path, name):
    def stored(array):
        if name == "a.npy":
            np.save(tmp_path / name, array)
        else:
            with h5py.File(tmp_path / name, "w") as file:
                file["/data/data"] = array
        return tmp_path / name

    path = stored(np.stack([IMAGE, IMAGE + 100]))
    assert read_image(path, Declared(frame=0)).pixels[0, 0] == 0
    assert read_image(path, Declared(frame=1)).pixels[0, 0] == 100
    for frame in (2, None):
        with pytest.raises(UsageError):
            read_image(path, Declared(frame=frame))
    alone = stored(IMAGE[None])
    assert read_image(alone).pixels.shape == (3, 4) == read_image(alone, Declared(frame=0)).pixels.shape
    with pytest.raises(UsageError, match="there is no frame 1"):
        read_image(alone, Declared(frame=1))
    assert read_image(stored(IMAGE), Declared(frame=7)).pixels.shape == (3, 4)


def test_an_array_is_one_image_of_real_numbers_of_the_declared_shape_and_type(tmp_path):
    path = tmp_path / "a.npy"
    for array, fault, words in ((IMAGE.ravel(), ShapeError, r"an array of shape \(12,\), not one image"),
                                (IMAGE[:0], ShapeError, "not one image"), (IMAGE + 1j, FileError, "not real numbers"),
                                (IMAGE > 3, FileError, "holds bool, not real numbers")):
        np.save(path, array)
        with pytest.raises(fault, match=words):
            read_image(path)
    np.save(path, IMAGE)
    with pytest.raises(ShapeError, match=r"holds 3 x 4 pixels \(slow x fast\), declared are 4 x 3"):
        read_image(path, Declared(shape=(4, 3)))
    with pytest.raises(FileError, match="holds float32, declared is <f8"):
        read_image(path, Declared(dtype="<f8"))
    assert read_image(path, Declared(dtype=">f4", shape=(3, 4))).pixels.tobytes() == IMAGE.tobytes()
    assert read_image(path, Declared(scale=1.0)).dtype == "float64" and read_image(path).dtype == "float32"


def test_a_raw_file_has_exactly_the_bytes_it_needs(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(b"12" + IMAGE.tobytes())
    assert read_image(path, Declared(dtype="<f4", shape=(3, 4), offset=2)).pixels.tobytes() == IMAGE.tobytes()
    with pytest.raises(FileError, match=r"50 bytes, but 3 x 4 pixels \(slow x fast\) of <f4 need 48"):
        read_image(path, Declared(dtype="<f4", shape=(3, 4)))
    with pytest.raises(FileError, match=r"50 bytes, but 3 x 4 pixels \(slow x fast\) of <f4 after 3 bytes need 51"):
        read_image(path, Declared(dtype="<f4", shape=(3, 4), offset=3))
    with pytest.raises(FileError, match=r"50 bytes, but 4 x 3 pixels \(fast x slow\) of <f4 need 48"):
        read_image(path, Declared(dtype="<f4", shape=(3, 4), transposed=True))


def test_members_of_an_archive_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", one=IMAGE, two=IMAGE + 1)
    assert read_image(tmp_path / "a.npz", Declared(dataset="two")).pixels[0, 0] == 1
    for declared, words in ((Declared(), "it holds several arrays"), (Declared(dataset="x"), "there is no array 'x'")):
        with pytest.raises(UsageError, match=words) as said:
            read_image(tmp_path / "a.npz", declared)
        assert said.value.hint == "say dataset=NAME, one of one, two"


@pytest.mark.parametrize(("place", "unit", "value", "key", "found"), [
    ("instrument/beam/incident_wavelength", None, 1.5, "wavelength_A", 1.5),
    ("instrument/beam/incident_wavelength", "nm", 0.15, "wavelength_A", 1.5),
    ("sample/beam/incident_wavelength", "m", 1.5e-10, "wavelength_A", 1.5),
    ("instrument/detector/distance", None, 0.2, "distance_mm", 200),
    ("instrument/detector/detector_distance", "mm", 200, "distance_mm", 200),
    ("instrument/detector/distance", "m", 0.2, "distance_mm", 200),
    ("sample/beam/incident_wavelength", "angstrom", 1.5, "wavelength_A", 1.5),
    *((f"instrument/detector/{axis}_pixel_size", unit, value, f"pixel_{name}_mm", 0.075)
      for axis, name in (("x", "fast"), ("y", "slow"))
      for unit, value in ((b"m", 75e-6), (None, 75e-6), ("mm", 0.075))),
    *((f"instrument/detector/beam_center_{axis}", unit, 7.5, f"beam_{name}_px", 7.5)
      for axis, name in (("x", "fast"), ("y", "slow")) for unit in ("pixel", "pixels", "", None)),
    ("instrument/detector/distance", "furlong", 1, None, None),
    ("instrument/detector/distance", None, [1, 2], None, None)])
def test_the_geometry_of_an_nxmx_file_is_in_our_units(tmp_path, place, unit, value, key, found):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["/entry/data/data"] = IMAGE
        file[f"/entry/{place}"] = value
        if unit is not None:
            file[f"/entry/{place}"].attrs["units"] = unit
    header = read_image(tmp_path / "a.h5").header
    assert header == ({key: pytest.approx(found, rel=1e-12)} if key else {}) and header.keys() <= GEOMETRY.keys()


def test_headers_agree_within_a_millionth():
    names = {"wavelength_A", "distance_mm", "pixel_fast_mm", "pixel_slow_mm", "beam_fast_px", "beam_slow_px"}
    assert GEOMETRY.keys() == names and set(GEOMETRY.values()) == {1e-6}


def test_marks_of_an_hdf5_file_are_masked(tmp_path):
    def masked(image, mask=None, at="instrument/detector/pixel_mask"):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["/entry/data/data"] = image
            if mask is not None:
                file[f"/entry/{at}"] = mask
        found = read_image(tmp_path / "a.h5").masked
        return None if found is None else [tuple(place) for place in np.argwhere(found)]

    marks = np.zeros((3, 4), "u4")
    marks[1, 2] = 8
    assert masked(IMAGE) is None and masked(IMAGE, marks) == [(1, 2)]
    assert masked(IMAGE, marks, "instrument/detector/detectorSpecific/pixel_mask") == [(1, 2)]
    assert masked(IMAGE, marks[None]) == [(1, 2)], "a stack of one"
    with pytest.raises(FileError, match=r"pixel_mask is of shape \(2, 4\), the image /entry/data/data of \(3, 4\)"):
        masked(IMAGE, marks[:2])
    counts = IMAGE.astype("u2")
    assert masked(counts) is None
    counts[0, 3] = 65535
    assert masked(counts) == [(0, 3)] and masked(counts, marks) == [(0, 3), (1, 2)]
    assert masked(counts.astype("i4")) is None
