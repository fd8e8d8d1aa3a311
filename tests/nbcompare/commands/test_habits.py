"""What people expect of any program: colours that obey, completion, quoting, help on a word, a look in the terminal."""

import io
import os
import shlex
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest

from nbcompare import cli
from nbcompare.case.threshold import Threshold
from nbcompare.cli import COMMANDS
from nbcompare.commands.colour import coloured, taken_out
from nbcompare.commands.diagnose import tell_trials
from nbcompare.commands.faults import said_of
from nbcompare.commands.folding import folded
from nbcompare.commands.help import TOPICS, _text
from nbcompare.commands.options import experiment_again, programs_again, run_again
from nbcompare.commands.views import terminal
from nbcompare.commands.views.page.evidence import reproduce
from nbcompare.compare.text_picture import text_picture
from nbcompare.engine.processes.stopping import Stopped
from nbcompare.engine.progress import Progress, time_left
from nbcompare.errors import ExitCode, to_type
from nbcompare.explain.experiment import ExperimentSource
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep import bar as bar_module
from nbcompare.run.sweep.bar import Bar
from nbcompare.verdict.further_evidence import FurtherEvidence
from nbcompare.verdict.verdict import Check, Label, Verdict
from tests.nbcompare.conftest import SMALL_CASE


@pytest.mark.parametrize("word, environment, expected", [
    ("auto", {}, None), ("auto", {"NO_COLOR": "1"}, False), ("auto", {"NO_COLOR": "", "FORCE_COLOR": "1"}, True),
    ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False), ("auto", {"FORCE_COLOR": "0"}, None),
    ("auto", {"CI": "true"}, False), ("auto", {"CI": "true", "FORCE_COLOR": "1"}, True),
    ("auto", {"TERM": "dumb"}, False),
    ("always", {"NO_COLOR": "1"}, True), ("never", {"FORCE_COLOR": "1"}, False)])
def test_who_decides_on_colours(word, environment, expected):
    assert coloured(word, environment) is expected


def test_the_option_may_stand_before_and_after_the_command_but_not_behind_the_dashes():
    assert taken_out(["--color", "never", "show", "x", "--color=always"]) == ("always", ["show", "x"])
    assert taken_out(["run", "--", "--color", "never"]) == ("auto", ["run", "--", "--color", "never"])
    assert taken_out(["--color", "red"]) == ("auto", ["--color", "red"])


def test_a_diagnosis_that_takes_long_says_so_also_where_nothing_is_redrawn():
    """A short one says nothing there; a minute later a line says how far it is, as of any step."""
    told = io.StringIO()
    progress = Progress(told)
    for used in (0.5, 1.9, 2.0, 30.0, 62.5):
        tell_trials(progress, used, 125.0)
    assert told.getvalue().splitlines()[0] == "trial runs, percent of at most 125 processor seconds ..."
    assert len(told.getvalue().splitlines()) == 2 and "50 %" in told.getvalue()


def test_a_word_that_is_missing_is_told_by_the_name_that_help_gives_it():
    """click says of an argument of two words, "Argument 'named' takes 2 values"."""
    group = cli.LazyCommands("nb-compare")
    every = [(name, word) for name in COMMANDS for word in group.get_command(click.Context(group), name).params]
    found = [(name, word) for name, word in every if isinstance(word, click.Argument)]
    assert len(found) > 15 and [(name, word.name) for name, word in found if word.nargs not in (1, -1)] == []
    numbers = [word for _, word in every if isinstance(word.type, (type(click.INT), type(click.FLOAT)))]
    assert len(numbers) > 15 and {word.name for word in numbers if not word.metavar} == set(), "click says FLOAT RANGE"


def test_what_has_no_room_is_named_where_it_is():
    """A command that writes no summary does not send anybody to one."""
    verdict = Verdict(Label.FAIL, ExitCode.DIFFERS, (), tuple(f"reason {number}" for number in range(9)))
    assert terminal.body(None, verdict)[-1].endswith("and 4 more, all with --format json")
    assert terminal.body(None, verdict, rest="in results/summary.json")[-1].endswith("all in results/summary.json")


