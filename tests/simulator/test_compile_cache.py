"""Compiled libraries that are kept: none is used but the one that was built and checked here."""

import hashlib
import json
from dataclasses import replace

import pytest

from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.options import Program
from nanobrag_torch.render import compile_cache
from nanobrag_torch.render.choose import choose_path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder with a library that looks as if it had been built here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = compile_cache.cache_folder()
    folder.mkdir(parents=True)
    keep(folder, b"not really machine code", compile_cache.facts())
    for path in (folder, *folder.iterdir()):
        path.chmod(path.stat().st_mode & ~0o022)
    return folder


def keep(folder, code, facts):
    (folder / compile_cache.LIBRARY).write_bytes(code)
    text = json.dumps({**facts, "library": hashlib.sha256(code).hexdigest()})
    (folder / compile_cache.FACTS).write_text(text)


def test_the_library_that_was_built_here_may_be_used(cache):
    assert compile_cache.obstacle() == ""


def test_without_a_library_the_fast_path_renders_and_says_so(scene_of, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "nothing"))
    large = scene_of("-detpixels 1100")
    assert str(choose_path(large, Program())) == "fast:float32"
    assert str(choose_path(large, Program(render="compiled"))).startswith("fast:float32 (no compiled step")


@pytest.mark.parametrize("fact", sorted(compile_cache.facts()))
def test_a_library_of_other_facts_is_stale(cache, fact):
    """The processor, the system, the sources: whichever is another."""
    keep(cache, b"not really machine code", {**compile_cache.facts(), fact: "another"})
    assert "stale" in compile_cache.obstacle()


def test_changed_sources_need_another_library(cache, tmp_path, monkeypatch):
    sources = tmp_path / "machine"
    sources.mkdir()
    for path in compile_cache.SOURCES.iterdir():
        (sources / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(compile_cache, "SOURCES", sources)
    assert compile_cache.obstacle() == ""
    for path in sources.iterdir():
        text = path.read_text()
        path.write_text(f"{text}\n")
        assert compile_cache.cache_folder() != cache and "no compiled step" in compile_cache.obstacle()
        path.write_text(text)


def test_a_damaged_library_is_refused(cache):
    with open(cache / compile_cache.LIBRARY, "ab") as library:
        library.write(b"!")
    assert "damaged" in compile_cache.obstacle()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"libc": 3}'])
def test_unreadable_facts_are_refused(cache, text):
    (cache / compile_cache.FACTS).write_text(text)
    assert compile_cache.obstacle() != ""


@pytest.mark.parametrize("name", ["..", "", compile_cache.LIBRARY])
def test_a_library_that_others_can_write_is_refused(cache, name):
    path = cache / name
    path.chmod(path.stat().st_mode | 0o002)
    assert "others" in compile_cache.obstacle()


def test_a_library_that_the_system_does_not_take_is_told_as_what_it_is(cache):
    with pytest.raises(ArgumentError, match="compiled step cannot be loaded.*-render fast"):
        compile_cache.library()


def test_the_region_of_interest_does_not_matter_to_the_choice(cache, scene_of):
    scene = scene_of("-detpixels 1100")
    assert choose_path(replace(scene, roi=(0, 0, 0, 0)), Program()).name == "compiled"


@pytest.mark.parametrize(("options", "dtype", "path"), [
    ("", "auto", "float32"), ("", "float64", "float64"), ("-round_xtal", "float32", "float64"),
    ("-curved_det 1", "auto", "float32"), ("-N 2001 -default_F 1", "auto", "float64"), ("-N 2000", "auto", "float32"),
    ("-cell 3e7 100 100 90 90 90", "auto", "float64")])
def test_float32_is_compiled_only_where_it_is_exact(cache, scene_of, options, dtype, path):
    assert str(choose_path(scene_of(options), Program(render="compiled", dtype=dtype))) == f"compiled:{path}"
