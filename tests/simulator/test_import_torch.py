"""Importing torch looks at the disk for what it needs, and not for where each of its own operators stands."""

import inspect
import os
import posixpath
import sys

from nanobrag_torch.import_torch import frames_answer


def test_a_frame_tells_its_place_without_a_look_at_the_disk(monkeypatch):
    """The answers are those that inspect gives by following the path of every module."""
    frame = sys._getframe()
    expected = inspect.getframeinfo(frame).filename, inspect.getmodule(frame)
    followed = []
    monkeypatch.setattr(posixpath, "realpath", followed.append)
    with frames_answer():
        frame = sys._getframe()
        found = inspect.getframeinfo(frame)
        assert (found.filename, inspect.getmodule(frame)) == expected
        assert found.lineno == inspect.currentframe().f_lineno - 2
        assert inspect.getmodule(os.path.join) is posixpath, "of all else it tells what it always does"
    assert not followed


def test_inspect_is_as_it_was_when_torch_is_imported():
    before = inspect.getframeinfo, inspect.getmodule
    try:
        with frames_answer():
            raise ModuleNotFoundError("torch")
    except ModuleNotFoundError:
        pass
    assert (inspect.getframeinfo, inspect.getmodule) == before
