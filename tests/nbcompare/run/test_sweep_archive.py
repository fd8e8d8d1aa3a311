"""Sealed archives of a sweep: the same bundles, each proven by itself, and no answer taken for another question.

The archive is made once; where a test asks whether a cell would be run again, no engine is.
"""

import datetime
import hashlib
import json
import shutil
import stat
import subprocess
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import nbcompare.commands.views.sweep as view
import nbcompare.engine.repository.git as git
import nbcompare.run.sweep.local as local
import nbcompare.run.sweep.stored as stored
from nbcompare.bundle.archive.sealed import INDEX, Archive, Sealing
from nbcompare.bundle.bundle import staging
from nbcompare.bundle.listing import newest_in
from nbcompare.bundle.names import STAMP_FORMAT, moment_named
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.cli import run
from nbcompare.engine.progress import Progress
from nbcompare.errors import EvidenceError, ExitCode, FileError
from nbcompare.plan.evidence import gather
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep.archives import Archives
from nbcompare.run.sweep.groups import Left
from nbcompare.run.sweep.plan import done_before
from nbcompare.run.sweep.result import no_result
from nbcompare.run.sweep.worker import Order
from tests.nbcompare import conftest
from tests.nbcompare.run.archives_at_hand import Pool, made, rewritten

CASE = """\
name: grid
title: t
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {fast: 9, slow: 7}
rois: {full: full}
thresholds:
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: w}
matrix:
  axes: {a: {one: -exposure 2, two: -phi 0 -osc 1}}
"""
MANIFEST = "manifest-sha256.txt"
OLD = "20200101T000000Z"
ASKED, answer = [], git.answer
"""What git was asked when the archive was made."""


@pytest.fixture(autouse=True)
def one_fake(monkeypatch):
    monkeypatch.setattr(conftest, "ALWAYS_THE_SAME", (*conftest.ALWAYS_THE_SAME, "photons"))


