"""The renderer: one way to run an engine, and answers kept under all that they depend on."""

import errno
import os
import sys
from dataclasses import replace

import numpy as np
import pytest

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Engine
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.evidence_folder import EvidenceFolder
from nbcompare.engine.rendering.render_cache import RenderCache
from nbcompare.engine.rendering.renderer import Batches, Renderer, edited_inputs
from nbcompare.engine.rendering.runs import Job, RunFiles

ENGINE = """\
import os, sys
from array import array
from pathlib import Path
if "-version" in sys.argv:
    print("counting 1")
    raise SystemExit
with open({log!r}, "a") as log:
    log.write("x")
if "-fail" in sys.argv:
    raise SystemExit(3)
if "-crash" in sys.argv:
    os.abort()
size = len(Path("A.mat").read_text()) if Path("A.mat").exists() else 1
with open("float.bin", "wb") as stream:
    array("f", [float(i + size) for i in range(63)]).tofile(stream)
print("size", size)
"""


@pytest.fixture
def counted(tmp_path):
    """A job of an engine that counts its runs, the means to count them, and the engine's file."""
    program, log, inputs = tmp_path / "engine.py", tmp_path / "log", tmp_path / "inputs"
    program.write_text(ENGINE.format(log=str(log)))
    inputs.mkdir()
    (inputs / "A.mat").write_text("1 0 0")
    engine = Engine(SUBJECT, "counted", (sys.executable, str(program)), "test")
    return Job(engine, ("-a", "1"), Shape(7, 9), 30.0, inputs), lambda: len(log.read_text()), program


@pytest.fixture
def cache(tmp_path):
    return RenderCache(tmp_path / "cache")


def rendered(job, cache):
    """Rendered by a renderer that knows nothing but the cache."""
    with Renderer(cache=cache) as renderer:
        return renderer.render(job)


def test_the_same_job_is_run_once(counted, cache):
    job, runs, _ = counted
    first, again = rendered(job, cache), rendered(job, cache)
    assert runs() == 1
    assert first.run == again.run and first.stdout == again.stdout == "size 5\n"
    np.testing.assert_array_equal(first.image, again.image)


def test_without_a_cache_every_job_is_run(counted):
    job, runs, _ = counted
    for _ in range(2):
        rendered(job, None)
    assert runs() == 2


def test_a_renderer_asks_again_who_an_engine_is_when_its_program_was_written(counted):
    job, _, program = counted
    with Renderer() as renderer:
        before = renderer.identity(job.engine)
        assert renderer.identity(job.engine) == before
        program.write_text(program.read_text() + "# rebuilt\n")
        assert renderer.identity(job.engine) != before


@pytest.mark.parametrize("change", ["arguments", "input", "variable", "program"])
def test_what_an_answer_depends_on_is_run_anew(counted, cache, change):
    job, runs, program = counted
    rendered(job, cache)
    if change == "arguments":
        job = replace(job, arguments=("-a", "2"))
    elif change == "input":
        (job.inputs / "A.mat").write_text("1 0 0 ")
    elif change == "variable":
        job = replace(job, environment={"NB_X": "1"})
    else:
        program.write_text(program.read_text() + "# other\n")
    rendered(job, cache)
    assert runs() == 2


@pytest.mark.parametrize(("word", "times"), [("-fail", 1), ("-crash", 2)])
def test_a_refusal_is_kept_and_a_crash_is_not(counted, cache, word, times):
    job, runs, _ = counted
    failed = [rendered(replace(job, arguments=(word,)), cache) for _ in range(2)]
    assert runs() == times
    assert {one.run.failure.kind for one in failed} == {"exit-code" if word == "-fail" else "crashed"}
    assert all(one.image is None for one in failed)


def test_an_answer_that_cannot_be_kept_leaves_nothing_behind(cache, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.keep_image("key", np.ones((7, 9), np.float32))
    assert not list((tmp_path / "cache").iterdir())


def test_an_engine_that_knows_a_batch_is_kept_only_if_it_does_the_same_there(tmp_path, fake):
    (tmp_path / "inputs").mkdir()
    job = Job(Engine(SUBJECT, "batch", (sys.executable, str(fake("batch"))), "test"),
              ("-detpixels_x", "9", "-detpixels_y", "7"), Shape(7, 9), 30.0, tmp_path / "inputs")
    with Renderer(batches=Batches.PROVEN) as renderer:
        first, second = renderer.render(job), renderer.render(job)
    assert first.run.how == second.run.how == "batch" and first.stdout == second.stdout
    with Renderer(batches=Batches.BUNDLED) as renderer:
        assert renderer.render(job).run.how == "process"


def test_edited_inputs_stand_beside_the_others_and_leave_them_as_they_are(tmp_path):
    for name in ("A.mat", "B.hkl"):
        (tmp_path / name).write_text(name)
    with edited_inputs(tmp_path, {"A.mat": "other"}) as folder:
        assert (folder / "A.mat").read_text() == "other" and (folder / "B.hkl").read_text() == "B.hkl"
    assert (tmp_path / "A.mat").read_text() == "A.mat"


def test_the_images_of_a_pair_are_written_when_no_engine_runs_any_more(counted, tmp_path):
    job, _, _ = counted
    jobs = {role: replace(job, engine=replace(job.engine, role=role)) for role in (REFERENCE, SUBJECT)}
    home = tmp_path / "home"
    home.mkdir()
    places = {role: RunFiles(*(home / f"{role}-{end}" for end in ("image", "out", "err", "rest"))) for role in jobs}
    with Renderer() as renderer:
        place = EvidenceFolder(home, renderer, Progress(quiet=True))
        found = place.run_pair(jobs, places)
        assert not places[REFERENCE].image.exists() and not places[SUBJECT].image.exists()
        place.write_images(lambda name, content: (place.folder / name).write_bytes(content))
    assert list(found) == [REFERENCE, SUBJECT]
    for role, rendering in found.items():
        np.testing.assert_array_equal(np.fromfile(places[role].image, "<f4").reshape(7, 9), rendering.image)


# --- what an engine is made of ----------------------------------------------------------------------------------


def test_a_module_that_the_program_imports_is_part_of_what_an_answer_depends_on(counted, cache):
    """The program's own bytes stay as they are; the module beside it is edited between two renderers, and while one
    lives."""
    job, runs, program = counted
    module = program.with_name("part.py")
    module.write_text("SIZE = 1\n")
    program.write_text("import part\n" + program.read_text())
    rendered(job, cache)
    rendered(job, cache)
    assert runs() == 1
    module.write_text("SIZE = 22\n")
    rendered(job, cache)
    assert runs() == 2
    with Renderer(cache=cache) as renderer:
        renderer.render(job)
        module.write_text("SIZE = 333\n")
        renderer.render(job)
    assert runs() == 3


def test_an_engine_that_is_not_known_whole_is_run_again_on_another_day(counted, cache):
    """It starts another program, whose bytes nobody knows."""
    job, runs, program = counted
    program.write_text("import subprocess\n" + program.read_text())
    rendered(job, cache)
    rendered(job, cache)
    assert runs() == 2
