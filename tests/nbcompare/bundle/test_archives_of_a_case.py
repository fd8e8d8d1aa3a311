"""Bundles in sealed archives among those of a case: which are newest, what they asked for, and what is kept of them."""

import json
import os
from dataclasses import replace

import pytest

from nbcompare.bundle.archive import opened as opened_module
from nbcompare.bundle.archive.index import INDEX_FILE, known_archives, remember
from nbcompare.bundle.archive.opened import open_bundle
from nbcompare.bundle.archive.sealed import ArchivedCell, Sealing, line_of
from nbcompare.bundle.bundle import contents_of, load_bundle, staging
from nbcompare.bundle.check.archived import cell_of
from nbcompare.bundle.check.loosened import loosened_until_signed
from nbcompare.bundle.key import key_of, key_of_record, like_of
from nbcompare.bundle.listing import archives_in, newest_in
from nbcompare.bundle.names import archives_about, reserved_about
from nbcompare.errors import FileError
from tests.nbcompare.bundle.test_record_agrees import OLD
from tests.nbcompare.made_history import made_record, stamp_of, write_record


@pytest.fixture(autouse=True)
def opened_by_nobody(monkeypatch):
    monkeypatch.setattr(opened_module, "_FOLDERS", {})
    monkeypatch.setattr(opened_module, "_SCRATCH", [])


# --- among the bundles of a case ---------------------------------------------------------------------------------


@pytest.fixture
def grid(made_once, tmp_path):
    """Write runs of a cell, and archives of others, below tmp_path."""
    base = json.loads((min((made_once / "small").iterdir()) / "record.json").read_text())

    def run(at, cell="grid.a", root=tmp_path, **more):
        return write_record(root, made_record(base, stamp_of(at), case=cell, **more))

    def archive(at, *cells, number=1, **more):
        path = tmp_path / "grid" / f"{stamp_of(at)}-{number:04}.zip"
        path.parent.mkdir(exist_ok=True)
        making = Sealing(path)
        for cell in cells:
            folder = run(at, cell, tmp_path / f"away{at}{cell}", **more)
            making.add(contents_of(folder), cell_of(load_bundle(folder), 1.0))
        making.seal()
        return path

    run.archive, run.root = archive, tmp_path
    return run


def test_archives_that_may_hold_a_cell_are_those_of_its_matrix_newest_first(grid):
    root = grid.root
    assert archives_about(root, "grid.a") == [] and reserved_about(root, "grid.a") is None
    old, new = grid.archive(1, "grid.a"), grid.archive(2, "grid.b")
    (root / "grid" / "notes.zip").write_text("")
    (root / "grid" / f"{stamp_of(5)}-1.zip").write_text("")
    assert archives_about(root, "grid.a") == archives_about(root, "grid.a.b") == [new, old]
    assert archives_about(root, "grid") == archives_about(root, "other.a") == []
    assert reserved_about(root, "grid.a") == stamp_of(2) and reserved_about(root, "grid") is None
    (root / "grid" / f".staging-{stamp_of(3)}").mkdir()
    (root / "grid" / ".staging-latest").mkdir()
    assert reserved_about(root, "grid.a") == stamp_of(3)
    assert archives_in(root) == [old, new]
    with staging(root, "grid.a", lambda: 4e9, newest=lambda: "20960101T000000Z") as made:
        assert made.stamp == "20961002T070640Z"
    for newest in (lambda: "29990101T000000Z", lambda: None):
        with pytest.raises(FileError, match="it went back"), staging(root, "grid.a", lambda: 4e9, newest=newest):
            pass
        (root / "grid" / "29980101T000000Z-0001.zip").write_text("")


def test_the_newest_of_a_cell_may_lie_in_an_archive(grid):
    home = grid(1).parent
    assert newest_in(home) == home / stamp_of(1)
    grid.archive(0, "grid.a")
    assert newest_in(home) == home / stamp_of(1)
    second = grid.archive(2, "grid.a")
    assert newest_in(home) == second / "grid.a" / stamp_of(2)
    grid.archive(3, "grid.b")
    assert newest_in(home) == second / "grid.a" / stamp_of(2), "the newer one holds another cell"
    broken = grid.root / "grid" / f"{stamp_of(4)}-0001.zip"
    broken.write_text("x")
    assert newest_in(home) == broken / "grid.a" / stamp_of(4), "what cannot be looked into may hold one"
    assert newest_in(grid.root / "grid.c") == broken / "grid.c" / stamp_of(4)
    broken.unlink()
    assert newest_in(grid.root / "grid.c") is None
    (home / stamp_of(2)).mkdir()
    assert newest_in(home) == home / stamp_of(2), "of one second the folder"


