"""What the reference prints about the direct beam, read as a pixel."""

import pytest

from nbcompare.engine.direct_beam import direct_beam_px


def said(fbeam="0.2", sbeam="0.1", pixel="0.1"):
    return f"  detsize=0.4x0.4  pixel={pixel} meters (4x4 pixels)\n  Fbeam={fbeam} Sbeam={sbeam}\n"


def test_the_direct_beam_is_read_from_what_the_reference_prints():
    """Fbeam 0.217889 m over 0.172 mm is 1266.797 pixels from the edge of the first one, whose centre is at 0."""
    said = ("  distance=0.231275 detsize=0.423636x0.434644  pixel=0.000172 meters (2463x2527 pixels)\n"
            "  Xbeam=0.217742 Ybeam=0.213907\n  Fbeam=0.217889 Sbeam=0.215043\n")
    assert direct_beam_px(said) == pytest.approx((0.217889 / 0.000172 - 0.5, 0.215043 / 0.000172 - 0.5))
    assert direct_beam_px("Fbeam=1 Sbeam=2") is None and direct_beam_px("") is None


def test_numbers_with_signs_and_exponents_are_read():
    assert direct_beam_px(said("-2.5e-1", "+1E-1", "1e-1")) == pytest.approx((-3.0, 0.5))


@pytest.mark.parametrize("pixel", ["0", "-0.1"])
def test_a_pixel_without_a_size_gives_no_place(pixel):
    assert direct_beam_px(said(pixel=pixel)) is None
