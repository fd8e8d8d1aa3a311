"""What make bench says that is not measured by itself: the peer, what is quoted, and whether a sweep came out right."""

import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from tests.bench import goals, many_cells, page, peer
from tests.bench.commands import XFEL
from tests.bench.programs import accuracy
from tests.bench.quoted import diagnosis_rows

TABLE = """
| Strength | Seeded | Renders, median | 95 % within | Seconds, median | 95 % within |
|---|---|---|---|---|---|
| full | 7 | 1 | 900 | 0.2 | 41 |

| other | 1 |
"""
PEER = """\
import os, shutil, sys
if "-phisteps" in sys.argv:
    sys.exit("peer: error: no phi steps")
if os.path.exists("slow"):
    sys.exit(124)
assert "-nopgm" not in sys.argv
shutil.copy("other.bin", sys.argv[sys.argv.index("-floatfile") + 1])
"""


def test_seconds_of_a_diagnosis_are_those_of_the_page():
    """The columns of seconds, not those of renders that have the same name."""
    assert [(row["name"], row["value"], row["goal"]) for row in diagnosis_rows(TABLE)] == [
        ("diagnose, defects of full strength, median (quoted)", 0.2, "<= 5"),
        ("diagnose, defects of full strength, 95 % within (quoted)", 41.0, "<= 45")]
    assert diagnosis_rows()
    with pytest.raises(ValueError, match="no table"):
        diagnosis_rows("| Strength |\n")


def test_a_peer_that_is_not_given_is_not_measured(monkeypatch):
    monkeypatch.delenv("NB_PEER", raising=False)
    assert page.peer_table(peer.peer_rows(None)) == "not measured: NB_PEER is not given."


def test_a_peer_is_measured_and_what_it_cannot_do_is_told(monkeypatch, tmp_path):
    """One that refuses phi steps, and whose still is 1 % too bright at one pixel."""
    (tmp_path / "src/nanobrag_torch").mkdir(parents=True)
    (tmp_path / "src/nanobrag_torch/__main__.py").write_text(PEER)
    monkeypatch.setenv("NB_PEER", str(tmp_path))
    with pytest.raises(RuntimeError, match="has no package"):  # a folder alone would leave the name to our own
        peer.peer_rows(None)
    (tmp_path / "src/nanobrag_torch/__init__.py").touch()
    image = np.full(100, 2.0, "<f4")
    for name, peak in (("floatimage.bin", 2.0), ("process.bin", 2.0), ("other.bin", 2.02)):
        image[7] = peak
        image.tofile(tmp_path / name)
    run = peer.timed(["true"], tmp_path)
    scan, still = peer.peer_rows(SimpleNamespace(folder=tmp_path, c_run=lambda command: run,
                                                 process=lambda command, path: run))
    assert scan["failed"] == "peer: error: no phi steps" and "peer, whole process" not in scan["figures"]
    error, excess = still["errors"]["peer, whole process"]
    assert error == pytest.approx(0.01, rel=1e-4) and excess == pytest.approx(1e-4, rel=1e-3) and not still["failed"]
    (tmp_path / "slow").touch()
    assert peer.peer_rows(SimpleNamespace(folder=tmp_path, c_run=lambda command: run, process=lambda command, path: run)
                          )[1]["failed"] == "it ran for more than 150 s"
    told = page.peer_table([scan, still])
    assert "the peer failed: peer: error: no phi steps" in told and "| 1.0e-02 | +1e-04 |" in told


@pytest.mark.parametrize("fault", ["", "lost", "twice", "wrong", "unjudged"])
def test_a_sweep_in_which_a_cell_is_lost_or_judged_wrongly_is_told(tmp_path, monkeypatch, fault):
    """Two hundred cells in two archives, with two of a gaussian crystal, which have to fail."""
    swept = many_cells.Swept(tmp_path, 200, ())
    (tmp_path / "bundles/cells").mkdir(parents=True)
    lines = [{"cell": f"cells.phi{phi}-{name}", "word": "FAIL" if name == "gauss" else "PASS"}
             for phi in (1, 2) for name in (*(f"n{size}" for size in range(5, 104)), "gauss")]
    said = {"results": [dict(line) for line in lines]}
    if fault == "lost":
        lines.pop(3)
    elif fault == "twice":
        lines.append(lines[3])
    elif fault:
        lines[3]["word"] = {"wrong": "FAIL", "unjudged": "BLOCKED"}[fault]
    for number, part in enumerate((lines[:120], lines[120:])):
        with zipfile.ZipFile(tmp_path / f"bundles/cells/20260101T000000Z-{number:04d}.zip", "w") as archive:
            archive.writestr("index.jsonl", "".join(json.dumps(line) + "\n" for line in part))
    monkeypatch.setattr(many_cells, "COMMAND", ["true"])
    if not fault:
        many_cells.check_all(swept, said)
        monkeypatch.setattr(many_cells, "COMMAND", ["false"])
    with pytest.raises(RuntimeError, match={"": "not every bundle is intact", "lost": "199 cells of 200",
                                            "twice": "1 more than one"}.get(fault, "1 cells are judged wrongly")):
        many_cells.check_all(swept, said)


