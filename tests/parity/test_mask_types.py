"""A mask is read as wide as its header declares, by both simulators alike."""

import numpy as np
import pytest
from engines import PRECISE, QUIET, run_program

ARGS = ["-cell", "60", "-default_F", "50", "-N", "3", "-lambda", "1.2", "-distance", "80", "-oversample", "1",
        "-mask", "m.img", *QUIET]
SHARE = np.random.default_rng(7).random((20, 24)) > 0.3
TYPES = {"TYPE=unsigned_short": "<u2", "TYPE=signed_long": "<i4", "TYPE=unsigned_long": ">u4",
         "Data_type=long int": "<i4", "Data_type=short int": "<i2", "DIM=2": "<u2"}


@pytest.fixture(params=["torch", "reference"])
def simulate(request, torch_batch, reference_binary, tmp_path):
    """Run ARGS with a mask of this declaration and dtype, in one of the simulators."""

    def call(declared, dtype, *more):
        header = f"{{\nHEADER_BYTES=512;\nSIZE1=24;\nSIZE2=20;\nPIXEL_SIZE=0.3;\n{declared};\n}}\f".encode().ljust(512)
        (tmp_path / "m.img").write_bytes(header + (SHARE * 256).astype(dtype).tobytes())
        if request.param == "torch":
            return torch_batch.run([*ARGS, *PRECISE, *more], tmp_path)
        return run_program(reference_binary, ARGS, tmp_path)

    return call


@pytest.mark.parametrize("declared", TYPES)
def test_pixels_are_as_wide_as_declared(simulate, declared):
    """Values of 256, whose bytes are 0 but for one."""
    image = simulate(declared, TYPES[declared]).image().reshape(20, 24)
    assert np.array_equal(image > 0, SHARE)


@pytest.mark.parametrize("declared", ["TYPE=float", "Data_type=float IEEE", "TYPE=mad"])
def test_another_type_is_refused_by_name(simulate, declared):
    ran = simulate(declared, "<f4")
    key, _, word = declared.partition("=")
    assert ran.status == 2
    assert f"header item {key}: pixels of type '{word}' are not read as a mask" in ran.stderr


def test_a_mask_of_32_bits_needs_all_its_bytes(simulate):
    ran = simulate("TYPE=signed_long", "<i2")
    assert ran.status == 2 and "24 x 20 pixels need 1920 bytes, 960 found" in ran.stderr
