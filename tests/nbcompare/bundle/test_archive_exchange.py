"""export and import: bags that the BagIt library accepts, zips that come back equal, and every trick refused."""

import json
import os
import shutil
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bagit
import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.bundle.keep.exchange import import_bundle
from nbcompare.files import dump_json


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- sending -----------------------------------------------------------------------------------------------------


def test_a_bag_is_valid_by_the_bagit_library_and_comes_back_equal(store, nb):
    assert nb("export", store.failed, "--format", "bagit", "-o", "bag").code == 0
    bag = bagit.Bag("bag")
    bag.validate()
    assert bag.version == "1.0" and bag.algorithms == ["sha256"]
    assert bag.info["External-Identifier"] == f"small/{store.failed.name}"
    said = nb("import", "bag", "--bundles", "other")
    assert said.code == 0 and contents(Path("other/small") / store.failed.name) == contents(store.failed)
    assert nb("verify", Path("other/small") / store.failed.name).code == 0


def test_the_bagit_library_and_we_refuse_the_same_damaged_bag(store, nb):
    nb("export", store.passed, "--format", "bagit", "-o", "bag")
    Path("bag/data/inputs/env.txt").write_text("other")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag("bag").validate()
    said = nb("import", "bag", "--bundles", "other")
    assert said.code == 6 and "data/inputs/env.txt is not what manifest-sha256.txt says" in said.err
    assert not any(Path("other").iterdir())


def test_a_zip_comes_back_equal_and_read_only(store, nb):
    said = nb("export", store.passed)
    archive = Path(said.out.strip())
    assert archive.name == f"small-{store.passed.name}.zip"
    shutil.move(store.root, "elsewhere")
    said = nb("import", archive)
    assert said.code == 0 and contents(store.passed) == contents(Path("elsewhere/small") / store.passed.name)
    assert not [path for path in store.passed.rglob("*") if path.is_file() and path.stat().st_mode & 0o222]


def test_the_same_bundle_gives_the_same_zip(store, nb):
    nb("export", store.passed, "-o", "one.zip")
    nb("export", store.passed, "-o", "two.zip")
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()


def test_an_export_never_overwrites_and_a_damaged_bundle_never_leaves(store, nb):
    Path("there").write_text("precious")
    assert nb("export", store.passed, "-o", "there").code == 1
    assert Path("there").read_text() == "precious"
    (store.failed / "results/c.png").unlink()
    assert nb("export", store.failed, "-o", "damaged.zip").code == 6
    assert not Path("damaged.zip").exists() and not list(Path().glob(".export-*"))


def test_importing_twice_is_told_and_another_bundle_of_that_name_is_refused(store, nb):
    nb("export", store.passed, "-o", "a.zip")
    assert "is here already, the same" in nb("import", "a.zip").out
    home = Path("other/small") / store.passed.name
    shutil.copytree(store.passed, home)
    (home / "manifest-sha256.txt").chmod(0o644)
    (home / "manifest-sha256.txt").write_text("")
    said = nb("import", "a.zip", "--bundles", "other")
    assert said.code == 1 and "exists already and is another bundle" in said.err


# --- receiving from strangers --------------------------------------------------------------------------------------


def entry(name: str, mode: int = stat.S_IFREG | 0o444) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    return made


def spoiled_zip(store, nb, *more) -> Path:
    """A good export with further entries (ZipInfo or name, bytes)."""
    nb("export", store.passed, "-o", "spoiled.zip")
    with zipfile.ZipFile("spoiled.zip", "a") as archive:
        for name, content in more:
            archive.writestr(name, content)
    return Path("spoiled.zip")


@pytest.mark.parametrize(("name", "content", "reason"), [
    (entry("../../escaped.txt"), b"x", "leaves the folder"),
    (entry("/tmp/nb-compare-escaped.txt"), b"x", "leaves the folder"),
    (entry("small\\..\\escaped.txt"), b"x", "another place on another system"),
    (entry("C:/escaped.txt"), b"x", "another place on another system"),
    (entry("small/./x"), b"x", "leaves the folder"),
    (entry("small/\u202egnp.exe"), b"x", "cannot be seen"),
    (entry("small/link", stat.S_IFLNK | 0o777), b"/etc/passwd", "a link or a device"),
    (entry("small/pipe", stat.S_IFIFO | 0o644), b"", "a link or a device"),
    (entry("a/" * 20 + "x"), b"x", "deeper than any"),
])
def test_a_name_or_kind_that_leads_elsewhere_is_refused(store, nb, tmp_path, name, content, reason):
    archive = spoiled_zip(store, nb, (name, content))
    said = nb("import", archive, "--bundles", "deep/other")
    assert said.code == 6 and "refused" in said.err and reason in said.err
    assert not any(Path("deep/other").iterdir())
    assert not list(tmp_path.rglob("*escaped*")) and not Path("/tmp/nb-compare-escaped.txt").exists()


