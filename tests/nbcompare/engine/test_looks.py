"""What a program asks about without opening it decides what it does next: such a thing is seen, and missed when it
changes. Each program here is one line of Python, or of a shell."""

import os
import py_compile
import sys

import pytest

from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import run_program
from nbcompare.engine.sources.account import opened_by
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.engine.sources.opened import OpenedFiles, changed_since

pytestmark = pytest.mark.skipif(OpenCalls.why_not() is not None,
                                reason="which files a program asks about can be seen on Linux alone")


@pytest.fixture
def seen(tmp_path):
    """Run Python code, or a line of a shell, and tell what was opened or asked about, as a record says it."""

    def call(python: str = "", shell: str = "", made_of: MadeOf | None = None) -> OpenedFiles:
        words = ("/bin/sh", "-c", shell) if shell else (sys.executable, "-S", "-c", f"import os\n{python}")
        folder = tmp_path / "work"
        folder.mkdir(exist_ok=True)
        with OpenCalls() as watch:
            ended = run_program(words, folder=folder, stdout=tmp_path / "out", stderr=tmp_path / "err", seconds=60.0,
                                watch=watch)
        assert ended.exit_code == 0, (tmp_path / "err").read_text()
        opened, changed = opened_by(watch.calls.outside(folder), made_of)
        assert changed == [] == changed_since(opened)
        return OpenedFiles.from_dict(opened.as_dict())

    return call


ASKED = {"stat": "os.path.exists({0!r})", "lstat": "os.path.lexists({0!r})", "access": "os.access({0!r}, 0)",
         "readlink": "os.path.realpath({0!r})", "by folder": "os.stat({1!r}, dir_fd=os.open({2!r}, os.O_PATH), "
         "follow_symlinks=False) if os.path.exists({2!r} + '/other') else os.chdir({2!r}) or os.path.exists({1!r})"}


@pytest.mark.parametrize("way", ASKED)
def test_a_file_that_was_asked_for_in_vain_is_missed(seen, tmp_path, way):
    settings = tmp_path / "settings"
    opened = seen(ASKED[way].format(str(settings), settings.name, str(tmp_path)))
    settings.write_text("x\n")
    assert changed_since(opened) == [f"{settings} is new"]


def test_a_shell_that_tests_for_a_file_is_seen_too(seen, tmp_path):
    opened = seen(shell=f"[ -f {tmp_path}/local.sh ] && . {tmp_path}/local.sh; command -v helper-of-mine; true")
    (tmp_path / "local.sh").write_text("x\n")
    assert changed_since(opened) == [f"{tmp_path}/local.sh is new"]


def test_a_file_whose_being_there_or_size_decides_counts_with_its_bytes(seen, tmp_path):
    switch = tmp_path / "fast"
    switch.write_text("x\n")
    opened = seen(f"os.stat({str(switch)!r})")
    switch.write_text("xy\n")
    assert changed_since(opened) == [f"{switch} changed"]
    switch.unlink()
    assert changed_since(opened) == [f"{switch} is gone"]


def test_a_link_that_is_switched_after_it_was_resolved_is_missed(seen, tmp_path):
    """What is opened then bears the name of where it led."""
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "table").write_text(version)
    (tmp_path / "current").symlink_to("v1")
    opened = seen(f"open(os.path.realpath({str(tmp_path / 'current')!r}) + '/table').read()")
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("v2")
    assert changed_since(opened) == [f"{tmp_path}/current leads elsewhere"]


def test_what_the_program_made_or_others_write_meanwhile_is_no_fault_of_it(seen, tmp_path):
    """A log that is asked about alone may grow while it runs."""
    log = tmp_path / "log"
    log.write_text("x\n")
    made = tmp_path / "made"
    opened = seen(f"os.path.exists({str(made)!r}); open({str(made)!r}, 'w').close(); os.stat({str(log)!r}); "
                  f"os.system('echo y >> {log}')")
    assert str(made) not in opened.absent


# --- folders that were listed ----------------------------------------------------------------------------------------


def read_all(folder, pattern="*"):
    return f"import glob\nfor name in glob.glob({str(folder)!r} + '/{pattern}', recursive=True):\n" \
           "    os.path.isfile(name) and open(name).read()"


@pytest.mark.parametrize(("new", "counts"), [("b.conf", True), ("b.py", True), ("b", True), ("notes.md", False),
                                             (".b.cfg.swp", False), ("b.cfg~", False), ("b.log", False)])
def test_in_a_folder_of_data_every_new_file_counts_but_what_lies_beside_data(seen, tmp_path, new, counts):
    plugs = tmp_path / "plugs"
    plugs.mkdir()
    (plugs / "a.cfg").write_text("x\n")
    opened = seen(read_all(plugs))
    (plugs / new).write_text("y\n")
    assert changed_since(opened) == ([f"{plugs} has other files than when it was listed"] if counts else [])


