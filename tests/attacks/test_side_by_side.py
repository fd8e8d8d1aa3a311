"""Subjects that run beside the reference (--side-by-side) and look for its image while it works"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace as Things

import pytest

from nbcompare.engine import cores, sandbox
from nbcompare.engine.engine import Engine
from nbcompare.engine.rendering import side_by_side
from nbcompare.engine.rendering.runs import Job
from nbcompare.engine.safety.confine import why_not
from nbcompare.engine.safety.mounts import names_of
from nbcompare.errors import UsageError
from nbcompare.run import side_by_side as decided
from nbcompare.run.options import RunOptions
from tests.nbcompare.conftest import FAKES, SMALL_ARGS

needs_landlock = pytest.mark.skipif(why_not() is not None, reason=f"engines cannot be confined here: {why_not()}")
BESIDE = ("--sandbox", "--side-by-side")

WRITES_EARLY = """\
import os, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from _image import pixels, write
if "-version" in sys.argv:
    print("early 1")
    raise SystemExit
write(pixels())                   # the image is there long before this program ends
held = open("float.bin", "rb")    # and in a descriptor, and in memory
content = held.read()
time.sleep({seconds})
"""
NEIGHBOURS = "[number for number in range(me - 12, me + 12) if number != me]"
"""Engines of a run are started one after the other. Of processes it only reads, as not all of these are ours."""

SEARCHES = """\
import glob, os, sys, time
if "-version" in sys.argv:
    print("searches 1")
    raise SystemExit
size, me, home = 9 * 7 * 4, os.getpid(), os.getcwd()
image, seen = sys.argv[sys.argv.index("-floatfile") + 1], set()
def tried(what):
    try:
        return what()
    except (OSError, ValueError):
        return []
def bytes_of(path):
    if os.path.isfile(path) and os.path.getsize(path) == size:
        return open(path, "rb").read()
until = time.monotonic() + {seconds}
found = None
while found is None and time.monotonic() < until:
    places = [path for where in ({tmp!r}, os.path.dirname(home), {bundles!r})
              for path in tried(lambda: glob.glob(where + "/**/*", recursive=True))]
    known = {tmp!r} + "/nb-compare-1/run/float.bin"  # no name is a secret here
    places += [known, os.path.dirname(os.path.dirname(known)) + "/stdout"]
    for name, touch in (("read", lambda: [open(known, "rb").read(1)]), ("list", lambda: os.listdir(known[:-10])),
                        ("write", lambda: [open(known, "r+b")]), ("add", lambda: [open(known + "x", "w")]),
                        ("shorten", lambda: os.truncate(known, 0) or [1]), ("remove", lambda: os.unlink(known) or [1]),
                        ("link", lambda: os.link(known, "linked") or [1])):
        if {touches} and tried(touch):
            seen.add(name)
    for pid in {pids}:
        base = f"/proc/{{pid}}"
        places += [base + "/cwd/float.bin", f"{{base}}/root{{home}}/../float.bin"]
        places += tried(lambda: glob.glob(base + "/cwd/*")) + tried(lambda: glob.glob(base + "/root{tmp}/*/*/*"))
        places += [base + f"/fd/{{number}}" for number in range(20)] + [base + f"/task/{{pid}}/cwd/float.bin"]
        seen |= {{base + name for name in ("/mem", "/environ") if tried(lambda: [open(base + name, "rb")])}}
    for path in places:
        content = tried(lambda: not os.path.realpath(path).startswith(home) and bytes_of(path))
        if content:
            found = content
            seen.add(path)
            break
print("SEEN" if seen else "nothing", *sorted(seen), flush=True)
with open(image, "wb") as out:
    out.write(found or b"")
"""


@pytest.fixture
def engines(tmp_path, monkeypatch):
    """Makes engines in a folder of their own, outside of the one for temporary files; one core each."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("nbcompare.run.side_by_side.usable_cores", lambda: 2)
    home, temporary = tmp_path / "engines", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    numbers = itertools.count(1)

    def known_to_all(prefix):
        folder = temporary / f"{prefix}{next(numbers)}"
        folder.mkdir(0o700)
        return str(folder)

    monkeypatch.setattr(side_by_side, "tempfile", Things(gettempdir=tempfile.gettempdir, mkdtemp=known_to_all))

    def make(name, text, **values):
        folder = home / name
        folder.mkdir()
        shutil.copy(FAKES / "_image.py", folder)
        path = folder / f"{name}.py"
        path.write_text(text.format(tmp=str(temporary), bundles=str(Path("bundles").absolute()), **values))
        return path

    return make


def found_in(folder, name):
    return (folder / "inputs" / name).read_text()


