"""What the cells of a group have in common is looked at when it begins and when it ends; a change between is seen."""

import os

import pytest

import nbcompare.run.sweep.groups as groups
from nbcompare.bundle.archive.sealed import Archive
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.engine.sources.opened_again import OpenedAgain
from nbcompare.files import sha256_of
from nbcompare.run.group_looks import GroupLooks
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


def test_a_name_that_comes_and_goes_within_a_group_is_in_the_account_of_its_cell(tmp_path):
    """A folder that was listed, and a file that was looked for in vain: neither bears a trace afterwards."""
    (tmp_path / "one.dat").write_text("1")

    def calls():
        seen = FileUses()
        for path in (tmp_path, tmp_path / "one.dat"):
            seen.opened(str(path), os.O_RDONLY)
        seen.looked("/attacked/no/such.dat")
        return seen.outside()

    again = OpenedAgain()
    again.begin_group()
    first = again.by(calls())[0]
    (tmp_path / "two.dat").write_text("2")
    second = again.by(calls())[0]
    (tmp_path / "two.dat").unlink()
    third = again.by(calls())[0]
    assert first.listings == third.listings != second.listings and first.absent and again.end_group()


def test_an_account_in_a_group_says_what_is_there_that_was_looked_for_in_vain(tmp_path):
    missing, seen, again = tmp_path / "missing.dat", FileUses(), OpenedAgain()
    seen.looked(str(missing))
    again.begin_group()
    assert again.by(seen.outside())[0].absent == (str(missing),)
    missing.write_text("there")
    assert again.by(seen.outside())[0].absent == ()


@pytest.mark.parametrize(("writes", "holds"), [("110", False), ("111", True), ("011", True), ("010", False)])
def test_what_an_engine_wrote_in_one_cell_only_counts_as_changed_in_the_next(tmp_path, writes, holds):
    """A log is written in each cell. Sources that it rewrites and then reads are another engine."""
    program, own = tmp_path / "port.sh", tmp_path / "own.dat"
    program.write_text("#!/bin/sh\n")
    own.write_text("0")
    engine = Engine("subject", "port", (str(program),), "test")
    made_of = MadeOf("script", files=(SourceFile("own.dat", str(own), sha256_of(own)),))
    identity = EngineIdentity("subject", "port", "test", (str(program),), sha256_of(program), 10, "1", (), made_of)
    looks = GroupLooks({})
    looks.watch(engine, identity)
    for cell, written in enumerate(writes):
        if written == "1":
            own.write_text(f"of {cell}")
        looks.wrote({"subject": {os.path.realpath(own)} if written == "1" else set()})
    assert (looks.end() == []) is holds


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
