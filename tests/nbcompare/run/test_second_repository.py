"""A port in another repository, through the front door: what ran is what the evidence says."""

import json
import sys
from pathlib import Path

import pytest

from tests.nbcompare.second_repository import DECLARED, WRAPPED

pytestmark = pytest.mark.usefixtures("quick_runs")


# --- the five false passes ---------------------------------------------------------------------------------------


def test_a_relative_python_path_finds_the_port_that_the_user_means(run, project, monkeypatch):
    """It ran the bundled simulator, and passed, while the port in src/ raised at every call."""
    monkeypatch.setenv("PYTHONPATH", "src")
    words = ("--c-bin", "ref.py", "--py-bin", f"{sys.executable} -m myport")
    code, record = run(*words)
    assert code == 0
    assert record["surroundings"]["made_absolute"] == {"PYTHONPATH": "src"}
    project.break_port()
    code, record = run(*words)
    assert code == 2 and record["engines"][1]["name"] == "myport"


def test_a_package_that_shadows_the_bundled_one_is_what_runs_and_is_named(run, project, monkeypatch):
    (project.home / "src/myport").rename(project.home / "src/nanobrag_torch")
    main = project.home / "src/nanobrag_torch/__main__.py"
    main.write_text(main.read_text().replace("from myport", "from nanobrag_torch"))
    monkeypatch.setenv("PYTHONPATH", "src")
    code, record = run("--c-bin", "ref.py")
    subject = record["engines"][1]
    assert code == 0 and subject["version"] == "myport 3.1"
    assert (subject["chosen_by"], subject["made_of"]["bundled"]) == ("Python's path", False)
    assert subject["made_of"]["origin"] == str(project.home / "src/nanobrag_torch")


def test_a_sweep_never_takes_an_unknown_program_for_done(nb, project):
    """It stored PASS after the port behind an unchanged wrapper was broken."""
    project.wrapper()
    project.declare(WRAPPED)
    assert nb("sweep", project.case, "-j", "1", "-q").code == 0
    again = nb("sweep", project.case, "-j", "1", "-q", "--format", "json")
    assert again.json["results"][0]["how"] == "ran", "also where nothing is known to have changed"
    project.break_port()
    assert nb("sweep", project.case, "-j", "1", "-q").code == 2


def test_a_sweep_knows_a_declared_program_again_until_it_changes(nb, project):
    project.wrapper()
    project.declare(f"{WRAPPED}, sources: ['src/**/*.py']")
    for how in ("ran", "stored"):
        said = nb("sweep", project.case, "-j", "1", "-q", "--format", "json")
        assert (said.code, said.json["results"][0]["how"]) == (0, how)
    (project.home / "src/port_units.py").write_text("SCALE = 3.00\n")  # another length, or a .pyc stands for it
    assert nb("sweep", project.case, "-j", "1", "-q").code == 3


@pytest.mark.parametrize("other", ["-m myport -fast",
                                   "-m myport, environment: {set: {PYTHONPATH: src, MYPORT_MODE: x}}"])
def test_a_sweep_knows_other_words_and_variables_from_those_of_before(nb, project, other):
    """What is declared says how the program computes, though its bytes are the same."""
    for words, how in (("-m myport", "ran"), ("-m myport", "stored"), (other, "ran")):
        more = "" if "environment" in words else ", environment: {set: {PYTHONPATH: src}}"
        project.declare(f"command: {sys.executable} {words}{more}")
        said = nb("sweep", project.case, "-j", "1", "-q", "--format", "json")
        assert (said.code, said.json["results"][0]["how"]) == (0, how)


def test_a_variable_that_the_port_reads_is_passed_or_told(nb, run, project, monkeypatch):
    """It was dropped without a word: PASS of another mode than the user's."""
    monkeypatch.setenv("MYPORT_MODE", "triple")
    project.declare(DECLARED)
    code, record = run()
    assert code == 0
    assert "MYPORT_MODE" in record["surroundings"]["not_passed"]["subject"]
    assert any("MYPORT_MODE is set here and named in the source of the subject" in note for note in record["notes"])
    assert "MYPORT_MODE" in nb("run", project.case, "-q").out
    project.declare(DECLARED.replace("}}", "}, pass: ['MYPORT_*']}"))
    code, record = run()
    assert code == 3 and record["engines"][1]["variables"]["MYPORT_MODE"] == "triple"
    assert "MYPORT_MODE=triple" in (project.home / record["bundle"] / "inputs/commands.txt").read_text()
    assert [note for note in record["notes"] if "MYPORT_MODE" in note] == [
        "from your shell the subject got MYPORT_MODE, as nb-compare.yaml says"]