def test_colours_reach_the_output(store, nb, monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    assert "\x1b[" not in nb("show", store.passed).out
    assert "\x1b[32m" in nb("--color", "always", "show", store.passed).out
    assert nb("--color", "red", "show", store.passed).code == 1
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32m" in nb("show", store.passed).out and "\x1b[" not in nb("show", store.passed, "--color=never").out


@pytest.fixture
def completed(nb, monkeypatch, capsys):
    """What the shell is told for a line whose last word is not finished."""

    def call(line):
        words = line.split(" ")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setenv("_NB_COMPARE_COMPLETE", "bash_complete")
        with pytest.raises(SystemExit):
            nb()
        return [said.partition(",")[2] for said in capsys.readouterr().out.splitlines()]

    return call


def test_the_shell_completes_commands_cases_bundles_regions_and_metrics(completed, store):
    assert completed("nb-compare ver") == ["verify"] and "--noise-floor" in completed("nb-compare run --no")
    assert completed("nb-compare run sm") == ["small.yaml"] and completed("nb-compare show s") == ["small"]
    assert f"small/{store.passed.name}" in completed("nb-compare verify small/")
    assert completed("nb-compare view small --region m") == ["middle"]
    assert completed("nb-compare images --threshold sum_r") == ["sum_ratio"]
    assert completed("nb-compare audit small.yaml --threshold-only correlation@f") == ["correlation@full"]


def test_cases_are_completed_from_their_folder_and_a_word_that_none_begins_with_is_a_path(completed, store, tmp_path):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases/first.yaml").write_text(SMALL_CASE)
    assert completed("nb-compare run cases/f") == ["cases/first.yaml"]
    assert completed("nb-compare show zz") == completed("nb-compare run zz") == ["zz"]


def test_the_lines_to_install_completion_are_those_of_click(nb, monkeypatch, capsys):
    assert "_NB_COMPARE_COMPLETE=bash_source" in nb("help", "completion").out
    monkeypatch.setenv("_NB_COMPARE_COMPLETE", "zsh_source")
    with pytest.raises(SystemExit):
        nb()
    assert "#compdef nb-compare" in capsys.readouterr().out


def test_a_case_that_is_not_there_is_told_with_the_one_that_is_meant(nb, small_case, tmp_path):
    assert all("did you mean small.yaml?" in nb("run", name).err for name in ("small", "smal.yaml"))
    assert "nb-compare init --out 'my case.yaml' -- ARGS" in nb("explain", "my case.yaml").err


def test_a_plan_that_is_not_there_is_not_to_be_written_as_a_case(nb):
    said = nb("gate", "agree").err
    assert "--phases FILE names the plan" in said and "ARGS" not in said


def test_a_mistyped_role_of_an_engine_is_told_as_such(nb):
    said = nb("init", "--project", "--engine", "referense=/opt/nanoBragg", "--engine", "subject=port").err
    assert "referense is no role; it is reference or subject" in said


@pytest.mark.parametrize("words", [("run", "-lambda", "1"), ("sweep", "c.yaml", "-hkl", "P1.hkl"), ("show", "-phi")])
def test_an_option_of_nanobragg_at_a_command_is_told_where_it_belongs(nb, words):
    said = nb(*words)
    assert said.code == 1 and "is an option of nanoBragg" in said.err and "nb-compare init -- ARGS" in said.err
    assert "of nanoBragg" not in nb(words[0], "--no-such", "--py-args", "-phi").err


def test_an_option_without_its_value_leads_to_the_help_of_its_command(nb):
    assert "next: nb-compare report --help" in nb("report", "--html").err
    assert "next: nb-compare --help" in nb("--color").err


def test_help_lists_every_command_once(nb):
    lines = nb("--help").out.splitlines()
    assert all(sum(line.split()[:1] == [name] for line in lines) == 1 for name in COMMANDS)


def test_help_fits_into_eighty_columns(nb):
    told = {name: nb(name, "--help").out for name in COMMANDS} | {"": nb("--help").out}
    assert [(name, line) for name, text in told.items() for line in text.splitlines() if len(line) > 80] == []


def test_help_explains_topics_and_commands(nb):
    assert "70  a defect of nb-compare itself" in nb("help", "exit-codes").out
    for topic, word in (("metrics", "sum_ratio: "), ("causes", "phi-carryover"), ("options", "-Na"), ("colours", "CI"),
                        ("verify", "Find every fault")):
        assert word in nb("help", topic).out
    assert "did you mean 'metrics'?" in nb("help", "metrix").err and nb("help").code == 0


@pytest.mark.parametrize("columns", [40, 80])
def test_a_topic_fits_into_the_terminal_and_says_the_same(nb, monkeypatch, columns):
    """All but the lines to install completion, which are copied whole."""
    wide = {topic: " ".join(_text(topic).split()) for topic in TOPICS}
    monkeypatch.setenv("COLUMNS", str(columns))
    told = {topic: nb("help", topic).out for topic in TOPICS}
    assert {topic: " ".join(said.split()) for topic, said in told.items()} == wide
    assert [line for said in told.values() for line in said.splitlines()
            if len(line) > columns and "_NB_COMPARE" not in line and not line.split()[0].startswith("~/")] == []
    assert all(line.startswith((" ", *"0123456789-\n")) for line in told["exit-codes"].splitlines())


def test_what_is_to_be_typed_next_is_quoted_and_leads_on(store, nb, small_case, quick_runs, fake, tmp_path):
    home = tmp_path / "my bundles"
    shutil.copytree("bundles", home)
    (tmp_path / "other.yaml").write_text(SMALL_CASE.replace("name: small", "name: other") + CLAIM)
    said = nb("run", small_case, "--bundles", home, "--c-bin", fake("good"), "--py-bin", fake("bright"), "-q").out
    lines = {line.split()[0]: line.split(None, 1)[1] for line in said.splitlines() if line.startswith("  ")}
    command = shlex.split(lines["next"].partition(";")[0])
    assert command[:2] == ["nb-compare", "diagnose"] and lines["or"].startswith("nb-compare run other.yaml")
    programs = ["--c-bin", str(fake("good")), "--py-bin", str(fake("bright"))]
    _, then, look = lines["next"].split("; ")
    assert shlex.split(then) == ["then", "nb-compare", "reduce", command[2], *programs]
    assert Path(shlex.split(look)[-1]).is_file() and shlex.split(look)[:2] == ["look", "at"]
    assert shlex.split(lines["or"].partition(": ")[0])[3:] == [*programs, "--bundles", str(home)]
    found = nb(*command[1:], "--quick")
    *_, following, named = found.out.splitlines()
    assert found.code == 3 and shlex.split(following)[1:] == ["nb-compare", "reduce", command[2]]
    assert named == "  with       --c-bin and --py-bin, as given to the run", "what a record names is not to be pasted"
    assert to_type("nb-compare", "show", "a b") == "nb-compare show 'a b'"


def test_what_a_page_gives_to_copy_is_quoted(tmp_path):
    bundle = SimpleNamespace(folder=tmp_path / "my bundles/a", record=SimpleNamespace(runs=()))
    assert [shlex.split(typed)[2:] for _, typed in reproduce(bundle)] == [[str(bundle.folder)]] * 3


def test_all_that_decides_what_runs_is_said_again(tmp_path):
    """As a shell takes it back; what only a command on a bundle has already is left to it."""
    asked = RunOptions("my c", "python -m p", ("-a", "b c"), ("-x",), {"A.mat": Path("my A")}, resample=True,
                       bundles=Path("my b"), reference=Path("-b"), noise_floor=True, shards=3, trust_case=True,
                       sandbox=True, allow_weak="a reason")
    programs = ["--c-bin", "my c", "--py-bin", "python -m p", "--trust-case", "--sandbox"]
    assert programs_again(asked) == programs and run_again(RunOptions()) == []
    assert run_again(asked, ["-factor", "2"]) == [
        *programs, "--c-args=-a 'b c'", "--py-args=-x -factor 2", "--input", "A.mat=my A", "--reference=-b",
        "--noise-floor", "--resample", "--allow-weak", "a reason", "--shards", "3", "--bundles", "my b"]
    traced = ExperimentSource(("w",), "my c", None, ("-a",), (), ("A.mat=my A",))
    assert experiment_again(traced) == ["--c-bin", "my c", "--c-args=-a", "--input", "A.mat=my A"]


CLAIM = """\
divergences:
  - {id: phi-carryover, title: t, engine: reference, emulate: [-emulate, phi-carryover], control: [-phi, "1e-12"],
     bounds: {full: {correlation: {min: 0.9}}}, why: w, reference: r, owner: o, expires: "2099-01-01"}
"""


def test_a_bundle_is_seen_in_the_terminal(store, nb):
    said = nb("view", store.failed, "--width", "60").out.splitlines()
    assert said[0].startswith("FAIL  small") and said[2].split() == ["reference", "subject", "|difference|"]
    assert len(said) > 5 and nb("view", store.passed, "--region", "middle").code == 0
    assert nb("view", store.crashed).code == 1 and "did you mean 'middle'" in nb("view", store.passed, "--region",
                                                                                 "midle").err


def test_both_images_are_drawn_on_one_scale_and_their_difference_on_its_own(store, nb):
    """The subject is 125,932 times as bright: all of it is brighter than the reference's brightest."""
    def panels(*words):
        lines = nb("view", store.failed, *words).out.splitlines()[3:]
        return [[line[at:at + 12].rstrip() for line in lines] for at in (0, 14, 28)]

    reference, subject, difference = panels("--width", 60)
    assert set("".join(subject)) == {"@"} and len(set("".join(reference))) > 2 and difference == reference
    assert [len(reference), len(reference[0])] == [4, 9]
    assert [len(row) for row in panels("--width", 60, "--region", "middle")[0]] == [5, 5]
    assert {len(row) for row in panels("--width", 26)[0]} == {5}, "two pixels to a character"


def test_a_picture_in_characters_shows_the_brightest_of_each_block():
    """Ten letters over four powers of ten: a tenth of the brightest is a quarter of the way down."""
    image = np.full((4, 4), 1e-9)
    image[0, 0], image[0, 3], image[2, 2], image[3, 0] = 100, 10, np.nan, 100
    assert text_picture(image, 4) == ["@  #", "@ ? "]
    assert text_picture(np.zeros((2, 2)), 2) == ["  "]


def test_the_time_left_follows_the_pace():
    assert time_left(30, 25) == ", about 1:30 left" and time_left(0.5, 50) == time_left(9, 100) == ""


def test_a_note_that_says_what_to_write_is_never_cut_beside_a_failure():
    """Whatever its length, and also where other notes are left to the record; any other note is one line."""
    globs = ", ".join(f'"src/part_{at}.py"' for at in range(30))
    proposal = f"add to the engine subject in nb-compare.yaml: sources: [{globs}]"
    for notes in ([proposal], [proposal, "second", "third"]):
        assert f"  note       {proposal}" in terminal._notes(notes, whole_text=False)
    assert [len(entry) for entry in terminal._notes(["x" * 500], whole_text=False)] == [213]


@pytest.mark.parametrize("why, said", [
    ("the scale. Measured: the reference is bit-identical in 3 more runs; one unit in the last place makes 6e-8",
     "not measured in this run; as the threshold says: the reference is bit-identical in 3 more runs"),
    ("same scale", "of the reference not measured (nb-compare run --noise-floor)")])
def test_a_noise_that_init_measured_is_told_from_the_threshold(why, said):
    check = Check(Threshold("sum_ratio", "full", 0.9, 1.1, why), 1.2, False)
    assert terminal._against_noise(check, FurtherEvidence()) == said


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True

    def fileno(self):
        return 2


@pytest.mark.parametrize("width", [8, 30, 200, 0])
def test_a_running_step_stays_on_one_line_of_the_terminal_and_keeps_its_figures(width, monkeypatch):
    """One that wraps would leave a line behind at each drawing; 0 is a terminal that does not say how wide it is."""
    monkeypatch.setattr("os.get_terminal_size", lambda fileno: os.terminal_size((width, 24)))
    monkeypatch.delenv("CI", raising=False)
    stream = Terminal()
    progress = Progress(stream)
    progress.begin("subject (a program with a long name), cell 12")
    progress.tick(0.5, 50)
    drawn = stream.getvalue().removeprefix("\r\x1b[K")
    if width:
        assert len(drawn) < width
    assert drawn.endswith("50 %") or width == 8
    assert drawn.startswith("subject" if width != 8 else "  ")


def test_a_long_step_is_told_once_a_minute_where_nothing_is_redrawn():
    stream, silent = io.StringIO(), io.StringIO()
    for progress in (Progress(stream), Progress(silent, quiet=True)):
        progress.begin("subject")
        for elapsed in (1, 59, 61, 90, 125, 130):
            progress.tick(elapsed, 50 if elapsed > 100 else None)
        progress.begin("reference")
        progress.tick(61, None)
    assert stream.getvalue().splitlines() == ["subject ...", "subject: 61 s so far",
                                              "subject: 125 s so far   50 %, about 2:05 left", "reference ...",
                                              "reference: 61 s so far"]
    assert silent.getvalue() == ""


def test_nothing_is_redrawn_where_continuous_integration_reads(monkeypatch):
    monkeypatch.setenv("CI", "true")
    stream = Terminal()
    progress = Progress(stream)
    progress.begin("subject")
    progress.tick(0.5, 50)
    progress.end("done")
    assert stream.getvalue() == "subject ...\nsubject: done\n"


@pytest.mark.parametrize("width, bars", [(12, 0), (40, 2), (200, 5)])
def test_a_sweep_is_seen_from_its_beginning_on_one_line_of_any_terminal(width, bars, monkeypatch):
    monkeypatch.setattr("os.get_terminal_size", lambda fileno: os.terminal_size((width, 24)))
    monkeypatch.delenv("CI", raising=False)
    stream = Terminal()
    shown = Bar(4, stream=stream)
    for word in ("PASS", "FAIL", "PASS", "BLOCKED"):
        shown.finished(SimpleNamespace(word=word))
    drawn = stream.getvalue().rstrip("\n").split("\r\x1b[K")[1:]
    assert [next(part for part in line.split() if "/" in part) for line in drawn] == [f"{n}/4" for n in range(5)]
    assert all(len(line) < width for line in drawn) and sum("[" in line for line in drawn) == bars
    assert "left" not in drawn[0] and (" left" in drawn[1] or width == 12)
    assert " left" not in drawn[-1] and ("  in 0:00" in drawn[-1] or width == 12), "it is over, and took so long"


def test_cells_that_are_out_on_a_cluster_are_told_when_nothing_else_is(monkeypatch):
    """Off a terminal at once and then once a minute, on one beside the bar, which is not drawn for each of many."""
    now = SimpleNamespace(time=1000.0)
    monkeypatch.setattr(bar_module.time, "monotonic", lambda: now.time)
    monkeypatch.delenv("CI", raising=False)
    plain, live = Bar(400, stream=io.StringIO()), Bar(400, stream=Terminal())
    for shown in (plain, live, Bar(400, quiet=True, stream=Terminal())):
        for seconds in (0, 30, 31, 1):
            now.time += seconds
            shown.out(200)
        shown.finished(SimpleNamespace(word="PASS", cell="a", how="ran", seconds=1.0))
        shown.finished(SimpleNamespace(word="PASS", cell="b", how="ran", seconds=1.0))
        now.time += 59
        shown.out(198)
        shown.out(0)
    lines = plain.stream.getvalue().splitlines()
    assert lines[:2] == ["0/400 done, 200 out on the cluster"] * 2 and len(lines) == 4
    drawn = live.stream.getvalue().split("\r\x1b[K")[1:]
    assert "200 out" in drawn[1] and "198 out" in drawn[-2] and "out" not in drawn[-1] and len(drawn) == 7
    assert shown.stream.getvalue() == ""


@pytest.mark.parametrize(("words", "said"), [
    (["sweep", "a.yaml"], "next: the same command again"), (["run", "a.yaml"], None), ([], None),
    (["sweep", "a.yaml", "--force"], "next: the same command without --force again")])
@pytest.mark.parametrize("fault", [KeyboardInterrupt(), Stopped(signal.SIGTERM)])
def test_whoever_stops_a_sweep_is_told_that_it_goes_on(words, said, fault):
    text = said_of(fault, words).text
    assert said in text if said else "next" not in text


@pytest.mark.parametrize(("width", "rest"), [(0, " seven eight"), (30, " seven eight"), (200, " seven eight"),
                                             (43, "\n             seven eight")])
def test_sentences_are_folded_between_words_on_a_narrow_terminal(width, rest):
    begun = "  what       one two three four five six"
    kept = ("  next       nb-compare diagnose bundles/first/20261129T123533Z\n"
            "  spot-1  max_abs_diff_of_peak  0.123456789  <= 2e-06  ok")
    assert folded(f"{begun} seven eight\n{kept}", width) == f"{begun}{rest}\n{kept}"
