"""What rules make of the words of a command."""

import pytest

from nbcompare.case.declared.adapter import Adapter, ArgumentRule
from nbcompare.engine.adapter import adapt
from nbcompare.errors import UsageError

METRES = ArgumentRule("-pix0_vector", ("--origin",), (1.0,))
MILLIMETRES = ArgumentRule("-pix0_vector_mm", ("--origin",), (0.001,))


@pytest.mark.parametrize("rules", [(METRES, MILLIMETRES), (MILLIMETRES, METRES)])
def test_the_rule_of_the_name_itself_goes_before_that_of_another_name(rules):
    """Whichever stands first: a port may mean another unit by each."""
    adapter = Adapter(rules, "refuse")
    assert adapt(adapter, ["-pix0_vector_mm", "1", "2", "-3"]).words[:4] == ("--origin", "0.001", "0.002", "-0.003")
    assert adapt(adapter, ["-pix0_vector", "1", "2", "-3"]).words[:4] == ("--origin", "1", "2", "-3")


def test_another_name_of_the_same_option_is_asked_by_its_rule():
    adapter = Adapter((ArgumentRule("-lambda", ("--nm",), (0.1,)),), "refuse")
    assert adapt(adapter, ["-wavelength", "6.2"]).words == ("--nm", "0.62", "-floatfile", "float.bin")
    with pytest.raises(UsageError, match="no rule says what becomes of -energy 12000"):
        adapt(adapter, ["-energy", "12000"])


@pytest.mark.parametrize(("rule", "words", "said"), [
    (ArgumentRule("-size", ("--size",), (1.0, 2.0)), ["-size", "1", "2", "3"], "scales 2 values, and it has 3"),
    (ArgumentRule("-size", ("{1}x{3}",)), ["-size", "1", "2", "3"], "has places for the values 1, 3, and it has 3"),
    (ArgumentRule("-size", ("{1}x{2}",)), ["-size", "1"], "has places for the values 1, 2, and it has 1"),
    (ArgumentRule("-size", ("--size",), (2.0,)), ["-size", "wide"], "cannot be given in another unit")])
def test_values_that_a_rule_has_no_place_or_unit_for_are_refused(rule, words, said):
    with pytest.raises(UsageError, match=said):
        adapt(Adapter((rule,), "refuse"), words)