def test_variables_are_named_and_never_their_values(run, project, monkeypatch):
    monkeypatch.setenv("MYPORT_OTHER", "a-value-of-mine")
    project.declare(DECLARED)
    _, record = run()
    assert "MYPORT_OTHER" in record["surroundings"]["not_passed"]["subject"]
    assert "a-value-of-mine" not in json.dumps(record)


def test_what_was_not_passed_is_counted_in_a_line_and_named_after_a_failure(nb, project, monkeypatch):
    monkeypatch.setenv("MYPORT_OTHER", "x")
    project.declare(DECLARED)
    assert "variables of your shell left out of it" in nb("run", project.case).err
    project.break_port()
    said = nb("run", project.case, "-q")
    assert said.code == 2 and "MYPORT_OTHER" in said.out


def test_a_case_that_decides_what_code_is_run_is_asked_about_that_code(run, project):
    """The case's own PYTHONPATH put another package before the declared one, whose files were in the record."""
    project.declare(DECLARED)
    other = project.home / "other/myport"
    other.mkdir(parents=True)
    for path in (project.home / "src/myport").iterdir():
        if path.is_file():
            (other / path.name).write_text(path.read_text())
    search = f"{other.parent}:{project.home}/src"
    project.case.write_text(project.case.read_text() + f"environment: {{PYTHONPATH: '{search}'}}\n")
    code, record = run("--trust-case")
    assert code == 0 and record["engines"][1]["made_of"]["origin"] == str(other)


# --- before and after -------------------------------------------------------------------------------------------


def test_a_source_that_changes_while_the_port_runs_is_an_engine_failure(run, project):
    main = project.home / "src/myport/__main__.py"
    main.write_text(main.read_text().replace(
        "    return 0\n\n\nif", f"    open({str(project.core)!r}, 'a').write('# later')\n    return 0\n\n\nif"))
    project.declare(DECLARED)
    code, record = run()
    assert code == 2
    failure = record["runs"][1]["failure"]
    assert (failure["kind"], failure["sentence"]) == ("changed", "was changed while it ran: myport/core.py changed")


def test_a_source_that_is_changed_and_put_back_is_one_too(run, project):
    main = project.home / "src/myport/__main__.py"
    main.write_text(main.read_text().replace("    return 0\n\n\nif", f"""\
    path = {str(project.core)!r}
    text = open(path).read()
    open(path, 'w').write('other')
    open(path, 'w').write(text)
    return 0


if"""))
    project.declare(DECLARED)
    code, record = run()
    assert code == 2 and "core.py was written to and put back" in record["runs"][1]["failure"]["sentence"]


# --- the one-shot form ----------------------------------------------------------------------------------------------

BARE = ("--outdir", "out", "-q", "--", "-detpixels_x", "9", "-detpixels_y", "7", "-flux", "1e18")


def test_a_bare_command_line_says_who_the_engines_were(nb, project):
    wrapper = project.wrapper()
    project.declare(WRAPPED)
    sha = project.commit("wrapped")
    said = nb(*BARE)
    kept = json.loads(Path("out/summary.json").read_text())
    assert said.code == 0
    assert kept["repositories"]["subject"]["sha"] == sha and kept["engines"][1]["started_as"] == [str(wrapper)]
    assert "note: not all that the subject is made of is known (run.sh starts another program)" in said.out


def test_a_program_that_changes_during_a_bare_command_line_is_an_engine_failure(nb, project):
    main = project.home / "src/myport/__main__.py"
    main.write_text(main.read_text().replace(
        "    return 0\n\n\nif", f"    open({str(project.core)!r}, 'a').write('# later\\n')\n    return 0\n\n\nif"))
    project.declare(DECLARED)
    said = nb(*BARE)
    assert said.code == 2 and "was changed while it ran: myport/core.py changed" in said.out


# --- repositories ---------------------------------------------------------------------------------------------------


def test_project_and_engines_are_recorded_with_commit_branch_and_changes(nb, run, project):
    project.declare(DECLARED)
    sha = project.commit("declared")
    _, record = run()
    assert list(record["repositories"]) == ["project", "subject", "reference", "harness"]
    for name in ("project", "subject", "reference"):
        found = record["repositories"][name]
        assert (found["root"], found["sha"], found["branch"], found["dirty"]) == (
            str(project.home), sha, "trunk", False)
    assert record["git"] == {"sha": sha, "dirty": False}
    text = (project.home / record["bundle"] / "inputs/git_sha.txt").read_text()
    assert text.startswith(f"{sha}\nclean\nproject {sha} on trunk\nsubject {sha}")
    assert record["repositories"]["harness"]["root"] != str(project.home)
    (listed,) = nb("list", "--json").json["bundles"]
    assert (listed["git_sha"], listed["git_dirty"]) == (sha, False) and sha[:10] in nb("list").out
    assert nb("report", record["bundle"], "--html", "page.html").code == 0
    page = Path("page.html").read_text()
    for name in ("project", "subject", "reference"):
        assert f"repository of the {name}</td><td>{project.home}, <code>{sha}" in page


