"""One process for many commands: every run is judged like any other, and a death costs one run only."""

import sys
from dataclasses import replace

import pytest

from nbcompare.case.arguments.options import SUBJECT
from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.compare.image import Shape, read_float_image
from nbcompare.engine.engine import Engine
from nbcompare.engine.rendering.batch import batch_engine

SHAPE = Shape(slow=7, fast=9)
ARGUMENTS = ("-detpixels_x", "9", "-detpixels_y", "7")


def engine(program):
    return Engine(SUBJECT, program.stem, (sys.executable, str(program)), "test")


@pytest.fixture
def run(tmp_path, fake):
    """Run commands in one batch process, each in a folder of its own."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "A.mat").write_text("1 0 0")
    count = iter(range(100))
    with batch_engine(engine(fake("batch"))) as batch:

        def call(*words, seconds=20.0):
            folder = tmp_path / f"run{next(count)}"
            made = batch.run((*ARGUMENTS, *words), SHAPE, inputs=tmp_path / "data", folder=folder,
                             stdout=tmp_path / "out", stderr=tmp_path / "err", seconds=seconds)
            return made.run, folder, (tmp_path / "out").read_text()

        yield call


def test_two_commands_share_one_process_and_no_folder(run):
    first, second = run(), run()
    assert first[2] == second[2] != ""
    assert first[1] != second[1]
    for made, folder, _ in (first, second):
        assert made.failure is None and made.how == "batch"
        assert read_float_image(folder / "float.bin", SHAPE).max() == 1000
        assert (folder / "A.mat").is_file()


def test_a_process_that_dies_fails_one_run_and_the_next_has_a_new_one(run):
    before, died, after = run(), run("-die"), run()
    assert died[0].failure.kind == "crashed" and "SIGKILL" in died[0].failure.sentence
    assert after[0].failure is None and after[2] != before[2]


def test_a_command_that_takes_too_long_is_stopped(run):
    slow, after = run("-sleep", seconds=0.5), run()
    assert slow[0].failure.kind == "timed-out"
    assert after[0].failure is None


def test_a_refused_command_is_an_exit_code_and_the_process_lives(run):
    before, refused, after = run(), run("-refuse"), run()
    assert refused[0].failure.kind == "exit-code" and refused[0].exit_code == 2
    assert after[2] == before[2]


def test_an_engine_without_batch_is_found_out_by_asking(fake):
    with batch_engine(engine(fake("good"))) as batch:
        assert batch is None


@pytest.mark.parametrize(("declared", "asked"), [
    ({}, True), ({"capabilities": (("batch", True),)}, True), ({"capabilities": (("batch", False),)}, False),
    ({"cwd": "."}, False)])
def test_an_engine_that_is_declared_to_work_elsewhere_gets_no_batch(fake, tmp_path, declared, asked):
    """Each command of a batch begins in the folder of its own inputs."""
    if "cwd" in declared:
        declared = {"cwd": tmp_path}
    told = EngineDeclaration("subject", ("batch.py",), tmp_path / "nb-compare.yaml", **declared)
    with batch_engine(replace(engine(fake("batch")), declaration=told)) as batch:
        assert (batch is not None) is asked
