"""What a case masks in each image: by the file's own gaps, by rules, and by a file of its own."""

import numpy as np
import pytest

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case_file import load_case
from nbcompare.case.masking import Masking
from nbcompare.compare.masks import MaskRules
from tests.nbcompare.conftest import SMALL_CASE


def test_rules_stated_gaps_and_the_pixels_of_a_file_that_are_not_zero_add_up(tmp_path):
    image = np.arange(12.0).reshape(3, 4)
    stated, given = np.zeros((3, 4), bool), np.zeros((3, 4), "u1")
    stated[1, 1], given[2, 2:] = True, (1, 7)
    np.save(tmp_path / "gaps.npy", given)
    masking = Masking(MaskRules(below=1.0), MaskRules(above=9.0), "gaps.npy")
    places = {role: np.argwhere(masking.applied(role, image, stated, tmp_path).mask).tolist()
              for role in (REFERENCE, SUBJECT)}
    assert places == {REFERENCE: [[0, 0], [1, 1], [2, 2], [2, 3]], SUBJECT: [[1, 1], [2, 2], [2, 3]]}
    assert Masking().applied(REFERENCE, image, None, tmp_path) is image
    assert np.argwhere(Masking().applied(REFERENCE, image, stated, tmp_path).mask).tolist() == [[1, 1]]


@pytest.mark.parametrize(("word", "masked"), [("both", (True, True)), ("reference", (True, False)),
                                              ("subject", (False, True))])
def test_pixels_that_are_no_number_are_masked_in_the_image_that_is_named(small_case, word, masked):
    small_case.write_text(f"{SMALL_CASE}mask: {{nan: {word}}}\n")
    masking = load_case(small_case).masking
    assert (masking.reference.nan, masking.subject.nan) == masked