def test_uncommitted_changes_are_known_by_their_sum(run, project):
    project.declare(DECLARED)
    project.commit("declared")
    sums = []
    for text in ("# one\n", "# two\n"):
        (project.home / "src/port_units.py").write_text(f"SCALE = 1.0\n{text}")
        (project.home / "src/myport/extra.py").write_text("")
        _, record = run()
        found = record["repositories"]["subject"]
        assert found["dirty"] and found["untracked"] == ["src/myport/extra.py"]
        sums.append(found["diff_sha256"])
    assert len(set(sums)) == 2 and all(sums)


def test_uncommitted_changes_are_named_with_the_line_to_type(nb, run, project):
    project.declare(DECLARED)
    project.commit("declared")
    (project.home / "src/port_units.py").write_text("SCALE = 1.0  # mine\n")
    (project.home / "notes.txt").write_text("")
    _, record = run()
    assert record["repositories"]["project"]["changed"] == ["src/port_units.py"]
    bundle = project.home / record["bundle"]
    assert (f"the repository of project and subject and reference had uncommitted changes (src/port_units.py, "
            f"notes.txt); commit them (git -C {project.home} add -A, git -C {project.home} commit -a) and run again"
            ) in (bundle / "notes/todo_nb_compare.md").read_text()
    page = nb("show", bundle).out
    made = next(line for line in page.splitlines() if line.startswith("  made"))
    assert record["git"]["sha"] not in made
    assert f"  project    {record['git']['sha']} (uncommitted changes" in page
    assert "src/port_units.py, notes.txt" in page
    assert nb("verify", bundle).code == 0


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_git_cannot_be_told_to_overlook_a_change(run, project, flag):
    project.declare(DECLARED)
    project.commit("declared")
    project.git("update-index", flag, "src/port_units.py")
    (project.home / "src/port_units.py").write_text("SCALE = 1.000001\n")
    assert project.git("status", "--porcelain") == ""
    _, record = run()
    found = record["repositories"]["subject"]
    assert found["dirty"] and found["hidden"] == ["src/port_units.py"]


def test_a_source_that_git_ignores_is_no_clean_tree(run, project):
    (project.home / ".gitignore").write_text("__pycache__/\nbundles/\nport_units.py\n")
    project.git("rm", "-q", "--cached", "src/port_units.py")
    project.declare(DECLARED)
    project.commit("ignored")
    _, record = run()
    assert record["repositories"]["subject"]["untracked"] == ["src/port_units.py"]
    assert record["repositories"]["subject"]["dirty"]


def test_an_environment_in_the_repository_is_no_uncommitted_change(run, project):
    python = project.environment()
    project.declare(f"command: {python} -m myport")
    project.commit("with an environment")
    _, record = run()
    assert [entry["name"] for entry in record["engines"][1]["made_of"]["files"] if entry["name"].endswith(".pth")]
    assert record["repositories"]["subject"]["dirty"] is False


def test_outside_of_git_it_says_so(run, project):
    import shutil

    shutil.rmtree(project.home / ".git")
    project.declare(DECLARED)
    _, record = run()
    assert record["repositories"]["project"]["root"] is None
    assert record["git"] == {"sha": "unknown", "dirty": None}
    assert "project in no git repository" in (project.home / record["bundle"] / "inputs/git_sha.txt").read_text()


# --- pins, wrappers of the reference --------------------------------------------------------------------------------


def test_a_case_can_pin_its_programs(nb, project):
    from nbcompare.files import sha256_of

    project.declare(DECLARED)
    text = project.case.read_text()
    good = sha256_of(project.home / "ref.py")
    for more, code, words in ((f"reference: {{sha256: {good}}}\nsubject: {{version: myport 3.1}}\n", 0, ""),
                              (f"reference: {{sha256: {'0' * 64}}}\n", 1, f"ref.py has {good}"),
                              ("subject: {version: myport 3.0}\n", 1, "myport says 'myport 3.1'")):
        project.case.write_text(text + more)
        said = nb("run", project.case, "-q")
        assert said.code == code and words in said.err
    assert len(list(Path("bundles/small").iterdir())) == 1  # nothing was run, and nothing is left


