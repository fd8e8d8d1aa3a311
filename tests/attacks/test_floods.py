"""What engines print is kept in bounded files and read in bounded pieces."""

import inspect
import os
import shutil
import sys
import tracemalloc
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.bundle.names import MANIFEST
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import VERSION_BYTES, identify
from nbcompare.engine.processes.asking import answer
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.engine.processes.process import run_program

FLOOD = """\
import sys
print("first line")
for number in range({lines}):
    sys.{stream}.write("x" * 9999 + "\\n")
print("last line")
"""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_of_a_flood_the_head_and_the_tail_are_kept_and_it_is_said(tmp_path, stream):
    run_program([sys.executable, "-c", FLOOD.format(lines=100, stream=stream)], folder=tmp_path,
                stdout=tmp_path / "stdout", stderr=tmp_path / "stderr", seconds=60.0, most=200_000)
    kept = (tmp_path / stream).read_bytes()
    said = next(line for line in kept.splitlines() if line.startswith(b"[nb-compare"))
    left_out = int(said.split()[1])
    assert b"200000 are kept" in said
    assert 200_000 <= len(kept) - len(said) < 200_000 + 70_000
    printed = 100 * 10_000 + (len("first line\nlast line\n") if stream == "stdout" else 0)
    assert len(kept) - len(said) - 2 + left_out == printed
    if stream == "stdout":
        assert kept.startswith(b"first line\n") and kept.endswith(b"last line\n")


def test_without_a_word_64_mib_are_kept_of_a_stream():
    assert inspect.signature(run_program).parameters["most"].default == 64 << 20


def test_what_fits_is_kept_byte_for_byte(tmp_path):
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)"
    run_program([sys.executable, "-c", code], folder=tmp_path, stdout=tmp_path / "out", stderr=tmp_path / "err",
                seconds=60.0, most=51_200)
    assert (tmp_path / "out").read_bytes() == bytes(range(256)) * 100


def test_a_flooding_version_costs_no_memory(tmp_path):
    script = tmp_path / "flood.py"
    script.write_text(FLOOD.format(lines=3000, stream="stdout"))
    tracemalloc.start()
    who = identify(Engine("subject", "flood", (sys.executable, str(script)), "test"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert who.version == "first line"
    assert peak < 20 * VERSION_BYTES


def test_a_long_log_is_read_at_its_ends(tmp_path):
    (tmp_path / "log").write_bytes(b"head" + bytes(10_000) + b"tail")
    text = read_kept(tmp_path / "log", 100)
    assert len(text) == 101 and text.startswith("head") and text.endswith("tail")
    assert read_kept(tmp_path / "log") == (tmp_path / "log").read_text()


@pytest.mark.parametrize("name", ["record.json", "results/summary.json", "inputs/commands.txt"])
def test_a_file_of_a_bundle_is_not_read_whole_however_large_it_grew(nb, store, name):
    """By 80 MB, in which there is nothing; verify and show read the beginning."""
    folder = Path(shutil.copytree(store.passed, "grown"))
    (folder / name).chmod(0o644)
    os.truncate(folder / name, 80 << 20)
    (folder / MANIFEST).chmod(0o644)
    write_manifest(folder)
    tracemalloc.start()
    said = [nb("verify", folder), nb("show", folder)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert said[0].code == 6 and name in said[0].out
    assert said[1].code == (6 if name == "record.json" else 0)
    assert peak < 50 << 20


def test_an_answer_that_floods_is_none(tmp_path):
    """What is asked of git, ldd and an engine's Python is held in memory: 32 MiB of it at most."""
    flood = "import sys; sys.stdout.buffer.write(bytes({}))"
    asked = [answer([sys.executable, "-S", "-c", flood.format(size)], tmp_path, seconds=60)
             for size in (1 << 20, (32 << 20) + 1)]
    assert asked == [bytes(1 << 20), None]
