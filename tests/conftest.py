"""Options, markers and engines of the whole suite."""

import compileall
import fcntl
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
"""Threads of torch and of the C reference that have nothing to do sleep. With as many processes as cores, those that
spin while they wait took up to ten times the processor time of what they waited for. Set before torch is imported."""

settings.register_profile("patient", deadline=None)  # an example takes long where others use the processors, too
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("patient")
if os.environ.get("CI"):
    settings.load_profile("ci")  # the same examples each time: what is red is red because of a change


def pytest_addoption(parser):
    parser.addoption("--device", default="cpu", choices=("cpu", "cuda"), help="where simulator tests render")


def pytest_configure(config):
    """Where the whole suite is run by several processes, the packages are compiled once: hundreds of processes import
    them, also where PYTHONDONTWRITEBYTECODE keeps each from writing what it compiled."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        checkout = Path(__file__).resolve().parent.parent
        for package in ("nbcompare", "simulator/nanobrag_torch"):
            compileall.compile_dir(checkout / package, quiet=2)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """The processes of one session keep for each other (and for the next session) what pytest makes of the asserts of
    each module of tests, also where PYTHONDONTWRITEBYTECODE is set: that is most of what collecting costs."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, sys.dont_write_bytecode and not _worker(session)
    yield
    sys.dont_write_bytecode = before


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Every second process begins at the other end, so that two meet in the middle and each finds what the other made;
    the order in which tests are run is the same for all."""
    report = yield
    if int(_worker(collector.session) or 0) % 2 and isinstance(collector, pytest.Directory):
        report.result.reverse()
    return report


def _worker(session):
    """The number of this process in a session of several, as text; empty where there is one."""
    return getattr(session.config, "workerinput", {}).get("workerid", "").removeprefix("gw")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Modules with long tests come first, so that no process is left alone with one at the end."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in long, item.path))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_forced_to_the_disk():
    """A test's folder outlives no power cut. Which files are forced, and before what, is looked at where ``os.fsync``
    is replaced by what counts them (tests/nbcompare/bundle/test_making_a_bundle.py)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def reference_binary():
    """Path of the C reference, up to date with its sources; needs make and a C compiler."""
    from engines import built_reference

    return built_reference()


@pytest.fixture(scope="session")
def torch_batch():
    """The torch simulator in one process, so that many commands pay for its start once."""
    from engines import TorchBatch

    batch = TorchBatch()
    yield batch
    batch.close()


@pytest.fixture
def served_torch(torch_batch, monkeypatch):
    """Runs of the torch simulator in this process's nb-compare are answered by one that is kept, where a test is of
    what nb-compare makes of the images; programs entered in the dictionary that this gives, by path, are the simulator
    with the options that stand there. A start costs some seconds otherwise, most of them for what torch opens."""
    from engines import served

    programs = {}
    monkeypatch.setattr("nbcompare.engine.run_engine.run_program", served(torch_batch, programs))
    return programs


# --- the wheel, built and installed once for all tests and all processes of a session -----------------------


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """A folder with the wheel and the sdist, built from the checkout, and what the build said (build.log)."""
    return _made_once(tmp_path_factory, "dist", _build)


@pytest.fixture(scope="session")
def installed(dist, tmp_path_factory):
    """The bin folder of a Python with the wheel in it. Its libraries are those of this environment, so that nothing is
    fetched; torch is not among them."""
    wheel = next(dist.glob("*.whl"))
    return _made_once(tmp_path_factory, "environment", lambda home: install_wheel(wheel, home)) / "bin"


@pytest.fixture(scope="session")
def installed_with_torch(dist, tmp_path_factory):
    """As ``installed``, with torch among the libraries: what `pip install 'nb-compare[torch]'` gives, without fetching
    it again."""
    wheel = next(dist.glob("*.whl"))
    return _made_once(tmp_path_factory, "with-torch", lambda home: install_wheel(wheel, home, without=())) / "bin"


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory):
    """``filled_once(name, fill)``: a folder that one process of the session fills and all use."""
    return lambda name, fill: _made_once(tmp_path_factory, name, fill)


def _made_once(tmp_path_factory, name, make):
    """A folder that the first process of the session fills, while the others wait."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    with open(base / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        home = base / name
        if not (base / f"{name}.made").exists():
            home.mkdir(exist_ok=True)
            make(home)
            (base / f"{name}.made").touch()
    return home


def _build(folder):
    checkout = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-m", "build", "--no-isolation", "--outdir",
                           str(folder), str(checkout)], check=True, capture_output=True, text=True, cwd=folder)
    (folder / "build.log").write_text(done.stdout + done.stderr)


def install_wheel(wheel, home, without=("torch",)):
    """A virtual environment with the wheel; every library of this environment can be imported there but these."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    libraries = home / "libraries"
    libraries.mkdir()
    for folder in (Path(path) for path in sys.path if path.endswith("-packages")):
        for entry in folder.iterdir():
            if entry.suffix != ".pth" and not any(word in entry.name.lower() for word in without) \
                    and not (libraries / entry.name).exists() \
                    and not entry.name.startswith(("nb_compare", "nbcompare", "__editable__")):
                (libraries / entry.name).symlink_to(entry)
    (site / "libraries.pth").write_text(f"{libraries}\n")
    subprocess.run([sys.executable, "-m", "pip", "--python", home / "bin/python", "install", "-q", "--no-deps",
                    "--no-index", "--disable-pip-version-check", str(wheel)], check=True, capture_output=True)