@pytest.mark.parametrize("text", ["#!/bin/sh\nexec {python} {ref} \"$@\"\n",
                                  "#!/bin/sh\nexec {python} \"$NB_C_BIN\" \"$@\"\n"])
def test_a_subject_that_wraps_the_reference_is_said(run, project, text, monkeypatch):
    if "NB_C_BIN" in text:
        monkeypatch.setenv("NB_C_BIN", str(project.home / "ref.py"))
    path = project.home / "port.sh"
    path.write_text(text.format(python=sys.executable, ref=project.home / "ref.py"))
    path.chmod(0o755)
    project.declare("command: port.sh, sources: [port.sh]")
    _, record = run()
    assert any("the reference's program is among its files" in note for note in record["notes"])


def test_another_program_with_the_same_image_is_no_wrapper(run, project):
    project.declare(DECLARED)
    _, record = run()
    assert record["runs"][0]["image_sha256"] == record["runs"][1]["image_sha256"]
    assert "notes" not in record


# --- what a record names is not started ----------------------------------------------------------------------------


@pytest.fixture
def theirs(nb, project, tmp_path, monkeypatch):
    """A bundle that somebody sent, imported where nothing declares an engine; and how often their programs started."""
    count = tmp_path / "count"
    for path in (project.home / "ref.py", project.home / "src/myport/__main__.py"):
        path.write_text(f"open({str(count)!r}, 'a').write('x')\n" + path.read_text())
    project.declare(DECLARED)
    assert nb("run", project.case, "-q").code == 0
    made = next(Path("bundles/small").glob("2*"))
    assert nb("export", made, "--format", "zip", "-o", tmp_path / "sent.zip").code == 0
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert nb("import", tmp_path / "sent.zip").code == 0
    count.unlink()
    return next(Path("bundles/small").glob("2*")), count


@pytest.mark.parametrize("command", ["regenerate", "trace", "reduce", "audit"])
def test_nothing_that_only_a_record_names_is_started(nb, theirs, command):
    bundle, count = theirs
    said = nb(command, bundle, "-q")
    assert said.code in (1, 8) and "is named by the record alone" in said.out + said.err
    assert "--c-bin" in said.out + said.err and not count.exists()


def test_a_program_that_the_user_names_is_started(nb, theirs, project):
    bundle, count = theirs
    said = nb("regenerate", bundle, "-q", "--c-bin", project.home / "ref.py", "--py-bin", project.home / "ref.py")
    assert count.exists() and "bit-identical" in said.out


def test_exactly_again_means_every_file_that_an_engine_is_made_of(nb, run, project):
    """It looked at the bytes of Python alone, and ran a changed port."""
    project.declare(DECLARED)
    _, record = run()
    said = nb("regenerate", record["bundle"], "--exact", "-q")
    assert (said.code, "bit-identical" in said.out) == (0, True)
    (project.home / "src/port_units.py").write_text("SCALE = 3.00\n")  # another length, or a .pyc stands for it
    said = nb("regenerate", record["bundle"], "--exact", "-q")
    assert said.code != 0 and "the subject is made of other files: port_units.py" in said.out
    assert nb("regenerate", record["bundle"], "-q").code == 3


# --- a program that works elsewhere ---------------------------------------------------------------------------------


def test_an_image_that_was_left_elsewhere_is_found_and_cwd_named(nb, project):
    """A wrapper that changes the folder left float.bin in the user's repository, and nothing said so."""
    wrapper = project.wrapper()
    wrapper.write_text(wrapper.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\ncd {project.home}/cases\n"))
    project.declare(f"{WRAPPED}, sources: ['src/**/*.py']")
    said = nb("run", project.case, "-q")
    left = project.home / "cases/float.bin"
    assert said.code == 2 and left.is_file()
    assert f"it left float.bin in {left.parent}" in said.out and "as its cwd" in said.out
    left.unlink()
    project.declare(f"{WRAPPED}, sources: ['src/**/*.py'], cwd: cases")
    assert nb("run", project.case, "-q").code == 0 and not left.exists()


def test_an_image_of_before_is_not_said_to_be_left(nb, project):
    import os

    project.declare(f"command: {sys.executable} -c pass")
    (project.home / "float.bin").write_bytes(b"old")
    os.utime(project.home / "float.bin", (1, 1))
    assert "it left" not in nb("run", project.case, "-q").out


def test_an_imported_bundle_is_marked_for_good(nb, theirs, project):
    bundle, _ = theirs
    assert nb("list", "--json").json["bundles"][0]["imported"] is True
    assert "it was imported" in nb("show", bundle).out and "imported" in nb("list").out
    assert nb("verify", bundle).code == 0
