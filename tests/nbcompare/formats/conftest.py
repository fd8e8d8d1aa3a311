"""A limit for every test of a reader: a library that looks for something in a damaged file for ever is a failure that
has to be told, not waited for."""

import signal

import pytest

LIMIT = 60
"""Seconds; the longest of these tests takes a few."""


@pytest.fixture(autouse=True)
def no_endless_search():
    """pytest's own exception passes every ``except Exception`` on its way."""

    def over(number, frame):
        pytest.fail(f"a reader was not done after {LIMIT} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
