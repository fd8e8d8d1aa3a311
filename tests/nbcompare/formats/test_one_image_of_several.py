"""What a detector file holds beside its first image, and what its reader would guess: told, and never passed over."""

import fabio
import numpy as np
import pytest
from PIL import Image

from nbcompare.errors import FileError, UsageError
from nbcompare.formats.declared import Declared
from nbcompare.formats.read import read_image

FIRST = np.arange(48, dtype="i4").reshape(6, 8)
SECOND = FIRST * 2


def edf(path):
    image = fabio.edfimage.EdfImage(data=FIRST)
    image.append_frame(data=SECOND)
    image.write(str(path))


def tiff(path, **how):
    pages = [Image.fromarray(page) for page in (FIRST, SECOND)]
    pages[0].save(path, save_all=True, append_images=pages[1:], **how)


STACKS = {"a.edf": edf, "a.tif": tiff}


@pytest.mark.parametrize("name", STACKS)
def test_no_image_of_a_stack_is_taken_unless_it_is_named(tmp_path, name):
    STACKS[name](tmp_path / name)
    with pytest.raises(UsageError, match="a stack of 2 images"):
        read_image(tmp_path / name)
    for frame, pixels in enumerate((FIRST, SECOND)):
        assert read_image(tmp_path / name, Declared(frame=frame)).pixels.tolist() == pixels.tolist()
    with pytest.raises(UsageError, match="there is no frame 2; it holds 2"):
        read_image(tmp_path / name, Declared(frame=2))


def test_a_packed_stack_is_not_its_first_image_either(tmp_path):
    tiff(tmp_path / "a.tif", compression="tiff_lzw")
    with pytest.raises((UsageError, FileError)):
        read_image(tmp_path / "a.tif")


def test_a_frame_of_a_file_of_one_image_is_not_there(tmp_path):
    fabio.cbfimage.CbfImage(data=FIRST).write(str(tmp_path / "a_0001.cbf"))
    fabio.cbfimage.CbfImage(data=SECOND).write(str(tmp_path / "a_0002.cbf"))
    with pytest.raises(UsageError, match="there is no frame 1"):
        read_image(tmp_path / "a_0001.cbf", Declared(frame=1))


def test_a_cbf_of_two_images_is_refused(tmp_path):
    fabio.cbfimage.CbfImage(data=FIRST).write(str(tmp_path / "a.cbf"))
    (tmp_path / "two.cbf").write_bytes((tmp_path / "a.cbf").read_bytes() * 2)
    with pytest.raises(FileError, match="holds 2 images"):
        read_image(tmp_path / "two.cbf")


def test_pixels_of_another_checksum_than_the_file_states_are_damaged(tmp_path):
    fabio.cbfimage.CbfImage(data=FIRST).write(str(tmp_path / "a.cbf"))
    content = bytearray((tmp_path / "a.cbf").read_bytes())
    content[content.index(b"\x0c\x1a\x04\xd5") + 20] ^= 1
    (tmp_path / "a.cbf").write_bytes(content)
    with pytest.raises(FileError, match="not those of the checksum in its header"):
        read_image(tmp_path / "a.cbf")


def smv(path, items):
    header = f"{{\nHEADER_BYTES=  512;\nDIM=2;\nSIZE1=8;\nSIZE2=6;\n{items}}}\n"
    path.write_bytes(header.ljust(512).encode() + FIRST.astype("<u2").tobytes())


@pytest.mark.parametrize("items", ["TYPE=signed_short;\nBYTE_ORDER=little_endian;\n",
                                   "TYPE=unsigned_short;\nBYTE_ORDER=middle;\n"])
def test_a_type_or_byte_order_that_would_be_guessed_has_to_be_said(tmp_path, items, capfd):
    smv(tmp_path / "a.img", items)
    with pytest.raises(UsageError, match="does not say how the pixels are stored"):
        read_image(tmp_path / "a.img")
    assert read_image(tmp_path / "a.img", Declared(dtype="<u2")).pixels.tolist() == FIRST.tolist()
    assert capfd.readouterr() == ("", "")


def test_gaps_of_a_file_turn_with_its_pixels(tmp_path):
    marked = FIRST.copy()
    marked[1, 5] = -1
    fabio.cbfimage.CbfImage(data=marked).write(str(tmp_path / "a.cbf"))
    found = read_image(tmp_path / "a.cbf", Declared(transposed=True))
    assert found.pixels[5, 1] == -1 and np.argwhere(found.masked).tolist() == [[5, 1]]