@needs_landlock
def test_a_subject_that_looks_for_the_references_image_beside_it_finds_none(nb, small_case, engines, quick_runs):
    """Neither by its path, which it knows, nor as the other's working folder, root, open file or memory, while it lies
    there; and it changes nothing of it."""
    said = nb("run", small_case, *BESIDE, "--c-bin", engines("early", WRITES_EARLY, seconds=0.6), "--py-bin",
              engines("searches", SEARCHES, seconds=0.4, pids=NEIGHBOURS, touches=True))
    (folder,) = Path("bundles/small").iterdir()
    assert said.code == 2 and "subject wrote a float image that is too short" in said.out, said
    assert found_in(folder, "py_cli_stdout.txt") == "nothing\n"
    record = json.loads((folder / "record.json").read_text())
    told = record["environment"]
    assert "reference (1 core) and subject (1 core) ran side by side, of 2 cores" in told["side_by_side"]
    assert told["images"].startswith("both engines ran at the same time, each confined")
    assert [run["failure"] and run["failure"]["kind"] for run in record["runs"]] == [None, "short-image"]
    assert nb("verify", folder).code == 0


def test_where_nothing_holds_it_the_same_subject_finds_the_image_at_once(engines, tmp_path):
    """The proof that it would find one: beside a program that has written its image, with nothing between them."""
    place = tmp_path / "temporary/nb-compare-x/run"
    place.mkdir(parents=True)
    (tmp_path / "own").mkdir()
    early = subprocess.Popen([sys.executable, engines("early", WRITES_EARLY, seconds=30), *SMALL_ARGS, "-floatfile",
                              "float.bin"], cwd=place)
    try:
        while not (place / "float.bin").exists() or (place / "float.bin").stat().st_size < 9 * 7 * 4:
            time.sleep(0.01)
        subject = engines("searches", SEARCHES, seconds=5, pids=[early.pid], touches=False)
        said = subprocess.run([sys.executable, subject, *SMALL_ARGS, "-floatfile", "float.bin"], cwd=tmp_path / "own",
                              capture_output=True, text=True, check=True).stdout
        assert said.startswith("SEEN") and "mem" in said
        assert (tmp_path / "own/float.bin").read_bytes() == (place / "float.bin").read_bytes()
    finally:
        early.kill()
        early.wait()


@needs_landlock
def test_two_good_engines_run_beside_each_other_and_it_is_said(nb, fake, small_case, engines, quick_runs):
    """The subject begins before the reference has ended: each takes 0.3 s, and writes down when."""
    text = WRITES_EARLY.replace("time.sleep", "print(time.time(), flush=True); time.sleep") + "print(time.time())\n"
    said = nb("run", small_case, *BESIDE, "--c-bin", engines("one", text, seconds=0.3), "--py-bin",
              engines("two", text + "# another\n", seconds=0.3))
    (folder,) = Path("bundles/small").iterdir()
    assert said.code == 0, said
    (c_began, c_ended), (py_began, py_ended) = (map(float, found_in(folder, f"{key}_cli_stdout.txt").split())
                                                for key in ("c", "py"))
    assert max(c_began, py_began) < min(c_ended, py_ended)
    assert "ran side by side, of 2 cores: their run times are to be compared neither" in " ".join(said.out.split())
    assert "reference (one.py) and subject (two.py), side by side ..." in said.err
    assert nb("verify", folder).code == 0
    (run,) = nb("trend", "small", "--format", "json").json["runs"]
    assert set(run["seconds"].values()) == {None}, "such times are compared with none"


@needs_landlock
@pytest.mark.parametrize("role", ["reference", "subject"])
def test_one_that_crashes_or_hangs_ends_and_the_other_is_told_too(nb, fake, small_case, engines, role):
    hangs = engines("hangs", WRITES_EARLY, seconds=60)
    crashes = engines("crashes", "import os, sys\n'-version' in sys.argv or os.abort()\n")
    small_case.write_text(small_case.read_text() + f"limits: {{{role}_seconds: 0.4}}\n")
    pair = (hangs, crashes) if role == "reference" else (crashes, hangs)
    said = nb("run", small_case, *BESIDE, "--c-bin", pair[0], "--py-bin", pair[1])
    other = {"reference": "subject", "subject": "reference"}[role]
    assert said.code == 2 and f"{role} was stopped after 0.4 s" in said.out
    assert f"{other} crashed with SIGABRT" in said.out
    assert not list(Path("temporary").glob("nb-compare-*")), "nothing is left there"


@needs_landlock
def test_where_it_cannot_be_done_as_safely_it_is_refused(nb, small_case, engines, monkeypatch):
    good, twin = (engines(name, WRITES_EARLY, seconds=0) for name in ("good", "twin"))
    words = ("run", small_case, "--c-bin", good, "--py-bin", twin, "-q")
    said = nb(*words, "--side-by-side")
    assert said.code == 1 and "could read the other one's image" in said.err and "give --sandbox too" in said.err
    said = nb(*words, *BESIDE, "--shards", "2")
    assert said.code == 1 and "row bands" in said.err
    said = nb("sweep", small_case, "--side-by-side")
    assert said.code == 1 and "fills the cores" in said.err
    monkeypatch.setattr("tempfile.tempdir", str(good.parent))
    said = nb(*words, *BESIDE)
    assert said.code == 1 and f"the reference may read {good.parent}" in said.err and "set TMPDIR" in said.err
    assert not list(Path("bundles").glob("small/2*"))


