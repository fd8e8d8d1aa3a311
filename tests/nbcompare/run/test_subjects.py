"""Several subjects of one case: the port in another precision or on a device, each held against the one reference."""

import hashlib
import json
import subprocess
from dataclasses import make_dataclass
from pathlib import Path
from types import SimpleNamespace

import junitparser
import numpy as np
import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.files import dump_json
from nbcompare.verdict.subjects import copied
from tests.nbcompare.conftest import SMALL_CASE

pytestmark = pytest.mark.usefixtures("quick_runs")

PROGRAM = """\
import sys
from array import array
if "-version" in sys.argv:
    sys.exit(print("port 1.0"))
at = dict(zip(sys.argv, sys.argv[1:]))
if at.get("-device") == "cuda":
    sys.exit("no kernel image is available")
factor = float(at.get("-factor", 1))
values = [float(i * 7919 % 101 + 1) for i in range(int(at["-detpixels_x"]) * int(at["-detpixels_y"]))]
values[31] = 1000.0
open(at["-floatfile"], "wb").write(array("f", [factor * x for x in values]).tobytes())
"""


@pytest.fixture
def several(nb, tmp_path):
    """Run the small case with these further subjects; what was said, and the bundle."""
    for name, more in (("ref.py", ""), ("port.py", "# a port\n")):
        (tmp_path / name).write_text(more + PROGRAM)
    (tmp_path / "phases.yaml").write_text("title: a\nphases:\n  - {name: agree, title: t, cases: [small.yaml], "
                                          "requires: {verdict: [PASS]}}\n")

    def call(subjects):
        (tmp_path / "small.yaml").write_text(f"{SMALL_CASE}subjects: {json.dumps(subjects)}\n")
        said = nb("run", "small.yaml", "--c-bin", "ref.py", "--py-bin", "port.py", "-q", "--format", "json")
        return said, Path(said.json["bundle"]) if said.code != 1 else None

    return call


def test_of_several_that_fail_the_furthest_off_is_what_to_look_into_next(several, nb):
    """The subject itself meets every threshold; the worst stands neither first nor last."""
    _, folder = several({"near": "-factor 1.02", "far": "-factor 2", "nearer": "-factor 1.015"})
    assert "  next       nb-compare run small.yaml '--py-args=-factor 2'" in nb("show", folder).out


def test_all_are_held_against_the_one_reference_in_one_bundle(several, nb):
    said, folder = several({"float64": "-precision double", "near": "-factor 1.0"})
    assert said.code == 0
    found = said.json["findings"]["subjects"]
    assert [(entry["name"], entry["words"]) for entry in found] == [
        ("float64", ["-precision", "double"]), ("near", ["-factor", "1.0"])]
    assert all(entry["comparison"]["regions"][0]["roi"]["name"] == "full" for entry in found)
    assert nb("verify", folder).code == nb("check", folder).code == 0
    shown = nb("show", folder).out
    assert "  float64  -precision double  PASS" in shown and "  near     -factor 1.0        PASS" in shown
    assert "-precision double" in (folder / "inputs/commands.txt").read_text()


def test_one_that_is_off_is_no_pass_of_the_case(several, nb):
    said, folder = several({"float64": "-precision double", "cold": "-factor 0.5"})
    assert said.code == 3 and said.json["verdict"]["word"] == "FAIL"
    reasons = said.json["verdict"]["reasons"]
    assert reasons and all(reason.startswith("subject cold: ") for reason in reasons)
    assert (folder / "subjects/cold_float.bin").is_file()
    assert nb("report", folder, "--html", "page.html").code == 0
    page = Path("page.html").read_text()
    assert "cold<br><code>-factor 0.5</code>" in page and '"begin":2' in page  # whose images are looked at first
    assert nb("verify", folder).code == 0 and nb("check", folder).code == 3


def test_one_that_cannot_run_has_failed_as_the_subject_would_have(several, nb):
    said, folder = several({"cuda": "-device cuda"})
    assert said.code == 2 and said.json["verdict"]["word"] == "ENGINE FAILED"
    assert "subject cuda: ended with exit code 1" in said.json["verdict"]["reasons"][0]
    assert nb("verify", folder).code == 0


