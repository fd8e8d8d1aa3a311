"""What the program sets for itself before it loads NumPy: no command and no record sees it; and what it
begins before."""

import os

import pytest

import nbcompare.__main__ as program


def test_threads_of_openblas_do_not_look_for_work_unless_the_user_says_so(monkeypatch):
    """OpenBLAS reads the variable as it is loaded; the environment that records and engines go by does not have it."""
    said = {}
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "26")
    monkeypatch.setattr(program.os, "putenv", lambda name, value: said.update({name: value}))
    program.let_threads_sleep()
    assert not said
    monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT")
    program.let_threads_sleep()
    assert said == {"OPENBLAS_THREAD_TIMEOUT": "16"} and not said.keys() & os.environ.keys()


@pytest.mark.parametrize(("line", "begins"), [
    ("run case.yaml", True), ("run case.yaml --dry-run", False), ("run -h", False), ("verify run", False), ("", False),
    ("--outdir o -- -cell 1", True), ("-- -cell 1", True), ("oneshot -- -cell 1", True), ("--version", False),
    ("init -- -cell 1", False), ("--help", False)])
def test_the_watch_begins_before_all_else_where_a_line_is_likely_to_run_engines(line, begins, monkeypatch):
    begun = []
    monkeypatch.setattr("nbcompare.engine.processes.watcher.begin", lambda: begun.append(1))
    program.watch_soon(line.split())
    assert bool(begun) == begins
