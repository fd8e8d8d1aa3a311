"""Where the cells of an archive are run: in memory where they are small, and nothing but our own engines writes."""

import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nbcompare.bundle.lock import lock
from nbcompare.case.case import CaseInput
from nbcompare.case.case_file import load_case
from nbcompare.errors import ExitCode, FileError, UsageError
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep import groups, memory_folder, worker
from nbcompare.run.sweep.memory_folder import memory_folder as in_memory
from tests.nbcompare.conftest import SMALL_CASE

KILLED = """
import os, sys, tempfile
from pathlib import Path
from nbcompare.bundle.lock import lock
from nbcompare.run.sweep import memory_folder
memory_folder.PLACE = Path(sys.argv[1])
with memory_folder.memory_folder(1, Path("disk")) as folder:
    (folder / "image").write_text("x")
    os._exit(9)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_folder, "PLACE", tmp_path / "memory")
    (tmp_path / "memory").mkdir()
    return tmp_path / "memory"


def test_a_group_gets_a_folder_of_its_own_that_is_removed(place, tmp_path):
    with in_memory(1000, tmp_path / "disk") as folder, in_memory(1000, tmp_path / "disk") as other:
        assert folder.parent == other.parent == place and folder != other
        assert folder.stat().st_mode & 0o777 == 0o700 and lock(folder) is None
        (folder / "cell").mkdir()
    assert list(place.iterdir()) == []


def test_what_is_large_stays_on_the_disk_and_so_does_all_where_no_memory_can_be_had(place, tmp_path, monkeypatch):
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
    with in_memory(free // 2, tmp_path / "disk") as folder:
        assert folder == tmp_path / "disk" and not list(place.iterdir())
    monkeypatch.setattr(memory_folder, "PLACE", tmp_path / "none")
    with in_memory(1, tmp_path / "disk") as folder:
        assert folder == tmp_path / "disk"


def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else(place, tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, place], check=False)
    left, = place.iterdir()
    (place / "nb-compare-of-others").mkdir()
    (place / "nb-compare-cells-link").symlink_to(tmp_path)
    with in_memory(1, tmp_path / "disk") as folder:
        assert {path.name for path in place.iterdir()} == {"nb-compare-of-others", "nb-compare-cells-link", folder.name}
    assert not left.exists() and tmp_path.is_dir()


def test_only_small_cells_of_our_own_engines_are_known_to_be_small(tmp_path, monkeypatch):
    (tmp_path / "small.yaml").write_text(SMALL_CASE)
    case = load_case(tmp_path / "small.yaml")
    order = worker.Order(case, RunOptions())
    engines = {"reference": SimpleNamespace(chosen_by="default"), "subject": SimpleNamespace(chosen_by="default")}
    monkeypatch.setattr(worker, "_engines", lambda order: engines)
    few = groups._most_bytes((order,))
    assert few == 16 * case.shape.bytes
    (tmp_path / "own").write_bytes(bytes(3 << 20))
    reads = replace(case, inputs=(CaseInput("own", None, "own", None), CaseInput("made", "square", None, None)))
    assert 12 << 20 < groups._most_bytes((replace(order, case=reads),)) < 24 << 20
    asked = [replace(case, environment={"A": "b"}), replace(case, tests=("t",)), replace(case, subjects={"s": None})]
    for other in (*(replace(order, case=more) for more in asked), replace(order, options=RunOptions(sandbox=True))):
        assert groups._most_bytes((order, other)) == sys.maxsize
    engines["subject"] = SimpleNamespace(chosen_by="--py-bin")
    assert groups._most_bytes((order,)) == sys.maxsize

    def none(order):
        raise UsageError("no such program")

    monkeypatch.setattr(worker, "_engines", none)
    assert groups._most_bytes((order,)) == sys.maxsize


@pytest.mark.parametrize("how", ["no bundle", "engine failed"])
def test_a_cell_that_fails_where_others_took_the_memory_is_run_on_the_disk(place, tmp_path, monkeypatch, how):
    (tmp_path / "small.yaml").write_text(SMALL_CASE)
    order, ran = worker.Order(load_case(tmp_path / "small.yaml"), RunOptions()), []

    def run(order):
        ran.append(order.options.bundles)
        if order.options.bundles.parent == place and how == "no bundle":
            raise FileError("No space left on device")
        code = ExitCode.PASS if order.options.bundles.parent != place else ExitCode.ENGINE_FAILED
        return SimpleNamespace(record=SimpleNamespace(verdict=SimpleNamespace(exit_code=code))), 1.0

    monkeypatch.setattr(groups, "run_order", run)
    (place / "cells").mkdir()
    places = groups._Places(place / "cells", tmp_path / "disk", 1000)
    if how == "no bundle":
        with pytest.raises(FileError):  # there is room: it would fail on the disk, too
            places.run(order)
    else:
        assert places.run(order)[0].record.verdict.exit_code is ExitCode.ENGINE_FAILED
    assert ran == [place / "cells"]
    monkeypatch.setattr(memory_folder, "_SHARE", 1 << 60)
    assert [places.run(order)[0].record.verdict.exit_code for _ in range(2)] == [ExitCode.PASS, ExitCode.PASS]
    assert ran[1:] == [place / "cells", tmp_path / "disk", tmp_path / "disk"]
