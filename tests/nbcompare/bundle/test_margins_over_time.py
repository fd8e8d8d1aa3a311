"""Margins of a case from run to run: when one shrank, what changed meanwhile, and what is kept so that nobody reads all
records again."""

import json
import math
import os
from dataclasses import replace

import pytest

from nbcompare.bundle.history.cache import CACHE, Cache
from nbcompare.bundle.history.past_run import PastRun, PastThreshold, finite_or_word
from nbcompare.bundle.history.trend import ChangedFact, Shrunk, trend_of
from nbcompare.case.threshold import Threshold
from nbcompare.errors import ExitCode


def held(value, low=0.99, high=1.01, **more):
    return PastThreshold(Threshold("sum_ratio", "full", low, high, "w"), value, None, True, **more)


def past(stamp, *of, **more):
    return PastRun("small", stamp, verdict="PASS", exit_code=0, held=of, **more)


def test_a_margin_shrank_when_it_is_smaller_by_more_than_the_factor():
    eighth, half = (past(stamp, held(value, 0.5, 1.5)) for stamp, value in (("1", 1.0625), ("2", 1.125)))
    assert trend_of("small", (eighth, half)).shrunk == [], "8 and 4: by the factor, and not by more"
    one, third = past("1", held(1.001)), past("3", held(1.003))
    (found,) = trend_of("small", (one, third)).shrunk
    assert (found.since, found.metric, found.roi, found.why) == ("1", "sum_ratio", "full", None)
    assert (found.before, found.after, found.factor) == pytest.approx((10, 10 / 3, 3))
    assert trend_of("small", (one, third), 2.9).shrunk and not trend_of("small", (one, third), 3.1).shrunk
    assert [entry.factor for entry in trend_of("small", (past("0", held(1.0)), one)).shrunk] == [math.inf]
    lost = past("2", held(None))
    assert [entry.why for entry in trend_of("small", (one, lost)).shrunk] == ["the figure is undefined"]
    assert [step.shrunk for step in trend_of("small", (one, lost, lost)).steps[2:]] == [()]
    gone = past("2", PastThreshold(Threshold("rmse", "full", None, 1, "w"), 0.5, None, True))
    assert [entry.why for entry in trend_of("small", (one, gone)).shrunk] == [
        "it is asked for no more, and was not taken"]
    taken = replace(gone, figures={"full": {"sum_ratio": 1.009}})
    assert [entry.why for entry in trend_of("small", (one, taken)).shrunk] == [None]
    assert Shrunk("m", "r", "s", 2.0, 0.0).factor == Shrunk("m", "r", "s", 2.0, None).factor == math.inf
    assert Shrunk("m", "r", "s", math.inf, 1.0).factor == math.inf and Shrunk("m", "r", "s", 3.0, 2.0).factor == 1.5
    assert Shrunk("m", "r", "s", math.inf, None, "y").as_dict() == {
        "metric": "m", "region": "r", "since": "s", "before": "unlimited", "after": None, "factor": "unlimited",
        "why": "y"}
    assert [finite_or_word(value) for value in (None, 1.0, math.inf)] == [None, 1.0, "unlimited"]


def test_the_exit_code_of_a_trend_is_its_gravest_and_the_last_ones_are_told_alone():
    one, bad, third = past("1", held(1.001)), PastRun("small", "2", "damaged"), past("3", held(1.003))
    assert trend_of("small", (one, bad, third)).exit_code is ExitCode.EVIDENCE
    assert trend_of("small", (one, third)).exit_code is ExitCode.DIFFERS
    assert trend_of("small", (one, one)).exit_code is ExitCode.PASS
    assert trend_of("small", (one, past("2"))).exit_code is trend_of("small", ()).exit_code is ExitCode.BLOCKED
    whole = trend_of("small", (one, bad, third))
    assert [step.since for step in whole.steps] == [None, None, "1"] and whole.steps[2].shrunk
    last = trend_of("small", (one, bad, third), last=1)
    assert last.steps == whole.steps[2:] and last.as_dict()["exit_code"] == 3 and last.factor == 2.0
    assert trend_of("small", (one, past("2"), third)).steps[2].shrunk, "what was not judged is passed over"


