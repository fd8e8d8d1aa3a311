"""Work beside the main process: in a child while torch is imported, and in threads."""

import os
import signal
import subprocess
import sys

import pytest

from nanobrag_torch import cli
from nanobrag_torch.command.load import read_command
from nanobrag_torch.errors import InputFileError
from nanobrag_torch.render import workers
from nanobrag_torch.render.workers import ahead, aside


def test_a_result_comes_from_another_process():
    waiting = ahead(lambda: (os.getpid(), "x" * 1_000_000))
    process, text = waiting()
    assert process != os.getpid() and len(text) == 1_000_000


@pytest.mark.parametrize(("options", "beside"), [
    ("-default_F 1", False), ("-hkl few.hkl", True), ("-dump few.bin", True), ("-emulate fdump-reuse", True),
    ("-matrix few.mat -default_F 1", True), ("-hkl few.hkl -threads 1", False)])
def test_a_child_is_made_where_there_are_files_to_read_and_cores_for_both(tmp_path, monkeypatch, options, beside):
    for name in ("few.hkl", "few.bin", "few.mat"):
        (tmp_path / name).write_text("0 0 1 9\n")
    made = []
    monkeypatch.setattr(workers, "ahead", lambda work: made.append(work) or work)
    monkeypatch.setattr(cli, "default_threads", lambda: 2)
    command = read_command(f"-cell 9 9 9 90 90 90 {options}".split(), tmp_path, tmp_path)
    with monkeypatch.context() as before:
        before.delitem(sys.modules, "torch", raising=False)
        work = cli._loaded_meanwhile(command)
    assert made == [work] * beside


def test_what_fails_in_the_child_fails_here_with_its_own_error_and_is_not_tried_again():
    here = os.getpid()

    def fail():
        raise InputFileError(f"no reflections{' here' * (os.getpid() == here)}", "list.hkl", 3, "text")

    with pytest.raises(InputFileError) as caught:
        ahead(fail)()
    assert str(caught.value) == "list.hkl:3: no reflections"
    assert (caught.value.path, caught.value.line, caught.value.value) == ("list.hkl", 3, "text")


def test_a_bad_list_that_comes_through_a_pipe_is_told_once_and_never_waited_for(tmp_path):
    pipe = tmp_path / "list.hkl"
    os.mkfifo(pipe)
    writing = subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'w').write('1 2 x 4')"])
    argv = ["-hkl", str(pipe), *"-cell 9 9 9 90 90 90 -nonoise -force".split()]
    done = subprocess.run([sys.executable, "-m", "nanobrag_torch", *argv], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60, env={**os.environ, "OMP_NUM_THREADS": "2"})
    assert writing.wait(timeout=60) == 0
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "'x' is not an integer" in done.stderr


def test_a_child_that_is_killed_costs_nothing_but_time():
    here = os.getpid()

    def work():
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    assert ahead(work)() == here


def test_where_no_process_can_be_made_the_work_is_done_here(monkeypatch):
    def refuse():
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", refuse)
    assert ahead(os.getpid)() == os.getpid()


def test_no_child_is_left():
    child = ahead(os.getpid)()
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_thread_is_raised_where_its_result_is_asked_for(workers):
    def fail():
        raise InputFileError("cannot be written", "image.bin")

    with pytest.raises(InputFileError), aside(workers) as begin:
        begin(fail)()


@pytest.mark.parametrize("workers", [1, 3])
def test_results_are_those_of_their_own_work(workers):
    with aside(workers) as begin:
        waiting = [begin(pow, number, 2) for number in range(20)]
    assert [wait() for wait in waiting] == [number * number for number in range(20)]