def test_an_image_that_is_not_right_fails_the_bench_and_the_peers_is_told():
    from tests.bench.__main__ import worst_errors

    rows = [{"name": "a row", "errors": {"fast": [2e-6, 0.0], "compiled": [1e-7, 1e-7],
                                         "peer, whole process": [1e-3, 0]}},
            {"name": "dark", "errors": {"fast": [float("nan"), float("nan")]}}]
    assert worst_errors({"paths": rows}) == ["a row, fast: 2e-06 of the peak, sum +0", "dark, fast: the image of C is "
                                             "dark, so that nothing is shown"]


def test_zeros_agree_with_zeros_and_that_is_no_accuracy(tmp_path):
    """An image needs a hundred pixels that are not zero, before what agrees with it shows anything."""
    image = np.zeros(1000, "<f4")
    for lit, shows in ((0, False), (99, False), (100, True)):
        image[:lit] = 2.0
        image.tofile(tmp_path / "image")
        error, excess = accuracy(tmp_path / "image", tmp_path / "image")
        assert (error == 0.0 and excess == 0.0) is shows and (error != error) is not shows


def test_each_goal_is_told_as_reached_or_missed_by_the_rows_that_miss_it():
    def row(name, fast, compiled, **errors):
        return {"name": name, "errors": {"fast": [1e-7, 2e-7], **errors}, "figures": {
            called: {"seconds": seconds} for called, seconds in (
                ("C", 12.0), ("fast", fast), ("compiled", compiled), ("fast, all emulations", 2.0))}}

    groups = {"supervisor": [row("supervisor", 1.0, 0.25)],
              "options": [row("a", 3.0, 1.0), row("b", 5.0, 1.0), row(XFEL, 2.0, 0.2), row("plain", 3.0, 1.0)],
              "harness": [{"name": "start", "value": 0.07, "unit": "s", "goal": "<= 0.08"},
                          {"name": "index", "value": 5.0, "unit": "s", "goal": "< 5"},
                          {"name": "home", "value": 9.0, "unit": "", "goal": "<= 1 from thousands on"},
                          {"name": "batch", "value": 30.0, "unit": "a second", "goal": ">= 20"}]}
    del groups["options"][-1]["figures"]["compiled"]
    found = {goal.about: (goal.measured, goal.reached) for goal in goals.goals_of(groups)}
    assert found == {
        "supervisor, fast": ("12.0", True), "supervisor, compiled": ("48.0", False),
        "every option row, fast": ("b 2.4", False), "every option row, compiled": ("plain is not compiled", False),
        "every option row, fast, all emulations": ("6.0 at least", True),
        "XFEL still, a hundredth of it, fast": ("6.0", False),
        "XFEL still, a hundredth of it, compiled": ("60.0 at least", True),
        "XFEL still, a hundredth of it, fast, all emulations": ("6.0", False),
        "error of every image, of the peak and of the sum": ("2.0e-07 at most", True),
        "start": ("0.07 s", True), "index": ("5 s", False), "batch": ("30 a second", True)}
    said = goals.told(goals.goals_of(groups))
    assert "MISSED  every option row, fast " in said and said.endswith("6 of 12 goals are reached, 6 missed")
    assert "| index | < 5 | 5 s | **no** |" in goals.table(goals.goals_of(groups))
    (dark,) = goals.goals_of({"growth": [{"name": "x", "errors": {"fast": [float("nan")] * 2}}]})
    assert (dark.measured, dark.reached) == ("1 of 1 images are not", False)