def test_changes_are_told_verdict_first_then_images_then_facts():
    one = past("1", held(1.0), identical=True, figures={"full": {}}, facts={"a": "1", "b": "2"})
    two = replace(one, stamp="2", verdict="FAIL", identical=False, facts={"a": "1", "b": "3", "c": "4"})
    step = trend_of("small", (one, two)).steps[1]
    assert step.changed == (ChangedFact("verdict", "PASS", "FAIL"),
                            ChangedFact("images", "bit-identical", "not the same bits"), ChangedFact("b", "2", "3"),
                            ChangedFact("c", "not said", "4"))
    unread = replace(two, figures={}, verdict="PASS", facts=one.facts)
    assert trend_of("small", (one, unread)).steps[1].changed == ()
    assert trend_of("small", (two, replace(one, verdict="FAIL", facts=two.facts))).steps[1].changed == ()
    narrow = replace(one, thresholds=(Threshold("sum_ratio", "full", 0.999, 1.001, "w"),))
    wide = replace(one, stamp="3", thresholds=(Threshold("sum_ratio", "full", 0.9, 1.1, "v"),))
    tight, loose = (trend_of("small", runs).steps[1] for runs in ((wide, narrow), (narrow, wide)))
    assert [(entry.old, entry.new, entry.why) for entry in tight.tightened] == [("0.9 .. 1.1", "0.999 .. 1.001", "w")]
    assert tight.loosened == loose.tightened == () and loose.loosened[0].new == "0.9 .. 1.1"
    new = trend_of("small", (one, narrow)).steps[1].tightened
    assert [(entry.old, entry.new, entry.against) for entry in new] == [("not asked for", "0.999 .. 1.001", "1")]


def test_the_smallest_margin_of_a_run_and_its_values():
    none = PastThreshold(Threshold("rmse", "full", None, 1, "w"), None, "none", False)
    run = past("1", held(1.005), held(1.001), held(1.5, of="gpu"), none,
               figures={"full": {"mse": 4.0, "sum_ratio": 9.0}})
    assert run.smallest.of == "gpu" and run.smallest_margin == pytest.approx(0.02)
    assert run.value("sum_ratio", "full") == 1.005 and run.value("sum_ratio", "full of gpu") == 1.5
    assert run.value("mse", "full") == 4.0 and run.value("mse", "part") is run.value("rmse", "full") is None
    assert held(1.5, of="gpu").words == "sum_ratio on full of gpu" and held(1.5, emulated=1.0).judged == 1.0
    assert past("1").smallest is past("1").smallest_margin is None
    assert run.accepted and not replace(run, exit_code=3).accepted
    assert PastRun.from_dict(json.loads(json.dumps(run.as_dict()))) == run


# --- the cache -----------------------------------------------------------------------------------------------------


def test_a_cache_gives_what_was_kept_for_that_manifest_and_writes_what_was_asked_for(tmp_path):
    path, run = tmp_path / CACHE, past("1", held(1.001), signed=("N1",))
    first = Cache(path)
    assert first.get("small/1", "a") is None and first.hits == 0
    first.keep(run, "a")
    first.keep(PastRun("small", "2", "damaged"), "b")
    first.write()
    second = Cache(path)
    assert second.get("small/1", "b") is None and second.get("small/2", "b") is None
    assert second.get("small/1", "a") == run and second.hits == 1 and not second.changed
    before = path.stat().st_mtime_ns
    second.write()
    assert path.stat().st_mtime_ns == before, "nothing is new in it"
    Cache(path).write()
    assert Cache(path).get("small/1", "a") is None, "what nobody asked for is kept no longer"
    third = Cache(path)
    odd = (("k1", {"manifest_sha256": "a", "run": {}}), ("k2", {"manifest_sha256": "a", "run": 1}),
           ("k3", {"manifest_sha256": "a"}), ("k4", 1), ("small/9", {"manifest_sha256": "a", "run": run.as_dict()}),
           ("small/1", {"manifest_sha256": "a", "run": replace(run, damage="so").as_dict()}))
    for name, entry in odd:
        third._known[name] = entry
        assert third.get(name, "a") is None, name
    assert third.hits == 0
    none = Cache(None)
    none.keep(run, "a")
    none.write()
    assert none.get("small/1", "a") is None and not none.changed


def test_a_cache_that_others_could_have_written_or_that_is_another_is_none(tmp_path):
    path = tmp_path / CACHE

    def known():
        return Cache(path).get("small/1", "a") is not None

    cache = Cache(path)
    cache.keep(past("1"), "a")
    cache.write()
    text = path.read_text()
    assert known()
    for mode, trusted in ((0o600, True), (0o644, True), (0o664, False), (0o646, False)):
        path.chmod(mode)
        assert known() is trusted, oct(mode)
    path.chmod(0o644)
    head, body, _ = text.split("\n")
    for changed in (text.replace("nb-compare index cache", "nb-compare index"), f"{head}\n{body} \n", f"{head}\n", "",
                    f"{body}\n{head}\n", text.replace('"program": "', '"program": "0'),
                    text.replace('"kind"', '"kin"')):
        path.write_text(changed)
        assert not known(), changed[:60]
    path.rename(tmp_path / "other")
    (tmp_path / "other").write_text(text)
    path.symlink_to("other")
    assert not known()
    path.unlink()
    os.mkfifo(path)
    assert not known()
