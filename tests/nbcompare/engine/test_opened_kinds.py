"""Of what kind an opened file is, and the list of files of an installed distribution, as installers write it."""

import pytest

from nbcompare.engine.sources.opened_kinds import INSTALLED, OWN, FileKind, entry_of, kind_of, rows_of

ROWS = ["port/a.py,sha256=abc,12", "port/b.py,,", "port/c.py,md5=abc,3", "two,sha256=abc", "../bin/port,sha256=def,",
        "port-1.dist-info/RECORD,,"]
EXPECTED = {"port/a.py": ("sha256=abc", "12"), "../bin/port": ("sha256=def", "")}


@pytest.mark.parametrize("name", ["table.txt~", "table.bak", ".table.swp", "#table#", "table.log", "table.lock"])
def test_what_an_editor_leaves_counts_where_it_is_opened(name):
    assert kind_of(f"/project/{name}") == FileKind(OWN, "", f"/project/{name}")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(("more", "also"), [([], {}), (['"port/odd, ""name"".py",sha256=123,4'],
                                                       {'port/odd, "name".py': ("sha256=123", "4")})])
def test_a_list_of_files_is_read_with_and_without_quotes(tmp_path, end, more, also):
    listing = tmp_path / "RECORD"
    listing.write_bytes("".join(row + end for row in (*ROWS, *more)).encode())
    assert rows_of(str(listing), 0) == {**EXPECTED, **also}


@pytest.mark.parametrize("name", ["two/a.py", "two-hook.pth", 'two/odd "name".py', "three.py"])
def test_a_file_is_found_in_the_list_of_any_distribution_and_only_lists_that_name_it_are_taken_apart(tmp_path, name):
    """Those of a hundred distributions take as long as all else that is looked at of an engine."""
    for number in range(5):
        folder = tmp_path / f"{'thing' if number else 'two'}{number}-1.dist-info"
        folder.mkdir()
        quoted = name.replace('"', '""')
        (folder / "RECORD").write_text(f'other{number}.py,sha256=abc,1\n'
                                       + (f'"{quoted}",sha256=def,2\n' if number == 3 else ""), encoding="utf-8")
    before = rows_of.cache_info().misses
    found = entry_of(FileKind(INSTALLED, str(tmp_path), name))
    assert found is not None and (found.listing, found.digest) == (str(tmp_path / "thing3-1.dist-info/RECORD"),
                                                                   "sha256=def")
    assert rows_of.cache_info().misses - before <= 2  # the first, and the one that has it
    assert entry_of(FileKind(INSTALLED, str(tmp_path), "two/missing.py")) is None