@pytest.mark.parametrize("harm", ["image", "figures", "words", "one less"])
def test_image_figures_and_words_are_held_against_each_other(several, nb, harm):
    _, folder = several({"warm": "-factor 1.0001", "near": "-factor 1.00001"})
    path, image = folder / "record.json", folder / "subjects/warm_float.bin"
    record = json.loads(path.read_text())
    found = record["findings"]["subjects"]
    if harm == "image":
        image.write_bytes((folder / "inputs/c_roi_float.bin").read_bytes())
    elif harm == "figures":
        found[0]["comparison"]["regions"][0]["subject_sum"] *= 2.0
    elif harm == "words":
        found[0]["run"]["argv"][-3] = "1.0"
    else:
        del found[1]
    path.write_text(dump_json(record))
    write_manifest(folder)
    again = {"image": "subjects/warm_float.bin", "figures": "subject_sum", "words": "does not follow",
             "one less": "not those of the case"}[harm]
    said = nb("verify", folder)
    assert said.code == 6 and again in said.out + said.err


@pytest.mark.parametrize("subjects, words", [
    ({"a": {"engine": "old"}}, "names the engine old, which neither"),
    ({"a": {"engine": "reference"}}, "compared anyway"), ({"subject": "-x 1"}, "compared anyway"),
    ({}, "at least one"), ({"a b": "-x 1"}, "the name of a subject"), ({"a": ""}, "must not be empty"),
    ({"a": "-x 1", "b": "-x 1"}, "no other subject has"), ({"a": "-mat no.mat"}, "no.mat")])
def test_subjects_that_mean_nothing_are_refused(several, subjects, words):
    said, folder = several(subjects)
    assert said.code == 1 and words in said.err and folder is None


def test_another_set_of_subjects_turns_the_gate_red(several, nb, tmp_path):
    several({"near": "-factor 1.0"})
    (tmp_path / "small.yaml").write_text(f"{SMALL_CASE}subjects: {{cold: -factor 0.5}}\n")
    said = nb("gate", "agree", "--phases", "phases.yaml", "--format", "json")
    assert said.code != 0


# --- other engines --------------------------------------------------------------------------------------------

@pytest.fixture
def others(several, tmp_path):
    """Run the small case with a port that writes .npy with a gap, and the stored image of an earlier release."""
    (tmp_path / "npy.py").write_text(NPY)
    (tmp_path / "twin.py").write_text((tmp_path / "ref.py").read_text())
    stored = (np.arange(63) * 7919 % 101 + 1.0).reshape(7, 9)
    stored[3, 4] = 1000.0
    np.save(tmp_path / "golden.npy", stored)
    digest = hashlib.sha256((tmp_path / "golden.npy").read_bytes()).hexdigest()
    (tmp_path / "nb-compare.yaml").write_text(PROJECT.replace("DIGEST", digest))
    return several


NPY = """\
import sys
import junitparser
import numpy as np
at = dict(zip(sys.argv, sys.argv[1:]))
if "-version" in sys.argv:
    sys.exit(print("npy port 2.0"))
values = np.array([float(i * 7919 % 101 + 1) for i in range(63)])
values[31] = 1000.0
np.save("image.npy", values.reshape(7, 9) * float(at.get("--factor", 1)))
"""

PROJECT = """\
engines:
  numpy-port:
    command: npy.py
    arguments: {-detpixels_x: {drop: it is fixed}, -detpixels_y: {drop: it is fixed}, -factor: --factor}
    other_arguments: pass
    output: {file: image.npy, format: numpy}
  release-1.3:
    image: {file: golden.npy, format: numpy, sha256: DIGEST, origin: made by hand}
  twin: {command: ref.py}
"""


def test_another_engine_and_a_stored_image_are_further_subjects(others, nb, tmp_path):
    said, folder = others({"npy": {"engine": "numpy-port"}, "previous": {"engine": "release-1.3"},
                           "near": "-factor 1.0"})
    assert said.code == 0, said.out + said.err
    found = {entry["name"]: entry for entry in said.json["findings"]["subjects"]}
    record = json.loads((folder / "record.json").read_text())
    assert record["case"]["subjects"]["npy"] == {"engine": "numpy-port", "arguments": []}
    assert found["npy"]["engine"]["name"] == "numpy-port" and found["npy"]["run"]["dtype"] == "<f8"
    assert "engine" not in found["near"]
    for command in ("verify", "check", "show", "report"):
        assert nb(command, folder).code == 0, command
    shown = nb("show", folder).out
    assert "  npy       numpy-port   PASS" in shown and "  previous  release-1.3  PASS" in shown
    assert "image.npy" in (folder / "inputs/commands.txt").read_text()
    assert "subject npy" in nb("run", "small.yaml", "--dry-run", "--c-bin", "ref.py", "--py-bin", "port.py").out


