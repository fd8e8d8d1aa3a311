"""Shell blocks that take minutes with real engines, typed as they stand with fakes, with counts of one, or up to the
point at which the waiting would begin."""

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests.nbcompare.conftest import FAKES
from tests.nbcompare.verdict.test_claimed_cases import CLAIM

CHECKOUT = Path(__file__).resolve().parents[3]
GRID = """\
name: grid
title: two exposures
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {fast: 9, slow: 7}
rois: {full: full}
thresholds:
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}
matrix: {axes: {-exposure: [1, 2]}}
"""
LARGE = """\
name: eiger-16m
title: rows in bands
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {fast: 9, slow: 7}
rois: {full: full}
thresholds:
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}
"""


def test_audit_md_and_audit_supervisor_md(world, monkeypatch, tmp_path):
    """With four of the defects."""
    from nbcompare.explain.audit import catalogue

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    few = ("gain", "written-transposed", "blurred", "tail-lost")
    monkeypatch.setattr(catalogue, "KINDS", {name: catalogue.KINDS[name] for name in few})
    said = world("audit.md")
    assert "4 of 4 defects caught (100.0 %)" in said and "SLIPS THROUGH" in said  # by one correlation alone
    assert "seed 2" in world("audit-supervisor.md")


def test_divergences_md(world, tmp_path):
    (tmp_path / "nb-compare.yaml").write_text(f"engines:\n  subject: {{command: {FAKES}/physics.py}}\n")
    text = (tmp_path / "cases/supervisor.yaml").read_text() + CLAIM
    for name in ("A.mat", "scaled.hkl"):
        (tmp_path / "cases" / name).write_text("0 0 1 100 0 0 0 0 1\n")
    for name in ("A.mat", "F.hkl"):
        (tmp_path / name).write_text("0 1 0 100 0 0 0 0 1\n")
    (tmp_path / "cases/supervisor-nanobragg.yaml").write_text(
        text.replace("0.9995", "0.9").replace("min: 0.99, max: 1.01", "min: 0.999, max: 1.001")
        + "inputs: {A.mat: {file: A.mat}, scaled.hkl: {file: scaled.hkl}}\n")
    said = world("divergences.md", more={"PATH/TO/nanoBragg": f"{FAKES}/defect.py"})
    assert said.count("PROVEN  supervisor") == 2 and "the user's own: A.mat, scaled.hkl" in said


