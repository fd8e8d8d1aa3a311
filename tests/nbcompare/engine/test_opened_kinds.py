"""The list of files of an installed distribution, as installers write it."""

import pytest

from nbcompare.engine.sources.opened_kinds import rows_of

ROWS = ["port/a.py,sha256=abc,12", "port/b.py,,", "port/c.py,md5=abc,3", "two,sha256=abc", "../bin/port,sha256=def,",
        "port-1.dist-info/RECORD,,"]
EXPECTED = {"port/a.py": ("sha256=abc", "12"), "../bin/port": ("sha256=def", "")}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(("more", "also"), [([], {}), (['"port/odd, ""name"".py",sha256=123,4'],
                                                       {'port/odd, "name".py': ("sha256=123", "4")})])
def test_a_list_of_files_is_read_with_and_without_quotes(tmp_path, end, more, also):
    listing = tmp_path / "RECORD"
    listing.write_bytes("".join(row + end for row in (*ROWS, *more)).encode())
    assert rows_of(str(listing), 0) == {**EXPECTED, **also}