def test_another_engine_that_is_off_or_the_reference_itself_is_no_pass(others, nb):
    said, folder = others({"npy": {"engine": "numpy-port", "arguments": "-factor 0.5"}})
    assert said.code == 3 and all(reason.startswith("subject npy: ") for reason in said.json["verdict"]["reasons"])
    assert nb("verify", folder).code == 0
    said, folder = others({"same": {"engine": "twin"}})
    assert said.code == 8 and "subject same: reference and subject are the same program" in \
        said.json["verdict"]["reasons"][0]
    assert nb("verify", folder).code == 0


def test_the_gate_asks_what_another_engine_is_made_of(others, nb, tmp_path):
    (tmp_path / "phases.yaml").write_text("title: a\nphases:\n  - {name: agree, title: t, cases: [small.yaml], "
                                          "requires: {verdict: [PASS], engines_unchanged: true}}\n")
    assert others({"npy": {"engine": "numpy-port"}})[0].code == 0
    assert nb("gate", "agree", "--phases", "phases.yaml").code == 0
    (tmp_path / "npy.py").write_text(NPY + "# changed\n")
    said = nb("gate", "agree", "--phases", "phases.yaml")
    assert (said.code != 0 and "npy.py" in said.out) or "(numpy-port) is not what it was" in said.out
    (tmp_path / "npy.py").write_text(NPY)
    project = tmp_path / "nb-compare.yaml"
    project.write_text(project.read_text().replace("-factor: --factor", "-factor: --scale"))
    said = nb("gate", "agree", "--phases", "phases.yaml")
    assert said.code != 0 and "is not what nb-compare.yaml declares now" in said.out


def test_another_engine_that_was_changed_while_it_ran_has_failed(others, nb, monkeypatch):
    from nbcompare.engine.drift import EngineDrift

    monkeypatch.setattr(EngineDrift, "fault", lambda watch, but=(): "was changed while it ran: npy.py changed"
                        if watch.program.name == "npy.py" else None)
    said, folder = others({"npy": {"engine": "numpy-port"}})
    assert said.code == 2 and "npy.py changed" in str(said.json["verdict"]["reasons"])
    assert nb("verify", folder).code == 0


def test_gaps_that_another_engine_states_are_kept_and_need_a_threshold(others, nb, tmp_path):
    cbf = "import fabio\nimage = np.where(np.arange(9) == 2, -1, values.reshape(7, 9)).astype('i4')\n"
    (tmp_path / "npy.py").write_text(f"{NPY.rpartition('np.save')[0]}{cbf}"
                                     "fabio.cbfimage.CbfImage(data=image).write('image.cbf')\n")
    project = tmp_path / "nb-compare.yaml"
    project.write_text(project.read_text().replace("file: image.npy, format: numpy", "file: image.cbf, format: fabio"))
    said, folder = others({"cbf": {"engine": "numpy-port"}})
    assert said.code == 3 and "7 of 63 pixels are masked in the subject alone" in said.json["verdict"]["reasons"][0]
    assert (folder / "subjects/cbf_mask.bin").stat().st_size == 63 and nb("verify", folder).code == 0
    (folder / "subjects/cbf_mask.bin").chmod(0o644)
    (folder / "subjects/cbf_mask.bin").write_bytes(bytes(63))
    write_manifest(folder)
    assert nb("verify", folder).code == 6


def test_a_touched_up_copy_of_the_reference_is_no_evidence_of_another_subject_either(others, nb, tmp_path, monkeypatch):
    """One pixel of the other engine's float32 image is one unit in the last place off, and that engine looked into the
    reference's program; where it did not, a note says that the image was computed."""
    monkeypatch.setattr("nbcompare.engine.rendering.self_comparison._SHARE", 10)
    touched = "values[5] = np.nextafter(values[5], np.float32(99))\nvalues.astype('<f4').tofile('image.bin')\n"
    looks = f"open({str(tmp_path / 'ref.py')!r}).read()\n"
    (tmp_path / "npy.py").write_text(NPY.partition("np.save")[0].replace("range(63)])", "range(63)], 'f4')") + looks
                                     + touched)
    project = tmp_path / "nb-compare.yaml"
    project.write_text(project.read_text().replace("image.npy, format: numpy", "image.bin, format: raw, dtype: <f4"))
    said, folder = others({"copy": {"engine": "numpy-port"}})
    assert said.code == 8 and "subject copy: the images of two programs are bit-identical but for 1 of 63 pixels" in \
        said.json["verdict"]["reasons"][0], said.out
    assert nb("verify", folder).code == 0
    (tmp_path / "npy.py").write_text((tmp_path / "npy.py").read_text().replace(looks, ""))
    said, folder = others({"copy": {"engine": "numpy-port"}})
    assert said.code == 0 and any("the image of the subject copy is the reference's but for" in note
                                  for note in said.json["notes"])
    assert nb("verify", folder).code == 0


