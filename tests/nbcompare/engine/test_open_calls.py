"""What the processes of a program open is seen, whoever opens it, and nothing that they do is changed."""

import ctypes
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from shutil import copy, rmtree
from tempfile import mkdtemp

import pytest

from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import ProcessEnd, run_program
from nbcompare.engine.sources.account import opened_by
from nbcompare.engine.sources.opened import changed_since

ROOT_OF_PROCESS = Path("/proc/self", "root")
"""By which a process names its own ``/``."""


@pytest.fixture
def watched(tmp_path):
    """Run a program in a folder of its own; what was seen, and how it ended."""

    def call(*words: str, seconds: float = 60.0) -> tuple[OpenCalls, ProcessEnd]:
        folder = tmp_path / "work"
        folder.mkdir(exist_ok=True)
        with OpenCalls() as watch:
            ended = run_program(words, folder=folder, stdout=tmp_path / "out", stderr=tmp_path / "err",
                                seconds=seconds, watch=watch)
        return watch, ended

    if OpenCalls.why_not():
        pytest.skip(f"the kernel does not let files be watched here: {OpenCalls.why_not()}")
    return call


def of(watch: OpenCalls, path: Path):
    return watch.calls.uses[str(path)]


def test_a_file_that_a_program_of_a_program_reads_by_a_relative_name_is_seen(watched, tmp_path):
    (tmp_path / "data").mkdir()
    table = tmp_path / "data/table.txt"
    table.write_text("1\n")
    inner = tmp_path / "inner.sh"
    inner.write_text("#!/bin/sh\ncd ../data && exec cat table.txt\n")
    inner.chmod(0o755)
    watch, ended = watched("/bin/sh", "-c", f"env {inner}; true")
    assert ended.exit_code == 0 and (tmp_path / "out").read_text() == "1\n"
    assert of(watch, table).read and not of(watch, table).written
    assert of(watch, table).stamp == (
        (found := os.stat(table)).st_ino, 2, found.st_mtime_ns, found.st_ctime_ns)
    assert of(watch, inner).run
    assert watch.calls.unwatched is None and not watch.calls.unseen


def test_a_file_that_the_program_made_itself_is_told_from_one_that_was_there(watched, tmp_path):
    before, moved = tmp_path / "before", tmp_path / "moved"
    before.write_text("old\n")
    made = tmp_path / "made"
    watch, _ = watched("/bin/sh", "-c", f"echo new > {made}; mv {made} {moved}; cat {moved} {before}; "
                                        f"echo more >> {before}; cat {tmp_path}/none")
    assert of(watch, made).made and of(watch, moved).made and of(watch, moved).read
    assert not of(watch, before).made and of(watch, before).written
    assert of(watch, tmp_path / "none").stamp is None and not of(watch, tmp_path / "none").made


@pytest.mark.parametrize("text", [
    "os.symlink('other/table', 'y'); os.rename('y', 'here/table')",
    "os.rename('here', 'away'); os.symlink('other', 'here')",
    "os.symlink('other', 'y'); os.rename('here', 'away'); os.rename('y', 'here')",
])
def test_a_name_that_was_used_and_leads_elsewhere_since_is_followed_again(watched, tmp_path, text):
    for folder in ("here", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "table").write_text(folder)
    (tmp_path / "here/other").symlink_to("../other")
    watch, ended = watched(sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r}); open('here/table').read(); "
                                                 f"{text}; print(open('here/table').read())")
    assert ended.exit_code == 0 and (tmp_path / "out").read_text() == "other\n"
    assert of(watch, tmp_path / "other/table").read


def test_a_folder_that_is_moved_to_be_read_and_moved_back_is_told(watched, tmp_path):
    """One that the program made itself may be."""
    for folder in ("mine", "theirs"):
        moved = f"mv {folder} q && cat q/table && mv q {folder}"
        if folder == "theirs":
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "table").write_text("1\n")
        else:
            moved = f"test -d mine || mkdir mine && echo 1 > mine/table && {moved}"
        watch, ended = watched("/bin/sh", "-c", f"cd {tmp_path} && {moved}")
        told = [f"it moved the folder {tmp_path / folder}, and what it read there meanwhile is not known"]
        assert ended.exit_code == 0 and [*watch.calls.unseen][:1] == (told if folder == "theirs" else [])


