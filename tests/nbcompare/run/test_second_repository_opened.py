"""What a port opened while it ran is part of what it is, however it came by the name.

The names are made by code that no reading of its sources follows. Where such a file changes, a gate is red, a sweep
runs again, and a kept run of the reference is not taken.
"""

import importlib.util
import json
import os
import py_compile
import sys
import time
from pathlib import Path

import pytest

from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.sources.made_of import SourceFile
from nbcompare.engine.sources.opened import OpenedFiles, SymbolicLink, changed_since
from nbcompare.files import sha256_of
from nbcompare.run import account_ahead
from nbcompare.run.ready import Meanwhile
from nbcompare.visible import each_text, visible
from tests.nbcompare.second_repository import DECLARED, WRAPPED

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.skipif(
    OpenCalls.why_not() is not None, reason="which files a program opens can be asked on Linux alone")]

ALL = "engines_unchanged: true"


def opened(record, role="subject"):
    return next(engine["opened"] for engine in record["engines"] if engine["role"] == role)


def files(record, role="subject"):
    return {Path(entry["path"]).name for entry in opened(record, role)["files"]}


def made_at_run_time(path: Path) -> str:
    """A Python expression for a path that cannot be read off the source."""
    return f"bytes({list(bytes(path))}).decode()"


# --- what is recorded ------------------------------------------------------------------------------------------------


def test_a_record_names_what_a_wrapper_started_and_what_that_read(run, project):
    project.wrapper()
    project.declare(WRAPPED)
    code, record = run()
    assert code == 0
    assert {"core.py", "__main__.py", "port_units.py", "python"} <= files(record)
    assert "run.sh" not in files(record), "its program is known"
    assert opened(record)["unwatched"] is None


def test_what_is_known_by_reading_is_not_told_twice(run, project):
    project.declare(DECLARED)
    code, record = run()
    assert code == 0 and not files(record) & {"core.py", "__main__.py", "port_units.py"}


