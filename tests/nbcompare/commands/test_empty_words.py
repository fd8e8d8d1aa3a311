"""An empty word on the command line, as a variable of the shell leaves it that is not set: the name of nothing."""

from pathlib import Path

import click
import pytest

from nbcompare.cli import COMMANDS, main


def params_of(name):
    return main.get_command(click.Context(main), name).params


NAMED = [(name, param.name) for name in COMMANDS for param in params_of(name)
         if isinstance(param, click.Argument) or isinstance(param.type, click.Path)]


@pytest.mark.parametrize(("name", "param_name"), NAMED)
def test_an_empty_word_names_nothing(nb, name, param_name):
    """As a path it is the folder that one stands in, and what lies there would be judged, or removed."""
    Path("summary.json").write_text("of somebody else")
    param = next(param for param in params_of(name) if param.name == param_name)
    said = nb(name, *([""] * max(param.nargs, 1) if isinstance(param, click.Argument) else (param.opts[0], "")))
    assert not said.out and [path.name for path in Path().iterdir()] == ["summary.json"]
    forms_of_results = param_name in ("markdown", "junit")  # where they lead is looked at before all else
    code, words = (5, "cannot write") if forms_of_results else (1, "an empty word names nothing")
    assert said.code == code and words in said.err


@pytest.mark.parametrize("words", [("list", "--bundles="), ("--outdir=", "--", "-cell", "1"), ("verify", "a", "")])
def test_an_empty_word_is_refused_however_it_is_written(nb, words):
    assert "an empty word names nothing" in nb(*words).err


def test_words_for_engines_may_be_empty(nb):
    said = nb("run", "--c-args", "", "--py-args=", "none.yaml").err
    assert "an empty word" not in said and "none.yaml: cannot read the file" in said
