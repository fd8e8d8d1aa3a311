"""Nothing stays behind: not when an engine starts a daemon, not when nb-compare is told to stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbcompare.engine.processes import stopping
from nbcompare.engine.processes.process import run_program
from nbcompare.engine.processes.strays import adopt_orphans
from tests.nbcompare.conftest import SMALL_ARGS

LINUX = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="daemons are found by /proc, which is not here")

DAEMON = """\
import os, sys, time
pid_file = {pid_file!r}
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open(pid_file + ".part", "w") as stream:
            stream.write(str(os.getpid()))
        os.rename(pid_file + ".part", pid_file)
        for number in range(3):
            os.close(number)
        time.sleep(600)
    os._exit(0)
while not os.path.exists(pid_file):
    time.sleep(0.001)
"""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def gone(pid: int, seconds: float = 20.0) -> bool:
    """Whether a process ends; it is waited for."""
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_alive(pid)


# --- daemons ------------------------------------------------------------------------------------------------


@LINUX
def test_a_daemon_of_an_engine_ends_with_it_and_the_run_has_failed(nb, fake, tmp_path):
    pid_file = tmp_path / "daemon"
    engine = tmp_path / "engine.py"
    engine.write_text(f"import sys\nsys.path.insert(0, {str(fake('good').parent)!r})\n"
                      "from _image import pixels, write\nif '-version' in sys.argv: raise SystemExit\n"
                      f"write(pixels())\n{DAEMON.format(pid_file=str(pid_file))}")
    said = nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", engine, "-q", "--", *SMALL_ARGS)
    assert said.code == 2 and "subject left processes running when it had ended: python" in said.out
    assert not is_alive(int(pid_file.read_text()))


@LINUX
def test_a_daemon_that_was_started_for_the_version_ends_too(tmp_path):
    pid_file = tmp_path / "daemon"
    ended = run_program([sys.executable, "-c", DAEMON.format(pid_file=str(pid_file))], folder=tmp_path,
                        stdout=tmp_path / "out", stderr=tmp_path / "err", seconds=30.0)
    assert ended.exit_code == 0 and len(ended.left) == 1
    assert not is_alive(int(pid_file.read_text()))


@LINUX
def test_a_process_that_was_forked_adopts_for_itself(tmp_path):
    """To adopt orphans is not inherited: what asked once for its parent found no daemon, and let it live."""
    adopt_orphans()
    pid_file, answer = tmp_path / "daemon", os.pipe()
    forked = os.fork()
    if forked == 0:
        try:
            ended = run_program([sys.executable, "-c", DAEMON.format(pid_file=str(pid_file))], folder=tmp_path,
                                stdout=tmp_path / "out", stderr=tmp_path / "err", seconds=30.0)
            os.write(answer[1], str(len(ended.left)).encode())
        finally:
            os._exit(0)
    os.close(answer[1])
    assert os.read(answer[0], 9) == b"1"
    os.waitpid(forked, 0)
    assert not is_alive(int(pid_file.read_text()))
    os.close(answer[0])


@LINUX
def test_a_daemon_whose_every_process_lives_a_moment_ends_too(tmp_path):
    """Each forks the next and ends: a list of processes is old when it has been read."""
    chain = ("import os, time\nif os.fork() == 0:\n os.setsid()\n for number in range(100000):\n"
             f"  if os.fork(): os._exit(0)\n  open({str(tmp_path / 'beat')!r}, 'w').close()\ntime.sleep(0.3)")
    ended = run_program([sys.executable, "-c", chain], folder=tmp_path, stdout=tmp_path / "out",
                        stderr=tmp_path / "err", seconds=30.0)
    (tmp_path / "beat").unlink()
    time.sleep(0.2)
    assert ended.left and not (tmp_path / "beat").exists()


@LINUX
def test_what_stays_in_the_group_is_ended_without_a_word(tmp_path):
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)"
    ended = run_program([sys.executable, "-c", code], folder=tmp_path, stdout=tmp_path / "out",
                        stderr=tmp_path / "err", seconds=30.0)
    assert ended.exit_code == 0 and ended.left == ()
    assert gone(int((tmp_path / "out").read_text()))


@LINUX
def test_other_children_of_this_process_are_left_alone(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True) as mine:
        run_program([sys.executable, "-c", "pass"], folder=tmp_path, stdout=tmp_path / "out", stderr=tmp_path / "err",
                    seconds=30.0)
        assert mine.poll() is None
        mine.kill()


# --- signals to nb-compare ----------------------------------------------------------------------------------


def heed_signals() -> None:
    """A shell has its jobs in the background ignore these two, the tests with them, and what is ignored stays so."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def started(tmp_path, *words):
    """nb-compare in a process of its own, and the child of its engine, once that runs."""
    process = subprocess.Popen([sys.executable, "-m", "nbcompare", *map(str, words)], cwd=tmp_path,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                               env={**os.environ, "TMPDIR": str(tmp_path / "tmp")}, preexec_fn=heed_signals)  # noqa: PLW1509
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        files = [Path(top, name) for top, _, names in os.walk(tmp_path) for name in names]  # folders come and go
        found = [word for path in files if path.name.endswith("stdout.txt")
                 for word in _read(path).split() if word.isdigit()]
        if found:
            return process, int(found[0])
        time.sleep(0.02)
    process.kill()
    raise AssertionError(process.communicate())