def test_what_a_port_writes_itself_is_no_source_and_a_cache_is_while_it_is_there(run, project, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    cache = tmp_path / "home/.cache/myport/kernel"
    cache.parent.mkdir(parents=True)
    cache.write_text("1\n")
    own = tmp_path / "own.txt"
    project.core.write_text(f"own = {made_at_run_time(own)}\nopen(own, 'w').write('1')\nopen(own).read()\n"
                            f"open({made_at_run_time(cache)}).read()\nopen('/dev/null').read()\n"
                            + project.core.read_text())
    project.declare(DECLARED)
    code, record = run()
    assert code == 0 and not files(record) & {"own.txt", "null", "float.bin"}
    found = OpenedFiles.from_dict(opened(record))
    cache.unlink()
    assert changed_since(found) == [], "a cache may be emptied"
    cache.write_text("2\n")
    assert changed_since(found) == [f"{cache} changed"], "and what it says counts"


def test_where_nothing_could_be_watched_the_record_and_the_notes_say_so(run, gate, project, monkeypatch):
    monkeypatch.setattr(OpenCalls, "why_not", staticmethod(lambda: "this system is another"))
    project.declare(DECLARED)
    code, record = run()
    assert code == 0 and opened(record)["unwatched"] == "this system is another"
    assert ("which files the subject opened was not seen, as this system is another; what it is made of was found by "
            "reading its sources alone") in record["notes"]
    assert gate(ALL) == {}


def test_a_file_that_somebody_else_changes_after_it_was_opened_is_an_engine_failure(run, project, tmp_path):
    """Another process does it, which began before, so that the port did not write it itself."""
    table = tmp_path / "table"
    table.write_text("1\n")
    changed = tmp_path / "changed"
    begun = tmp_path / "begun"
    project.core.write_text(f"import os, sys, time\nif '-floatfile' in sys.argv:\n    open({made_at_run_time(table)})\n"
                            f"    open({made_at_run_time(begun)}, 'w')\n"
                            f"    while not os.path.exists({str(changed)!r}):\n        time.sleep(0.01)\n"
                            + project.core.read_text())
    project.declare(DECLARED)
    somebody = os.fork()
    if not somebody:
        while not begun.exists():
            time.sleep(0.01)
        table.write_text("22\n")
        changed.write_text("")
        os._exit(0)
    code, record = run()
    os.waitpid(somebody, 0)
    failure = record["runs"][1]["failure"]
    assert code == 2 and (failure["kind"], failure["sentence"]) == (
        "changed", f"opened what was changed while it ran: {table} changed")


def test_a_file_that_changes_when_the_account_was_put_together_already_is_one_too(run, project, tmp_path, monkeypatch):
    """What the subject opened is put together while the reference runs, and looked at again in the end."""
    table, wait, accounts, ready = tmp_path / "table", Meanwhile.wait, [], []
    table.write_text("1\n")
    project.core.write_text(f"import sys\nif '-floatfile' in sys.argv:\n    open({made_at_run_time(table)})\n"
                            + project.core.read_text())
    project.declare(DECLARED)

    def change(meanwhile):
        wait(meanwhile)
        ready.append(accounts[-1])
        table.write_text("22\n")

    account_of = account_ahead.account_of
    monkeypatch.setattr(account_ahead, "account_of", lambda *asked: accounts.append(account_of(*asked)) or accounts[-1])
    monkeypatch.setattr(Meanwhile, "wait", change)
    code, record = run()
    assert str(table) in {entry.path for entry in ready[0][0].files} and not ready[0][1]
    assert code == 2 and record["runs"][1]["failure"]["sentence"] == (
        f"opened what was changed while it ran: {table} changed")


def test_a_kept_socket_or_compiled_file_of_another_text_makes_a_run_no_stand_in(nb, run, gate, project, tmp_path):
    """What another program answers, and what Python runs in place of a source, is not what the files say."""
    module = tmp_path / "speed.py"
    module.write_text("X = 1\n")
    py_compile.compile(str(module), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    module.write_text("X = 2\n")
    project.core.write_text(f"import socket, sys\nsys.__dict__['pa' + 'th'].append({made_at_run_time(tmp_path)})\n"
                            "getattr(__import__('importlib'), 'import' + '_module')('speed')\n"
                            f"socket.socket(socket.AF_UNIX).connect_ex({str(tmp_path / 'daemon')!r})\n"
                            + project.core.read_text())
    project.declare(DECLARED + ", sources: [src/myport/core.py]")
    code, record = run()
    assert code == 0 and opened(record)["unseen"] == [
        f"it asks another program through the socket {tmp_path / 'daemon'}",
        f"{Path(importlib.util.cache_from_source(module))} is not compiled from the source beside it"]
    assert any(note.startswith("not all that the subject did is known") for note in record["notes"])
    said = gate(ALL)["engines_unchanged"]
    assert f"the socket {tmp_path / 'daemon'}; {Path(importlib.util.cache_from_source(module))} is not" in said
    assert "declare watched: false and name its sources" in said
    assert how(nb, project) == "ran"
    project.declare(DECLARED + ", watched: false, sources: [src/myport/core.py]")
    assert run()[0] == 0 and gate(ALL) == {}


def test_who_takes_the_watch_away_has_to_name_the_sources(run, gate, project):
    """A table that is known to the run alone may have changed by then, and nobody looked."""
    project.declare(DECLARED + ", watched: false")
    assert run()[0] == 0
    assert "which files the subject opens was not asked, as its declaration says watched: false" in (
        gate(ALL)["engines_unchanged"])
    project.declare(DECLARED + ", watched: false, sources: [src/myport/*.py]")
    assert run()[0] == 0 and gate(ALL) == {}
    project.core.write_text(project.core.read_text() + "# another\n")
    assert "core.py changed" in gate(ALL)["engines_unchanged"]


# --- what follows from it --------------------------------------------------------------------------------------------


def test_sources_of_a_wrapper_that_leave_out_what_it_starts_do_not_keep_gate_and_sweep_green(nb, run, gate, project):
    project.wrapper()
    (project.home / "settings.ini").write_text("x\n")
    project.declare(WRAPPED + ", sources: [run.sh, settings.ini]")
    assert run()[0] == 0 and gate(ALL) == {} and how(nb, project) == "stored"
    (project.home / "src/port_units.py").write_text("SCALE = 1.0  # other\n")
    assert "port_units.py changed" in gate(ALL)["engines_unchanged"]
    assert how(nb, project) == "ran"


def test_files_that_only_the_run_knew_turn_gate_and_sweep_red(nb, run, gate, project):
    """A table, a plug-in, settings that are not there yet, a state that the port reads and writes, and a new plug-in in
    a folder that it looks through."""
    home = project.home.parent / "elsewhere"
    (home / "plugins").mkdir(parents=True)
    table, plug_in, settings, state, new = (home / name for name in (
        "table", "plugins/speed.py", "settings", "state", "plugins/more.py"))
    for path in (table, plug_in, state):
        path.write_text("X = 1\n")
    project.core.write_text(f"""\
import sys
try:
    open({made_at_run_time(settings)})
except OSError:
    pass
if "-floatfile" in sys.argv:
    open({made_at_run_time(table)}).read()
    open({made_at_run_time(state)}).read()
    open({made_at_run_time(state)}, "a").write("X = 2\\n")
import glob
loader = getattr(__import__("importlib"), "util").spec_from_file_location("x", __file__).loader
for file in glob.glob({made_at_run_time(home / "plugins")} + "/*.py"):
    loader.exec_module.__self__.__class__("x", file).load_module()
""" + project.core.read_text())
    project.declare(DECLARED + ", sources: [src/myport/core.py]")
    code, record = run()
    assert code == 0 and record["engines"][1]["made_of"]["unknown"] == [], "reading the sources found no fault"
    assert opened(record)["rewritten"] == [str(state)]
    assert how(nb, project) == "ran" and "state" in gate(ALL)["engines_unchanged"]
    project.declare(DECLARED + f", sources: [src/myport/core.py], keeps: [{state}]")
    assert run()[0] == 0 and how(nb, project) == "stored"
    (home / "plugins/notes.txt").write_text("no plug-in\n")
    for path in (table, plug_in, settings, new):
        before = path.read_text() if path.exists() else None
        path.write_text("X = 3\n")
        assert ("plugins has other files" if path == new else path.name) in gate(ALL)["engines_unchanged"]
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    assert gate(ALL) == {}
    table.write_text("X = 4\n")
    assert how(nb, project) == "ran"


def test_names_that_cannot_be_shown_are_found_again(tmp_path):
    """The record has them escaped: such a file was gone for every gate, and one that was not there never came."""
    table, flag, link = (f"{tmp_path}/{name}" for name in ("caf\udce9.dat", "no\nflag", "l\udce9"))
    Path(table).write_text("1\n")
    os.symlink(table, link)
    found = OpenedFiles(files=(SourceFile("table", table, sha256_of(table)),), absent=(flag,),
                        links=(SymbolicLink(link, table),))
    found = OpenedFiles.from_dict(each_text(found.as_dict(), visible))
    assert changed_since(found) == []
    Path(flag).write_text("")
    assert changed_since(found) == [f"{visible(flag)} is new"]
    Path(table).write_text("2\n")
    assert changed_since(found) == ["table changed", f"{visible(flag)} is new"]


def how(nb, project):
    said = nb("sweep", project.case, "-j", "1", "-q", "--format", "json")
    return said.json["results"][0]["how"]


def test_a_kept_run_of_the_reference_is_not_taken_where_it_opened_what_is_other_now(nb, run, project):
    table = project.home.parent / "elsewhere"
    table.write_text("1\n")
    reference = project.home / "ref.py"
    reference.write_text(f"open({made_at_run_time(table)}).read()\n" + reference.read_text())
    project.declare(DECLARED)
    assert "reference_from" not in run()[1]
    _, record = run()
    assert record["reference_from"] and "elsewhere" in files(record, "reference"), "what it opened then is told"
    table.write_text("2\n")
    assert f"{table} changed since it was opened" in nb("run", project.case).err


def test_a_sweep_takes_no_confined_run_for_one_that_was_not(nb, run, project):
    from nbcompare.engine.safety.confine import why_not
    if why_not():
        pytest.skip(f"engines cannot be confined here: {why_not()}")
    project.declare(DECLARED)
    code, record = run("--sandbox")
    assert code == 0 and opened(record)["unwatched"] is None, "both work together"
    assert json.dumps(opened(record)).count("confine.py") == 0
    assert how(nb, project) == "ran"


def test_a_wrapper_that_is_all_there_is_names_itself(nb, run, gate, project, monkeypatch):
    """No other file of the project belongs to it, and what it starts was seen."""
    text = ("#!/bin/sh\nexec {} -c 'import sys\nfrom array import array\nat = sys.argv.index(\"-floatfile\")\n"
            "values = [float(i * 7919 % 101 + 1) for i in range(63)]\nvalues[31] = 1000.0\n"
            "open(sys.argv[at + 1], \"wb\").write(array(\"f\", values).tobytes())' \"$@\" -floatfile unasked\n")
    project.wrapper().write_text(text.format(sys.executable))
    project.declare(WRAPPED)
    assert run()[0] == 0
    assert 'sources: ["run.sh"]' in gate(ALL)["engines_unchanged"]
    project.declare(WRAPPED + ", sources: [run.sh]")
    assert run()[0] == 0 and gate(ALL) == {}
    monkeypatch.setattr(OpenCalls, "why_not", staticmethod(lambda: "this system is another"))
    run()
    assert "run.sh starts another program" in gate(ALL)["engines_unchanged"]


def test_of_a_wrapper_elsewhere_what_it_opened_where_it_is_installed_is_proposed(run, gate, project, tmp_path):
    """The project's src, which has no part in it, was proposed."""
    home = tmp_path / "opt"
    (home / "bin").mkdir(parents=True)
    wrap = '#!/bin/sh\nname=po; exec "$(dirname "$0")"/${name}rt "$@"\n'
    for name, text in {"wrap": wrap, "port": project.wrapper().read_text()}.items():
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    project.declare(f"command: {home}/bin/wrap")
    assert run()[0] == 0
    proposed = 'sources: ["../opt/bin/wrap", "../opt/bin/port"]'
    assert proposed in gate(ALL)["engines_unchanged"]
    project.declare(f"command: {home}/bin/wrap, {proposed}")
    assert run()[0] == 0 and gate(ALL) == {}
    (home / "bin/port").write_text("#!/bin/sh\nexit 0\n")
    assert "bin/port changed" in gate(ALL)["engines_unchanged"]
