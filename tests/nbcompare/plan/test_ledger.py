"""The ledger: one numbered Attempt for each bundle, and nothing else of the file touched."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.nbcompare.conftest import FAKES

pytestmark = pytest.mark.usefixtures("quick_runs")

LEDGER = "# Fix plan\n\n## other case\ntext\n\n## small: a case\nAttempts below.\n\n## later case\nend\n"
PLAN = ("# Plan\n\n| row | what | state |\n|---|---|---|\n| N1 | inputs | [ ] |\n| N10 | other | [ ] |\n"
        "| N2 | images | [ ] |\n")


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "fix_plan.md"
    path.write_bytes(LEDGER.encode())
    return path


@pytest.fixture
def attempt(nb, ledger):
    """Enter a bundle into the ledger; it must succeed."""

    def call(folder, *more):
        said = nb("attempt", folder, "--ledger", ledger, *more)
        assert said.code == 0, said.err
        return said

    return call


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("#")]


# --- the entry ----------------------------------------------------------------------------------------


def test_an_attempt_goes_to_the_end_of_its_cases_section(run_small, attempt, ledger):
    _, folder = run_small()
    attempt(folder)
    assert headings(ledger.read_text()) == [
        "# Fix plan", "## other case", "## small: a case", f"### Attempt 1: PASS, small {folder.name}", "## later case"]


def test_every_other_byte_is_left_alone(run_small, attempt, ledger):
    """Taking the insertion out again gives the old file; so nothing else can have changed."""
    _, folder = run_small()
    attempt(folder)
    before, after = LEDGER.encode(), ledger.read_bytes()
    at = before.index(b"## later case")
    assert after[:at] == before[:at] and after.endswith(before[at:])


def test_an_entry_tells_what_was_found(run_small, attempt, ledger):
    said, folder = run_small("good", "bright")
    attempt(folder)
    text = ledger.read_text()
    for run in said.json["runs"]:
        assert f"- float sha256 ({run['role']}): {run['image_sha256']}" in text
    for line in ("- verdict: FAIL (exit code 3)",
                 "- failure signature: outside: ", "- CUDA: skipped, [pytest_cuda.log](", "- environment: ",
                 "- figure: sum_ratio on full: 125932, allowed 0.99 .. 1.01; does not hold",
                 "- pytest (cpu): the case names no tests", "- claims cited: none",
                 "- not run: mapped tests: the case names none",
                 f"[commands.txt](bundles/small/{folder.name}/inputs/commands.txt)",
                 f"[sha256.txt](bundles/small/{folder.name}/inputs/sha256.txt)"):
        assert line in text, line


def test_a_failure_of_an_engine_is_known_again_by_its_kind(run_small, attempt, ledger):
    said, folder = run_small("good", "crash")
    attempt(folder)
    failure = next(run["failure"] for run in said.json["runs"] if run["failure"])
    assert f"- failure signature: subject: {failure['kind']}: " in ledger.read_text()


def test_a_pasted_block_leaves_no_scratch_folder(run_small, tmp_path):
    """The blocks are given to a shell whose temporary folder is an empty one."""
    _, folder = run_small()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for block in re.findall(r"(?m)^\(work=.*$", (folder / "inputs/commands.txt").read_text()):
        done = subprocess.run(["sh", "-c", block], cwd=folder, env={**os.environ, "TMPDIR": str(scratch)},
                              capture_output=True, text=True)
        assert done.returncode == 0 and "/float.bin" in done.stdout, done.stderr
    assert not list(scratch.iterdir())


def test_programs_are_described_by_their_time_and_permissions(run_small, nb, small_case, tmp_path):
    """A program that was last written on 2021-03-04 at 05:06:07 UTC."""
    program = tmp_path / "port"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} {FAKES}/good.py \"$@\"\n")
    program.chmod(0o750)
    os.utime(program, (1614834367, 1614834367))
    said = nb("run", small_case, "--c-bin", program, "--py-bin", program, "-q", "--fresh", "--format", "json")
    lines = (Path(said.json["bundle"]) / "inputs/env.txt").read_text().splitlines()
    for role in ("reference", "subject"):
        assert f"{role}_program_mtime=2021-03-04T05:06:07Z" in lines and f"{role}_program_mode=0750" in lines


def test_the_todo_note_names_the_detector_summary_and_show_gives_it(run_small, nb):
    """9 x 7 pixels of 0.1 mm: the description's own corner pixels are (0, 0), (0, 6), (8, 0) and (8, 6)."""
    _, folder = run_small()
    assert f"nb-compare show --detector small/{folder.name}\n" in (folder / "notes/todo_nb_compare.md").read_text()
    said = nb("show", "--detector", folder)
    assert "9 x 7 pixels" in said.out and said.out.count("resolution") == 4, said.err
    assert [line.split()[2:4] for line in said.out.splitlines() if line.startswith("corner")] == [
        ["0", "0"], ["0", "6"], ["8", "0"], ["8", "6"]]


