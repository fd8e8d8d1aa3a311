"""HDF5 files that hold less than they seem to, or say how their numbers are meant."""

import h5py
import numpy as np
import pytest

from nbcompare.errors import FileError, NbCompareError, UsageError
from nbcompare.formats.declared import Declared
from nbcompare.formats.read import read_image

IMAGE = np.arange(1, 49, dtype="i4").reshape(6, 8)


@pytest.fixture
def made(tmp_path):
    """A file that a function fills; its path."""
    def make(fill, name="a.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            fill(file)
        return tmp_path / name
    return make


def virtual(file, sources, shape=(6, 8)):
    layout = h5py.VirtualLayout(shape, "i4")
    for place, name in sources:
        part = np.empty(shape, "u1")[place]
        layout[place] = h5py.VirtualSource(name, "d", part.shape)
    file.create_virtual_dataset("data", layout, fillvalue=7)


def test_chunks_that_were_never_written_are_no_pixels(made):
    def stopped(file):
        stack = file.create_dataset("data", (2, 6, 8), "i4", chunks=(1, 3, 8))
        stack[0] = IMAGE
        stack[1, :3] = IMAGE[:3]
    path = made(stopped)
    assert read_image(path, Declared(frame=0)).pixels.tolist() == IMAGE.tolist()
    with pytest.raises(FileError, match="1 of 2 pieces of /data were never written"):
        read_image(path, Declared(frame=1))
    with pytest.raises(FileError, match="no pixel of /data was ever written"):
        read_image(made(lambda file: file.create_dataset("data", (6, 8), "i4"), "b.h5"))


def test_what_a_virtual_dataset_does_not_hold_is_an_error_or_a_gap(made):
    part = made(lambda file: file.create_dataset("d", data=IMAGE[:3]), "part.h5")
    path = made(lambda file: virtual(file, [(np.s_[0:3], "part.h5"), (np.s_[3:6], "gone.h5")]))
    with pytest.raises(FileError, match=r"pixels of /data lie in gone\.h5, which is not there"):
        read_image(path)
    gap = read_image(made(lambda file: virtual(file, [(np.s_[0:3], "part.h5")]), "gap.h5"))
    assert gap.masked.tolist() == [[False] * 8] * 3 + [[True] * 8] * 3
    whole = read_image(made(lambda file: virtual(file, [(np.s_[0:3], "part.h5"), (np.s_[3:6], "part.h5")]), "all.h5"))
    assert whole.masked is None and whole.pixels.tolist() == IMAGE[:3].tolist() * 2
    with h5py.File(part, "w") as file:
        file.create_dataset("d", (3, 8), "i4", chunks=(1, 8))[0] = 1
    with pytest.raises(FileError, match="2 of 3 pieces of /d were never written"):
        read_image(path.with_name("gap.h5"))


def test_only_the_sources_of_the_frame_have_to_be_there(made):
    made(lambda file: file.create_dataset("d", data=IMAGE), "part.h5")
    path = made(lambda file: virtual(file, [(np.s_[0], "part.h5"), (np.s_[1], "gone.h5")], (2, 6, 8)))
    assert read_image(path, Declared(frame=0)).pixels.tolist() == IMAGE.tolist()
    with pytest.raises(FileError, match=r"gone\.h5, which is not there"):
        read_image(path, Declared(frame=1))


def test_external_numbers_that_are_too_few_are_not_filled_up(made, tmp_path):
    numbers = tmp_path / "numbers.raw"
    numbers.write_bytes(IMAGE.tobytes()[:100])
    path = made(lambda file: file.create_dataset("data", (6, 8), "i4", external=[(str(numbers), 0, 192)]))
    with pytest.raises(FileError, match="not there or too short"):
        read_image(path)


@pytest.mark.parametrize("link", [h5py.ExternalLink("gone.h5", "/entry/data/data"), h5py.SoftLink("/elsewhere")])
def test_no_mask_stands_in_for_data_that_a_link_leads_to_in_vain(made, link):
    def eiger(file):
        file["entry/instrument/detector/detectorSpecific/pixel_mask"] = np.ones((6, 8), "u4")
        file.create_group("entry/data")["data_000001"] = link
    with pytest.raises(FileError, match="data_000001 .*which is not there"):
        read_image(made(eiger))


def test_a_file_of_masks_alone_holds_no_image(made):
    with pytest.raises(UsageError, match="0 datasets could be the image"):
        read_image(made(lambda file: file.create_dataset("a/flatfield", data=IMAGE)))


@pytest.mark.parametrize("place", ["entry/data", "scan/result"])
def test_the_dataset_that_the_file_names_as_its_signal_is_the_image(made, place):
    def nexus(file):
        group = file.create_group(place)
        group["data"], group["intensity"] = IMAGE, IMAGE * 2
        group.attrs["signal"] = "intensity"
        file.attrs["default"], file["/" + place.split("/")[0]].attrs["default"] = place.split("/")
    assert read_image(made(nexus)).pixels.tolist() == (IMAGE * 2).tolist()


def test_groups_that_name_one_another_as_default_end(made):
    def around(file):
        file.create_group("a").attrs["default"] = "b"
        file["a"]["b"] = file["a"]
        file.attrs["default"] = "a"
        file["a"].attrs["signal"] = "nothing"
        file["a/data"] = IMAGE
    assert read_image(made(around)).pixels.tolist() == IMAGE.tolist()


@pytest.mark.parametrize(("depth", "found"), [(1, True), (8, True), (9, False)])
def test_groups_are_followed_eight_deep(made, depth, found):
    def deep(file):
        group = file
        for _ in range(depth):
            group.attrs["default"] = "g"
            group = group.create_group("g")
        group.attrs["signal"] = "x"
        group["x"], file["other"] = IMAGE, IMAGE * 2
    if found:
        assert read_image(made(deep)).pixels.tolist() == IMAGE.tolist()
    else:
        with pytest.raises(UsageError, match="2 datasets could be the image"):
            read_image(made(deep))


@pytest.mark.parametrize(("attributes", "beside", "message"), [
    ({"scale_factor": 2.0}, {}, "states a factor .scale_factor 2"), ({}, {"data_scaling_factor": 3.0}, "a factor"),
    ({}, {"scaling_factor": 3.0}, "a factor"), ({"add_offset": 1}, {}, "states an offset"),
    ({}, {"data_offset": 1.0}, "states an offset"), ({"scale_factor": 1.0, "add_offset": 0}, {}, None)])
def test_a_scale_that_the_file_states_is_not_passed_over(made, attributes, beside, message):
    def scaled(file):
        group = file.create_group("entry/data")
        group.attrs["NX_class"] = "NXdata"
        group.create_dataset("data", data=IMAGE).attrs.update(attributes)
        for name, value in beside.items():
            group[name] = value
    path = made(scaled)
    if message is None:
        assert read_image(path).pixels.tolist() == IMAGE.tolist()
        return
    with pytest.raises(NbCompareError, match=message):
        read_image(path)
    if "factor" in message:
        assert read_image(path, Declared(scale=3.0)).pixels.tolist() == (IMAGE * 3.0).tolist()


def test_fill_values_that_the_file_names_are_gaps(made):
    def filled(file):
        file.create_dataset("data", data=IMAGE * 1.0).attrs.update(_FillValue=np.float64(5), missing_value=[9.0, 10.0])
    assert np.argwhere(read_image(made(filled)).masked).tolist() == [[0, 4], [1, 0], [1, 1]]
