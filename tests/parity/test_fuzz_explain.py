"""A short fuzz of trace, reduce and audit over the whole table of options; `make fuzz-diagnosis` runs a longer one."""

from collections import Counter
from importlib import import_module

import pytest
from fuzz_explain import COMMANDS, DEFECT_OF_OURS, Caller
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def caller(tmp_path_factory):
    return Caller(tmp_path_factory.mktemp("explain"))


def test_no_command_and_no_defect_ends_as_a_defect_of_ours(caller):
    """Every draw through all three; most of them are answered, so that it is not the refusals alone that are tried."""
    codes = Counter()

    @settings(max_examples=4, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 10**6), at=st.integers(0, 10**6))
    def of_each(seed, at):
        for ended in caller.calls(seed, at):
            assert ended.code != DEFECT_OF_OURS, (ended.words, ended.said)
            codes[ended.code in (0, 3)] += 1

    of_each()
    assert codes[True] > 0


@pytest.mark.parametrize("module, name, command", [
    ("trace.pixel", "line_up", "trace"), ("reduce.reduce", "_shrink", "reduce"),
    ("audit.audit", "AuditBench", "audit")])
def test_a_fault_inside_is_seen_by_the_fuzz(module, name, command, caller, monkeypatch):
    def broken(*asked, **more):
        raise IndexError("pop from an empty list")

    assert command in COMMANDS
    monkeypatch.setattr(import_module(f"nbcompare.explain.{module}"), name, broken)
    assert DEFECT_OF_OURS in {ended.code for at in range(3) for ended in caller.calls(6, at, (command,))}
