"""A real Dask scheduler with two worker processes, one of which is killed: every bundle comes home, none twice."""

import contextlib
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import distributed
import pytest

import nbcompare.case.cells as cells_module
import nbcompare.files as files_module
import nbcompare.run.sweep.cluster as cluster_module
import nbcompare.run.sweep.connection as connection
import nbcompare.run.sweep.groups as groups
import nbcompare.run.sweep.remote as remote
from nbcompare.bundle.bundle import staging
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.engine.progress import Progress
from nbcompare.errors import EvidenceError, FileError, UsageError
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep.archives import Archives
from nbcompare.run.sweep.cluster import Cluster, bring_home
from nbcompare.run.sweep.groups import groups_of
from nbcompare.run.sweep.remote import CellAnswer, parcel_of, run_parcel, run_sealed
from nbcompare.run.sweep.worker import Order

CASE = """\
name: grid
title: t
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18 -nap 0.3 -mat A.mat
inputs: {A.mat: {file: A.mat}}
image: {fast: 9, slow: 7}
rois: {full: full}
thresholds:
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: w}
matrix:
  axes:
    -exposure: [1, 2, 3]
    -adc: [10, 20]
  runs: {still: -phi 0, other: -phi 1}
"""
DASK = (sys.executable, "-m")
ENVIRONMENT = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "60s"}
"""A worker that says nothing for so long is given up: on a busy machine a living one may be silent for seconds. That
one was killed is known by its connection, at once."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The scheduler's address and the two worker processes."""
    folder = tmp_path_factory.mktemp("dask")
    told = folder / "scheduler.json"
    with contextlib.ExitStack() as running:

        def start(module, *words):
            process = subprocess.Popen([*DASK, f"distributed.cli.{module}", *words, "--no-dashboard"], cwd=folder,
                                       env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            running.callback(process.wait)
            running.callback(process.kill)
            return process

        start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))
        until(lambda: told.exists() and told.read_text().endswith("}"))
        workers = [start("dask_worker", "--scheduler-file", str(told), "--nthreads", "1", "--no-nanny")
                   for _ in range(2)]
        address = json.loads(told.read_text())["address"]
        with distributed.Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)  # a sweep goes by those that are there when it begins
        yield address, workers


def until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_all_bundles_come_home_although_a_worker_is_killed(nb, fake, tmp_path, cluster, monkeypatch):
    """The worker is killed once two bundles are home, in the middle of a cell that naps in both engines. Cells travel
    two by two, and the file that all name travels once."""
    address, workers = cluster
    sizes, files = [], []
    real, submit = cluster_module.parcel_of, cluster_module.Cluster._kept
    monkeypatch.setattr(groups, "SHARE_OF_THREAD", 3)
    monkeypatch.setattr(cluster_module, "parcel_of", lambda orders, stamps: (sizes.append(len(orders)),
                                                                             real(orders, stamps))[1])
    monkeypatch.setattr(cluster_module.Cluster, "_kept", lambda self, digest, content: (
        files.append(digest) if digest not in self.contents else None, submit(self, digest, content))[1])
    (tmp_path / "A.mat").write_text("1 0 0 0 1 0 0 0 1\n")
    (tmp_path / "grid.yaml").write_text(CASE)
    words = ("sweep", "grid.yaml", "-q", "--format", "json", "--cluster", address, "--c-bin", fake("photons"),
             "--py-bin", fake("photons"), "--py-args", "-broken third")
    home = tmp_path / "bundles"

    def kill():
        until(lambda: len(list(home.glob("*/2*"))) >= 2)
        workers[0].send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    said = nb(*words)
    killer.join()
    assert said.out, said.err
    assert workers[0].poll() == -signal.SIGKILL
    assert (said.json.get("cells"), said.json.get("run"), said.code) == (12, 12, 3), said.out
    failed = [result["cell"] for result in said.json["results"] if result["word"] != "PASS"]
    assert failed == ["grid.exposure3-adc20-other"]
    bundles = sorted(home.glob("*/2*"))
    assert len(bundles) == len({folder.parent for folder in bundles}) == 12
    assert nb("verify", *bundles).code == 0
    assert not list(home.glob("*/.*"))
    assert sizes == [2] * 6 and len(files) == len(set(files)) == 2
    again = nb(*words)
    assert (again.json["run"], again.json["stored"]) == (0, 12)


def test_row_bands_come_home_over_a_real_connection(nb, fake, tmp_path, cluster):
    """By the worker that is left, also in a module of its own."""
    (tmp_path / "A.mat").write_text("1 0 0 0 1 0 0 0 1\n")
    (tmp_path / "one.yaml").write_text(CASE.partition("matrix:")[0].replace(" -nap 0.3", ""))
    words = ("run", "one.yaml", "-q", "--format", "json", "--c-bin", fake("photons"), "--py-bin", fake("photons"),
             "--py-args", "-broken nothing")
    whole, banded = (nb(*words, *more).json for more in ((), ("--shards", 3, "--cluster", cluster[0])))
    assert [[made["image_sha256"] for made in said["runs"]] for said in (whole, banded)] == [
        [whole["runs"][0]["image_sha256"]] * 2] * 2
    assert banded["runs"][0]["how"] == "3 row bands, on the workers of a cluster"