def test_report_md(world, tmp_path, monkeypatch):
    """A browser stands in for chromium that draws one colour."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "chromium").write_text(
        f"#!{sys.executable}\nimport sys\nfrom PIL import Image\n"
        "target = next(word for word in sys.argv if word.startswith('--screenshot=')).partition('=')[2]\n"
        "assert open(sys.argv[-1]).read().lower().startswith('<!doctype html>')\n"
        "Image.new('RGB', (40, 30)).save(target)\n")
    (programs / "chromium").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "nopolar.py").write_text(
        f"import sys\nsys.path.insert(0, {str(FAKES)!r})\nfrom _any_command import main\n\n\n"
        "def defects(argv, values):\n    if '-nopolar' in argv:\n        values[:] = [1.01 * v for v in values]\n\n\n"
        "main(defects)\n")
    (tmp_path / "nb-compare.yaml").write_text(f"engines:\n  reference: {{command: {FAKES}/any_command.py}}\n"
                                              "  subject: {command: nopolar.py}\n")
    said = world("report.md", ends={"nb-compare run": 3, "nb-compare diagnose": 3})
    assert "FAIL  crystal" in said and "DIFFER" in said
    assert (tmp_path / "failing-report.png").stat().st_size


def test_sweep_md(world, tmp_path, monkeypatch):
    """A table becomes cases, these are swept, and so is a grid on a cluster of a scheduler and a worker, which renders
    the bands of an image as well."""
    pytest.importorskip("distributed")
    programs, port = tmp_path / "bin", _free_port()
    programs.mkdir()
    (programs / "pip").write_text("#!/bin/sh\nexit 0\n")
    (programs / "dask").write_text(f'#!/bin/sh\nname=$1\nshift\nexec {sys.executable} -m distributed.cli.dask_$name '
                                   '"$@" --no-dashboard\n')
    for path in programs.iterdir():
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/parity_cases.yaml").write_text(yaml.safe_dump({"cases": [{
        "id": "tilt", "base_args": "-lambda 1 -detpixels 8", "thresholds": {"sum_ratio_min": 0.9, "sum_ratio_max": 1.1},
        "runs": [{"name": "one", "extra_args": ""}, {"name": "two", "extra_args": "-twotheta 3"}]}]}))
    (tmp_path / "cases/phases.yaml").unlink()
    (tmp_path / "grid").mkdir()
    (tmp_path / "grid/grid.yaml").write_text(GRID)
    (tmp_path / "large.yaml").write_text(LARGE)
    bands = (f"large.yaml --c-bin {FAKES}/photons.py --py-bin {FAKES}/photons.py --c-args '-broken nothing' "
             "--py-args '-broken nothing -phisteps 1'")
    said = world("sweep.md", more={"docs/table_to_matrix": f"{CHECKOUT}/docs/table_to_matrix",
                                   "docs/table_claims": f"{CHECKOUT}/docs/table_claims",
                                   "~/bin/nanoBragg": f"{FAKES}/any_command.py", "HOST": "127.0.0.1",
                                   "cases/grid": "grid/grid", "8786": str(port), "--nworkers 8": "--nworkers 1",
                                   "cases/eiger-16m.yaml": bands, "--shards [0-9]+": "--shards 2"})
    assert "3 PASS" in said and "2 PASS" in said and said.count("PASS  eiger-16m") == 2


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.simulator
def test_describe_md(world, reference_binary, tmp_path):
    (tmp_path / "A.mat").write_text("0.01 0 0 0 0.01 0 0 0 0.01\n")
    (tmp_path / "scaled.hkl").write_text("0 0 1 100\n")
    said = world("describe.md", more={"simulator/reference/build/nanobragg_reference": str(reference_binary),
                                      "^python ": f"{sys.executable} "})
    assert said.count('"distance') >= 1


def test_mutants_md(monkeypatch, capsys):
    """make says what it would do; the words of the module are read as they stand, and none of its mutants is begun."""
    (block,) = re.findall(r"```sh\n(.*?)```", (CHECKOUT / "docs/mutants.md").read_text(encoding="utf-8"), re.DOTALL)
    makes, modules = ([line for line in block.splitlines() if line.startswith(word)] for word in ("make", ".venv"))
    assert len(makes) + len(modules) == len(block.splitlines())
    said = subprocess.run(["sh", "-e", "-c", "\n".join(makes)], cwd=CHECKOUT, env={**os.environ, "MAKEFLAGS": "-n"},
                          text=True, capture_output=True, check=True).stdout
    assert "tests.mutants --count 300 --seed 2" in said and "tests.mutants.modules" in said

    pytest.importorskip("cosmic_ray")
    from tests.mutants import __main__ as mutants

    asked = []
    monkeypatch.setattr(mutants, "drawn", lambda *words: asked.append(words) or ([], {}))
    monkeypatch.setattr(mutants, "_tried", lambda *words: ({}, {}))
    monkeypatch.setattr(mutants.page, "keep", lambda result: None)
    monkeypatch.setattr(mutants.page, "summary", lambda result: "")
    monkeypatch.setattr(mutants.page, "Result", lambda *words: SimpleNamespace(share=1.0))
    for line in modules:
        monkeypatch.setattr(sys, "argv", shlex.split(line)[2:])
        mutants.main()
    assert asked == [(["compare"], 12, 1)]


@pytest.mark.simulator
def test_parity_md(world, reference_binary, tmp_path):
    """One command of each; the simulator stands for nanoBragg C, with its defects switched on."""
    path = tmp_path / "nanoBragg"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m nanobrag_torch -render plain -emulate all "$@"\n')
    path.chmod(0o755)
    world("parity.md", more={"--count [0-9]+": "--count 1", "path/of/nanoBragg": str(path),
                             "^python ": f"{sys.executable} "}, folder=CHECKOUT)


@pytest.mark.simulator
def test_performance_md(world, monkeypatch, tmp_path):
    """Up to the compiler, which takes two minutes: without one, the program says what it needs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert "C++ compiler" in world("performance.md", more={"^python ": f"{sys.executable} "}, ends={sys.executable: 2})