def _read(path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "tmp").mkdir()
    return tmp_path


def left(place):
    """The files and folders that nb-compare left, but for the empty home of the case and the case itself."""
    return [path for path in place.rglob("*") if path.name.startswith((".staging-", ".work-")) or
            (path.parent == place / "tmp" and path.name.startswith("nb-compare-"))]


@LINUX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_engines_and_leaves_nothing(place, fake, small_case, number):
    process, engines_child = started(place, "run", small_case, "--c-bin", fake("good"), "--py-bin", fake("hang"))
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (2 if number == signal.SIGINT else 128 + number)
    assert "stopped" in said and "Traceback" not in said
    assert gone(engines_child)
    assert left(place) == []


@pytest.fixture
def sleeper(monkeypatch):
    """A process in a group of its own, in a registry of this test alone; and nothing here changes what signals do."""
    monkeypatch.setattr(stopping, "_STATE", stopping._State())
    monkeypatch.setattr(stopping.signal, "signal", lambda *_: None)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_signal_ends_every_group_at_once_before_anything_is_unwound(sleeper):
    """A process that another thread attends is nobody's to unwind, and one that is deaf to SIGTERM costs no time."""
    with stopping.starting() as groups:
        groups.add(sleeper.pid)
    with pytest.raises(stopping.Stopped):
        stopping._stop(signal.SIGTERM, None)
    assert sleeper.wait(10) == -signal.SIGKILL
    with pytest.raises(stopping.Stopped), stopping.starting():
        pytest.fail("something was started after the signal")


def test_what_was_being_started_when_the_signal_came_is_ended_too(sleeper):
    with pytest.raises(stopping.Stopped), stopping.starting() as groups:
        stopping._stop(signal.SIGHUP, None)
        groups.add(sleeper.pid)
    assert sleeper.wait(10) == -signal.SIGKILL


@LINUX
def test_a_signal_ends_the_one_shot_too(place, fake):
    process, engines_child = started(place, "--outdir", "out", "--c-bin", fake("good"), "--py-bin", fake("hang"), "--",
                                     *SMALL_ARGS)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert gone(engines_child)
    assert left(place) == []


@LINUX
def test_a_signal_to_a_sweep_ends_the_engines_of_its_processes(place, fake, small_case):
    small_case.write_text(small_case.read_text() + "matrix: {axes: {-exposure: [1, 2, 3, 4]}}\n")
    process, engines_child = started(place, "sweep", small_case, "--c-bin", fake("good"), "--py-bin", fake("hang"),
                                     "--jobs", "2")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert gone(engines_child)
    assert left(place) == []


def test_a_second_signal_while_the_first_is_obeyed_is_passed_over_without_a_trace(tmp_path):
    """Python told of a signal that had come, and was ignored by then, as of an error: Ctrl-C looked like a crash."""
    script = """if True:
        import os, signal, time
        from nbcompare.engine.processes import stopping
        stopping.obey_signals()
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, stopping.SIGNALS)
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping.SIGNALS)
            time.sleep(60)
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGHUP)
            print("stopped")
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")
