"""An engine is when a run ends what it was when it began: program, files, and the times that nobody can set back."""

import os

import pytest

from nbcompare.case.arguments.options import SUBJECT
from nbcompare.engine.drift import EngineDrift, faults_of
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import identify

PORT = "#!/bin/sh\n# a port\necho port 1.0\n"


@pytest.fixture
def engine(tmp_path):
    program = tmp_path / "port.sh"
    program.write_text(PORT)
    program.chmod(0o755)
    return Engine(SUBJECT, "port", (str(program),), "test")


def put(path, text):
    """Write a file and set its times back to what they were."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_engine_that_nobody_touched_is_what_it_was(engine):
    watch = EngineDrift(engine, identify(engine))
    assert not watch.written_since() and watch.fault() is None and faults_of({SUBJECT: watch}, {}) == {}


def test_a_program_that_was_rebuilt_or_is_gone_is_told(engine):
    watch = EngineDrift(engine, identify(engine))
    put(engine.program, PORT.replace("a port", "b port"))
    assert watch.written_since()
    assert faults_of({SUBJECT: watch}, {}) == {SUBJECT: "was changed while it ran: port.sh changed"}
    engine.program.unlink()
    assert watch.fault() == "was changed while it ran: port.sh is gone"


def test_a_program_that_was_changed_and_put_back_with_its_times_is_told_but_not_what_it_wrote_itself(engine):
    watch = EngineDrift(engine, identify(engine))
    put(engine.program, "other")
    put(engine.program, PORT)
    assert watch.written_since() and watch.fault() == "was changed while it ran: port.sh was written to and put back"
    assert watch.fault((os.path.realpath(engine.program),)) is None


def test_a_program_that_is_rebuilt_when_it_has_said_its_version_is_another(engine):
    """What it was is taken before it is asked, so that the version is not that of bytes that came later."""
    before = PORT + '[ -e "$0.built" ] || echo "# rebuilt" >> "$0"; : > "$0.built"\n'
    engine.program.write_text(before)
    watch = EngineDrift(engine, identify(engine))
    assert engine.program.read_text() != before and watch.identity.version == "port 1.0"
    assert watch.fault() == "was changed while it ran: port.sh changed"