def words(case, broken, *more):
    engine = str(conftest.FAKES / "photons.py")
    return ("sweep", str(case), "-q", "--jobs", "1", "--format", "json", "--c-bin", engine, "--py-bin", engine,
            "--py-args", f"-broken {broken}", *more)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder in which the case was swept into one archive: cell one passed, cell two failed. What was printed."""
    home = tmp_path_factory.mktemp("swept")
    (home / "grid.yaml").write_text(CASE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: False)
        patch.setattr(git, "answer", lambda argv, *more, **named: (ASKED.append(tuple(argv)),
                                                                   answer(argv, *more, **named))[1])
        assert run([*words("grid.yaml", "pair", "--archive")]) == 3
    return home


@pytest.fixture
def path(swept, nb, tmp_path):
    """The archive, in a copy of that folder, in which we stand."""
    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    [found] = archives()
    return found


@pytest.fixture
def sweep(nb, path, monkeypatch):
    """Sweep the case again; whatever would be run is a cell that failed."""

    def none(orders, *_):
        return [no_result(order.case.name, order.case.cell, ExitCode.ENGINE_FAILED, "run") for order in orders]

    monkeypatch.setattr("nbcompare.run.sweep.sweep.run_locally", none)
    monkeypatch.setattr("nbcompare.run.sweep.sweep.run_archived", none)

    def call(*more, broken="pair"):
        return [result["how"] for result in nb(*words("grid.yaml", broken, *more)).json["results"]]

    return call


def archives():
    return sorted(Path("bundles/grid").glob("*.zip"))


def stamp_of(path):
    return path.name.partition("-")[0]


# --- reading in place -------------------------------------------------------------------------------------


def test_the_bundles_of_an_archive_are_read_where_they_are(nb, path):
    """In one read-only file, and in no folder of their own; what is printed names the archive."""
    assert [entry.name for entry in Path("bundles").iterdir() if entry.is_dir()] == ["grid"]
    assert list(Path("bundles/grid").iterdir()) == [path] and stat.S_IMODE(path.stat().st_mode) == 0o444
    assert nb("verify", path).out == f"{path}/grid.one: intact\n{path}/grid.two: intact\n"
    assert nb("verify", f"{path}/grid.two").out == f"{path}/grid.two/{stamp_of(path)}: intact\n"
    assert nb("check", f"{path}/grid.one").code == 0 and nb("check", f"{path}/grid.two").code == 3
    assert nb("show", "grid.two").out == nb("show", f"{path}/grid.two").out
    page = nb("report", f"{path}/grid.two")
    assert page.code == 0 and Path(page.out.strip()).parent == Path("bundles/grid.two/pages")
    text = Path(page.out.strip()).read_text()
    assert f"nb-compare verify {path}/grid.two/{stamp_of(path)}" in text and tempfile.gettempdir() + "/nb-c" not in text
    assert nb("export", f"{path}/grid.one", "--format", "zip", "-o", "one.zip").code == 0
    assert nb("import", "one.zip", "--bundles", "elsewhere").code == 0
    listed = nb("list")
    assert listed.code == 0 and "not listed: the bundles in 1 sealed archive" in listed.err
    page = nb("index")
    assert page.code == 0 and "not on the page: the bundles in 1 sealed archive" in page.err
    assert "what lies in a sealed archive of sweeps is not shown" in Path(page.out.strip()).read_text()


def test_whoever_unzips_an_archive_can_check_it_without_nb_compare(path, tmp_path):
    zipfile.ZipFile(path).extractall(tmp_path / "out")
    for place in (tmp_path / "out", *(tmp_path / "out").glob("grid.*/2*")):
        assert subprocess.run(["sha256sum", "-c", "--quiet", MANIFEST], cwd=place, check=False).returncode == 0


def test_what_is_meant_by_an_archive_has_to_be_there(nb, path):
    zipfile.ZipFile("other.zip", "w").writestr("a", "b")
    for named, said in ((f"{path}/grid.tow", "no such bundle in the archive; did you mean"),
                        (path, "a sealed archive of 2 bundles; name one of them"),
                        (f"{path}/grid.one/{OLD}", "no such bundle"), ("other.zip/a", "no sealed archive of a sweep")):
        found = nb("check", named)
        assert found.code == 6 and said in found.err and "Traceback" not in found.err


# --- damage -----------------------------------------------------------------------------------------------


def test_damage_is_named_with_its_bundle_and_spares_the_others(nb, path):
    good = path.read_bytes()

    def told(changes, named=path):
        path.unlink()
        path.write_bytes(good)
        rewritten(path, changes)
        said = nb("verify", named)
        assert said.code == 6 and "Traceback" not in said.err + said.out
        return said.out + said.err

    image = told({f"grid.two/{stamp_of(path)}/inputs/py_roi_float.bin": lambda old: old[::-1]})
    assert "grid.one: intact" in image and "changed: inputs/py_roi_float.bin" in image
    assert "the name leaves the folder" in told({"../slip": lambda _: b"x"})
    assert "nothing in index.jsonl speaks of it" in told({"grid.four/x": lambda _: b"x"})
    assert "index.jsonl is not the file that the manifest names" in told({INDEX: lied})
    own = f"grid.one/{stamp_of(path)}/{MANIFEST}"
    assert f"{own} is not the file that the manifest of the archive names" in told({own: lambda old: old[70:]})


def lied(index):
    """An index in which the wrong cell passes."""
    assert b'"FAIL","exit_code":3' in index
    return index.replace(b'"FAIL","exit_code":3', b'"PASS","exit_code":0')


def test_an_index_that_says_another_verdict_than_the_record_is_a_fault(nb, path):
    """All sums put right."""
    with zipfile.ZipFile(path) as archive:
        sum_of_lie = hashlib.sha256(lied(archive.read(INDEX))).hexdigest().encode()
    with Archive(path) as archive:
        own = {f"{cell.name}/{MANIFEST}" for cell in archive.cells.values()}
    rewritten(path, {INDEX: lied, MANIFEST: lambda text: text if text.count(b"\n") > len(own) + 1 else
                     sum_of_lie + text[64:]})
    for named in (path, f"{path}/grid.two"):
        said = nb("verify", named)
        assert said.code == 6 and "the word of grid.two is not that of its record" in said.out


def test_a_cut_archive_is_a_fault_and_no_trace(nb, path):
    cut = path.read_bytes()[:-9]
    path.unlink()
    path.write_bytes(cut)
    for command in ("verify", "check"):
        said = nb(command, path)
        assert said.code == 6 and "Traceback" not in said.err + said.out


def test_an_archive_that_is_not_ended_is_none(tmp_path):
    """As a killed worker leaves it: without index and manifest."""
    Sealing(tmp_path / "a.zip").close()
    with pytest.raises(EvidenceError):
        Archive(tmp_path / "a.zip")


def test_git_is_asked_once_for_a_group(path):
    """Both cells have the state of the repository of nb-compare in their records."""
    states = [words for words in ASKED if "status" in words]
    assert states and len(states) == len(set(states))
    with Archive(path) as archive:
        records = [json.loads(archive.record_text(cell)) for cell in archive.cells]
    assert all(record["repositories"]["harness"]["root"] for record in records)


# --- again ------------------------------------------------------------------------------------------------


@pytest.fixture
def verified(monkeypatch):
    """The archives that were verified in full when a sweep went on."""
    found, real = [], stored.verify_archive
    monkeypatch.setattr(stored, "verify_archive", lambda path: (found.append(path), real(path))[1])
    return found


def test_a_sweep_goes_on_from_the_index_and_opens_no_bundle(nb, path, sweep, verified, monkeypatch):
    monkeypatch.setattr(Archive, "extract", lambda *_: pytest.fail("a bundle was opened"))
    lines, real = [], view.lines_of
    monkeypatch.setattr(view, "lines_of", lambda file: (lines.append(file), real(file))[1])
    said = nb(*words("grid.yaml", "pair"))
    assert said.code == 3 and not verified and archives() == [path]
    one, two = said.json["results"]
    assert (one["how"], one["word"], two["how"], two["word"]) == ("stored", "PASS", "stored", "FAIL")
    assert two["bundle"] == f"{path}/grid.two" and "sum_ratio" in two["why"] and len(lines) == 1


@pytest.mark.parametrize("other", ["none", "FAIL to PASS", "forged", "cut", "for everybody"])
def test_an_index_in_doubt_is_passed_over_and_the_archive_verified(nb, sweep, verified, other):
    index = Path("bundles/.sweep-index.jsonl")
    text = index.read_text()
    said = {**json.loads(text), "index": json.loads(text)["index"].replace("FAIL", "PASS")}
    said["sum"] = hashlib.sha256("\n".join(said[key] for key in ("archive", "sha256", "index")).encode()).hexdigest()
    index.write_text({"none": "", "FAIL to PASS": text.replace("FAIL", "PASS"), "cut": text[:-20],
                      "forged": json.dumps(said) + "\n"}.get(other, text))
    assert other == "for everybody" or index.read_text() != text
    index.chmod(0o666 if other == "for everybody" else 0o644)
    assert [result["word"] for result in nb(*words("grid.yaml", "pair")).json["results"]] == ["PASS", "FAIL"]
    assert sweep() == ["stored"] * 2 and len(verified) == (2 if other == "for everybody" else 1)


@pytest.mark.parametrize("change", ["case", "engine", "argument", "byte", "byte, no index", "another's archive"])
def test_no_answer_is_taken_for_other_content(sweep, path, nb, tmp_path, change):
    """What the archive holds is of other thresholds, another program, other arguments, or damaged."""
    more, broken = [], "pair"
    if change == "case":
        Path("grid.yaml").write_text(CASE.replace("0.99", "0.98"))
    elif change == "engine":
        copy = tmp_path / "photons.py"
        copy.write_text((conftest.FAKES / "photons.py").read_text() + "# another engine\n")
        more = ["--py-bin", copy]
    elif change == "argument":
        broken = "nothing"
    elif change == "another's archive":  # an archive of this name was known, and now lies another one there
        rewritten(path, {})
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        path.chmod(0o644)
        path.write_bytes(content)
        if change == "byte, no index":
            Path("bundles/.sweep-index.jsonl").unlink()
    assert sweep(*more, broken=broken) == ["failed"] * 2


def test_of_all_runs_of_a_cell_the_newest_counts_wherever_it_lies(path, tmp_path):
    """A folder beside the archive; a failure in either, newer than the pass in the other, leaves the cell to be run."""
    case = cells_of(load_case(Path("grid.yaml")))[0]
    known = stored.Stored(Path("bundles"), [case], Progress(quiet=True))
    [found] = known.of(case)

    def done():
        return done_before(case, found.cell.key, Path("bundles"), unchanged=lambda record: True, stored=known)

    assert done() == found
    newer = Path(f"bundles/grid.one/{stamp_of(path)[:8]}T235959Z")
    newer.mkdir(parents=True)
    assert done() is None  # no bundle that could be read
    newer.rename(newer.with_name(OLD))
    assert done() == found
    known._by_cell[case.name].append(replace(found, stamp="20990101T000000Z", cell=replace(found.cell, judged=False)))
    assert done() is None
    known._by_cell[case.name][-1] = replace(found, stamp="20990101T000000Z", cell=None)
    assert done() is None
    known._by_cell[case.name][-1] = replace(found, stamp=OLD, cell=replace(found.cell, judged=False))
    assert done() == found


@pytest.mark.parametrize("other", ["confined", "like", "opened"])
def test_a_run_under_other_circumstances_does_not_stand_for_one_of_now(path, other):
    case = cells_of(load_case(Path("grid.yaml")))[0]
    known = stored.Stored(Path("bundles"), [case], Progress(quiet=True))
    [found] = known.of(case)
    changed = replace(found, cell=replace(found.cell, like="0" * 64)) if other == "like" else found
    assert known.stands(found, case, lambda record: True, confined=False)
    fresh = stored.Stored(Path("bundles"), [case], Progress(quiet=True))
    assert not fresh.stands(changed, case, lambda record: other != "opened", confined=other == "confined")


def test_a_gate_takes_no_older_folder_for_the_newest_run(nb, path):
    Path("bundles/grid.one", OLD).mkdir(parents=True)
    case = cells_of(load_case(Path("grid.yaml")))[0]
    assert newest_in(Path("bundles/grid.one")) == path / "grid.one" / stamp_of(path)
    assert "sealed archive, which a gate does not read" in gather(case, Path("bundles")).faults[0]
    path.chmod(0o644)
    path.write_bytes(b"no archive any more")
    assert gather(case, Path("bundles")).faults and nb("check", "grid.one").code == 6


def test_what_an_archived_bundle_asked_for_is_told_when_less_is_asked(nb, path):
    """The run of now lies in a folder, and asks for half of what the archive's did."""
    Path("grid.yaml").write_text(CASE.replace("0.99", "0.5").replace(", two: -phi 0 -osc 1", ""))
    nb(*words("grid.yaml", "pair"))
    said = nb("check", "grid.one")
    assert f"stamp {stamp_of(path)}" in said.out and "0.99" in said.out
    assert max(Path("bundles/grid.one").iterdir()).name > stamp_of(path)