@pytest.mark.parametrize(("done", "is_told"), [
    ("ls -R q > /dev/null && rm -r q", False), ("mv q r && cat r/table", True), ("ln q/table t && cat t", True),
    ("q/table", True)])
def test_a_folder_that_is_moved_aside_and_cleared_is_not_read(watched, tmp_path, done, is_told):
    """pytest does so with the folders of older sessions, also beside the tests that a case maps."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old/table").write_text("#!/bin/sh\n")
    (tmp_path / "old/table").chmod(0o755)
    watch, ended = watched("/bin/sh", "-c", f"cd {tmp_path} && mv old q && {done}")
    assert ended.exit_code == 0 and bool(watch.calls.unseen) == is_told


def test_a_root_or_container_that_is_entered_late_is_told(watched, tmp_path):
    watch, _ = watched(sys.executable, "-c", "import ctypes, os; os.stat('/usr'); c = ctypes.CDLL(None); "
                                                 "c.unshare(0x10000000); print(c.unshare(0x20000)); os.stat('/etc')")
    if (tmp_path / "out").read_text() != "0\n":
        pytest.skip("no container can be made here")
    assert "it works in a root or container of its own" in watch.calls.unseen


@pytest.mark.parametrize("way", ["../self/table", "/usr/../proc/self/cwd/table"])
def test_where_a_link_leads_that_is_another_for_each_process_is_not_known(watched, tmp_path, way):
    """We would follow it to a file of our own, and take that for what was read."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/table").write_text("1\n")
    (tmp_path / "self").symlink_to("/proc/self/cwd")
    (tmp_path / "round").symlink_to("round")
    watch, _ = watched("/bin/sh", "-c", "cat ../round /usr/../etc/passwd")
    assert not watch.calls.unseen
    watch, ended = watched("/bin/sh", "-c", f"cd {tmp_path}/data && cat {way}")
    assert ended.exit_code == 0 and (tmp_path / "out").read_text() == "1\n"
    assert "it follows a link into /proc, and the file that this leads to is not known" in watch.calls.unseen


@pytest.mark.parametrize("text", [
    "import os; os.open('FILE', os.O_RDONLY)",
    "import os; f = os.open(os.path.dirname('FILE'), os.O_RDONLY); os.open('table', os.O_RDONLY, dir_fd=f)",
    "import os; os.chdir(os.path.dirname('FILE')); open('./x/../table')",
    "import mmap; f = open('FILE', 'rb'); mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)",
    "import threading; t = threading.Thread(target=open, args=('FILE',)); t.start(); t.join()",
    "import os; (os.fork() or open('FILE')) and os.wait()",
    "import ctypes; ctypes.CDLL(None).fopen(b'FILE', b'r')",
    "import shutil; shutil.copy('FILE', '.')",
    "import os; os.chdir(os.path.dirname('FILE')); open('/./proc/self/cwd/table')",
    "import os; os.chdir(os.path.dirname('FILE')); open('//proc/self/cwd/table')",
    "import os; open(f'/dev/fd/{os.open(\"FILE\", os.O_PATH)}')",
])
def test_every_way_to_open_a_file_is_seen(watched, tmp_path, text):
    (tmp_path / "x").mkdir()
    table = tmp_path / "table"
    table.write_text("1\n")
    watch, ended = watched(sys.executable, "-I", "-S", "-c", text.replace("FILE", str(table)))
    assert ended.exit_code == 0
    assert of(watch, table).read


@pytest.mark.parametrize("way", ["ln -s TABLE t; cat t", "ln -s ../data d; cat d/table", "ln TABLE t; cat t",
                                 "ln -s /etc/hostname t; cat t; ln -sf TABLE t; cat t",
                                 f"cat {ROOT_OF_PROCESS}/TABLE", "cd ../data; cat /proc/self/cwd/table"])
def test_a_file_behind_a_link_in_the_scratch_folder_is_seen(watched, tmp_path, way):
    """A wrapper links its tables into the folder it works in, which is gone afterwards."""
    table = tmp_path / "data/table"
    table.parent.mkdir()
    table.write_text("1\n")
    watch, _ = watched("/bin/sh", "-c", way.replace("TABLE", str(table)))
    found = watch.calls.outside(tmp_path / "work").uses[str(table)]
    assert found.read and not found.made and found.stamp


