"""With what a program is linked: as ldd says it, without the processes of ldd where it is known whom that asks."""

import sys
from pathlib import Path

import pytest

from nbcompare.engine.sources import libraries
from nbcompare.engine.sources.libraries import linked_libraries, loader_of

PYTHON = Path(sys.executable).resolve()


@pytest.fixture
def asked(monkeypatch):
    words, ask = [], libraries.answer
    monkeypatch.setattr(libraries, "answer", lambda argv, *rest, **more: words.append(argv[0]) or
                        ask(argv, *rest, **more))
    return words


@pytest.mark.skipif(loader_of(PYTHON) not in libraries._LOADERS, reason="another loader than that of glibc")
def test_the_loader_itself_says_what_ldd_would(asked, monkeypatch):
    found = linked_libraries(PYTHON, {})
    monkeypatch.setattr(libraries, "_LOADERS", ())
    assert found and found == linked_libraries(PYTHON, {}) and asked == [loader_of(PYTHON), "ldd"]


@pytest.mark.skipif(loader_of(PYTHON) not in libraries._LOADERS, reason="another loader than that of glibc")
def test_ldd_is_asked_where_the_loader_does_not_say_it_or_something_stands_between(tmp_path, asked):
    """What confines a program would be traced in its place. The loader takes no program that ends in its middle."""
    linked_libraries(PYTHON, {}, ("env",))
    assert asked == ["env"]
    half = tmp_path / "half"
    half.write_bytes(PYTHON.read_bytes()[:1 << 12])
    linked_libraries(half, {})
    assert asked[1:] == [loader_of(PYTHON), "ldd"]
