"""The row bands of one image on a cluster: the bytes of the image in one piece, by the engine of home or not at all.

Beside one band that goes through Dask for a round trip, the cluster is this process.
"""

import dataclasses
import pickle

import pytest

import nbcompare.run.sweep.bands as bands
from nbcompare.errors import ExitCode

CASE = """\
name: banded
title: t
command: -detpixels_x 11 -detpixels_y 23 -flux 1e18 -mat A.mat -roi 2 8 3 20
inputs: {A.mat: {file: A.mat}}
image: {fast: 11, slow: 23}
rois: {full: full}
thresholds:
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: w}
"""


class KilledWorker(Exception):
    """What the scheduler says of a task that every worker died of."""


class Cluster:
    """A client whose tasks are run at once, as they arrive: pickled and read again. ``sent`` are the files that it was
    given, ``poison`` is the first row of a band that kills whoever renders it, and ``change`` is made to what travels.
    """

    status = "running"

    def __init__(self):
        self.sent, self.parcels, self.poison = [], [], None
        self.change = lambda parcel: parcel

    def nthreads(self):
        return {"one": 1, "two": 1}

    def close(self):
        self.status = "closed"

    def submit(self, task, *words, key=None, **_):
        if key:
            self.sent.append(key)
            return Done(words[0])
        parcel = self.change(pickle.loads(pickle.dumps(words[0])))
        self.parcels.append(parcel)
        if parcel.job.band.ymin == self.poison:
            return Done(KilledWorker())
        return Done(pickle.loads(pickle.dumps(task(parcel, [one.value for one in words[1]]))))


class Done:
    status = "finished"

    def __init__(self, value):
        self.value = value

    def result(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.fixture
def cluster(monkeypatch):
    here = Cluster()
    monkeypatch.setattr(bands, "connected", lambda address, progress: (None, here))
    return here


@pytest.fixture
def run(nb, fake, tmp_path):
    """Run the case with the photons engine twice over: what was said."""
    (tmp_path / "A.mat").write_text("1 0 0 0 1 0 0 0 1\n")
    (tmp_path / "case.yaml").write_text(CASE)

    def call(*words):
        return nb("run", "case.yaml", "-q", "--format", "json", "--c-bin", fake("photons"), "--py-bin", fake("photons"),
                  "--c-args", "-broken nothing", "--py-args", "-broken nothing -phisteps 1", *words)

    return call


def test_the_bytes_are_those_of_the_image_in_one_piece_and_files_travel_once(run, cluster, nb):
    whole, banded = run(), run("--shards", 5, "--cluster", "tcp://here:1")
    assert whole.code == banded.code == 0, banded.err
    sums = [[made["image_sha256"] for made in said.json["runs"]] for said in (whole, banded)]
    assert sums[0] == sums[1] and cluster.status == "closed"
    assert {made["how"] for made in banded.json["runs"]} == {"5 row bands, on the workers of a cluster"}
    rows = [parcel.job.band.bounds[2:] for parcel in cluster.parcels]
    assert sorted(set(rows)) == [(3, 5), (6, 9), (10, 12), (13, 16), (17, 20)] and len(rows) == 10
    assert len(cluster.sent) == 1
    assert all(engine["opened"]["unwatched"] is None for engine in banded.json["engines"])
    assert nb("verify", banded.json["bundle"]).code == 0


def test_a_band_that_every_worker_died_of_fails_the_run(run, cluster):
    cluster.poison = 13
    said = run("--shards", 5, "--cluster", "tcp://here:1")
    assert said.code == ExitCode.ENGINE_FAILED
    why = said.json["runs"][0]["failure"]["sentence"]
    assert why.startswith("(rows 13..16) was not rendered: every worker that had it died")


def test_another_engine_or_package_on_the_worker_renders_nothing(run, cluster):
    cluster.change = lambda parcel: dataclasses.replace(
        parcel, engine=dataclasses.replace(parcel.engine, program_sha256="0" * 64))
    said = run("--shards", 2, "--cluster", "tcp://here:1")
    assert said.code == 1 and "is another one under the same path on the worker" in said.err
    cluster.change = lambda parcel: dataclasses.replace(parcel, package="0" * 64)
    said = run("--shards", 2, "--cluster", "tcp://here:1")
    assert said.code == 1 and "is not the same as here" in said.err


def test_a_file_that_is_not_what_was_sent_is_not_used(run, cluster):
    cluster.change = lambda parcel: dataclasses.replace(parcel, files={"A.mat": "0" * 64})
    said = run("--shards", 2, "--cluster", "tcp://here:1")
    assert said.code == 1 and "A.mat was damaged on its way to the worker" in said.err


def test_of_another_machine_nothing_is_said_to_have_been_opened(run, cluster):
    """The sums of files here would be those of others there."""
    cluster.change = lambda parcel: dataclasses.replace(parcel, home="elsewhere")
    said = run("--shards", 2, "--cluster", "tcp://here:1")
    assert said.code == 0
    assert all("on another machine" in engine["opened"]["unwatched"] for engine in said.json["engines"])


def test_a_cluster_is_for_bands_and_holds_nobody_to_a_sandbox(run, cluster):
    assert "--shards N" in run("--cluster", "tcp://here:1").err
    assert "--sandbox confines engines on this machine" in run("--cluster", "a", "--shards", 2, "--sandbox").err
    assert not cluster.parcels
