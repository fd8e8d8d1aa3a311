"""nb-compare bisect: the commit with which a verdict changes, in a repository that is left as it was."""

import itertools
import sys
import time
from types import SimpleNamespace

import pytest

from nbcompare.run.bisect.journal import BAD, GOOD, JudgedCommit
from nbcompare.run.bisect.search import Search
from tests.nbcompare.conftest import SMALL_CASE
from tests.nbcompare.history import History


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path, quick_runs):
    """A cache of our own, a clock that gives each bundle a second of its own at once, and the cause of the step that
    was found alone."""
    monkeypatch.setattr("nbcompare.run.judged.likely_cause", lambda *asked: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    seconds = itertools.count(int(time.time()))
    monkeypatch.setattr("nbcompare.run.one_case._clock", lambda stamp: lambda: next(seconds))


@pytest.fixture
def bisect(nb, fake, tmp_path):
    """Bisect a history, of the small case below its repository; with --good and --bad the first and the last."""

    def call(history, *more, good=1, bad=None):
        case = history.home / "small.yaml"
        if not case.exists():
            case.write_text(SMALL_CASE)
        return nb("bisect", case, "--repo", history.home, "--good", history.sha(good), "--bad",
                  history.sha(bad) if bad else "trunk", "--c-bin", fake("good"), "--budget", "0", *more)

    return call


def trials(said):
    return [(trial["sha"], trial["outcome"]) for trial in said.json["trials"]]


def test_one_defect_among_forty_commits_with_some_that_do_not_build_and_one_of_chance(bisect, nb, tmp_path):
    """Commit 21 is judged first, and wrongly: what was concluded from it is taken back when it is judged again."""
    history = History(tmp_path / "repo", defect=29, broken=range(8, 14), flaky=[21])
    before = history.git("status", "--porcelain=v2", "--branch", "--ignored")
    said = bisect(history, "--format", "json", good=2)
    assert (said.code, said.json["first"]["sha"], said.json["before"]["sha"]) == (0, history.sha(29), history.sha(28))
    assert [commit["sha"] for commit in said.json["flaky"]] == [history.sha(21)]
    outcomes = dict(trials(said))
    assert any(outcomes.get(history.sha(at)) == "skipped" for at in range(8, 14))
    assert all(outcomes.get(history.sha(at)) in (None, "skipped") for at in range(8, 14))
    ratio = next(row for row in said.json["figures"] if row["metric"] == "sum_ratio")
    assert (ratio["before"], ratio["after"], ratio["held"], ratio["holds"]) == (1.0, 1.25, True, False)
    (scale,) = (cause for cause in said.json["diagnosis"]["causes"] if cause["id"] == "scale-factor")
    assert "1.25 times" in scale["sentence"], "what the commit did, and not what would undo it"

    assert history.git("status", "--porcelain=v2", "--branch", "--ignored").replace("? small.yaml\n", "") == before
    assert not (history.home / ".git/worktrees").exists() and list(tmp_path.glob("cache/**/port.in")) == []
    made = sorted(path for path in tmp_path.glob("bundles/small/*Z"))
    assert len(made) == sum(trial["bundle"] is not None for trial in said.json["trials"])
    assert nb("verify", made[0], made[-1]).code == 0

    again = bisect(history, good=2)
    assert f"FOUND  small  {history.sha(29)[:12]} change 29" in again.out and "step" not in again.err
    assert sorted(path for path in tmp_path.glob("bundles/small/*Z")) == made


def test_results_that_are_stored_are_not_made_again(bisect, nb, fake, tmp_path, monkeypatch):
    """Of the user's own tree, and of another range."""
    history = History(tmp_path / "repo", count=4, defect=3)
    (history.home / "small.yaml").write_text(SMALL_CASE)
    assert nb("run", history.home / "small.yaml", "--c-bin", fake("good")).code == 3
    first = bisect(history, "--format", "json")
    assert [trial["stored"] for trial in first.json["trials"]].count(True) == 1
    wider = bisect(history, "--format", "json", good=2)
    assert wider.json["first"]["sha"] == history.sha(3)
    assert all(trial["stored"] for trial in wider.json["trials"])
    fresh = bisect(history, "--fresh", "--format", "json")
    assert fresh.json["first"] == first.json["first"] and not any(trial["stored"] for trial in fresh.json["trials"])
    budgets = []
    monkeypatch.setattr("nbcompare.run.bisect.finding.diagnose",
                        lambda question, options: budgets.append((options.quick, options.budget_s)) or "not asked")
    bisect(history, "--budget", "7")
    bisect(history)
    assert budgets == [(False, 7.0), (True, 0.0)]


class Line:
    """Commits in a row, oldest first, as Search asks for them: the one that halves a range best stands first."""

    def __init__(self, count):
        self.shas = [f"{at:02d}" for at in range(count)]

    def between(self, goods, bad):
        found = self.shas[max(map(self.shas.index, goods)) + 1:self.shas.index(bad) + 1]
        return sorted(found, key=lambda sha: abs(found.index(sha) - (len(found) - 1) // 2))

    def boundary(self, goods, bad):
        return [max(goods)]

    def is_ancestor(self, sha, other):
        return sha <= other


@pytest.mark.parametrize("said_of_05", [[GOOD, BAD], [BAD, GOOD]])
def test_of_a_commit_judged_both_ways_nothing_is_concluded_whichever_came_last(said_of_05):
    """06 is the first bad one, and nobody can say so: 05 before it gives the one or the other."""
    trials = {"00": [JudgedCommit("00", GOOD, "")], "11": [JudgedCommit("11", BAD, "")]}

    def judge(sha, how_far):
        times = len(trials.setdefault(sha, []))
        outcome = said_of_05[times % 2] if sha == "05" else BAD if sha >= "06" else GOOD
        trials[sha].append(JudgedCommit(sha, outcome, ""))
        return trials[sha][-1]

    journal = SimpleNamespace(trials=[], of=lambda sha: trials.get(sha, []))
    found = Search(Line(12), "00", "11", judge, journal, 2).run()
    assert (found.first, found.before, sorted(found.perhaps), found.flaky) == (None, "04", ["05", "06"], ("05",))


def test_where_nothing_can_be_judged_the_commits_that_it_may_be_are_named(bisect, tmp_path):
    history = History(tmp_path / "repo", count=6, defect=4, broken=[3, 4])
    said = bisect(history)
    assert said.code == 8 and "one of 3 commits" in said.out
    assert [f"change {at}" in said.out for at in (2, 3, 4, 5)] == [True] * 4
    assert "expected expression before 'error'" in said.out


class WithACrash(History):
    """Commit 3 builds, and its port ends before it has an image."""

    def files(self, at):
        found = super().files(at)
        text = found["port.in"]
        return {**found, "port.in": text.replace("scale = 1.0", "scale = sys.exit('no library')") if at == 3 else text}


def test_a_commit_that_crashes_says_nothing_of_images_that_differ(bisect, tmp_path):
    """Another mistake, which is mended by then: neither the first bad commit nor a good one."""
    said = bisect(WithACrash(tmp_path / "repo", count=5, defect=4), "--format", "json")
    history_of = {trial["why"]: trial["outcome"] for trial in said.json["trials"] if trial["word"] == "ENGINE FAILED"}
    assert said.code == 8 and set(history_of.values()) == {"skipped"}
    assert [commit["subject"] for commit in said.json["perhaps"]] == ["change 3", "change 4"]


def test_ends_that_are_not_what_they_are_said_to_be_are_refused(bisect, nb, tmp_path):
    history = History(tmp_path / "repo", count=4, defect=2)
    for more, words in (({"good": 3}, "is not good: FAIL, sum_ratio on full: 1.25"),
                        ({"good": 4, "bad": 2}, "does not come before"), ({"good": 2, "bad": 2}, "the same commit")):
        said = bisect(history, **more)
        assert said.code == 1 and words in said.err
    assert "comes after it" in bisect(history, good=4, bad=2).err
    sound = History(tmp_path / "sound", count=2)
    assert "is not bad: it passes" in bisect(sound).err
    case = history.home / "small.yaml"
    unknown = nb("bisect", case, "--repo", history.home, "--good", "-x", "--bad", "trunk")
    assert unknown.code == 1 and "there is no such revision" in unknown.err
    assert "git repository" in nb("bisect", case, "--repo", tmp_path, "--good", "a", "--bad", "b").err


def test_an_engine_that_is_no_file_of_the_repository_is_refused(bisect, fake, tmp_path):
    history = History(tmp_path / "repo", count=2, defect=2)
    assert "not made of files" in bisect(history, "--py-bin", fake("twin")).err
    assert "not made of files" in bisect(history, "--side", "reference").err


def test_an_engine_that_still_uses_files_of_the_users_own_tree_is_refused(bisect, tmp_path):
    history = History(tmp_path / "repo", count=2, defect=2)
    (history.home / "scale.py").write_text("SCALE = 1.0\n")
    (history.home / "built/port.py").write_text(f"import sys\nsys.path.insert(0, {str(history.home)!r})\n")
    history.git("config", "user.name", "A")
    text = (history.home / "port.in").read_text()
    (history.home / "port.in").write_text(f"open({str(history.home / 'scale.py')!r}).read()\n{text}")
    history.git("add", "-A")
    history.git("commit", "-q", "-m", "a path", "--author", "A <a@b.c>")
    history.shas = history.git("rev-list", "--reverse", "trunk").split()
    said = bisect(history)
    assert said.code == 1 and f"still uses scale.py of {history.home}" in said.err


def test_the_case_of_now_counts_for_every_commit_and_that_is_said(bisect, tmp_path):
    history = History(tmp_path / "repo", count=2, defect=2)
    (history.home / "small.yaml").write_text(SMALL_CASE)
    history.git("add", "-A")
    history.git("commit", "-q", "-m", "a case")
    history.shas = history.git("rev-list", "--reverse", "trunk").split()
    said = bisect(history)
    assert said.code == 0 and said.out.count("the case changed between the two revisions") == 1


def test_the_reference_can_be_followed_too(bisect, fake, tmp_path):
    history = History(tmp_path / "repo", count=3, defect=3)
    said = bisect(history, "--side", "reference", "--c-bin", history.home / "built/port.py", "--py-bin", fake("good"),
                  "--build", f"{sys.executable} build.py", "--format", "json")
    assert said.json["first"]["sha"] == history.sha(3) and said.json["side"] == "reference"


def test_the_file_of_input_is_what_every_commit_is_run_on_and_another_one_is_another_question(bisect, tmp_path):
    """By its bytes: what was judged of the same path with other bytes, or of the case's own file, answers nothing."""
    history = History(tmp_path / "repo", count=2, defect=2)
    (history.home / "scale.txt").write_text("own")
    (history.home / "small.yaml").write_text(SMALL_CASE.replace(
        "1e18\n", "1e18 -mat scale.txt\ninputs: {scale.txt: {file: scale.txt}}\n", 1))
    mine = tmp_path / "mine.txt"
    for at, (text, words) in enumerate((("own", ()), ("mine", ("--input", f"scale.txt={mine}")),
                                        ("other", ("--input", f"scale.txt={mine}")), ("own too", ()))):
        (history.home / "scale.txt" if not words else mine).write_text(text)
        said = bisect(history, "--tries", "1", "--format", "json", *words)
        assert said.json["first"]["sha"] == history.sha(2)
        assert not any(trial["stored"] for trial in said.json["trials"]), at
        for trial in said.json["trials"]:
            assert next((tmp_path / trial["bundle"]).rglob("scale.txt")).read_text() == text
    assert "has no input" in bisect(history, "--input", "x=small.yaml").err
