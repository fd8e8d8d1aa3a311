"""The case loader: strict, and every complaint points at the text."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

import nbcompare.case.case_file as case_module
import nbcompare.case.claims as case_claims
from nbcompare.case.case_file import load_case
from nbcompare.case.inputs import GENERATORS
from nbcompare.compare.metrics import METRICS
from nbcompare.errors import CaseError
from tests.nbcompare.conftest import SMALL_CASE

CASES = Path(__file__).resolve().parents[3] / "cases"
SCHEMA = json.loads((Path(case_module.__file__).parent / "case_schema.json").read_text())

CLAIM = ("{id: a, title: t, engine: reference, emulate: [-e, x], bounds: {full: {sum_ratio: {max: 2}}}, why: w, "
         "reference: r, owner: o, expires: '2027-01-31', control: [-c, 1], switch: declared, changes: y}")

# (what is replaced, by what, line and column of the complaint, words in it)
FAULTS = [
    ("title: a", "titel: a", "2:1", "unknown key 'titel' in a case; did you mean 'title'?"),
    ("name: small\n", "", "1:1", "lacks the key 'name'"),
    ("name: small", "name: small\nname: again", "2:1", "duplicate key 'name'"),
    ("name: small", "name: ../small", "1:7", "must be a name of letters"),
    ("name: small", "name: [small]", "1:7", "name must be text, found list"),
    ("slow: 7", "slow: 7.0", "4:24", "slow must be a whole number, found float '7.0'"),
    ("slow: 7", "slow: '7'", "4:24", "slow must be a whole number, found text '7'"),
    ("slow: 7", "slow: 0", "4:24", "1 to 100000"),
    ("slow: 7", "slow: 8", "4:8", "the command declares 9 x 7 pixels"),
    ("fast: 9, ", "", "4:8", "lacks the key 'fast'"),
    ("[2, 6, 2, 5]", "[2, 9, 2, 5]", "7:11", "x (fast) bounds 2..9 overhang the image, whose last pixel is 8"),
    ("[2, 6, 2, 5]", "[2, 6, 5, 2]", "7:11", "y (slow) bounds 5..2 are inverted"),
    ("[2, 6, 2, 5]", "[-1, 6, 2, 5]", "7:11", "negative"),
    ("[2, 6, 2, 5]", "[2, 6, 2]", "7:11", "needs four numbers"),
    ("full: full", "full: all", "6:9", "must be the word full"),
    ("metric: correlation", "metric: corelation", "9:14", "did you mean 'correlation'?"),
    ("metric: correlation, ", "", "9:5", "lacks the key 'metric'"),
    ("min: 0.9995", "min: high", "9:32", "min must be a number"),
    ("min: 0.9995", "min: .nan", "9:32", "min must be a finite number"),
    ("min: 0.9995, ", "", "9:5", "needs min, max or both"),
    ("min: 0.99,", "min: 1.99,", "10:30", "min 1.99 is above max 1.01"),
    (", why: same pattern", "", "9:5", "lacks the key 'why'"),
    ("why: same pattern", "why: ''", "9:45", "must not be empty"),
    ("why: same pattern", "why: x, rois: [ful]", "9:55", "unknown region 'ful'; did you mean 'full'?"),
    ("-flux 1e18", "-mat A.mat", "3:10", "-mat A.mat is not among the inputs"),
    ("-flux 1e18", "-floatfile x.bin", "3:10", "-floatfile is added by the runner"),
    ("-flux 1e18", "'unclosed", "3:10", "cannot be split into words"),
    ("-detpixels_y 7", "-detpixels_y seven", "3:10", "-detpixels_y needs a number, found 'seven'"),
    ("rois:\n", "inputs: {A.mat: {made_by: nobody, sha256: 00}}\nrois:\n", "5:27", "unknown generator 'nobody'"),
    ("rois:\n", "inputs: {A.mat: {file: not_there.mat}}\nrois:\n", "5:24", "there is no file not_there.mat"),
    ("rois:\n", "inputs: {A.mat: {made_by: lysozyme-orientation}}\nrois:\n", "5:17", "needs its sha256 pinned"),
    ("rois:\n", "inputs: {A.mat: {}}\nrois:\n", "5:17", "needs either made_by or file"),
    ("rois:\n", "limits: {subject_seconds: -1}\nrois:\n", "5:27", "must be above 0"),
    ("rois:\n", "environment: {A: true}\nrois:\n", "5:18", "put it in quotes"),
    ("rois:\n", "repeat: 0\nrois:\n", "5:9", "repeat must be 1 to 100, found 0"),
    ("rois:\n", "threads: [1, 0]\nrois:\n", "5:14", "must be 1 to 1024, found 0"),
    ("rois:\n", "threads: [2, 2]\nrois:\n", "5:10", "names a number twice"),
    ("rois:\n", "required_args: [-osc]\nrois:\n", "5:16", "-osc is not in the command"),
    ("-flux 1e18", "-flux 1e18 -misset random", "3:10", "add -misset_seed N before it"),
    ("rois:\n", "divergences: []\nrois:\n", "5:14", "at least one claim, or be left out"),
    ("rois:\n", f"divergences: [{CLAIM[:-1]}, x: 1}}]\nrois:\n", "5:212", "unknown key 'x'"),
    ("rois:\n", f"divergences: [{CLAIM}]\nrois:\n".replace("owner: o, ", ""), "5:15", "lacks the key 'owner'"),
    ("rois:\n", f"divergences: [{CLAIM}]\nrois:\n".replace("engine: reference", "engine: torch"), "5:41",
     "unknown engine 'torch'"),
    ("rois:\n", f"divergences: [{CLAIM}]\nrois:\n".replace("{full", "{ful"), "5:84", "unknown region 'ful' in bounds"),
    ("rois:\n", f"divergences: [{CLAIM}]\nrois:\n".replace("{sum_ratio", "{sum"), "5:91", "unknown metric 'sum'"),
    ("rois:\n", f"divergences: [{CLAIM}]\nrois:\n".replace("{max: 2}", "{}"), "5:97", "needs min, max or both"),
    ("rois:\n", f"divergences: [{CLAIM}]\nrois:\n".replace("2027-01-31", "2027-02-31"), "5:150",
     "must be a day written YYYY-MM-DD"),
    ("rois:\n", f"divergences: [{CLAIM}]\nrois:\n".replace("[-e, x]", "[]"), "5:61", "emulate must hold"),
    ("rois:\n", f"divergences: [{CLAIM}, {CLAIM}]\nrois:\n", "5:213", "two claims are called a"),
    ("rois:\n", f"divergences: [{CLAIM}]\nrois:\n".replace("engine: reference", "engine: subject"), "5:171",
     "the defect is the subject's"),
    ("a 9 x 7", "&anchor a 9 x 7", "2:8", "anchors and aliases"),
    ("a 9 x 7", "!!python/object:os.system a 9 x 7", "2:8", "the tag"),
    ("a 9 x 7", "[unclosed", "3:8", "not valid YAML"),
    ("a 9 x 7", "\u202eabc", "2", "invisible direction character U+202E"),
    ("a 9 x 7", "\x00", None, "not valid YAML"),
    ("a 9 x 7 image of fake engines", "[" * 60 + "]" * 60, "2:47", "nested deeper than 40"),
]


@pytest.mark.parametrize(("old", "new", "place", "words"), FAULTS)
def test_a_fault_is_one_error_with_its_place(tmp_path, old, new, place, words):
    assert old in SMALL_CASE
    path = tmp_path / "case.yaml"
    path.write_text(SMALL_CASE.replace(old, new, 1))
    with pytest.raises(CaseError) as caught:
        load_case(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}:{place}: " if place else str(path))


@pytest.mark.parametrize(("content", "words"), [
    (b"", "empty"), (b"\xff\xfe\x00", "not UTF-8"), (b"#" * (2 << 20), "larger than 1 MiB"),
    (b"a: &a [x]\nb: [" + b"*a, " * 100_000 + b"]", "anchors and aliases"),
])
def test_hostile_files_are_refused_at_once(tmp_path, content, words):
    path = tmp_path / "case.yaml"
    path.write_bytes(content)
    with pytest.raises(CaseError, match=words):
        load_case(path)


def test_a_case_that_is_not_there(nb):
    said = nb("run", "nowhere.yaml")
    assert said.code == 1
    assert "nowhere.yaml: cannot read the file: No such file or directory" in said.err
    assert "Traceback" not in said.err


def test_a_number_with_an_exponent_is_a_number(tmp_path):
    """YAML 1.1 reads 95e-2 as text; people do not."""
    path = tmp_path / "case.yaml"
    path.write_text(SMALL_CASE.replace("min: 0.9995", "min: 95e-2"))
    assert load_case(path).thresholds[0].min == 0.95


def test_a_threshold_without_regions_holds_on_all(tmp_path):
    path = tmp_path / "case.yaml"
    path.write_text(SMALL_CASE)
    case = load_case(path)
    assert [(t.metric, t.roi) for t in case.thresholds] == [
        ("correlation", "full"), ("correlation", "middle"), ("sum_ratio", "full"), ("sum_ratio", "middle")]


@pytest.mark.parametrize(("name", "words"), [
    ("float.bin", "an input cannot be called float.bin; the engines write their image under that name"),
    ("below/a", "the input name 'below/a' must be a plain file name"), ("..", "must be a plain file name")])
def test_an_input_has_a_plain_name_and_not_that_of_the_image(tmp_path, name, words):
    (tmp_path / "x").write_text("x")
    path = tmp_path / "case.yaml"
    path.write_text(f"{SMALL_CASE}inputs: {{{name}: {{file: x}}}}\n")
    with pytest.raises(CaseError, match=words):
        load_case(path)


# --- loader and schema keep in step -----------------------------------------------------------------


def test_the_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted(CASES.glob("supervisor*.yaml")), ids=lambda path: path.name)
def test_every_case_here_loads_and_fits_the_schema(path):
    load_case(path)
    jsonschema.Draft7Validator(SCHEMA).validate(yaml.safe_load(path.read_text()))


def test_schema_and_loader_know_the_same_words():
    assert set(SCHEMA["properties"]) == set(case_module._KEYS)
    assert set(SCHEMA["required"]) == set(case_module._REQUIRED)
    assert set(SCHEMA["properties"]["limits"]["properties"]) == set(case_module.Limits.__dataclass_fields__)
    assert set(SCHEMA["definitions"]["metric"]["enum"]) == set(METRICS)
    assert set(SCHEMA["definitions"]["claim"]["properties"]) == set(case_claims.KEYS)
    assert set(SCHEMA["definitions"]["claim"]["required"]) == set(case_claims.REQUIRED)
    assert set(SCHEMA["definitions"]["input"]["properties"]["made_by"]["enum"]) == set(GENERATORS)


BEYOND_A_SCHEMA = ("duplicate", "declares", "overhang", "inverted", "above max", "unknown region", "not among",
                   "added by", "add -misset_seed", "cannot be split", "needs a number", "there is no file", "anchors",
                   "the tag", "not valid YAML", "invisible", "float '7.0'", "nested", "finite", "not in the command",
                   "must be a day", "emulate must hold", "two claims", "defect is the subject's", "in bounds")


@pytest.mark.parametrize(("old", "new", "place", "words"),
                         [fault for fault in FAULTS if not any(word in fault[3] for word in BEYOND_A_SCHEMA)])
def test_what_the_loader_refuses_the_schema_refuses(old, new, place, words):
    """All but what a schema cannot say: uniqueness, references, geometry, files, syntax."""
    stored = yaml.safe_load(SMALL_CASE.replace(old, new, 1))
    assert list(jsonschema.Draft7Validator(SCHEMA).iter_errors(stored))
