"""Image files of every format: written by the format's own library, read back bit for bit, and refused by name."""

import gzip
import logging

import fabio
import h5py
import numpy as np
import pytest

from nbcompare.errors import FileError, ShapeError, UsageError
from nbcompare.formats.declared import Declared
from nbcompare.formats.heard import heard_from_fabio
from nbcompare.formats.read import read_image

SHAPE = (33, 47)  # no multiple of anything, and not square


def pixels(dtype, seed=3):
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.exponential(50, SHAPE).astype(dtype)
    return rng.integers(0, 1000, SHAPE).astype(dtype)


def cbf(path, image):
    fabio.cbfimage.CbfImage(data=image, header={"_array_data.header_contents": (
        "# Detector: PILATUS\r\n# Pixel_size 172e-6 m x 172e-6 m\r\n# Wavelength 0.9795 A\r\n"
        "# Detector_distance 0.19991 m\r\n# Beam_xy (23.50, 16.25) pixels")}).write(str(path))


def smv(path, image):
    header = {"DISTANCE": "199.91", "WAVELENGTH": "0.9795", "PIXEL_SIZE": "0.172", "SIZE1": str(image.shape[1]),
              "SIZE2": str(image.shape[0]), "TYPE": "unsigned_short", "BYTE_ORDER": "little_endian", "DIM": "2",
              "HEADER_BYTES": "512"}
    fabio.adscimage.AdscImage(data=image, header=header).write(str(path))


WRITERS = {
    "a.npy": np.save,
    "a.npz": lambda path, image: np.savez_compressed(path, image=image),
    "a.edf": lambda path, image: fabio.edfimage.EdfImage(data=image).write(str(path)),
    "a.tif": lambda path, image: fabio.tifimage.TifImage(data=image).write(str(path)),
    "a.cbf": cbf,
    "a.img": smv,
    "dtrek.img": lambda path, image: fabio.dtrekimage.DtrekImage(data=image).write(str(path)),
    "a.h5": lambda path, image: h5py.File(path, "w").create_dataset("data", data=image).file.close(),
}
TYPES = {"a.npy": ("f4", "f8", "i4", "u2"), "a.npz": ("f8",), "a.edf": ("f4", "f8", "i4", "u2"), "a.tif": ("f4", "u2"),
         "a.cbf": ("i4",), "a.img": ("u2",), "dtrek.img": ("i4",), "a.h5": ("f4", "f8", "i8", "u1")}


@pytest.mark.parametrize(("name", "dtype"), [(name, dtype) for name, types in TYPES.items() for dtype in types])
def test_an_image_is_read_back_bit_for_bit_and_keeps_its_type(tmp_path, name, dtype):
    image = pixels(dtype)
    WRITERS[name](tmp_path / name, image)
    found = read_image(tmp_path / name)
    assert (found.pixels.dtype, found.pixels.tobytes()) == (image.dtype, image.tobytes())


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_cut_short_is_one_clear_error(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, pixels(TYPES[name][0]))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FileError, match=name):
        read_image(path)


@pytest.mark.parametrize("name", WRITERS)
def test_another_shape_or_type_than_declared_is_refused(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, pixels(TYPES[name][0]))
    with pytest.raises(ShapeError, match="holds 33 x 47 pixels .slow x fast., declared are 47 x 33"):
        read_image(path, Declared(shape=(47, 33)))
    with pytest.raises(FileError, match="declared is <i1"):
        read_image(path, Declared(dtype="<i1"))


def test_numbers_beyond_float64_are_not_cut_in_silence(tmp_path):
    np.save(tmp_path / "a.npy", pixels("f8").astype(np.longdouble))
    with pytest.raises(FileError, match="nothing beyond float64 is compared"):
        read_image(tmp_path / "a.npy")


# --- HDF5 -------------------------------------------------------------------------------------------------


def eiger(path, image, mask=None, **more):
    with h5py.File(path, "w") as file:
        file.create_dataset("/entry/data/data", data=image[None], chunks=(1, *image.shape), compression="gzip")
        if mask is not None:
            file["/entry/instrument/detector/pixel_mask"] = mask
        distance = file.create_dataset("/entry/instrument/detector/distance", data=0.15)
        distance.attrs["units"] = "m"
        for name, value in more.items():
            file[name] = value


