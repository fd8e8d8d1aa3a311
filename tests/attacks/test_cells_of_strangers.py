"""Cells of a sweep on machines of others: what comes home is the cell that was sent, whole, and in its place"""

import datetime
import hashlib
import io
import json
import zipfile

import pytest

from nbcompare.bundle.bundle import staging
from nbcompare.bundle.names import moment_of
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.errors import NbCompareError
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep.cluster import bring_home
from nbcompare.run.sweep.remote import CellAnswer, Parcel, parcel_of, run_parcel
from nbcompare.run.sweep.worker import Order


def answer(folder, change=lambda name, content: content, more=()):
    """The folder of a bundle as a worker sends it, its sum true of what is sent."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = path.relative_to(folder).as_posix()
            archive.writestr(name, change(name, path.read_bytes()))
        for name in more:
            archive.writestr(name, b"x")
    return CellAnswer(1.0, memory.getvalue(), hashlib.sha256(memory.getvalue()).hexdigest())


def brought(sent, folder, root, name="small"):
    moment = moment_of(folder.name)
    assert moment is not None
    with staging(root, "small", now=lambda: moment.replace(tzinfo=datetime.UTC).timestamp()) as place:
        assert place.stamp == folder.name
        return bring_home(sent, place, name)


def flipped(name, content):
    return bytes([content[0] ^ 1]) + content[1:] if name.endswith("float.bin") else content


@pytest.mark.usefixtures("quick_runs")
def test_only_the_cell_that_was_sent_comes_home_and_whole(run_small, tmp_path):
    _, folder = run_small()
    root = tmp_path / "home"
    for sent, name in ((answer(folder), "other"), (answer(folder, flipped), "small"),
                       (answer(folder, more=("../../../planted",)), "small"),
                       (answer(folder, more=("/tmp/planted",)), "small"), (answer(folder, more=("added",)), "small")):
        with pytest.raises(NbCompareError) as fault:
            brought(sent, folder, root, name)
        assert name == "small" or "came home in place of other" in fault.value.message
        assert not list(root.rglob("2*Z")) and not list(tmp_path.rglob("planted"))
    assert brought(answer(folder), folder, root).folder == root / "small" / folder.name


def test_a_worker_with_another_nb_compare_runs_nothing():
    parcel = Parcel((("c", "s"),), "c.yaml", "", {}, {}, {}, package="0" * 64)  # type: ignore[typeddict-item]
    (said,) = run_parcel(parcel, [b""])
    assert said.exit_code == 1 and "not the same as here" in said.fault and not said.bundle


@pytest.mark.usefixtures("quick_runs")
def test_what_a_case_names_outside_its_folder_is_neither_written_nor_read_there(fake, small_case, tmp_path):
    """An input by its absolute path, and a protected file by ``../``: on a worker others may lie there by now."""
    outside = tmp_path / "outside"
    outside.mkdir()
    cases = tmp_path / "project/cases"
    cases.mkdir(parents=True)
    (outside / "my.mat").write_text("sent")
    (outside / "golden").write_text("sent")
    text = small_case.read_text() + (f"inputs: {{A.mat: {{file: {outside}/my.mat}}}}\n"
                                     "protected: [../../outside/golden, ../../outside/../outside/my.mat]\n")
    (cases / "small.yaml").write_text(text)
    options = RunOptions(str(fake("good")), str(fake("twin")), bundles=tmp_path / "bundles")
    (cell,) = cells_of(load_case(cases / "small.yaml"))
    parcel, files = parcel_of([Order(cell, options)], ["20260101T000000Z"])
    contents = [files[digest].read_bytes() for digest in parcel.sums]
    for path in outside.iterdir():
        path.write_text("of the worker")
        path.chmod(0o444)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    (said,) = run_parcel(parcel, contents)
    assert not said.fault, said.fault
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
    with zipfile.ZipFile(io.BytesIO(said.bundle)) as bundle:
        assert bundle.read("inputs/data/A.mat") == b"sent"
        record = json.loads(bundle.read("record.json"))
    assert set(record["protected"]) == {"../../outside/golden", "../../outside/../outside/my.mat"}
    sums = {entry["before"] for entry in record["protected"].values()}
    assert sums == {hashlib.sha256(b"sent").hexdigest()}