def test_no_run_of_a_cell_gets_the_stamp_of_another_or_an_older_one(orders, path):
    """In the second of the archive a folder waits for the next; no archive is begun before a folder that is there."""
    then = moment_named(stamp_of(path)).timestamp()
    seconds = iter([then + 0.9995, then + 1.5])
    with staging(Path("bundles"), "grid.one", lambda: next(seconds)) as place:
        assert place.stamp == (moment_named(stamp_of(path)) + datetime.timedelta(seconds=1)).strftime(STAMP_FORMAT)
    Path("bundles/grid.two/20990101T000000Z").mkdir(parents=True)
    with Archives(Path("bundles"), [order.case for order in orders]) as home, pytest.raises(FileError, match="clock"):
        home.begin(orders)


def test_a_case_without_a_matrix_has_no_archive(nb, tmp_path):
    Path("grid.yaml").write_text(CASE.partition("matrix")[0])
    said = nb(*words("grid.yaml", "pair", "--archive"))
    assert said.code == 1 and "keeps the cells of matrices" in said.err + said.out


# --- whoever dies -----------------------------------------------------------------------------------------


@pytest.fixture
def orders(path, tmp_path):
    options = RunOptions(bundles=tmp_path / "home")
    return tuple(Order(cell, options) for cell in cells_of(load_case(tmp_path / "grid.yaml")))