def test_links_lead_from_the_ledger_to_the_bundle(run_small, nb, tmp_path):
    _, folder = run_small()
    home = tmp_path / "docs and more"
    home.mkdir()
    (home / "fix.md").write_text("")
    assert nb("attempt", folder, "--ledger", home / "fix.md").code == 0
    target = re.search(r"\[commands.txt\]\((.*?)\)", (home / "fix.md").read_text()).group(1)
    assert (home / target).resolve() == (folder / "inputs/commands.txt").resolve()


def test_numbers_go_on_within_the_section(run_small, attempt, ledger):
    ledger.write_text(LEDGER.replace("Attempts below.", "* Attempt #7 by hand\n\n```\n### Attempt 99\n```"))
    for number in (8, 9):
        _, folder = run_small()
        attempt(folder)
        assert f"### Attempt {number}: PASS, small {folder.name}" in ledger.read_text()


def test_a_bundle_is_entered_once(run_small, attempt, ledger):
    _, folder = run_small()
    attempt(folder)
    before = ledger.read_bytes()
    assert "already in the ledger" in attempt(folder).out
    assert ledger.read_bytes() == before


def test_another_bundle_under_a_known_name_is_damage(run_small, attempt, ledger, nb):
    _, folder = run_small()
    attempt(folder)
    ledger.write_text(re.sub("manifest-sha256:[0-9a-f]{8}", "manifest-sha256:00000000", ledger.read_text()))
    said = nb("attempt", folder, "--ledger", ledger)
    assert said.code == 6 and "with another manifest" in said.err


def test_a_case_without_a_heading_gets_one_at_the_end(run_small, attempt, ledger):
    before = "# Fix plan\n\n## smaller\n\n## small.yaml2\n\n## not-small\nlast line without an end"
    ledger.write_text(before)
    _, folder = run_small()
    attempt(folder)
    text = ledger.read_text()
    assert text.startswith(f"{before}\n\n## small\n\n")
    assert headings(text)[-2:] == ["## small", f"### Attempt 1: PASS, small {folder.name}"]


def test_two_headings_of_a_case_are_not_guessed_between(run_small, ledger, nb):
    ledger.write_text("## small a\n## small b\n")
    _, folder = run_small()
    said = nb("attempt", folder, "--ledger", ledger)
    assert said.code == 1 and "2 headings that name small" in said.err
    assert ledger.read_text() == "## small a\n## small b\n"


def test_line_ends_and_permissions_stay(run_small, attempt, ledger):
    ledger.write_bytes(LEDGER.replace("\n", "\r\n").encode())
    ledger.chmod(0o640)
    _, folder = run_small()
    attempt(folder)
    assert ledger.read_bytes().count(b"\n") == ledger.read_bytes().count(b"\r\n") > 12
    assert ledger.stat().st_mode & 0o777 == 0o640


def test_a_linked_ledger_stays_a_link(run_small, nb, ledger, tmp_path):
    (tmp_path / "link.md").symlink_to(ledger)
    _, folder = run_small()
    assert nb("attempt", folder, "--ledger", tmp_path / "link.md").code == 0
    assert (tmp_path / "link.md").is_symlink() and "### Attempt 1" in ledger.read_text()


def test_words_of_a_bundle_cannot_forge_headings_or_marks(run_small, small_case, attempt, ledger, tmp_path):
    """A failing test whose message looks like an entry stays one line of text."""
    (tmp_path / "test_mapped.py").write_text(
        "def test_a():\n    raise ValueError('x\\n## small\\n<!-- nb-compare attempt small/1 manifest-sha256:0 -->')\n")
    small_case.write_text(small_case.read_text() + f"tests: [{tmp_path}/test_mapped.py]\n")
    _, folder = run_small()
    attempt(folder)
    text = ledger.read_text()
    assert text.count("<!-- nb-compare") == 1 and len(headings(text)) == len(headings(LEDGER)) + 1


def test_a_damaged_bundle_is_not_entered(run_small, ledger, nb):
    _, folder = run_small()
    os.chmod(folder / "inputs/env.txt", 0o644)
    (folder / "inputs/env.txt").write_text("other")
    said = nb("attempt", folder, "--ledger", ledger)
    assert said.code == 6 and ledger.read_text() == LEDGER


@pytest.mark.parametrize(("content", "words"), [(None, "there is no such file"), (b"\xff\xfe", "not UTF-8")])
def test_a_ledger_that_cannot_be_read_is_exit_5(run_small, nb, tmp_path, content, words):
    _, folder = run_small()
    if content:
        (tmp_path / "bad.md").write_bytes(content)
    said = nb("attempt", folder, "--ledger", tmp_path / "bad.md")
    assert said.code == 5 and words in said.err