def test_a_bundle_that_is_not_what_was_sent_is_not_published(tmp_path):
    with staging(tmp_path, "cell") as place, pytest.raises(EvidenceError, match="damaged on its way"):
        bring_home(CellAnswer(bundle=b"something", sha256="0" * 64), place, "cell")
    assert not [path for path in Path(tmp_path, "cell").iterdir() if not path.name.startswith(".")]


def test_nobody_at_the_address_is_told_in_one_line(nb, tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 1)
    (tmp_path / "A.mat").write_text("1\n")
    (tmp_path / "grid.yaml").write_text(CASE)
    said = nb("sweep", "grid.yaml", "-q", "--cluster", "tcp://127.0.0.1:9")
    assert said.code == 5 and "no Dask scheduler answers" in said.err and "Traceback" not in said.err


def test_on_a_terminal_it_is_said_at_once_who_is_waited_for(monkeypatch):
    """A step that begins is drawn there with its first tick, and half a minute is long without a word."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.2)
    screen = io.StringIO()
    screen.isatty = lambda: True
    with pytest.raises(FileError, match="no Dask scheduler answers"):
        connection.connected("tcp://127.0.0.1:9", Progress(screen))
    assert "scheduler tcp://127.0.0.1:9, waited for at most 0.2 s" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K"), "and taken off again before the error is told"


@pytest.mark.parametrize("address", ["127.0.0.1", "tcp://127.0.0.1", "tcp://host:", "tcp://host:port", ":8786"])
def test_an_address_without_a_port_is_refused_before_anybody_is_asked(address):
    """Dask's client held up the end of the process for a minute, and then printed a trace."""
    with pytest.raises(UsageError, match="no address") as told:
        connection.connected(address, Progress(quiet=True))
    assert "tcp://HOST:PORT" in told.value.hint


def test_jobs_and_a_cluster_contradict_each_other(nb, tmp_path):
    assert nb("sweep", "grid.yaml", "--cluster", "tcp://127.0.0.1:9", "--jobs", 2).code == 1


# --- groups, with a cluster that is this process ----------------------------------------------------------


class KilledWorker(Exception):
    """What the scheduler says of a task that every worker died of."""


class Done:
    """A future whose task was run when it was submitted."""

    def __init__(self, key, task, *words):
        self.key, self.status, self.fault, self.value = key, "finished", None, None
        try:
            self.value = task(*words)
        except KilledWorker as fault:
            self.status, self.fault = "error", fault

    def exception(self):
        return self.fault

    def result(self):
        return self.value

    def release(self):
        pass


class Here(list):
    """Stands for distributed.as_completed, a client, and the package itself; ``poison`` kills whoever runs it. ``kept``
    are the files that were sent to be kept, by the names that workers keep them under."""

    status, loop, poison = "running", None, ""

    def __init__(self):
        self.kept = []

    def as_completed(self, loop):
        return self

    def add(self, future):
        self.append(future)

    def __next__(self):
        return self.pop(0)

    def has_ready(self):
        return bool(self)

    def nthreads(self):
        return {"here": 1}

    def submit(self, task, *words, key, **_):
        if task is remote.as_it_is:
            self.kept.append(key)

        def run(*words):
            if task in (run_parcel, run_sealed) and any(name.endswith(self.poison) for name, _ in words[0].cells):
                raise KilledWorker
            return task(*[[one.value for one in word] if isinstance(word, list) else word for word in words])

        return Done(key, run, *words)


@pytest.fixture
def orders(tmp_path, fake):
    (tmp_path / "A.mat").write_text("1 0 0 0 1 0 0 0 1\n")
    (tmp_path / "grid.yaml").write_text(CASE.replace(" -nap 0.3", "").replace("[1, 2, 3]", "[1, 2]"))
    options = RunOptions(str(fake("photons")), str(fake("photons")), (), ("-broken", "nothing"),
                         bundles=tmp_path / "bundles")
    return [Order(cell, options) for cell in cells_of(load_case(tmp_path / "grid.yaml"))][:4]


def test_a_group_that_workers_die_of_is_run_again_cell_by_cell(orders, monkeypatch, tmp_path):
    """One cell of four kills every worker: it alone has no bundle. All groups need two files, which travel once, under
    the sums of their bytes."""
    monkeypatch.setattr(groups, "SHARE_OF_THREAD", 1)
    here = Here()
    here.poison = orders[2].case.name
    place = Cluster.__new__(Cluster)
    place.distributed, place.client, place.contents, place.address = here, here, {}, "here"
    results = {result.cell: result for result in place.run(orders)}
    assert [results[order.case.name].word for order in orders] == ["PASS", "PASS", "ERROR", "PASS"]
    assert results[here.poison].why == "every worker that ran this cell died"
    assert here.kept == [f"nb-compare-file-{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}"
                         for name in ("grid.yaml", "A.mat")]
    assert len(list((tmp_path / "bundles").glob("*/2*"))) == 3 and not list((tmp_path / "bundles").glob("*/.*"))