@pytest.mark.parametrize("alone", [False, True])
def test_the_group_of_a_process_that_died_is_run_again_cell_by_cell(orders, tmp_path, path, monkeypatch, alone):
    broken = []
    monkeypatch.setattr(local, "_pool", lambda workers, jobs: Pool(broken, alone))
    monkeypatch.setattr(local, "_archive", lambda group, place: made(path, group, place))
    monkeypatch.setattr("nbcompare.run.sweep.groups.size_of_groups", lambda *_: 2)
    with Archives(tmp_path / "home", [order.case for order in orders]) as home:
        results = {result.cell: result.word for result in local.run_archived(orders, 2, home)}
    assert results == {"grid.one": "PASS", "grid.two": "ERROR" if alone else "FAIL"}
    assert broken[0] == ["grid.one", "grid.two"]
    found = [Archive(entry).cells.keys() for entry in sorted((tmp_path / "home/grid").iterdir())]
    assert found == ([{"grid.one"}] if alone else [{"grid.one"}, {"grid.two"}])


def test_home_publishes_only_what_was_asked_for_and_nothing_twice(orders, tmp_path, path):
    with Archives(tmp_path / "home", [order.case for order in orders]) as home:
        place = home.begin(orders[:1])
        made(path, orders[:1], place)
        [other] = home.take(orders[1:], place, Left())
        assert other.word == "ERROR" and "came in place of what was asked for" in other.why
        target = tmp_path / "home/grid" / f"{place.stamp}-0001.zip"
        target.write_bytes(b"was there")
        [taken] = home.take(orders[:1], place, Left())
        assert "is there already" in taken.why and target.read_bytes() == b"was there"
        place.made.chmod(0o644)
        [damaged] = home.take(orders[:1], place, Left({}, place.made.read_bytes(), hashlib.sha256(b"y").hexdigest()))
        assert "damaged on its way home" in damaged.why
    assert [entry.name for entry in (tmp_path / "home/grid").iterdir()] == [target.name]
