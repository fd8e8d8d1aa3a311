"""Cells of a sweep on machines of others: what comes home is the cell that was sent, whole, and in its place"""

import datetime
import hashlib
import io
import zipfile

import pytest

from nbcompare.bundle.bundle import staging
from nbcompare.bundle.names import moment_of
from nbcompare.errors import NbCompareError
from nbcompare.run.sweep.cluster import bring_home
from nbcompare.run.sweep.remote import CellAnswer, Parcel, run_parcel


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
    parcel = Parcel("c", "s", "c.yaml", b"", {}, {}, {}, package="0" * 64)  # type: ignore[typeddict-item]
    said = run_parcel(parcel)
    assert said.exit_code == 1 and "not the same as here" in said.fault and not said.bundle
