"""How soon threads give way: sooner while a watch or work beside a block asks for it, and as usual afterwards."""

import sys
from contextlib import ExitStack

import pytest

from nbcompare.engine.processes.quick_switches import quick_switches
from nbcompare.run.ready import Meanwhile, all_beside, beside, made_ready


@pytest.mark.parametrize("first", [0, 1])
def test_contexts_that_overlap_leave_the_usual_interval_whichever_ends_last(first):
    usual = sys.getswitchinterval()
    parts = [ExitStack(), ExitStack()]
    parts[0].enter_context(quick_switches())
    parts[1].enter_context(beside(int))
    assert sys.getswitchinterval() < usual / 10
    parts[first].close()
    assert sys.getswitchinterval() < usual / 10
    parts[1 - first].close()
    assert sys.getswitchinterval() == usual


def test_work_beside_a_block_asks_for_quick_switches():
    usual = sys.getswitchinterval()
    for context in (beside(int), all_beside([int]), made_ready([int])):
        with context:
            assert sys.getswitchinterval() < usual / 10
        assert sys.getswitchinterval() == usual
    with Meanwhile():
        assert sys.getswitchinterval() == usual