def test_a_link_that_was_there_counts_by_its_own_name_too(watched, tmp_path):
    """It may lead elsewhere tomorrow."""
    (tmp_path / "v1").write_text("1\n")
    (tmp_path / "current").symlink_to("v1")
    watch, _ = watched("/bin/cat", f"{tmp_path}/current")
    assert of(watch, tmp_path / "current").read and of(watch, tmp_path / "v1").behind == str(tmp_path / "current")


def test_a_program_and_a_module_that_would_be_found_before_are_missed(watched, tmp_path, monkeypatch):
    """A shell, and Python, look along their paths without opening what is not there."""
    first, second = tmp_path / "first", tmp_path / "second"
    for place in (first, second):
        place.mkdir()
    (first / "notes.txt").write_text("")
    (second / "speed.py").write_text("X = 1\n")
    tool = second / "tool"
    tool.write_text("#!/bin/sh\ntrue\n")
    tool.chmod(0o755)
    search = f"{first}:{second}:/usr/bin:/bin"
    watch, ended = watched("/bin/sh", "-c", f"PATH={search}; tool && PYTHONPATH={first}:{second} "
                                            f"{sys.executable} -S -c 'import speed'")
    assert ended.exit_code == 0
    found = opened_by(watch.calls, search=search)[0]
    assert changed_since(found) == [] and str(first / "tool") in found.absent
    (first / "tool").write_text("#!/bin/sh\nfalse\n")
    (first / "notes2.txt").write_text("")
    assert changed_since(found) == [f"{first}/tool is new"]
    (first / "speed.py").write_text("X = 2\n")
    assert changed_since(found)[1:] == [f"{first} has other files than when it was listed"]


def test_a_pipe_is_told(watched, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    watch, _ = watched("/bin/sh", "-c", f"cat {tmp_path}/pipe & echo x > {tmp_path}/pipe; wait")
    assert list(watch.calls.unseen) == [
        f"it reads or writes the pipe {tmp_path}/pipe, and who is at its other end is not known"]


def test_what_cannot_be_seen_is_said(watched, tmp_path):
    text = ("import socket\ns = socket.socket(socket.AF_UNIX)\n"
            f"try:\n    s.connect({str(tmp_path / 'daemon')!r})\nexcept OSError:\n    pass\n")
    watch, _ = watched(sys.executable, "-I", "-S", "-c", text)
    assert list(watch.calls.unseen) == [f"it asks another program through the socket {tmp_path / 'daemon'}"]


SERVED = """
import os, socket, sys
family, address = (socket.AF_INET, ("127.0.0.1", 0)) if sys.argv[1] == "inet" else (
    socket.AF_UNIX, sys.argv[1].replace("@", chr(0)))
server = socket.socket(family)
server.bind(address)
server.listen()
if not os.fork():
    server.accept()[0].sendall(b"x")
    os._exit(0)
address = server.getsockname()
if sys.argv[2] == "closed":
    server.close()
asks = socket.socket(family)
asks.connect(address)
assert asks.recv(1) == b"x"
os.wait()
"""


@pytest.mark.parametrize("own", ["open", "closed"])
@pytest.mark.parametrize("kind", ["inet", "unix", "abstract"])
def test_a_server_of_the_programs_own_is_no_other_program(watched, tmp_path, kind, own):
    """Whether the program holds it too, or its child alone."""
    place = {"inet": "inet", "unix": str(tmp_path / "own"), "abstract": f"@own-{os.getpid()}-{own}"}[kind]
    watch, ended = watched(sys.executable, "-I", "-S", "-c", SERVED, place, own)
    assert (ended.exit_code, list(watch.calls.unseen)) == (0, [])


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_server_of_somebody_else_is_told(watched, tmp_path, family):
    with socket.socket(family) as server:
        server.bind(("127.0.0.1", 0) if family == socket.AF_INET else str(tmp_path / "others"))
        server.listen()
        text = f"import socket; socket.socket(socket.{family.name}).connect({server.getsockname()!r})"
        watch, ended = watched(sys.executable, "-I", "-S", "-c", text)
    assert ended.exit_code == 0
    assert [told.rpartition(" through ")[0] for told in watch.calls.unseen] == ["it asks another program"]


SENDS = """
import os, socket, sys
kind, others = sys.argv[1:]
family = socket.AF_INET if kind == "inet" else socket.AF_UNIX
own = socket.socket(family, socket.SOCK_DGRAM)
own.bind(("127.0.0.1", 0) if kind == "inet" else "own")
address = own.getsockname() if others == "own" else ("127.0.0.1", int(others)) if kind == "inet" else others
pair = socket.socketpair()
pair[0].send(b"x")
socket.socket(family, socket.SOCK_DGRAM).sendto(b"x", address)
"""


@pytest.mark.parametrize("kind", ["inet", "unix"])
def test_what_is_sent_to_another_program_without_a_connection_is_told(watched, tmp_path, kind):
    """And not what is sent to a socket of its own, or to whom one is connected to."""
    with socket.socket(getattr(socket, f"AF_{kind.upper()}"), socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0) if kind == "inet" else str(tmp_path / "others"))
        place = str(server.getsockname()[1] if kind == "inet" else server.getsockname())
        for others, said in (("own", []), (place, ["it asks another program"])):
            (tmp_path / "work/own").unlink(missing_ok=True)
            watch, ended = watched(sys.executable, "-I", "-S", "-c", SENDS, kind, others)
            assert ended.exit_code == 0, (tmp_path / "err").read_text()
            assert [told.rpartition(" through ")[0] for told in watch.calls.unseen] == said
        assert server.recv(1, socket.MSG_DONTWAIT) == b"x"