@pytest.mark.skipif(OpenCalls.why_not() is not None, reason="what a program opens is seen on Linux alone")
def test_a_further_subject_that_copies_has_failed_as_the_subject_would_have(others, nb, tmp_path):
    """The subject with other words, and another engine, give the image of an earlier bundle. A copy of any other file
    that was read is told, and no gate takes it for evidence."""
    project = tmp_path / "nb-compare.yaml"
    project.write_text(project.read_text().replace("twin: {command: ref.py}", "twin: {command: twin.py}"))
    subjects = {"near": "-factor 1.0", "other": {"engine": "twin"}}
    _, folder = others(subjects)
    kept = tmp_path / "kept.bin"
    for source, code, told in ((folder.absolute() / "inputs/c_roi_float.bin", 2, "which an earlier run has left"),
                               (kept, 0, "its image is byte for byte the file")):
        kept.write_bytes((folder / "inputs/c_roi_float.bin").read_bytes())
        for name in ("port.py", "twin.py"):
            copies = (f'if "-factor" in at or __file__.endswith("twin.py"):\n    found = open({str(source)!r}, "rb")\n'
                      '    sys.exit(open(at["-floatfile"], "wb").write(found.read()) and 0)\n')
            own = PROGRAM.replace("factor = ", f"{copies}factor = ", 1).replace('"-factor", 1)', '"-factor", 1.001)')
            (tmp_path / name).write_text(own)
        said = nb("run", "small.yaml", "--c-bin", "ref.py", "--py-bin", "port.py", "-q", "--format", "json", "--fresh")
        assert said.code == code and nb("verify", said.json["bundle"]).code == 0
        said_of = said.json["verdict"]["reasons"] if code else said.json["notes"]
        assert sum(told in sentence for sentence in said_of) == 2, said_of


@pytest.mark.parametrize(("stored", "said"), [(False, "subject previous: the images"), (True, None)])
def test_an_image_of_an_earlier_release_may_be_as_near_as_a_copy(stored, said):
    """It was stored before the reference was asked, and nobody touched it up to look like this one."""
    image = np.ones((40, 40), "f4")
    other = image.copy()
    other[3, 4] = np.nextafter(other[3, 4], np.float32(2))
    ours, theirs = (SimpleNamespace(program_sha256=name, is_stored=kept)
                    for name, kept in (("a", False), ("b", stored)))
    found = copied(SimpleNamespace(name="previous", engine=theirs), [ours, ours], image, other)
    assert found is None if said is None else found.startswith(said)


def test_the_repository_of_another_engine_is_part_of_the_evidence(others, nb, tmp_path):
    """Notes tell what its adapter drops; a gate asks for its commit and for a clean tree."""
    port = tmp_path / "other"
    port.mkdir()
    (port / "npy.py").write_text(NPY)
    project = tmp_path / "nb-compare.yaml"
    project.write_text(project.read_text().replace("command: npy.py", "command: other/npy.py"))

    def git(folder, *words):
        subprocess.run(["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@b.c", *words], check=True,
                       capture_output=True)

    (tmp_path / ".gitignore").write_text("other/\nbundles/\n__pycache__/\n")
    (tmp_path / "phases.yaml").write_text("title: a\nphases:\n  - {name: agree, title: t, cases: [small.yaml], "
                                          "requires: {same_commit: true, clean_tree: true}}\n")
    (tmp_path / "small.yaml").write_text(f"{SMALL_CASE}subjects: {{npy: {{engine: numpy-port}}}}\n")
    for folder in (port, tmp_path):
        git(folder, "init", "-q")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "a")

    def gate():
        said = nb("gate", "agree", "--phases", "phases.yaml")
        return said.code, said.out

    def ran():
        return nb("run", "small.yaml", "--c-bin", "ref.py", "--py-bin", "port.py", "-q", "--format", "json").json

    record = json.loads((Path(ran()["bundle"]) / "record.json").read_text())
    assert record["repositories"]["subject npy"]["root"] == str(port)
    assert "subject npy" in record["surroundings"]["not_passed"]
    assert any("the subject npy was not given -detpixels_x 9" in note for note in record["notes"])
    code, out = gate()
    assert code == 0 and "subject npy at " in out and "subject npy: made from a clean tree" in out, out
    git(port, "commit", "-q", "--allow-empty", "-m", "b")
    code, out = gate()
    assert code != 0 and "subject npy: made at" in out, out
    (port / "npy.py").write_text(NPY + "# changed\n")
    ran()
    code, out = gate()
    assert code != 0 and "subject npy: made with uncommitted changes (among them npy.py)" in out, out


