"""What the cells of a group have in common is looked at when it begins and when it ends; a change between is seen."""

import os

import pytest

import nbcompare.run.sweep.groups as groups
from nbcompare.bundle.archive.sealed import Archive
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.sources.opened_again import OpenedAgain
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep.worker import Order, look_again
from tests.nbcompare import conftest
from tests.nbcompare.run.test_sweep_archive import CASE


@pytest.fixture
def watched(tmp_path):
    """An account of which a group went by the first time, and the file that it is about."""
    path, calls, again = tmp_path / "own.dat", FileUses(), OpenedAgain()
    path.write_text("one")
    calls.opened(str(path), os.O_RDONLY)
    again.by(calls.outside())
    again.begin_group()
    again.by(calls.outside())
    return path, calls, again


def test_a_file_that_stays_is_looked_at_twice_and_holds(watched, monkeypatch):
    _, calls, again = watched
    looks, holds = [], again._known.holds
    monkeypatch.setattr(again._known, "holds", lambda: looks.append(1) or holds())
    assert len({id(again.by(calls.outside())[0]) for _ in range(5)}) == 1 and not looks
    assert again.end_group() and looks == [1]


def test_a_file_that_changed_after_the_first_cell_is_seen_at_the_end(watched):
    path, calls, again = watched
    again.by(calls.outside())
    path.write_text("two")
    assert not again.by(calls.outside())[1] and not again.end_group()


def test_an_account_that_was_replaced_is_looked_at_before_that(watched):
    path, calls, again = watched
    again.by(calls.outside())
    path.write_text("two")
    calls.opened(str(path.with_name("another.dat")), os.O_RDONLY)
    again.by(calls.outside())
    assert not again.end_group()


def test_what_changes_with_every_cell_is_told_of_each_and_spoils_no_group(tmp_path):
    """As a log that the engine writes: each account is put together anew, and none is taken on trust."""
    log, again = tmp_path / "log", OpenedAgain()
    again.begin_group()
    for number in range(3):
        log.write_text("x" * number)
        calls = FileUses()
        calls.opened(str(log), os.O_RDWR)
        assert not again.by(calls.outside())[1]
    assert again.end_group()


@pytest.mark.parametrize("changed", [False, True])
def test_an_engine_that_changes_within_a_group_makes_none_of_its_cells_pass(tmp_path, monkeypatch, changed):
    """The group is run again then, with a look at each cell, and each tells it."""
    monkeypatch.setattr(conftest, "ALWAYS_THE_SAME", (*conftest.ALWAYS_THE_SAME, "photons"))
    monkeypatch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: False)
    engine, case = tmp_path / "photons.py", tmp_path / "grid.yaml"
    engine.write_bytes((conftest.FAKES / "photons.py").read_bytes())
    engine.chmod(0o755)
    case.write_text(CASE)
    look_again()
    options = RunOptions(c_bin=str(engine), py_bin=str(engine), py_args=("-broken", "nothing"))
    orders = tuple(Order(cell, options, in_batch=False) for cell in cells_of(load_case(case)))
    run, ran = groups.run_order, []

    def and_change(order):
        ran.append(order.case.name)
        bundle = run(order)
        if changed and len(ran) == 1:
            engine.write_bytes(engine.read_bytes() + b"# another\n")
        return bundle

    monkeypatch.setattr(groups, "run_order", and_change)
    left = groups.make_archive(orders, "20260101T000000Z", tmp_path / "made.zip", tmp_path / "work", verify=False)
    with Archive(tmp_path / "made.zip") as archive:
        words = [cell.word for cell in archive.cells.values()]
        why = [cell.why for cell in archive.cells.values()]
    look_again()
    assert not left.faults and words == (["ENGINE FAILED"] * 2 if changed else ["PASS"] * 2), (words, why)
    assert len(ran) == (4 if changed else 2)
    assert all("changed while it ran" in said for said in why) if changed else True
