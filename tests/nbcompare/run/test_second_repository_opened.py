"""What a port opened while it ran is part of what it is, however it came by the name."""

from pathlib import Path

import pytest

from nbcompare.engine.processes.open_calls import OpenCalls
from tests.nbcompare.second_repository import DECLARED, WRAPPED

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.skipif(
    OpenCalls.why_not() is not None, reason="which files a program opens can be asked on Linux alone")]


def opened(record, role="subject"):
    return next(engine["opened"] for engine in record["engines"] if engine["role"] == role)


def files(record):
    return {Path(entry["path"]).name for entry in opened(record)["files"]}


def test_a_record_names_what_a_wrapper_started_and_what_that_read(run, project):
    project.wrapper()
    project.declare(WRAPPED)
    code, record = run()
    assert code == 0
    assert {"core.py", "__main__.py", "port_units.py", "python"} <= files(record)
    assert "run.sh" not in files(record), "its program is known"
    assert opened(record)["unwatched"] is None


def test_what_is_known_by_reading_is_not_told_twice(run, project):
    project.declare(DECLARED)
    code, record = run()
    assert code == 0 and not files(record) & {"core.py", "__main__.py", "port_units.py"}