def test_archives_come_home_verified_and_a_poisoned_group_cell_by_cell(orders, tmp_path, nb, monkeypatch):
    """Three cells travel together and one of them kills every worker: two archives of one cell each. What a worker has
    damaged before it was sealed is no bundle."""
    import nbcompare.run.sweep.groups as groups_module

    here = Here()
    here.poison = orders[1].case.name
    place = Cluster.__new__(Cluster)
    place.distributed, place.client, place.contents, place.address = here, here, {}, "here"
    real = groups_module.run_order

    def run_order(order):
        bundle, seconds = real(order)
        if order.case.name == orders[2].case.name:
            (bundle.folder / "inputs/py_roi_float.bin").chmod(0o644)
            (bundle.folder / "inputs/py_roi_float.bin").write_bytes(bytes(252))
        return bundle, seconds

    monkeypatch.setattr(groups_module, "run_order", run_order)
    with Archives(tmp_path / "bundles", [order.case for order in orders]) as home:
        results = [result.word for result in place.run(orders[:3], home)]
    assert results == ["PASS", "ERROR", "ERROR"]
    [archive] = (tmp_path / "bundles/grid").iterdir()
    assert archive.name.endswith("-0002.zip") and nb("verify", archive).code == 0


def test_groups_keep_the_order_and_hold_cells_of_one_file(orders, tmp_path):
    """Seven cells of two files, at most three together."""
    (tmp_path / "other.yaml").write_text((tmp_path / "grid.yaml").read_text().replace("name: grid", "name: other"))
    more = [Order(cell, orders[0].options) for cell in cells_of(load_case(tmp_path / "other.yaml"))][:3]
    cut = list(groups_of([*orders, *more], 3))
    assert [len(group) for group in cut] == [3, 1, 3]
    assert [order for group in cut for order in group] == [*orders, *more]


def test_a_file_that_is_not_what_was_sent_is_not_used(orders, tmp_path):
    parcel, contents = parcel_of(orders, ["20260101T000000Z"] * 4)
    sent = [contents[digest].read_bytes() for digest in parcel.sums]
    answers = run_parcel(parcel, [sent[0], sent[1] + b" "])
    assert {answer.exit_code for answer in answers} == {6} and len(answers) == 4
    assert all("damaged on its way to the worker" in answer.fault for answer in answers)


def test_a_file_is_read_for_the_first_group_alone_and_no_other_is_sent_under_its_sum(orders, tmp_path, monkeypatch):
    """An input may be large and go with each of a hundred groups. One that is another when it is read is not sent."""
    read, real, sha256_of = [], Path.read_bytes, files_module.sha256_of
    monkeypatch.setattr(files_module, "_SETTLED_NS", 0)
    monkeypatch.setattr(files_module, "sha256_of", lambda path: (read.append(Path(path).name), sha256_of(path))[1])
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path.name), real(path))[1])
    here = Here()
    place = Cluster.__new__(Cluster)
    place.client, place.contents = here, {}
    for _ in range(2):
        parcel, files = parcel_of(orders, ["20260101T000000Z"] * 4)
        assert [place._kept(digest, files[digest]).value for digest in parcel.sums] == [
            real(tmp_path / name) for name in ("grid.yaml", "A.mat")]
    assert sorted(read) == ["A.mat", "A.mat", "grid.yaml", "grid.yaml"] and len(here.kept) == 2  # summed, and sent
    (tmp_path / "A.mat").write_text("another")
    digests = set(parcel_of(orders, ["20260101T000000Z"] * 4)[0].sums)
    assert len(digests - set(parcel.sums)) == 1, "a change is seen by the next group"
    with pytest.raises(FileError, match="changed while it was sent"):
        place._kept("0" * 64, tmp_path / "A.mat")


def test_a_worker_makes_no_cells_but_those_of_its_group(orders, monkeypatch):
    """Home has looked at all of them, and a matrix may have ten thousand."""
    made, make = [], cells_module.case_of_cell
    monkeypatch.setattr(cells_module, "case_of_cell", lambda case, cell: (made.append(cell.name), make(case, cell))[1])
    monkeypatch.setattr(remote, "_run_cell", lambda parcel, case, options, stamp: case.name)
    parcel, contents = parcel_of(orders[1:3], ["20260101T000000Z"] * 2)
    assert run_parcel(parcel, [contents[digest].read_bytes() for digest in parcel.sums]) == tuple(
        order.case.name for order in orders[1:3])
    assert {f"grid.{name}" for name in made} == {order.case.name for order in orders[1:3]}
