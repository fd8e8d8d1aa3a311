"""A kept engine that read what somebody changed since fails one run, and not all that come after it."""

import pytest

from nbcompare.case.case_file import load_case
from nbcompare.engine.choose import engines_of
from nbcompare.engine.identity import identify
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.renderer import Batches, Renderer
from nbcompare.run.one_case import run_case
from nbcompare.run.options import HandedOver, RunOptions

QUIET = Progress(quiet=True)


@pytest.fixture
def port(tmp_path, fake):
    """A program that takes many commands and reads its settings once, when it starts."""
    folder = tmp_path / "port"
    folder.mkdir()
    for name in ("batch", "_image"):
        (folder / f"{name}.py").write_bytes(fake(name).read_bytes())
    program, settings = folder / "batch.py", tmp_path / "settings.txt"
    settings.write_text("one")
    program.write_text(f"open({str(tmp_path)!r} + chr(47) + 'settings.txt').read()\n{program.read_text()}")
    return program, settings


def test_a_kept_engine_begins_anew_when_what_it_read_at_its_start_was_changed(port, fake, small_case, monkeypatch,
                                                                              tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: False)
    program, settings = port
    case, options = load_case(small_case), RunOptions(c_bin=str(fake("good")), py_bin=str(program))
    engines, said = engines_of(case, options, QUIET), []
    with Renderer(batches=Batches.PROVEN) as renderer:
        identities = {role: identify(engine) for role, engine in engines.items()}
        handed = HandedOver(engines, identities, renderer, opened={})
        for text in ("one", "another", "another"):
            settings.write_text(text)
            subject = run_case(case, options, QUIET, handed).record.runs[1]
            said.append((subject.how, subject.failure and subject.failure.sentence))
    assert [how for how, _ in said] == ["batch"] * 3
    assert said[0][1] is said[2][1] is None and "settings.txt changed" in said[1][1]