@pytest.mark.parametrize("text", [
    "os.chdir('PLACE')", "os.statvfs('PLACE')",
    "ctypes.CDLL(None).syscall(NUMBER, -100, b'PLACE', ctypes.create_string_buffer(200), 0x1000)"])
@pytest.mark.parametrize("is_there", [True, False])
def test_every_question_whether_something_is_there_is_seen(watched, tmp_path, text, is_there):
    """Also where a look is said to be at an open file (AT_EMPTY_PATH), and names another."""
    place = tmp_path / "place"
    if is_there:
        place.mkdir()
    number = {"x86_64": "262", "aarch64": "79"}[os.uname().machine]  # newfstatat
    watch, _ = watched(sys.executable, "-I", "-S", "-c",
                       f"import ctypes, os; {text.replace('PLACE', str(place)).replace('NUMBER', number)}")
    assert of(watch, place).looked_at and of(watch, place).is_folder == is_there


@pytest.mark.parametrize("number", [464, 465])
def test_an_attribute_that_is_asked_for_by_the_newest_calls_is_seen(watched, tmp_path, number):
    table = tmp_path / "table"
    table.write_text("1\n")
    plain = f"import os; os.getxattr({str(table)!r}, 'user.scale')"
    newest = f"import ctypes; ctypes.CDLL(None).syscall({number}, -100, {os.fsencode(table)!r}, 0, b'user.scale', 0, 0)"
    seen = [watched(sys.executable, "-I", "-S", "-c", text)[0] for text in (plain, newest)]
    assert vars(of(seen[1], table)) == vars(of(seen[0], table))


SHARED = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
if sys.argv[1] == "queue":
    sys.exit(libc.msgrcv(libc.msgget(0, 0o1600), ctypes.create_string_buffer(16), 8, 0, 0o4000) != -1)
number = libc.shmget(0, 8, 0o1600) if sys.argv[1] == "own" else int(sys.argv[1])
if os.fork():
    os.wait()
else:
    os._exit(libc.shmat(number, None, 0) in (None, 2 ** 64 - 1))
libc.shmctl(number, 0, None)
"""


def test_memory_and_messages_of_another_program_are_told_and_memory_of_its_own_is_not(watched):
    libc = ctypes.CDLL(None)
    number = libc.shmget(0, 8, 0o1600)
    try:
        for word, said in (("own", []), (str(number), ["it shares memory (of System V) with another program"]),
                           ("queue", ["it asks another program through a queue of messages"])):
            watch, ended = watched(sys.executable, "-I", "-S", "-c", SHARED, word)
            assert (ended.exit_code, list(watch.calls.unseen)) == (0, said)
    finally:
        libc.shmctl(number, 0, None)


def test_a_program_ends_as_it_would_unwatched(watched, tmp_path):
    assert watched("/bin/sh", "-c", "exit 3")[1].exit_code == 3
    assert watched("/bin/sh", "-c", "kill -9 $$")[1].signal_name == "SIGKILL"
    assert watched("/no/such/program")[1].not_started
    assert watched("/bin/sh", "-c", "sleep 60", seconds=0.2)[1].timed_out


def test_a_signal_that_comes_while_a_file_is_opened_interrupts_nothing(watched, tmp_path):
    """A timer of the program's fires a thousand times a second, with a handler as signal() of C sets one."""
    text = ("import ctypes, signal\nsignal.signal(signal.SIGALRM, lambda *_: None)\n"
            "signal.siginterrupt(signal.SIGALRM, False)\nsignal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
            "libc = ctypes.CDLL(None, use_errno=True)\n"
            "print(sum(libc.open(b'/dev/null', 0) < 0 for _ in range(300)))\n")
    watched(sys.executable, "-I", "-S", "-c", text)
    assert (tmp_path / "out").read_text() == "0\n"


