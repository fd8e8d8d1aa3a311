"""What kind of program an engine is, by the first bytes of its file."""

from nbcompare import files
from nbcompare.engine.safety import safe_start
from nbcompare.engine.safety.safe_start import is_python_script


def test_a_program_that_was_written_a_moment_ago_is_read_each_time(tmp_path, monkeypatch):
    """It can be written again within one tick of the system's clock, and then all its times stay."""
    program = tmp_path / "program"
    program.write_text("#!/bin/bash45\n")
    stamp = files.stamp_at(str(program))
    monkeypatch.setattr(safe_start, "stamp_at", lambda _: stamp)
    assert not is_python_script(program)
    program.write_text("#!/bin/python\n")
    assert is_python_script(program)
    monkeypatch.setattr(files.time, "time_ns", lambda: stamp[-1] + 10**10)
    assert is_python_script(program)
    program.write_text("#!/bin/bash45\n")
    assert is_python_script(program), "by then whoever writes it gives it another time, and its bytes are known"
