"""What rules make of the words of a command."""

import pytest

from nbcompare.case.declared.adapter import Adapter, ArgumentRule, ConfigFile, Output
from nbcompare.engine.adapter import adapt
from nbcompare.errors import UsageError
from nbcompare.formats.declared import Declared

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
    (ArgumentRule("-size", ("{1}x{3}",)), ["-size", "1", "2", "3"], r"places \{1\}, \{3\}, and the option 3 values"),
    (ArgumentRule("-size", ("{1}x{2}",)), ["-size", "1"], r"has the places \{1\}, \{2\}, and the option 1 values"),
    (ArgumentRule("-size", ("--size",), (2.0,)), ["-size", "wide"], "cannot be given in another unit")])
def test_values_that_a_rule_has_no_place_or_unit_for_are_refused(rule, words, said):
    with pytest.raises(UsageError, match=said):
        adapt(Adapter((rule,), "refuse"), words)


TEMPLATE = "[run]\nsteps = {STEPS}\nbox = {X} by {Y}\nall = {BOX}\nout = {output}\n{not a place}\n"


def with_config(template=TEMPLATE, argument="--config", **defaults):
    rules = (ArgumentRule("-steps", scale=(10.0,), config=("STEPS",)), ArgumentRule("-box", config=("X", "Y")),
             ArgumentRule("-all", config=("BOX",)))
    return Adapter(rules, "refuse", ConfigFile("run.ini", template, argument, tuple(defaults.items())),
                   Output("image.npy", Declared(format="numpy")))


def test_the_places_of_a_template_take_values_and_its_file_is_named_on_the_command_line():
    """All values to one place, or each to its own; the name of the image to {output}; no other braces."""
    words = ["-steps", "2", "-box", "30", "40", "-all", "1", "2", "3"]
    found = adapt(with_config(), words)
    assert found.config == "[run]\nsteps = 20\nbox = 30 by 40\nall = 1 2 3\nout = image.npy\n{not a place}\n"
    assert found.words == ("--config", "run.ini")
    assert found.changes == ("-steps 2 as STEPS = 20 in run.ini", "-box 30 40 as X = 30, Y = 40 in run.ini",
                             "-all 1 2 3 as BOX = 1 2 3 in run.ini", "it writes image.npy without being told")
    assert adapt(with_config(argument=None), words).words == ()


def test_a_default_fills_a_place_of_which_the_command_says_nothing_and_no_other():
    words = ["-box", "30", "40", "-all", "5"]
    assert "steps = 7\n" in adapt(with_config(STEPS="7"), words).config
    assert "steps = 20\n" in adapt(with_config(STEPS="7"), [*words, "-steps", "2"]).config
    with pytest.raises(UsageError, match="the command has no -steps, which fills {STEPS} of the config file") as fault:
        adapt(with_config(BOX="7"), words)
    assert "defaults: {STEPS: VALUE}" in fault.value.hint
    with pytest.raises(UsageError, match="the command has no -box, which fills {X} of the config file"):
        adapt(with_config(STEPS="7", BOX="1"), [])


@pytest.mark.parametrize("values", [["30"], ["30", "40", "50"]])
def test_values_without_a_place_of_their_own_in_the_template_are_refused(values):
    with pytest.raises(UsageError, match=f"-box .*names 2 places of the template, and it has {len(values)} values"):
        adapt(with_config(STEPS="7", BOX="1"), ["-box", *values])
