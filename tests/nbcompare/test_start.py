"""What the program sets for itself before it loads NumPy: no command and no record sees it."""

import os

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