@pytest.mark.parametrize(("new", "counts"), [("json.py", True), ("json/__init__.py", True), ("json/readme.txt", False),
                                             ("table.txt", False), ("__pycache__/x.pyc", False)])
def test_in_a_folder_of_code_new_code_counts(seen, tmp_path, new, counts):
    source = tmp_path / "src"
    source.mkdir()
    (source / "core.py").write_text("X = 1\n")
    opened = seen(read_all(source, "*.py"))
    (source / new).parent.mkdir(exist_ok=True)
    (source / new).write_text("")
    assert changed_since(opened) == ([f"{source} has other files than when it was listed"] if counts else [])


def test_a_new_folder_in_one_that_is_walked_is_missed(seen, tmp_path):
    walked = tmp_path / "walked"
    (walked / "one").mkdir(parents=True)
    (walked / "one/a.cfg").write_text("x\n")
    opened = seen(f"for place, _, names in os.walk({str(walked)!r}):\n"
                  "    [open(place + '/' + name).read() for name in names]")
    (walked / "two").mkdir()
    assert changed_since(opened) == []
    (walked / "two/b.cfg").write_text("y\n")
    assert changed_since(opened) == [f"{walked} has other files than when it was listed"]
    (walked / "two/b.cfg").unlink()
    (walked / "two/three/four").mkdir(parents=True)
    assert changed_since(opened) == []
    (walked / "two/three/four/b.cfg").write_text("y\n")
    assert changed_since(opened) == [f"{walked} has other files than when it was listed"]


def test_in_a_folder_that_is_not_walked_a_file_deep_in_a_new_folder_is_no_part(seen, tmp_path):
    """As below bundles/ of a repository: the top is listed, and one of its folders."""
    for name in ("one/a.cfg", "other/x", "top.cfg"):
        (tmp_path / "top" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "top" / name).write_text("x\n")
    opened = seen(f"os.chdir({str(tmp_path / 'top')!r}); os.listdir('one'); open('one/a.cfg').read()\n"
                  "[open(name).read() for name in os.listdir('.') if name.endswith('.cfg')]")
    (tmp_path / "top/new/deep").mkdir(parents=True)
    (tmp_path / "top/new/deep/c.cfg").write_text("y\n")
    assert changed_since(opened) == []


@pytest.mark.parametrize(("new", "read", "counts"), [
    ("zz.pth", False, True), ("sitecustomize.py", False, True), ("other/__init__.py", False, False),
    ("other-1.dist-info/entry_points.txt", False, False), ("other-1.dist-info/entry_points.txt", True, True)])
def test_of_a_folder_of_packages_counts_what_every_python_looks_at_and_plug_ins(seen, tmp_path, new, read, counts):
    packages = tmp_path / "lib/python3.11/site-packages"
    (packages / "mine-1.dist-info").mkdir(parents=True)
    (packages / "mine-1.dist-info/entry_points.txt").write_text("")
    opened = seen(read_all(packages, "*/entry_points.txt" if read else "*"))
    (packages / new).parent.mkdir(exist_ok=True)
    (packages / new).write_text("")
    assert changed_since(opened) == ([f"{packages} has other files than when it was listed"] if counts else [])


def test_code_that_numba_kept_counts_and_is_told_where_a_source_is_newer(seen, tmp_path):
    """numba asks for the time of the file in which a function stands, and not of what it calls."""
    source, kept = tmp_path / "units.py", tmp_path / "__pycache__/core.f-1.py311.1.nbc"
    kept.parent.mkdir()
    for path in (source, kept):
        path.write_text("X = 1\n")
    made_of = MadeOf("Python module", files=(SourceFile("units.py", str(source), "0" * 64),))
    os.utime(source, ns=(0, os.stat(kept).st_mtime_ns - 1))
    opened = seen(f"open({str(kept)!r}).read()", made_of=made_of)
    assert str(kept) in [entry.path for entry in opened.files] and opened.is_whole
    os.utime(source, ns=(0, os.stat(kept).st_mtime_ns + 1))
    assert seen(f"open({str(kept)!r}).read()", made_of=made_of).unseen == (
        f"{kept} was compiled before a source was written, and may be of its text before (remove it)",)