OPENS_LATE = """\
import sys
from pathlib import Path
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import run_program
with OpenCalls() as watch:
    run_program(["/bin/sh", "-c", "echo $$ > ready; sleep 0.3; echo > late"], folder=Path(sys.argv[1]),
                stdout=Path("/dev/null"), stderr=Path("/dev/null"), seconds=60, watch=watch)
"""


def test_a_program_whose_watcher_was_killed_fails_and_does_not_wait(watched, tmp_path):
    with subprocess.Popen([sys.executable, "-c", OPENS_LATE, str(tmp_path)]) as watcher:
        ready = tmp_path / "ready"
        while not (ready.exists() and ready.read_text()):
            time.sleep(0.01)
        watcher.kill()
    program = Path(f"/proc/{ready.read_text().strip()}")
    until = time.monotonic() + 30
    while program.exists() and "\nState:\tZ" not in (program / "status").read_text():
        assert time.monotonic() < until, "it waits for an answer that nobody gives"
        time.sleep(0.05)
    assert not (tmp_path / "late").exists()


def test_a_system_that_refuses_is_said_and_the_program_runs(watched, tmp_path):
    """A filter of this kind is there already, as where nb-compare is run by nb-compare."""
    program = ("from pathlib import Path\nfrom nbcompare.engine.processes.open_calls import OpenCalls\n"
               "from nbcompare.engine.processes.process import run_program\n"
               "with OpenCalls() as watch:\n"
               "    ended = run_program(['/bin/cat', '/etc/hostname'], folder=Path('.'),\n"
               "                        stdout=Path('o'), stderr=Path('e'), seconds=60, watch=watch)\n"
               "print(ended.exit_code, watch.calls.unwatched)\n")
    watch, _ = watched(sys.executable, "-c", program)
    assert (tmp_path / "out").read_text().startswith("0 nb-compare was itself started by a program that is watched")
    assert "/etc/hostname" in watch.calls.uses, "the outer one sees what the inner one starts"


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can become another")
def test_a_user_without_privileges_can_watch_too_and_hears_of_lost_rights(tmp_path):
    """There a filter needs that set-uid programs lose their rights; and nb-compare's own memory is closed."""
    place = mkdtemp()
    os.chmod(place, 0o755)
    raised = copy("/bin/cat", f"{place}/raised")
    os.chmod(raised, 0o4755)
    program = ("import os\nfrom pathlib import Path\nfrom nbcompare.engine.processes.open_calls import OpenCalls\n"
               "from nbcompare.engine.processes.process import run_program\n"
               "from nbcompare.engine.processes.strays import close_memory\n"
               "os.setgid(65534)\nos.setuid(65534)\nclose_memory()\n"
               "with OpenCalls() as watch:\n"
               f"    run_program(['/bin/sh', '-c', '{raised} /etc/hostname'], folder=Path('/'),\n"
               "                stdout=Path('/dev/null'), stderr=Path('/dev/null'), seconds=60, watch=watch)\n"
               "print(watch.calls.unwatched, *watch.calls.unseen, '/etc/hostname' in watch.calls.uses, sep='\\n')\n")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    rmtree(place)
    assert done.stdout.splitlines() == [
        "None", f"the set-uid program {raised} has no rights of its own while it is watched", "True"], done.stderr


def test_a_program_that_is_not_to_be_watched_is_not(tmp_path):
    with OpenCalls("its declaration says watched: false") as watch:
        run_program(["/bin/true"], folder=tmp_path, stdout=tmp_path / "o", stderr=tmp_path / "e", seconds=60,
                    watch=watch)
    assert watch.calls.unwatched == "its declaration says watched: false" and not watch.calls.uses


def test_of_what_is_not_watched_no_copy_of_this_process_is_made():
    """A program is started by vfork unless something has to be done between fork and exec."""
    with OpenCalls() as seen, OpenCalls("nobody reads it") as unseen:
        assert seen.at_start and unseen.at_start is None