def test_two_bundles_are_compared_subject_by_subject(several, nb):
    """Those of one name; what one bundle alone has is told, and any two runs may be named."""
    _, first = several({"near": "-factor 1.00001", "warm": "-factor 1.0001"})
    _, second = several({"near": "-factor 1.05", "cold": "-factor 0.5"})
    said = nb("compare", first, second, "--format", "json")
    assert said.code == 3
    pairs = {(pair["a"]["role"], pair["b"]["role"]): pair["verdict"]["word"] for pair in said.json["pairs"]}
    assert pairs == {("subject", "subject"): "PASS", ("near", "near"): "FAIL"}
    told = "\n".join(said.json["notes"])
    assert "subject warm is in small/" in told and "subject cold is in small/" in told
    named = nb("compare", first, second, "--roles", "warm:subject", "--roles", "reference:near")
    assert named.code == 3 and "subject warm of " in named.out and "(-factor 1.0001)" in named.out
    assert "FAIL  reference of" in named.out and "PASS  subject warm of" in named.out
    for role in ("warm", "", "reference:torch", "torch:subject"):
        lost = nb("compare", first, second, "--roles", role)
        assert lost.code == 1 and "it has reference, subject, near" in lost.err, role


def test_every_subject_has_its_rows_on_the_terminal_and_in_what_ci_reads(several, nb, tmp_path):
    for name, subjects, code in (("good", {"near": "-factor 1.00001"}, 0),
                                 ("cold", {"near": "-factor 1.00001", "cold": "-factor 0.5"}, 3),
                                 ("cuda", {"near": "-factor 1.00001", "cuda": "-device cuda"}, 2)):
        several(subjects)
        said = nb("run", "small.yaml", "--c-bin", "ref.py", "--py-bin", "port.py", "-q", "--junit", f"{name}.xml",
                  "--markdown", f"{name}.md")
        assert said.code == code
        rows = {line.split()[0]: line for line in said.out.splitlines() if "-factor" in line or "-device" in line}
        assert set(subjects) <= set(rows), said.out
        assert "PASS" in rows["near"] and "sum_ratio on middle" in rows["near"]
        suite = next(iter(junitparser.JUnitXml.fromfile(f"{name}.xml")))
        tests = {test.name: test for test in suite}
        assert tests["subject near: full: sum_ratio 0.99 .. 1.01"].is_passed
        summary = Path(f"{name}.md").read_text()
        assert "| PASS | small: subject near (-factor 1.00001) |" in summary
        if name == "cold":
            assert "FAIL" in rows["cold"] and "0.5" in rows["cold"] and "0.99 .. 1.01" in rows["cold"]
            assert suite.failures == 2 and not tests["subject cold: full: sum_ratio 0.99 .. 1.01"].is_passed
            assert "| subject cold: full | sum\\_ratio | 0.5 | 0.99 .. 1.01 | **outside** |" in summary
        if name == "cuda":
            assert "ENGINE FAILED" in rows["cuda"] and "exit code 1" in rows["cuda"]
            assert suite.errors == 1 and "exit code 1" in tests["subject cuda"].result[0].message
            assert "| ENGINE FAILED | small: subject cuda" in summary


def test_another_engine_that_opened_what_was_changed_meanwhile_has_failed(monkeypatch):
    from nbcompare.run import other_subjects

    SubjectRun = make_dataclass("SubjectRun", ("engine", "run", "comparison"))
    entry = SubjectRun(None, make_dataclass("Run", ("failure",))(None), "figures")
    other = SimpleNamespace(identity=SimpleNamespace(made_of=None, having=lambda opened: opened),
                            engine=SimpleNamespace(variables=lambda environment: {}, program="port"),
                            job=SimpleNamespace(environment={}), watch=SimpleNamespace(fault=lambda own: None))
    monkeypatch.setattr(other_subjects, "written_by_itself", lambda calls: ())
    monkeypatch.setattr(other_subjects, "opened_by", lambda *asked: ("opened", ["table changed"]))
    ended = other_subjects._as_it_ended(entry, other, "calls")
    assert ended.run.failure.sentence == "opened what was changed while it ran: table changed"
    assert (ended.engine, ended.comparison) == ("opened", None)