def test_of_data_of_which_some_are_opened_the_order_of_age_counts(seen, tmp_path):
    """A program takes the newest table, or a compiled one where it is newer than its text."""
    old, new = tmp_path / "a.txt", tmp_path / "b.txt"
    for at, path in enumerate((old, new)):
        path.write_text("x\n")
        os.utime(path, (1000 + at, 1000 + at))
    opened = seen(f"print(open(max({str(old)!r}, {str(new)!r}, key=os.path.getmtime)).read())")
    assert opened.by_age == (str(old), str(new))
    os.utime(old, (1002, 1002))
    assert changed_since(opened) == [f"{old} is newer than {new} now"]
    assert seen(f"[open(path).read() for path in ({str(old)!r}, {str(new)!r}) if os.stat(path)]").by_age == ()


@pytest.mark.parametrize("how", ["os.getxattr({0!r}, 'user.scale')", "os.listxattr(os.open({0!r}, os.O_RDONLY))"])
def test_extended_attributes_that_are_asked_for_count(seen, tmp_path, how):
    table = tmp_path / "table"
    table.write_text("x\n")
    try:
        os.setxattr(table, "user.scale", b"1.0")
    except OSError:
        pytest.skip("this file system keeps no extended attributes")
    opened = seen(how.format(str(table)))
    os.setxattr(table, "user.scale", b"1.1")
    assert changed_since(opened) == [f"{table} has other attributes"]


def test_a_file_that_the_program_took_away_itself_is_missed_when_it_is_there_again(seen, tmp_path):
    """As the log of a database in WAL mode, in which a change lies until it is taken in."""
    log = tmp_path / "t.db-wal"
    log.write_text("x\n")
    opened = seen(f"open({str(log)!r}, 'r+').read(); os.remove({str(log)!r})")
    log.write_text("y\n")
    assert changed_since(opened) == [f"{log} is new"]


def test_what_lies_in_a_repositorys_folder_counts_but_what_git_writes_in_its_work(seen, tmp_path):
    """A work tree below .git, a table that somebody put there, and a setting of git's are as any other file."""
    git = tmp_path / ".git"
    names = ("config", "table", "wt/table", "HEAD", "index", "worktrees/x/HEAD", "worktrees/x/table", "objects/ab/cd",
             "modules/y/refs/heads/trunk", "index.lock")
    for name in names:
        (git / name).parent.mkdir(parents=True, exist_ok=True)
        (git / name).write_text('[port]\n\tscale = 1\n[branch "trunk"]\n\tremote = a\n')
    opened = seen(f"for name in {names}: open({str(git)!r} + '/' + name).read()")
    assert {os.path.relpath(entry.path, git) for entry in opened.files if str(git) in entry.path} == {
        "config", "table", "wt/table", "worktrees/x/table"}
    (git / "config").write_text('[port]\n\tscale = 1\n[remote "a"]\n\turl = b\n')
    (git / "HEAD").write_text("another\n")
    assert changed_since(opened) == []
    (git / "config").write_text("[port]\n\tscale = 2\n")
    (git / "wt/table").write_text("2\n")
    assert sorted(changed_since(opened)) == [f"{git}/config changed", f"{git}/wt/table changed"]


@pytest.mark.parametrize(("name", "new", "counts"), [
    ("a.log", "b.log", True), ("a.log", "b.md", False), ("a.log", "b.dat", True), (".a", ".b", True),
    (".a", "b.log", False), ("a.log", ".b", False), (".gitignore", ".b", False)])
def test_where_a_file_was_opened_that_looks_like_one_beside_data_its_like_count(seen, tmp_path, name, new, counts):
    home = tmp_path / "tables"
    home.mkdir()
    (home / name).write_text("1\n")
    opened = seen(f"for name in os.listdir({str(home)!r}): open({str(home)!r} + '/' + name).read()")
    (home / new).write_text("1\n")
    assert bool(changed_since(opened)) == counts


def test_who_works_with_git_and_how_it_looks_are_no_part_of_a_program_that_asks_it(seen, tmp_path):
    settings = tmp_path / ".gitconfig"
    settings.write_text("[user]\n\tname = A\n[core]\n\tautocrlf = input\n")
    opened = seen(f"open({str(settings)!r}).read()")
    settings.write_text("[user]\n\tname = B\n[core]\n\tautocrlf = input\n[alias]\n\tst = status\n")
    assert changed_since(opened) == []
    settings.write_text("[user]\n\tname = B\n[core]\n\tautocrlf = true\n")
    assert changed_since(opened) == [f"{settings} changed"]


def test_what_python_compiles_anew_of_a_changed_source_is_nothing_that_a_run_left(seen, tmp_path):
    module = tmp_path / "module.py"
    module.write_text("X = 1\n")
    py_compile.compile(str(module))
    module.write_text("X = 22\n")
    opened = seen(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import module; assert module.X == 22")
    assert opened.rewritten == opened.left == () and str(module) in {entry.path for entry in opened.files}
