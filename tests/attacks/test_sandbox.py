"""Engines that try to get out of --sandbox: files, network, other processes."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nbcompare.engine import sandbox
from nbcompare.engine.engine import Engine
from nbcompare.engine.safety.confine import why_not
from tests.nbcompare.conftest import FAKES, SMALL_ARGS

needs_landlock = pytest.mark.skipif(why_not() is not None, reason=f"engines cannot be confined here: {why_not()}")

TRIES = """\
import ctypes, json, os, socket, sys
def tried(name, what):
    try:
        what()
        print("GOT", name)
    except BaseException as fault:
        print("held", name, type(fault).__name__)
secret = {secret!r}
parent = os.getppid()
tried("write", lambda: open(secret, "w"))
tried("read", lambda: open(secret).read())
tried("list", lambda: os.listdir(os.path.dirname(secret)))
tried("shorten", lambda: os.truncate(secret, 0))
tried("remove", lambda: os.unlink(secret))
tried("link", lambda: os.link(secret, "mine"))
tried("follow", lambda: (os.symlink(secret, "soft"), open("soft").read()))
tried("move", lambda: os.rename(secret, "mine"))
os.chmod(secret, 0o777)
os.utime(secret, (0, 0))
tried("make", lambda: os.mkdir(secret + ".d"))
tried("temporary", lambda: open("/tmp/nb-compare-sandbox-test", "w"))
tried("tcp", lambda: socket.create_connection(("127.0.0.1", {port}), 1))
tried("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
tried("unix", lambda: socket.socket(socket.AF_UNIX))
tried("memory", lambda: open(f"/proc/{{parent}}/mem", "rb"))
tried("variables", lambda: open(f"/proc/{{parent}}/environ").read())
tried("descriptors", lambda: os.listdir(f"/proc/{{parent}}/fd"))
tried("child", lambda: 1 / (os.system("cat " + secret + " > /dev/null 2>&1") == 0))
open("own", "w").write("x")
os.rename("own", "mine")
sys.path.insert(0, {fakes!r})
"""


@pytest.fixture
def tries(tmp_path):
    """An engine that tries everything, also when it is asked its version, and then makes a good image; a file of the
    user's that is none of its business, and a port that somebody listens at."""
    import socket

    home = tmp_path.parent / f"{tmp_path.name}-engine"
    home.mkdir()
    shutil.copy(FAKES / "_image.py", home)
    shutil.copy(FAKES / "good.py", home)
    secret = tmp_path.parent / f"{tmp_path.name}-home" / "secret"
    secret.parent.mkdir()
    secret.write_text("mine")
    secret.chmod(0o640)
    os.utime(secret, (5, 5))
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = TRIES.format(secret=str(secret), port=server.getsockname()[1], fakes=str(home))
        (home / "tries.py").write_text(text + "from good import *\n")
        yield home / "tries.py", secret


@needs_landlock
def test_a_confined_engine_gets_nothing_and_still_makes_its_image(nb, fake, small_case, tries, quick_runs):
    engine, secret = tries
    said = nb("run", small_case, "--sandbox", "--c-bin", fake("twin"), "--py-bin", engine)
    (folder,) = Path("bundles/small").iterdir()
    log = (folder / "inputs/py_cli_stdout.txt").read_text()
    assert said.code == 0, said
    assert "GOT" not in log and log.count("held") == 17 and secret.read_text() == "mine"
    assert secret.stat().st_mode & 0o777 == 0o640 and secret.stat().st_mtime == 5
    assert sorted(path.name for path in secret.parent.iterdir()) == ["secret"]
    record = json.loads((folder / "record.json").read_text())
    assert "Landlock" in record["environment"]["sandbox"] and "Landlock" in said.out
    assert record["engines"][1]["version"].startswith("held ") and record["runs"][1]["argv"][1] == str(engine)
    assert nb("verify", folder).code == 0


def test_without_it_the_same_engine_gets_what_its_user_has(nb, fake, small_case, tries, quick_runs):
    engine, secret = tries
    nb("run", small_case, "--c-bin", fake("twin"), "--py-bin", engine)
    (folder,) = Path("bundles/small").iterdir()
    assert "GOT read" in (folder / "inputs/py_cli_stdout.txt").read_text() and not secret.exists()
    assert "sandbox" not in json.loads((folder / "record.json").read_text())["environment"]
    Path("/tmp/nb-compare-sandbox-test").unlink(missing_ok=True)


@needs_landlock
def test_a_program_by_its_name_alone_is_found_on_the_path(tmp_path):
    """As ldd is, which is asked with what a confined program is linked, although Python itself cannot be read there."""
    held = sandbox.confining(Engine("subject", "true", ("/usr/bin/true",), "test", confined=True), tmp_path, {})
    done = subprocess.run([*held, "ldd", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_landlock
def test_so_in_the_one_shot(nb, fake, tries):
    said = nb("--outdir", "out", "--sandbox", "--c-bin", fake("twin"), "--py-bin", tries[0], "--", *SMALL_ARGS)
    assert said.code == 0 and "GOT" not in Path("out/py_stdout.txt").read_text() and tries[1].read_text() == "mine"
    assert any("Landlock" in note for note in json.loads(Path("out/summary.json").read_text())["notes"])


@needs_landlock
@pytest.mark.parametrize("words", (("sweep", "CASE", "--jobs", "1"), ("trace", "CASE", "--pixel", "3", "2"),
                                   ("reduce", "CASE", "--max-runs", "4", "--cache", "kept"),
                                   ("audit", "CASE", "--kinds", "scale", "--no-diagnosis", "--cache", "kept")),
                         ids=lambda words: words[0])
@pytest.mark.parametrize("held", (True, False), ids=("held", "not held"))
def test_so_in_every_command_that_starts_the_engines(nb, fake, small_case, tries, words, held):
    """Also where the engine is asked who it is; what it does where nobody holds it is the proof that it was started."""
    engine, secret = tries
    nb(*(small_case if word == "CASE" else word for word in words), *(("--sandbox",) if held else ()), "-q",
       "--c-bin", fake("twin"), "--py-bin", engine)
    assert secret.exists() is held
    Path("/tmp/nb-compare-sandbox-test").unlink(missing_ok=True)


def test_a_sweep_takes_no_run_that_was_not_confined_for_one_that_was(nb, fake, small_case, tries, monkeypatch):
    from nbcompare.run.sweep import plan

    words = ("sweep", small_case, "-q", "--jobs", "1", "--c-bin", fake("twin"), "--py-bin", fake("good"))
    asked = []
    real = plan.done_before
    monkeypatch.setattr("nbcompare.run.sweep.sweep.done_before",
                        lambda *of, confined, **how: asked.append((confined, real(*of, confined=True, **how) is None))
                        or real(*of, **how))
    assert nb(*words).code == 0 and nb(*words).code == 0
    assert asked == [(False, True)] * 2 and len(list(Path("bundles/small").glob("2*Z"))) == 1


def test_workers_of_a_cluster_are_not_confined_from_here(nb, small_case):
    said = nb("sweep", small_case, "--sandbox", "--cluster", "tcp://127.0.0.1:1")
    assert said.code == 1 and "on this machine" in said.err


MAPPED = """\
import pytest

def test_a(tmp_path):
    with pytest.raises(PermissionError):
        open({victim!r}, "w")
    tmp_path.joinpath("a").write_text("x")
    assert {outcome!r} == "green"
"""


@needs_landlock
@pytest.mark.parametrize("outcome", ["green", "red"])
def test_mapped_tests_are_confined_too(nb, fake, small_case, tmp_path, quick_runs, outcome):
    victim = tmp_path.parent / f"{tmp_path.name}-victim"
    victim.write_text("mine")
    (tmp_path / "test_mapped.py").write_text(MAPPED.format(victim=str(victim), outcome=outcome))
    small_case.write_text(small_case.read_text() + "tests: [test_mapped.py]\n")
    said = nb("run", small_case, "--sandbox", "--c-bin", fake("twin"), "--py-bin", fake("good"))
    assert said.code == (0 if outcome == "green" else 8), said
    assert victim.read_text() == "mine"


@needs_landlock
def test_the_bundled_engines_run_confined(nb, reference_binary, quick_runs):
    said = nb("--outdir", "out", "--sandbox", "--c-bin", reference_binary, "-q", "--",
              *"-default_F 100 -cell 50 60 70 90 90 90 -lambda 1 -distance 100 -detpixels 16 -N 3".split())
    assert said.code == 0, said


@pytest.mark.parametrize("why", ["no Landlock", "an old kernel"])
def test_where_the_system_cannot_it_is_refused_in_one_line(nb, fake, small_case, monkeypatch, why):
    monkeypatch.setattr(sandbox, "why_not", lambda: why)
    said = nb("run", small_case, "--sandbox", "--c-bin", fake("twin"), "--py-bin", fake("good"))
    assert said.code == 1 and f"engines cannot be confined here: {why}" in said.err
    assert not list(Path("bundles").glob("*/2*"))


@pytest.mark.parametrize(("system", "machine", "version", "words"), [
    ("darwin", "arm64", 0, "Linux"), ("linux", "riscv64", 7, "Linux on"), ("linux", "x86_64", 0, "has none"),
    ("linux", "x86_64", 2, "has 2"), ("linux", "aarch64", 3, None)])
def test_what_a_system_lacks_is_said(monkeypatch, system, machine, version, words):
    from nbcompare.engine.safety import confine

    monkeypatch.setattr(confine.sys, "platform", system)
    monkeypatch.setattr(confine.platform, "machine", lambda: machine)
    monkeypatch.setattr(confine, "landlock_version", lambda: version)
    assert (confine.why_not() is None) if words is None else words in (confine.why_not() or "")


@needs_landlock
@pytest.mark.parametrize(("words", "held"), [(("--sandbox",), True), ((), False)])
@pytest.mark.parametrize("command", ["watch", "fuzz"])
def test_engines_that_are_watched_or_fuzzed_are_confined_too(nb, fake, small_case, tries, command, words, held):
    """Without it the same engine takes the file away."""
    engine, secret = tries
    asked = {"watch": ("watch", small_case, "--saves", "0"), "fuzz": ("fuzz", "--budget", "1", "--around", small_case)}
    said = nb(*asked[command], *words, "--c-bin", fake("twin"), "--py-bin", engine, "-q")
    assert said.code in (0, 2, 3, 8) and "Traceback" not in said.err
    assert (secret.exists() and secret.read_text() == "mine") is held


@pytest.mark.parametrize("words", [("explain", "small.yaml"),
                                   ("bisect", "small.yaml", "--repo", ".", "--good", "a", "--bad", "b")])
def test_a_command_that_cannot_confine_refuses_to_be_asked(nb, small_case, words):
    said = nb(*words, "--sandbox")
    assert said.code == 1 and "--sandbox: " in said.err and words[0] in said.err


def test_a_confined_engine_may_read_the_folders_that_its_declaration_names(tmp_path):
    from nbcompare.case.declared.declarations import EngineDeclaration
    from nbcompare.engine.engine import Engine
    from nbcompare.engine.sandbox import readable

    told = EngineDeclaration("subject", ("true",), tmp_path / "nb-compare.yaml", cwd=tmp_path / "work",
                             repository=tmp_path / "source", sources=("lib/*.py",))
    plain = readable(Engine("subject", "true", ("/bin/true",), "test"), {})
    more = set(readable(Engine("subject", "true", ("/bin/true",), "test", told), {})) - set(plain)
    assert more == {tmp_path / "work", tmp_path / "source", tmp_path / "lib"}