def test_names_that_differ_only_in_case_are_refused(store, nb):
    archive = spoiled_zip(store, nb, (f"small/{store.passed.name}/RECORD.json", b"{}"))
    said = nb("import", archive, "--bundles", "other")
    assert said.code == 6 and "differing only in case" in said.err


def test_a_size_bomb_is_refused_before_and_while_unpacking(store, nb, monkeypatch):
    """Ten MiB of zeros in ten kilobytes; and the same with a header that says it is one byte."""
    bomb = spoiled_zip(store, nb, (f"small/{store.passed.name}/notes/zeros", b"\0" * (10 << 20)))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more/zeros", b"\0" * (10 << 20))
    said = nb("import", bomb, "--bundles", "other", "--max-size", "1M")
    assert said.code == 6 and "bytes, more than 1,048,576" in said.err
    monkeypatch.setattr("nbcompare.bundle.unpack.set_faults", lambda *_: [])
    said = nb("import", bomb, "--bundles", "other", "--max-size", "1M")
    assert said.code == 6 and "unpacks to more than it says" in said.err
    assert not any(Path("other").iterdir())


def test_too_many_files_are_refused(store, nb):
    archive = spoiled_zip(store, nb, *((f"many/{i}", b"") for i in range(10_001)))
    said = nb("import", archive, "--bundles", "other")
    assert said.code == 6 and "more than 10000" in said.err


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x1f\x8b\x08"])
def test_what_is_no_zip_is_refused(store, nb, content):
    Path("no.zip").write_bytes(content)
    assert nb("import", "no.zip", "--bundles", "other").code == 6
    assert nb("import", "nothing.zip", "--bundles", "other").code == 5


def test_a_zip_without_a_bundle_is_refused(store, nb):
    with zipfile.ZipFile("empty.zip", "w") as archive:
        archive.writestr("a/readme.txt", "hello")
    said = nb("import", "empty.zip", "--bundles", "other")
    assert said.code == 6 and "there is no bundle in it" in said.err


def test_a_bundle_with_wrong_sums_is_refused_with_every_fault(store, nb):
    shutil.copytree(store.passed, "sent")
    Path("sent/inputs/env.txt").chmod(0o644)
    Path("sent/inputs/env.txt").write_text("other")
    Path("sent/results/c.png").unlink()
    said = nb("import", "sent", "--bundles", "other")
    assert said.code == 6
    assert "changed: inputs/env.txt" in said.err and "missing: results/c.png" in said.err


def test_a_folder_with_a_link_is_refused(store, nb):
    shutil.copytree(store.passed, "sent")
    os.symlink("/etc/passwd", "sent/notes/link")
    said = nb("import", "sent", "--bundles", "other")
    assert said.code == 6 and "'notes/link': a link or a device" in said.err


@pytest.mark.parametrize(("key", "value"), [("name", "../escaped"), ("name", "signoffs"), ("stamp", "../../x")])
def test_a_record_cannot_choose_another_place(store, nb, tmp_path, key, value):
    """Case and stamp of the record become folders; the sums are those of the forged record."""
    shutil.copytree(store.passed, "sent")
    record = json.loads(Path("sent/record.json").read_text())
    (record["case"] if key == "name" else record)[key] = value
    Path("sent/record.json").chmod(0o644)
    Path("sent/record.json").write_text(dump_json(record))
    Path("sent/manifest-sha256.txt").chmod(0o644)
    write_manifest(Path("sent"))
    assert nb("import", "sent", "--bundles", "deep/other").code == 6
    assert not any(Path("deep/other").iterdir()) and not (tmp_path / "deep/escaped").exists()


def test_a_maximal_size_is_a_number(store, nb):
    assert nb("import", "x.zip", "--max-size", "much").code == 1


def test_two_imports_of_one_archive_at_once_both_end_well_and_leave_one_bundle(store, nb, tmp_path):
    nb("export", store.passed, "-o", "one.zip")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: import_bundle(Path("one.zip"), tmp_path / "new"), range(4)))
    assert len({folder for folder, _ in found}) == 1 and [new for _, new in found].count(True) == 1
    assert contents(found[0][0]) == contents(store.passed) and nb("verify", found[0][0]).code == 0
    assert [path.name for path in (tmp_path / "new/small").iterdir() if path.name[0] != "."] == [store.passed.name]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["small"]