@pytest.mark.parametrize(("cores_here", "threads", "stored", "said"), [
    (2, "1", False, "reference (1 core) and subject (1 core) ran side by side, of 2 cores: their run times are to be "
                    "compared neither with each other nor with other runs"),
    (1, "1", False, "--side-by-side: one engine ran after the other, as the reference is told to use 1 core and the "
                    "subject is told to use 1 core, and 1 core may be used here; OMP_NUM_THREADS says how many each "
                    "takes"),
    (8, "", False, "--side-by-side: one engine ran after the other, as nobody says how many cores the reference and "
                   "the subject may use; set OMP_NUM_THREADS, in environment: of the case or for both"),
    (2, "1", True, "--side-by-side: the image of the reference is there already, so that the subject ran alone")])
def test_without_room_one_runs_after_the_other_and_it_is_told(monkeypatch, tmp_path, cores_here, threads, stored, said):
    monkeypatch.setattr(decided, "usable_cores", lambda: cores_here)
    jobs = {role: Job(engine(tmp_path / "a.py"), (), None, 1.0, tmp_path, {"OMP_NUM_THREADS": threads})
            for role in ("reference", "subject")}
    found = decided.side_by_side(jobs, RunOptions(side_by_side=True), stored=stored)
    assert (found.sentence, found.together) == (said, " of 2 cores" in said)
    assert decided.side_by_side(jobs, RunOptions(), stored=stored) == decided.ALONE


@needs_landlock
def test_a_stop_ends_both_and_leaves_nothing(small_case, engines, tmp_path):
    """As by Ctrl-C, while both are at work."""
    text = WRITES_EARLY.replace("time.sleep", "open('pid', 'w').write(str(os.getpid())); time.sleep")
    pair = [engines(name, text, seconds=60) for name in ("one", "two")]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    running = subprocess.Popen([sys.executable, "-m", "nbcompare", "run", small_case, *BESIDE, "--c-bin", pair[0],
                                "--py-bin", pair[1]], env=environment, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 20
    while len(pids := list((tmp_path / "temporary").glob("nb-compare-*/run/pid"))) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    numbers = [int(path.read_text()) for path in pids]
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=20)
    assert len(numbers) == 2 and running.returncode == 128 + signal.SIGTERM and "stopped" in said
    assert not any(Path(f"/proc/{number}").exists() for number in numbers)
    assert not list((tmp_path / "temporary").glob("nb-compare-*"))


@pytest.mark.parametrize(("place", "names"), [
    ("/tmp/x", ["/tmp/x", "/data/tmp/x"]), ("/data/y", ["/data/y"]), ("/other/z", ["/other/z"])])
def test_files_are_known_by_all_names_that_mounts_give_them(place, names):
    """A disk whose folder /tmp is also seen as /data/tmp, as a container may have it."""
    table = ("20 1 8:1 / / rw - ext4 /dev/a rw\n21 20 8:2 /host/tmp /tmp rw - ext4 /dev/b rw\n"
             "22 20 8:2 /host /data rw - ext4 /dev/b rw\n")
    assert list(map(str, names_of(Path(place), table))) == names


def test_a_folder_that_can_be_read_by_another_name_is_no_place(monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "names_of", lambda place: [place, Path("/opt/seen/here")])
    assert sandbox.read_through(engine(tmp_path / "bin" / "a.py"), {}, tmp_path / "x") == Path("/opt")
    monkeypatch.setattr(sandbox, "names_of", lambda place: [place])
    assert sandbox.read_through(engine(tmp_path / "bin" / "a.py"), {}, tmp_path / "x") is None
    assert sandbox.read_through(engine(tmp_path / "a.py"), {}, tmp_path / "x") == tmp_path


def engine(program):
    program.parent.mkdir(exist_ok=True)
    program.touch()
    return Engine("subject", "a", (str(program),), "test", confined=True)


def test_an_engine_that_nobody_confines_is_never_started_beside_another(tmp_path):
    """Also where the run itself forgot to ask."""
    job = Job(Engine("subject", "a", ("a",), "test"), (), None, 1.0, tmp_path)
    with pytest.raises(UsageError, match="the other one's image"), side_by_side.private_folders({"subject": job}):
        pytest.fail("it was let in")


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("4,2", 4), ("0", None), ("many", None), ("", None)])
def test_cores_are_those_that_an_engine_is_told_to_use(tmp_path, text, count):
    assert cores.cores_of(engine(tmp_path / "a.py"), {"OMP_NUM_THREADS": text}) == count


def test_a_quota_of_the_control_group_counts(monkeypatch):
    monkeypatch.setattr(cores, "_quotas", lambda: iter([1]))
    assert cores.usable_cores() == 1