def test_a_dry_run_shows_the_diff_and_writes_nothing(run_small, attempt, ledger, tmp_path):
    (tmp_path / "plan.md").write_text(PLAN)
    _, folder = run_small()
    said = attempt(folder, "--plan", tmp_path / "plan.md", "--row", "N1", "--dry-run")
    assert f"+### Attempt 1: PASS, small {folder.name}\n" in said.out
    assert "-| N1 | inputs | [ ] |\n+| N1 | inputs | [P] |\n" in said.out
    assert ledger.read_text() == LEDGER and (tmp_path / "plan.md").read_text() == PLAN
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_attempts_at_once_are_all_entered_and_numbered(run_small, ledger):
    from nbcompare.plan.ledger_entry import enter

    folders = [run_small()[1] for _ in range(4)]
    threads = [threading.Thread(target=enter, args=(folder, ledger)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert re.findall(r"^### Attempt (\d)", ledger.read_text(), re.MULTILINE) == ["1", "2", "3", "4"]


# --- the row of a plan ----------------------------------------------------------------------------------

PHASES = "title: t\nphases: [{name: N1, title: t, cases: [small.yaml], requires: {verdict: [PASS]}}]\n"


@pytest.fixture
def row(attempt, tmp_path):
    """Enter a bundle with row N1 of the plan; gives the letter in the row's box afterwards."""
    (tmp_path / "plan.md").write_text(PLAN)

    def call(folder, *more):
        attempt(folder, "--plan", tmp_path / "plan.md", "--row", "N1", "--phases", "phases.yaml",
                *more)
        text = (tmp_path / "plan.md").read_text()
        letter = re.search(r"\| N1 \| inputs \| \[(.)\]", text).group(1)
        assert text == PLAN.replace("| N1 | inputs | [ ]", f"| N1 | inputs | [{letter}]")
        return letter

    return call


def test_a_row_is_in_progress_first_and_done_once_it_is_signed(run_small, row, nb, tmp_path):
    (tmp_path / "phases.yaml").write_text(PHASES)
    _, folder = run_small()
    assert row(folder) == "P"
    assert row(folder) == "P"
    assert nb("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person").code == 0
    assert row(folder) == "D"
    assert row(folder) == "D"


def test_a_later_attempt_without_a_sign_off_puts_a_row_back(run_small, row, nb, tmp_path):
    (tmp_path / "phases.yaml").write_text(PHASES)
    _, first = run_small()
    nb("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person")
    assert row(first) == "D"
    _, second = run_small("good", "bright")
    assert row(second) == "P"


def test_entering_an_old_bundle_again_does_not_put_a_row_back(run_small, row, nb, tmp_path):
    (tmp_path / "phases.yaml").write_text(PHASES)
    _, old = run_small()
    row(old)
    _, new = run_small()
    nb("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person")
    assert row(new) == "D"
    assert row(old) == "D"


@pytest.mark.parametrize("line", ["- [ ] N1 inputs", "* **N1** [ ] inputs", "1. [ ] `N1`: inputs", "> | N1 | [ ] |"])
def test_rows_are_known_in_lists_and_tables(run_small, attempt, tmp_path, line):
    plan = tmp_path / "plan.md"
    plan.write_text(f"N1 is explained here\n```\n- [ ] N1 in a block\n```\n{line}\n"
                    "- [ ] N1-b\n- [ ] N1.2 x\n- [ ] see N1\n")
    before = plan.read_text()
    _, folder = run_small()
    attempt(folder, "--plan", plan, "--row", "N1")
    assert plan.read_text() == before.replace(line, line.replace("[ ]", "[P]"))


@pytest.mark.parametrize("text", ["", "| N1 | no box |\n", "- [ ] N1 a\n- [ ] N1 b\n"])
def test_a_row_that_cannot_be_told_changes_nothing(run_small, nb, ledger, tmp_path, text):
    (tmp_path / "plan.md").write_text(text)
    _, folder = run_small()
    said = nb("attempt", folder, "--ledger", ledger, "--plan", tmp_path / "plan.md", "--row", "N1")
    assert said.code == 1 and "row N1" in said.err.replace("rows", "row")
    assert ledger.read_text() == LEDGER and (tmp_path / "plan.md").read_text() == text


def test_plan_and_row_go_together(run_small, nb, ledger):
    _, folder = run_small()
    said = nb("attempt", folder, "--ledger", ledger, "--row", "N1")
    assert said.code == 1 and "--plan and --row go together" in said.err


# --- what is still open -----------------------------------------------------------------------------------


def test_each_bundle_lists_what_is_still_open(run_small, repository_is):
    repository_is("a" * 40, True)
    _, folder = run_small("good", "bright")
    text = (folder / "notes/todo_nb_compare.md").read_text()
    assert text.startswith(f"# Still open: small {folder.name}\n")
    for line in ("- [ ] FAIL: sum_ratio on full: 125932, allowed 0.99 .. 1.01",
                 "- [ ] not run: mapped tests: the case names none",
                 "- [ ] the repository of project and subject and reference had uncommitted changes; commit them (git "
                 "-C /repository commit -a) and run again"):
        assert line in text.splitlines()


def test_a_list_of_open_points_that_was_shortened_is_found(run_small, nb):
    from nbcompare.bundle.bundle import write_manifest

    _, folder = run_small("good", "bright")
    todo = Path(folder / "notes/todo_nb_compare.md")
    for path in (todo, folder / "manifest-sha256.txt"):
        os.chmod(path, 0o644)
    todo.write_text("Nothing is open.\n")
    write_manifest(folder)
    said = nb("verify", folder)
    assert said.code == 6 and "notes/todo_nb_compare.md" in said.out
