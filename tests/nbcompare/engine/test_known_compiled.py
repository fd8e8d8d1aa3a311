"""What was found to be compiled of its source is known again by one sum of all bytes, and by nothing else."""

import json
import os
import py_compile
from dataclasses import replace
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from nbcompare.case.arguments.options import SUBJECT
from nbcompare.engine.engine import Engine
from nbcompare.engine.safety.safe_start import BUNDLED_SUBJECT
from nbcompare.engine.sources import interpreter, python_here
from nbcompare.engine.sources.entry import entry_of
from nbcompare.engine.sources.known_compiled import keep_sum, known_sum
from nbcompare.engine.sources.python_here import stale_among

SAFE = {"PYTHONSAFEPATH": "1"}
SIMULATOR = Engine(SUBJECT, "nanobrag_torch", BUNDLED_SUBJECT, "default")


@pytest.fixture
def sources(tmp_path):
    paths = [tmp_path / "a.py", tmp_path / "b.py"]
    for path in paths:
        path.write_text("X = 1\n")
        py_compile.compile(str(path), doraise=True)
    return list(map(str, paths))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "nb-compare/compiled"


def test_files_that_are_known_are_not_compiled_again(sources, monkeypatch):
    stale, known = stale_among(sources, None)
    monkeypatch.setattr(python_here, "_is_stale", lambda *_: pytest.fail("compiled again"))
    assert (stale, stale_among(sources, known)) == ([], ([], known))


@pytest.mark.parametrize("change", ["source", "compiled"])
def test_a_compiled_file_of_another_text_is_found_whatever_was_known(change, sources):
    """One digit is another, in the source or in what was compiled of it, and every time is what it was."""
    _, known = stale_among(sources, None)
    path, cached = Path(sources[1]), cache_from_source(sources[1])
    held = path.stat()

    def write(text):
        path.write_text(text)
        os.utime(path, ns=(held.st_atime_ns, held.st_mtime_ns))

    write("X = 2\n")
    if change == "compiled":
        py_compile.compile(str(path), doraise=True)
        write("X = 1\n")
    assert stale_among(sources, known)[0] == [cached]


def test_what_the_simulators_python_said_is_known_in_the_next_run_unless_others_could_have_said_it(cache, monkeypatch):
    asked = []
    said = {"bundled": True, "stale": [], "compiled": "5" * 64}
    monkeypatch.setattr(interpreter, "answer", lambda argv, *_, **__: asked.append(json.loads(argv[-1])["compiled"])
                        or json.dumps(said).encode())
    for _ in range(2):
        interpreter.ask(SIMULATOR, entry_of(SIMULATOR.start, None), SAFE)
    assert asked == [None, "5" * 64]
    cache.chmod(0o777)
    assert known_sum(SIMULATOR, SAFE) is None
    cache.chmod(0o755)
    assert known_sum(SIMULATOR, SAFE) == "5" * 64
    next(cache.iterdir()).chmod(0o666)
    assert known_sum(SIMULATOR, SAFE) is None


@pytest.mark.parametrize("said", [{"bundled": True, "stale": ["x.pyc"]}, {"bundled": None, "stale": []}])
def test_nothing_is_kept_where_a_compiled_file_is_of_another_text_or_the_simulator_is_another(said, cache, monkeypatch):
    monkeypatch.setattr(interpreter, "answer", lambda *_, **__: json.dumps({**said, "compiled": "5" * 64}).encode())
    interpreter.ask(SIMULATOR, entry_of(SIMULATOR.start, None), SAFE)
    assert not cache.exists()


@pytest.mark.parametrize("more", [{"PYTHONPATH": "/mine"}, {"LD_PRELOAD": "/x.so"}, {"HOME": "/other"}])
def test_a_python_that_could_be_made_to_say_it_is_neither_believed_nor_told(more, cache):
    keep_sum(SIMULATOR, {**SAFE, **more}, "5" * 64)
    assert not cache.exists()
    keep_sum(SIMULATOR, SAFE, "5" * 64)
    assert known_sum(SIMULATOR, {**SAFE, **more}) is None and known_sum(SIMULATOR, SAFE)
    assert known_sum(replace(SIMULATOR, start=("python", "-m", "twin")), SAFE) is None
