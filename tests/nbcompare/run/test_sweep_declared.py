"""Declared engines on a cluster: they are those of home, or the cell is not run. The worker is this process."""

import sys

import pytest

from nbcompare.bundle.bundle import staging
from nbcompare.errors import ExitCode
from nbcompare.run.sweep.cluster import bring_home
from nbcompare.run.sweep.remote import engines_here, opened_here, parcel_of, run_parcel
from nbcompare.run.sweep.result import RAN, no_result, result_of
from nbcompare.run.sweep.worker import look_again

pytestmark = pytest.mark.usefixtures("quick_runs")
DECLARED = f"command: {sys.executable} -m myport, environment: {{set: {{PYTHONPATH: src}}}}"
GRID = "matrix:\n  runs: {one: -phi 0, two: -phi 1}\n"


class Near:
    """A cluster of one worker, in this process; parcels and bundles travel as they do to others."""

    def __init__(self, address, options, progress, roles):
        self.engines = engines_here(options.c_bin, options.py_bin, roles).known()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def unchanged(self, engine):
        return opened_here(engine.as_dict())

    def run(self, orders, archives=None, out=None):
        for order in orders:
            with staging(order.options.bundles, order.case.name) as place:
                parcel, contents = parcel_of([order], [place.stamp])
                self.on_the_way()
                [answer] = run_parcel(parcel, [contents[digest].read_bytes() for digest in parcel.sums])
                if answer.fault:
                    yield no_result(order.case.name, order.case.cell, ExitCode(answer.exit_code), answer.fault)
                else:
                    yield result_of(bring_home(answer, place, order.case.name), RAN, answer.seconds)

    def on_the_way(self):
        """What happens to the worker's disk meanwhile."""


@pytest.fixture
def project(project, monkeypatch):
    monkeypatch.setattr("nbcompare.run.sweep.cluster.Cluster", Near)
    project.declare(DECLARED)
    project.case.write_text(project.case.read_text() + GRID)
    project.commit("declared")
    return project


def test_a_cluster_runs_what_home_declares_and_knows_it_again(nb, project):
    for how in ("ran", "stored"):
        said = nb("sweep", project.case, "--cluster", "tcp://near", "-q", "--format", "json")
        assert said.code == 0
        assert [result["how"] for result in said.json["results"]] == [how, how]
    record = nb("show", next((project.home / "bundles").glob("small.one/2*")), "--json").json
    assert record["engines"][1]["made_of"]["origin"] == str(project.home / "src/myport")
    assert record["repositories"]["project"]["root"] == str(project.home)
    assert record["repositories"]["project"]["dirty"] is False


def test_a_worker_with_another_port_under_the_same_path_runs_nothing(nb, project, monkeypatch):
    def replaced(self):
        project.break_port()
        look_again()  # the worker is another process

    monkeypatch.setattr(Near, "on_the_way", replaced)
    said = nb("sweep", project.case, "--cluster", "tcp://near", "-q", "--format", "json")
    first = said.json["results"][0]
    assert (said.code, first["word"]) != (0, "PASS")
    assert "the subject myport is declared at home, and under the same path on the worker" in str(first)
    assert not list((project.home / "bundles").glob("small.one/2*"))


def test_a_port_that_changes_between_two_cells_of_a_sweep_has_failed(nb, project):
    """Who the engines are is asked once for all cells; each cell looks again at its end."""
    main = project.home / "src/myport/__main__.py"
    main.write_text(main.read_text().replace("    return 0\n\n\nif", f"""\
    if "1" in sys.argv[sys.argv.index("-phi") + 1]:
        open({str(project.core)!r}, "a").write("# later\\n")
    return 0


if"""))
    said = nb("sweep", project.case, "-j", "1", "-q", "--format", "json")
    words = {result["cell"]: result["word"] for result in said.json["results"]}
    assert said.code == 2 and words == {"small.one": "PASS", "small.two": "ENGINE FAILED"}