@pytest.mark.parametrize("dtype", ["f4", "f8", "u4", "i4"])
def test_an_nxmx_image_is_read_with_its_mask_and_its_gaps(tmp_path, dtype):
    image, mask = pixels(dtype), np.zeros(SHAPE, "u4")
    mask[:, 5:8] = 1
    if dtype == "u4":
        image[10, :] = 2**32 - 1
    eiger(tmp_path / "a.h5", image, mask)
    found = read_image(tmp_path / "a.h5")
    expected = mask != 0
    if dtype == "u4":
        expected[10, :] = True
    assert found.pixels.tobytes() == image.tobytes()
    assert np.array_equal(found.masked, expected)
    assert found.header["distance_mm"] == pytest.approx(150)


def test_an_hdf5_stack_needs_its_frame_named(tmp_path):
    stack = np.stack([pixels("f4"), pixels("f4", 4)])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["scan"] = stack
    with pytest.raises(UsageError, match="a stack of 2 images"):
        read_image(tmp_path / "a.h5")
    assert read_image(tmp_path / "a.h5", Declared(frame=1)).pixels.tobytes() == stack[1].tobytes()
    with pytest.raises(UsageError, match="no frame 2"):
        read_image(tmp_path / "a.h5", Declared(frame=2))


def test_of_several_datasets_one_must_be_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one"], file["two"] = pixels("f4"), pixels("f8")
    with pytest.raises(UsageError, match="2 datasets could be the image") as said:
        read_image(tmp_path / "a.h5")
    assert "/one" in said.value.hint and "/two" in said.value.hint
    assert read_image(tmp_path / "a.h5", Declared(dataset="/two")).dtype == "float64"
    with pytest.raises(UsageError, match="no dataset /three"):
        read_image(tmp_path / "a.h5", Declared(dataset="/three"))


def test_a_truncated_hdf5_file_is_one_clear_error(tmp_path):
    eiger(tmp_path / "a.h5", pixels("f4"))
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:-500])
    with pytest.raises(FileError, match="cannot be read as HDF5"):
        read_image(tmp_path / "a.h5")


def test_a_compressed_eiger_image_is_read(tmp_path):
    """Bitshuffle with LZ4, as the detector writes it."""
    import hdf5plugin

    image = pixels("u4")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("/entry/data/data", data=image[None], chunks=(1, *SHAPE),
                            **hdf5plugin.Bitshuffle(cname="lz4"))
    assert read_image(tmp_path / "a.h5").pixels.tobytes() == image.tobytes()


# --- CBF, raw, and strangers ------------------------------------------------------------------------------


def test_the_gaps_of_a_cbf_are_masked_and_its_header_is_read(tmp_path):
    image = pixels("i4")
    image[4], image[:, 9] = -1, -2
    cbf(tmp_path / "a.cbf", image)
    found = read_image(tmp_path / "a.cbf")
    assert np.array_equal(found.masked, image < 0)
    assert found.header == pytest.approx({"wavelength_A": 0.9795, "distance_mm": 199.91, "pixel_fast_mm": 0.172,
                                          "pixel_slow_mm": 0.172, "beam_fast_px": 23.5, "beam_slow_px": 16.25})


def test_the_geometry_of_an_smv_header_is_read(tmp_path):
    smv(tmp_path / "a.img", pixels("u2"))
    assert read_image(tmp_path / "a.img").header == pytest.approx(
        {"wavelength_A": 0.9795, "distance_mm": 199.91, "pixel_fast_mm": 0.172, "pixel_slow_mm": 0.172})


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">i2", "<u4"])
def test_a_raw_file_is_read_as_declared(tmp_path, dtype):
    image = pixels(dtype)
    (tmp_path / "a.bin").write_bytes(b"x" * 10 + image.tobytes())
    found = read_image(tmp_path / "a.bin", Declared(dtype=dtype, shape=SHAPE, offset=10))
    assert np.array_equal(found.pixels, image)
    assert found.pixels.dtype.isnative


def test_raw_numbers_may_begin_as_any_other_file_does(tmp_path):
    """The first two bytes are those of a gzip file, by chance."""
    image = pixels("<u2")
    image[0, 0] = 0x8B1F
    (tmp_path / "a.bin").write_bytes(image.tobytes())
    assert np.array_equal(read_image(tmp_path / "a.bin", Declared(dtype="<u2", shape=SHAPE)).pixels, image)