def test_what_an_archived_bundle_asked_for_counts_among_those_before(grid):
    wide = {("sum_ratio", "full"): (0.9, 1.1)}
    grid.archive(0, "grid.a", "grid.b")
    folder = grid(1, limits=wide)

    def told(folder):
        return [entry.sentence for entry in loosened_until_signed(folder, load_bundle(folder).record)]

    said = f"sum_ratio on full: was 0.99 .. 1.01 (stamp {stamp_of(0)}), now 0.9 .. 1.1; why: same scale"
    assert told(folder) == [said]
    path = grid.archive(2, "grid.a", limits=wide)
    assert told(open_bundle(path / "grid.a")) == [said]
    broken = grid.root / "grid" / f"{stamp_of(0)}-0001.zip"
    broken.chmod(0o644)
    broken.write_text("x")
    unread = f"stamp {stamp_of(0)} has a record that cannot be read: whether it asked for more is not known"
    assert told(folder) == [unread]


# --- keys and the file beside ------------------------------------------------------------------------------------


def test_the_key_of_a_run_is_that_of_everything_its_image_depends_on():
    key = key_of_record(OLD)
    assert key == key_of(OLD.case, OLD.content.inputs, OLD.engines, OLD.content.simulator, OLD.resample)
    reference, subject = OLD.engines
    for same in (replace(OLD, case=replace(OLD.case, file="x", sha256="y", title="z")), replace(OLD, stamp="x"),
                 replace(OLD, engines=(subject, reference)), replace(OLD, content=replace(OLD.content, simulator="x")),
                 replace(OLD, engines=(reference, replace(subject, started_as=("/else/python", "/else/physics.py")))),
                 replace(OLD, engines=(reference, replace(subject, version="unknown git=abc threads=2")))):
        assert key_of_record(same) == key
    for other in (replace(OLD, case=replace(OLD.case, repeat=1)), replace(OLD, resample=True),
                  replace(OLD, content=replace(OLD.content, inputs="x")),
                  *(replace(OLD, engines=(reference, replace(subject, **change))) for change in (
                      {"program_sha256": "x"}, {"version": "2"}, {"variables": {"A": "b"}},
                      {"started_as": (*subject.started_as, "-m", "x")}))):
        assert key_of_record(other) != key
    bundled = replace(OLD, engines=(reference, replace(subject, started_as=("python", "-m", "nanobrag_torch"))))
    moved = replace(bundled, content=replace(OLD.content, simulator="x"))
    assert key_of_record(bundled) != key_of_record(moved)
    assert like_of(OLD) == like_of(replace(OLD, stamp="x")) != like_of(replace(OLD, environment={}))
    assert like_of(OLD) != like_of(replace(OLD, tests={})) != like_of(replace(OLD, engines=OLD.engines[:1]))
    assert like_of(OLD) != like_of(replace(OLD, case=replace(OLD.case, environment={"A": "b"})))


def test_what_is_kept_of_archives_is_believed_line_by_line(tmp_path):
    cell = line_of(ArchivedCell("a", "s", "m", "k", "PASS", 0, True, False, "l"))
    assert known_archives(tmp_path) == {}
    remember(tmp_path, tmp_path / "a/1.zip", "sum1", cell)
    remember(tmp_path, tmp_path / "b/2.zip", "sum2", "")
    found = known_archives(tmp_path)
    assert {name: (said.sha256, [one.cell for one in said.cells]) for name, said in found.items()} == {
        "a/1.zip": ("sum1", ["a"]), "b/2.zip": ("sum2", [])}
    path = tmp_path / INDEX_FILE
    lines = path.read_text().splitlines()
    odd = [lines[0].replace("sum1", "sum3"), "{", "[]", '{"archive": 1}', lines[1], '{"cut']
    path.write_text("\n".join(odd))
    assert list(known_archives(tmp_path)) == ["b/2.zip"]
    remember(tmp_path, tmp_path / "c.zip", "sum4", "")
    assert list(known_archives(tmp_path)) == ["b/2.zip", "c.zip"], "after a line that was cut a new one begins"
    more = json.loads(lines[1]) | {"more": 1}
    path.write_text(json.dumps(more) + "\n")
    assert known_archives(tmp_path) == {}
    path.write_text(lines[1] + "\n")
    path.chmod(0o646)
    assert known_archives(tmp_path) == {}
    path.chmod(0o644)
    assert known_archives(tmp_path) != {}
    path.write_bytes(b"\xff")
    assert known_archives(tmp_path) == {}
    path.rename(tmp_path / "other")
    (tmp_path / "other").write_text(lines[1] + "\n")
    path.symlink_to("other")
    assert known_archives(tmp_path) == {}
    path.unlink()
    path.mkdir()
    remember(tmp_path, tmp_path / "c.zip", "sum4", "")  # which cannot be written, and is none
    assert os.listdir(path) == []
