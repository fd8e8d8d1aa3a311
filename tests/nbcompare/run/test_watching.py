"""nb-compare watch: a line for each save, whatever the save did."""

from types import SimpleNamespace

import pytest

from nbcompare.case.threshold import Threshold
from nbcompare.commands.views.watch import save_line
from nbcompare.run import watching
from nbcompare.run.watching import Save
from nbcompare.verdict.verdict import Check, Label
from tests.nbcompare.second_repository import DECLARED, Project


@pytest.fixture
def watch(nb, tmp_path, monkeypatch):
    """Watch the port of a project while the edits are saved, one whenever it has settled; an edit may also raise."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = Project(tmp_path / "project")
    project.declare(DECLARED)

    def call(*edits, more=(), settling=()):
        left, later, looks = list(edits), list(settling), iter(range(400))

        def pause(seconds):
            if next(looks) % 2 == 0:
                if left:
                    left.pop(0)(project)
            elif later:  # else a look at which nothing changes any more
                later.pop(0)(project)

        monkeypatch.setattr("nbcompare.run.watching.pause", pause)
        return nb("watch", project.case, "--saves", len(edits), "-q", *more)

    call.project = project
    return call


def scaled(scale):
    """Save another scale, in a file of the port that lies beside its package; never of the length of before."""
    text = f"SCALE = {scale}  {'#' * int(scale * 997)}\n"
    return lambda project: (project.home / "src/port_units.py").write_text(text)


def test_each_save_gets_a_line_with_the_margins(watch):
    said = watch(scaled(1.002), scaled(1.25), scaled(1.0))
    lines = said.out.splitlines()
    assert [line.split()[1] for line in lines] == ["as", *["port_units.py:"] * 3]
    assert [word in line for line, word in zip(lines, ("PASS", "PASS", "FAIL", "PASS"), strict=True)] == [True] * 4
    assert "sum_ratio full exact" in lines[0] and "sum_ratio full 5 x" in lines[1]
    assert "sum_ratio full 0.04 x NO" in lines[2] and said.code == 0


def longer(project):
    """Save another file, to which a line is added."""
    project.core.write_text(project.core.read_text() + "# more\n")


def test_files_that_are_saved_one_after_the_other_are_one_save(watch):
    lines = watch(scaled(1.002), settling=[longer]).out.splitlines()
    assert len(lines) == 2 and "core.py, port_units.py: PASS" in lines[1]


def test_what_is_saved_while_it_is_found_out_what_the_subject_is_made_of_is_a_save(watch, monkeypatch):
    identify, edits = watching.identify, [longer, lambda project: None]

    def slowly(*asked):
        found = identify(*asked)
        if edits:
            edits.pop()(watch.project)
        return found

    monkeypatch.setattr(watching, "identify", slowly)
    lines = watch(scaled(1.002), more=("--saves", 2)).out.splitlines()
    assert [line.split()[1] for line in lines] == ["as", "port_units.py:", "core.py:"]


def test_the_mask_of_the_case_is_laid_on_the_subject(watch):
    """A pixel that the subject alone masks is no evidence; without the mask it would be a failure."""
    watch.project.case.write_text(watch.project.case.read_text() + "mask: {subject: {above: 1500}}\n")
    lines = watch(lambda project: project.core.write_text(project.core.read_text().replace("1000.0", "2000.00"))).out
    assert "as it is: PASS" in lines and "core.py: BLOCKED" in lines


def test_what_watch_cannot_do_is_refused(watch):
    said = watch(more=("--resample",))
    assert said.code == 1 and "--resample is for run" in said.err and said.out == ""


def test_of_many_margins_the_smallest_are_shown_and_what_is_outside_first():
    def held(at, value):
        threshold = Threshold("sum_ratio", f"r{at}", 0.9, 1.1, "w")
        return Check(threshold, value, value is not None and threshold.admits(value))

    checks = [held(at, 1 + 0.001 * at) for at in range(1, 15)] + [held(20, 1.2), held(21, None)]
    verdict = SimpleNamespace(word=Label.FAIL, checks=checks)
    line = save_line(Save(("core.py",), verdict, 1.0))
    assert line.partition("1.00 s  ")[2] == ("sum_ratio r21 undefined, sum_ratio r20 0.5 x NO, sum_ratio r14 7.14 x, "
                                             "+13 more")


def test_a_broken_save_is_told_in_the_ports_own_words_and_it_goes_on(watch):
    def spoil(project):
        project.core.rename(project.home / "good")
        project.core.write_text("values = (\n")

    def mend(project):
        project.core.write_text((project.home / "good").read_text())

    lines = watch(spoil, mend).out.splitlines()
    assert "core.py: ENGINE FAILED  SyntaxError: '(' was never closed" in lines[1]
    assert lines[2].split()[2] == "PASS"


def test_it_ends_clean_when_it_is_interrupted(watch):
    def interrupt(project):
        raise KeyboardInterrupt

    said = watch(scaled(1.25), interrupt)
    assert said.code == 3 and len(said.out.splitlines()) == 2 and "Traceback" not in said.err


def test_a_reference_that_gives_no_image_is_an_error_at_once(watch, fake):
    said = watch(more=("--c-bin", fake("exit7")))
    assert said.code == 1 and "the reference ended with exit code 7" in said.err and said.out == ""


def test_the_reference_is_run_once_for_all_watches_until_it_or_a_file_of_the_case_changes(watch, tmp_path):
    """Its runs are counted outside of all that it is made of; --input puts another file in the place of the case's."""
    tally, program = tmp_path / "tally", watch.project.home / "ref.py"
    codes = list(map(ord, str(tally)))
    program.write_text(program.read_text().replace(
        "else:\n", f"else:\n    open(''.join(map(chr, {codes})), 'a').write(open('P1.hkl').read())\n"))
    watch.project.case.write_text(watch.project.case.read_text().replace(
        "1e18\n", "1e18 -hkl P1.hkl\ninputs: {P1.hkl: {file: P1.hkl}}\n", 1))
    (watch.project.case.parent / "P1.hkl").write_text("a")
    (tmp_path / "mine.hkl").write_text("m")

    def read_so_far(*more):
        assert watch(more=more).code == 0
        return tally.read_text()

    assert [read_so_far(), read_so_far(), read_so_far("--input", f"P1.hkl={tmp_path / 'mine.hkl'}")] == ["a", "a", "am"]
    (watch.project.case.parent / "P1.hkl").write_text("b")
    assert read_so_far() == "amb"
    program.write_text(program.read_text() + "# another\n")
    assert [read_so_far(), read_so_far()] == ["ambb", "ambb"]
