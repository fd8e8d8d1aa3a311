"""Names in a bundle: they stand in one module, and stamps are read in one way."""

import ast
import datetime
from pathlib import Path

import pytest

import nbcompare
from nbcompare.bundle import names
from nbcompare.bundle.listing import newest_bundle
from nbcompare.case.arguments.options import PREFIX, REFERENCE, SUBJECT
from nbcompare.errors import EvidenceError

HOUSE = Path(nbcompare.__file__).parent
SPELLED = ("inputs/", "results/", "notes/", "tests/pytest", "failed/", "signoffs/",
           "manifest-sha256.txt", "record.json", "T\\d{6}Z", "T[0-9]{6}Z", "_cli_std", "_roi_float", ".staging-")
"""What no other module writes: beginnings of names in a bundle, and the stamp's pattern."""
FORMATS_OF_OTHERS = {"bundle/names.py", "plan/ledger.py", "bundle/keep/bagit.py"}
"""The names themselves; the mark of a ledger and BagIt's own tag file, which are no files of a bundle."""


def texts_of_code(path: Path) -> list[str]:
    """Every text that is a value, not a docstring or a help text that click shows."""
    tree = ast.parse(path.read_text())
    loose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    told = {id(word.value) for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords
            if word.arg == "help"}
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
            and id(node) not in loose | told]


def test_no_other_module_spells_a_name_of_a_bundle():
    modules = {path.relative_to(HOUSE).as_posix(): path for path in HOUSE.rglob("*.py")}
    found = {(name, text) for name in modules.keys() - FORMATS_OF_OTHERS for text in texts_of_code(modules[name])
             if any(text.startswith(part) or (part in text and "/" not in part) for part in SPELLED)}
    assert not found


@pytest.mark.parametrize(("stamp", "moment"), [
    ("20260228T235959Z", datetime.datetime(2026, 2, 28, 23, 59, 59, tzinfo=datetime.UTC)),
    ("20260230T000000Z", None), ("20260228T235959Z\n", None), ("20260228T235959", None), ("latest", None),
    ("2026022\N{ARABIC-INDIC DIGIT EIGHT}T235959Z", None)])
def test_a_stamp_is_a_second_that_there_was_in_ascii_digits(stamp, moment):
    assert names.moment_of(stamp) == moment


def test_every_file_that_a_bundle_must_hold_is_asked_for_once():
    assert len(names.REQUIRED_FILES) == len(set(names.REQUIRED_FILES)) == 16
    assert {names.output_name(role, stream) for role in PREFIX for stream in ("stdout", "stderr")} < set(
        names.REQUIRED_FILES)


def test_files_of_both_roles_of_devices_and_of_further_runs_never_share_a_name():
    made = [names.image_name(REFERENCE), names.image_name(SUBJECT), *names.further_names("noise/again"),
            *names.further_names("noise/again-2"), *(name for device in names.DEVICES for name in
                                                     (names.tests_log(device), *names.failed_tests_names(device)))]
    assert len(made) == len(set(made))


def test_the_newest_entry_of_a_case_counts_whatever_it_is(tmp_path):
    """A file in the place of the newest bundle must not bring an older one forward."""
    (tmp_path / "small" / "20260101T000000Z").mkdir(parents=True)
    (tmp_path / "small" / ".staging-20260103T000000Z").mkdir()
    (tmp_path / "small" / "20260102T000000Z").write_text("")
    assert newest_bundle(tmp_path, "small").name == "20260102T000000Z"
    with pytest.raises(EvidenceError, match="there is no bundle of case other"):
        newest_bundle(tmp_path, "other")
