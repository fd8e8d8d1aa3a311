"""A real Dask scheduler with two worker processes, one of which is killed: every bundle comes home, none twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import staging
from nbcompare.errors import EvidenceError
from nbcompare.run.sweep.cluster import bring_home
from nbcompare.run.sweep.remote import CellAnswer

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
ENVIRONMENT = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "5s"}


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
        yield json.loads(told.read_text())["address"], workers


def until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_all_bundles_come_home_although_a_worker_is_killed(nb, fake, tmp_path, cluster):
    """The worker is killed once two bundles are home, in the middle of a cell that naps in both engines."""
    address, workers = cluster
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
    assert said.json["cells"] == said.json["run"] == 12 and said.code == 3
    failed = [result["cell"] for result in said.json["results"] if result["word"] != "PASS"]
    assert failed == ["grid.exposure3-adc20-other"]
    bundles = sorted(home.glob("*/2*"))
    assert len(bundles) == len({folder.parent for folder in bundles}) == 12
    assert nb("verify", *bundles).code == 0
    assert not list(home.glob("*/.*"))
    again = nb(*words)
    assert (again.json["run"], again.json["stored"]) == (0, 12)


def test_a_bundle_that_is_not_what_was_sent_is_not_published(tmp_path):
    with staging(tmp_path, "cell") as place, pytest.raises(EvidenceError, match="damaged on its way"):
        bring_home(CellAnswer(bundle=b"something", sha256="0" * 64), place, "cell")
    assert not [path for path in Path(tmp_path, "cell").iterdir() if not path.name.startswith(".")]


def test_nobody_at_the_address_is_told_in_one_line(nb, tmp_path, monkeypatch):
    import nbcompare.run.sweep.cluster as cluster_module

    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1)
    (tmp_path / "A.mat").write_text("1\n")
    (tmp_path / "grid.yaml").write_text(CASE)
    said = nb("sweep", "grid.yaml", "-q", "--cluster", "tcp://127.0.0.1:9")
    assert said.code == 5 and "no Dask scheduler answers" in said.err and "Traceback" not in said.err


def test_jobs_and_a_cluster_contradict_each_other(nb, tmp_path):
    assert nb("sweep", "grid.yaml", "--cluster", "tcp://127.0.0.1:9", "--jobs", 2).code == 1