def test_a_raw_file_is_never_guessed_at(tmp_path):
    (tmp_path / "a.bin").write_bytes(pixels("f4").tobytes())
    for declared in (Declared(), Declared(shape=SHAPE), Declared(dtype="<f4")):
        with pytest.raises(UsageError, match="neither its shape nor its type"):
            read_image(tmp_path / "a.bin", declared)
    for declared in (Declared(shape=SHAPE, dtype="<f8"), Declared(shape=(33, 46), dtype="<f4"),
                     Declared(shape=SHAPE, dtype="<f4", offset=4)):
        with pytest.raises(FileError, match="need"):
            read_image(tmp_path / "a.bin", declared)


def test_axes_and_scale_are_those_declared(tmp_path):
    image = pixels("f4")
    np.save(tmp_path / "a.npy", image.T)
    found = read_image(tmp_path / "a.npy", Declared(transposed=True, scale=2.0, shape=SHAPE))
    assert np.array_equal(found.pixels, 2.0 * image.astype("f8"))
    (tmp_path / "a.bin").write_bytes(np.ascontiguousarray(image.T).tobytes())
    raw = read_image(tmp_path / "a.bin", Declared(transposed=True, shape=SHAPE, dtype="<f4"))
    assert np.array_equal(raw.pixels, image)


def test_what_is_no_image_is_named_as_what_it_is(tmp_path):
    (tmp_path / "a.npy").write_bytes(gzip.compress(b"x" * 100))
    (tmp_path / "b.npy").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (tmp_path / "c.npy").write_bytes(b"")
    (tmp_path / "d.npy").mkdir()
    (tmp_path / "g.npy").write_text("1 2 3\n")
    cbf(tmp_path / "whole.cbf", pixels("i4"))
    content = (tmp_path / "whole.cbf").read_bytes()
    (tmp_path / "h.cbf").write_bytes(content[:len(content) // 2])
    for name, words in (("a.npy", "is packed with gzip"), ("b.npy", "git-LFS pointer"), ("c.npy", "an empty file"),
                        ("d.npy", "a folder"), ("g.npy", "not a file that numpy saved: it begins with b'1 2 3"),
                        ("h.cbf", r"cannot be read as a detector image.*\w\)?\??$")):
        with pytest.raises(FileError, match=words):
            read_image(tmp_path / name)
    with pytest.raises(FileError, match="cannot read: No such file"):
        read_image(tmp_path / "e.npy")
    (tmp_path / "f.xyz").write_bytes(b"12345")
    with pytest.raises(UsageError, match="the format of .xyz is not known"):
        read_image(tmp_path / "f.xyz")


def test_nothing_is_run_that_an_array_file_holds(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match="without running code"):
        read_image(tmp_path / "a.npy")


@pytest.mark.parametrize(("text", "words"), [
    ("shape=10", "SLOWxFAST"), ("shape=0x5", "1 to 100000"), ("dtype=f4x", "a type reads"),
    ("frame=-1", "whole"), ("format=png", "one of raw"), ("size=4", "must read KEY=VALUE"),
    ("axes=yx", "slow-fast"), ("scale=nan", "finite"),
    ("shape=60xx80", "60xx80: a whole number"), ("scale=x", "scale=x: a finite number"),
    ("offset=1e3", "offset=1e3: a whole number"), ("shape", "must read KEY=VALUE")])
def test_a_declaration_that_cannot_be_used_says_so(text, words):
    with pytest.raises(UsageError, match=words):
        Declared.of(text, "--as")


def test_a_declaration_is_read_from_one_text():
    found = Declared.of("shape=33x47,dtype=<f4,offset=512,axes=fast-slow,scale=0.5,dataset=/a/b,frame=2", "--as")
    assert found == Declared(None, "<f4", (33, 47), 512, "/a/b", 2, True, 0.5)
    assert Declared.of(None, "--as") == Declared() and Declared().as_dict() == {}
    assert found.as_dict()["shape"] == [33, 47]


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_holds_its_own_pixels_is_read_also_where_it_has_to(tmp_path, name):
    image = pixels(TYPES[name][0])
    WRITERS[name](tmp_path / name, image)
    assert read_image(tmp_path / name, alone=True).pixels.tobytes() == image.tobytes()


def test_what_fabio_says_is_kept_to_one_line_of_200_letters(tmp_path):
    with heard_from_fabio() as heard:
        logging.getLogger("fabio.tifimage").warning("a  line\nand %s", "x" * 300)
    assert heard == ["a line and " + "x" * 189]
