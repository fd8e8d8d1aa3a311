"""The texts of a bundle, word by word: they belong to the record's schema_version, and each follows from the record."""

from dataclasses import replace

import pytest

from nbcompare.bundle.record import HARNESS_ROLE, Ancestor, ImageFacts
from nbcompare.bundle.record import TestsOutcome as Outcome
from nbcompare.bundle.summary import summary
from nbcompare.bundle.text_files import not_run, open_points, summary_of, texts_of, todo_text
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.declared.adapter import Adapter, ArgumentRule, ConfigFile, Output
from nbcompare.compare.pictures import Scale
from nbcompare.engine.failure import Failure
from nbcompare.engine.identity import GitState
from nbcompare.engine.repository.git import RepositoryState
from nbcompare.formats.declared import Declared
from nbcompare.verdict.noise_floor import NoiseFloor
from nbcompare.verdict.verdict import Label
from tests.nbcompare.bundle.test_record_agrees import OLD, RICH, with_case, with_further, with_run

SIZES = {REFERENCE: 252, SUBJECT: 4 * 63}
COMMAND = "-detpixels_x 9 -detpixels_y 7 -flux 1e18 -hkl x.hkl -phi 2"
BEGIN = "(work=$(mktemp -d) && trap 'rm -rf \"$work\"' EXIT"
DATA = " && cp inputs/data/* \"$work\""
INTO = " && cd \"$work\" && "
END = " && sha256sum \"$work\"/float.bin)"


def block(words, data=DATA):
    return f"{BEGIN}{data}{INTO}{words} -floatfile float.bin{END}"


def commands(record):
    return texts_of(record, SIZES)["inputs/commands.txt"]


# --- commands ----------------------------------------------------------------------------------------------------


def test_every_run_has_a_line_that_says_how_it_went_and_a_block_to_paste():
    ours, theirs = "/engines/python /engines/defect.py", "/engines/python /engines/physics.py"
    at = "-roi 2 3 2 2 -printout_pixel 3 2 -trace_pixel 2 3"
    blocks = [
        ("reference (defect.py): working directory scratch-c, exit code 0, 0.057 s wall", f"{ours} {COMMAND}"),
        ("subject (physics.py): working directory scratch-py, exit code 0, 0.097 s wall", f"{theirs} {COMMAND} -own"),
        ("the reference once more (repeat-1): exit code 0, 0.057 s wall", f"{ours} {COMMAND}"),
        ("the reference once more (threads-2): exit code 0, 0.057 s wall", f"{ours} {COMMAND}"),
        ("the subject once more (emulated): exit code 0, 0.280 s wall", f"{theirs} {COMMAND} -own -emulate defect"),
        ("the reference once more (control): exit code 0, 0.186 s wall", f"{ours} {COMMAND} -phi 1"),
        ("the reference once more (trace of bright-peak): exit code 0, 0.057 s wall",
         f"env OMP_NUM_THREADS=1 {ours} {COMMAND} {at}"),
        ("the subject once more (trace of bright-peak): exit code 0, 0.097 s wall",
         f"env OMP_NUM_THREADS=1 {theirs} {COMMAND} -own {at}"),
        ("the subject once more (on cuda): exit code 0, 0.097 s wall", f"{theirs} {COMMAND} -own -device cuda"),
        ("the subject near: exit code 0, 0.097 s wall", f"{theirs} {COMMAND} -own -f 2"),
        ("the subject old: exit code 0, 0.097 s wall", f"/engines/old {COMMAND} -fast")]
    head = ("# small 20261128T150000Z: paste a block into a shell whose current folder is this bundle.\n"
            "# Each engine ran in an empty scratch folder with copies of inputs/data, as below.\n")
    assert commands(RICH) == head + "".join(f"\n# {how}\n{block(words)}\n" for how, words in blocks)


def test_what_differs_from_the_plain_way_is_said_of_the_run():
    record = replace(with_case(environment={"A": "b c"}), inputs=(), further=replace(
        RICH.further, noise=None, proof=None, subjects=(), device=None))
    reference = replace(record.engines[0], variables={"B": "1", "A": "0"})
    failed = replace(record.runs[1], failure=Failure("exit-code", "ended with exit code 7"), exit_code=7, how="batch")
    record = replace(record, engines=(reference, record.engines[1]), runs=(record.runs[0], failed))
    said = commands(record).splitlines()
    assert said[4] == block(f"env B=1 A='b c' /engines/python /engines/defect.py {COMMAND}", "")
    assert said[6] == ("# subject (physics.py): working directory scratch-py, exit code 7, 0.097 s wall (here by "
                       "itself; it was run as batch); ended with exit code 7")
    lent = replace(record, reference_from=Ancestor("small", "20260101T000000Z", "a" * 64))
    assert commands(lent).splitlines()[3] == (
        f"# reference (defect.py): not run; its image is that of bundle small/20260101T000000Z, whose manifest has "
        f"sha256 {'a' * 64}")
    none = commands(replace(record, runs=())).splitlines()
    assert none[3] == "# reference: not run" and none[6] == "# subject: not run"
    assert none[7] == block(f"env A='b c' /engines/python /engines/physics.py {COMMAND} -own", "")
    ended = replace(RICH.further.device.run, failure=Failure("exit-code", "ended"), exit_code=3)
    further = with_further(device=replace(RICH.further.device, run=ended), noise=None, proof=None, subjects=())
    assert "\n# the subject once more (on cuda): exit code 3, 0.097 s wall; ended\n" in commands(further)


def test_an_adapter_is_told_with_what_it_changed_lost_and_reads():
    """The file that it writes comes before the program, in its folder."""
    rules = (ArgumentRule("-detpixels_x", ("--width",)), ArgumentRule("-phi", drop="it knows\nno angle"),
             ArgumentRule("-flux", config=("FLUX",)))
    adapter = Adapter(rules, config=ConfigFile("etc/run it.ini", "flux={FLUX}\n", "--config"),
                      output=Output("a b.npy", Declared("numpy")))
    theirs = replace(RICH.engines[1], adapter=adapter, started_as=("port",))
    record = replace(with_further(noise=None, proof=None, subjects=(), device=None), engines=(RICH.engines[0], theirs),
                     runs=())
    said = commands(record).splitlines()[6:]
    assert said.pop(0) == "# subject: not run" and said.pop(2) == "# adapter: it writes a b.npy without being told"
    said.insert(0, "")
    assert said[1] == "# adapter: -detpixels_x 9 as --width 9" and said[2].startswith("# adapter: -flux 1e18 as ")
    assert said[3] == "# adapter: NOT GIVEN: -phi 2 (it knows no angle)"
    assert said[4].startswith("# adapter: the image is read as ") and "format=numpy" in said[4]
    assert said[5] == (
        f"{BEGIN}{DATA}{INTO}mkdir -p etc && printf %s 'flux=1e18\n".splitlines()[0])
    assert said[6] == ("' > 'etc/run it.ini' && port --width 9 -detpixels_y 7 -hkl x.hkl -own "
                       "--config 'etc/run it.ini' && sha256sum \"$work\"/'a b.npy')")
    plain = replace(theirs, adapter=replace(adapter, config=ConfigFile("run.ini", "{FLUX}", None), output=None))
    flat = commands(replace(record, engines=(RICH.engines[0], plain))).splitlines()[-1]
    assert f"{INTO}printf %s 1e18 > run.ini && port --width 9" in flat and flat.endswith("float.bin" + END)


def test_two_images_that_nobody_rendered_are_named_with_their_format():
    images = {role: ImageFacts(f"{role}.cbf", "fabio", "int32", {}) for role in (REFERENCE, SUBJECT)}
    record = replace(RICH, images=images)
    sums = [engine.program_sha256 for engine in RICH.engines]
    assert commands(record) == (
        "# small 20261128T150000Z: no engine was run; two image files were read.\n"
        f"# reference: reference.cbf (fabio, int32), sha256 {sums[0]}\n# subject: subject.cbf (fabio, int32), sha256 "
        f"{sums[1]}\nnb-compare -q -p no:cacheprovider --basetemp=/tmp/pytest tests/nbcompare/test_divergences.py -k "
        "'proven or several or together'\n")
    assert "Detector summary" not in todo_text(record) and todo_text(RICH).endswith(
        "\n\nDetector summary (beam, distance, resolution of the corners): nb-compare show --detector "
        "small/20261128T150000Z\n")


# --- sums, commits, versions -------------------------------------------------------------------------------------


def test_sums_and_sizes_stand_in_one_order():
    texts, runs = texts_of(RICH, SIZES), RICH.runs
    rows = [(RICH.engines[0].program_sha256, 288, "program of the reference (defect.py)"),
            (RICH.engines[1].program_sha256, 496, "program of the subject (physics.py)"),
            ("3" * 64, 496, "program of the subject old (old)"), (RICH.inputs[0].sha256, 3, "data/x.hkl"),
            (runs[0].image_sha256, 252, "c_roi_float.bin"), (runs[1].image_sha256, 252, "py_roi_float.bin")]
    assert texts["inputs/sha256.txt"] == "".join(f"{digest}  {name}\n" for digest, _, name in rows)
    assert texts["inputs/file_sizes.txt"] == "".join(f"{size:>12}  {name}\n" for _, size, name in rows)
    assert texts_of(RICH, {REFERENCE: 252})["inputs/sha256.txt"].splitlines()[-1].endswith("  c_roi_float.bin")
    lost = texts_of(with_run(1, image_sha256=None), SIZES)["inputs/sha256.txt"]
    assert lost.splitlines()[-1].endswith("  c_roi_float.bin")
    assert texts["inputs/version.txt"] == (
        "nb-compare 0.1.0\nreference: unknown\nsubject: unknown\nsubject old: unknown\n")
    assert texts["inputs/env.txt"].startswith("nb-compare=0.1.0\npython=3.11.7\n")
    assert texts["notes/template_command.txt"] == (
        "# How this bundle was made:\nnb-compare -q -p no:cacheprovider --basetemp=/tmp/pytest "
        "tests/nbcompare/test_divergences.py -k 'proven or several or together'\n\n# The case command, as both engines "
        f"got it:\n{COMMAND}\n")


def test_repositories_are_told_with_all_that_is_in_no_commit():
    states = {"project": RepositoryState("/r", "b" * 40, "main", True, None, ("new",), ("hid",), ("mod",)),
              "subject": RepositoryState(None), "harness": RepositoryState("/h", "c" * 40, None, False)}
    head = "4aa90c6ae902f59823629eaa9f060b02bb9c6e65\n"
    contents = "".join(f"content {name} {digest}\n" for name, digest in vars(RICH.content).items())

    def git(record):
        return texts_of(record, SIZES)["inputs/git_sha.txt"]

    assert git(RICH) == f"{head}clean\n{contents}"
    assert git(replace(RICH, repositories=states)) == (
        f"{head}clean\nproject {'b' * 40} (uncommitted changes) on main\nproject in no commit: new\nproject hidden "
        f"from git: hid\nproject changed: mod\nsubject in no git repository\nharness {'c' * 40}\n{contents}")
    for dirty, words in ((True, "dirty: uncommitted changes"), (None, "unknown")):
        assert git(replace(RICH, git=GitState("HEAD", dirty))).startswith(f"HEAD\n{words}\n")


# --- what is open ------------------------------------------------------------------------------------------------


CLEAN = replace(RICH, further=replace(RICH.further, subjects=(), device=None), verdict=replace(
    RICH.verdict, reasons=(), checks=tuple(replace(check, noise=1.0) for check in RICH.verdict.checks)),
    tests={device: Outcome(("t",), 0, "3 passed", None, on_device=1) for device in ("cpu", "cuda")})


def with_tests(**changes):
    return replace(CLEAN, tests=CLEAN.tests | changes)


def test_where_nothing_is_open_that_is_said():
    assert not_run(CLEAN) == open_points(CLEAN) == []
    assert todo_text(CLEAN).startswith("# Still open: small 20261128T150000Z\n\nNothing is open.\n\nDetector")


CPU, RED = CLEAN.tests["cpu"], replace(CLEAN.tests["cpu"], failure="exit code 1")


@pytest.mark.parametrize(("record", "words"), [
    (with_tests(cpu=replace(CPU, nodes=())), "mapped tests: the case names none"),
    (replace(CLEAN, tests={"cpu": CPU}), "mapped tests on CUDA: no CUDA device was available"),
    (replace(CLEAN, tests={"cpu": RED}), "mapped tests on CUDA: they failed on the CPU"),
    (with_tests(cpu=replace(CPU, taken_from="a/b")), "mapped tests: they passed for the same content in bundle a/b"),
    (with_tests(cuda=replace(CPU, on_device=0)), "any test on CUDA: no mapped test uses the device"),
    (with_tests(cuda=replace(RED, on_device=0)), None),
    (with_tests(cpu=replace(CPU, summary="1 passed, 12 skipped, 3 deselected")),
     "some mapped tests (cpu): 12 skipped, 3 deselected"),
    (with_tests(cuda=replace(CPU, summary="1 passed, 2 skipped", nodes=())), None),
    (with_tests(cuda=replace(CPU, summary="1 passed, 2 skipped")), "some mapped tests (cuda): 2 skipped"),
    (replace(CLEAN, runs=()), "the engines"), (replace(CLEAN, comparison=None), "the comparison of the images"),
    (replace(CLEAN, verdict=replace(CLEAN.verdict, checks=RICH.verdict.checks)),
     "a repetition of the reference: how far it reproduces itself is not known"),
    (replace(CLEAN, verdict=replace(CLEAN.verdict, checks=(CLEAN.verdict.checks[0], *RICH.verdict.checks[1:]))), None)])
def test_what_was_not_run_is_said_with_its_reason(record, words):
    assert not_run(record) == ([words] if words else [])
    assert open_points(record) == ([f"not run: {words}"] if words else [])


def dirty(*names, sha="b" * 40, root="/my repo", untracked=()):
    return RepositoryState(root, sha, "main", True, None, untracked, (), names)


TO_COMMIT = "had uncommitted changes (a.py); commit them (git -C '/my repo' commit -a) and run again"


@pytest.mark.parametrize(("changes", "words"), [
    ({"verdict": replace(CLEAN.verdict, reasons=("so",))}, "PASS: so"), ({"notes": ("mark this",)}, "mark this"),
    ({"verdict": replace(CLEAN.verdict, word=Label.PROVEN)},
     "the images differ; the verdict rests on the proof of a known divergence"),
    ({"git": GitState("HEAD", None)}, "git could not tell which commit of the project was run"),
    ({"git": GitState("HEAD", True)}, "the project had uncommitted changes; commit them and run again"),
    ({"comparison": replace(CLEAN.comparison, notes=("a weak region",))}, "a weak region"),
    ({"inputs": (replace(CLEAN.inputs[0], origin="user"),)},
     "the input x.hkl is the user's own, not the one the case pins"),
    ({"inputs": (replace(CLEAN.inputs[0], pinned_sha256="0" * 64),)},
     "the input x.hkl is the user's own, not the one the case pins"),
    ({"repositories": {"project": dirty("a.py"), HARNESS_ROLE: dirty("b.py", root="/h"), "subject": RepositoryState(
        "/s", "c" * 40, None, False)}}, f"the repository of project {TO_COMMIT}"),
    ({"repositories": {"project": dirty("a.py"), "subject": dirty("a.py")}},
     f"the repository of project and subject {TO_COMMIT}"),
    ({"repositories": {"project": dirty(root="/r", untracked=("n",))}},
     "the repository of project had uncommitted changes (n); commit them (git -C /r add -A, git -C /r commit -a) and "
     "run again"),
    ({"repositories": {"project": dirty(root="/r")}},
     "the repository of project had uncommitted changes; commit them (git -C /r commit -a) and run again"),
    ({"repositories": {HARNESS_ROLE: dirty("b.py")}, "git": GitState("HEAD", True)}, None)])
def test_each_doubt_is_a_line_of_its_own(changes, words):
    assert open_points(replace(CLEAN, **changes)) == ([words] if words else [])


def test_of_no_other_verdict_than_proven_it_is_said_that_it_rests_on_a_proof():
    for word in Label:
        said = open_points(replace(CLEAN, verdict=replace(CLEAN.verdict, word=word)))
        assert said == (["the images differ; the verdict rests on the proof of a known divergence"]
                        if word is Label.PROVEN else []), word


def test_further_subjects_and_a_device_are_open_where_they_do_not_hold():
    shape = "the subject's image there has another shape"
    assert open_points(replace(CLEAN, further=RICH.further)) == [
        f"on cuda: {shape}", f"near (-f 2): {shape}", f"old (old -fast): {shape}"]
    fine = replace(CLEAN.comparison, regions=tuple(replace(region, figures=tuple(
        replace(figure, value=1.0) for figure in region.figures)) for region in CLEAN.comparison.regions))
    good = tuple(replace(entry, comparison=fine) for entry in RICH.further.subjects)
    held = replace(RICH.further, subjects=(good[0], RICH.further.subjects[1]), device=None)
    assert open_points(replace(CLEAN, further=held)) == [f"old (old -fast): {shape}"]
    spread = replace(CLEAN, verdict=replace(CLEAN.verdict, reasons=("two\nlines ",)))
    assert "- [ ] PASS: two lines\n" in todo_text(spread)


# --- the summary -------------------------------------------------------------------------------------------------


def test_the_summary_is_that_of_the_first_region_and_null_where_nothing_is():
    said = summary_of(RICH, Scale("linear", 99.0, 0.0, 1.0))
    first = RICH.comparison.regions[0]
    assert {key: said[key] for key in ("verdict", "exit_code", "args", "roi", "resample", "notes", "cause",
                                         "vacuous")} == {
        "verdict": "PASS", "exit_code": 0, "args": COMMAND.split(), "roi": [0, 8, 0, 6], "resample": False, "notes": [],
        "cause": None, "vacuous": []}
    assert said["binaries"] == {"c": f"defect.py sha256:{RICH.engines[0].program_sha256}",
                                "py": f"physics.py sha256:{RICH.engines[1].program_sha256}"}
    assert (said["runtime_c_ms"], said["runtime_py_ms"]) == tuple(1000 * run.seconds for run in RICH.runs)
    for name in ("correlation", "mse", "rmse", "max_abs_diff", "sum_ratio", "max_intensity_delta", "scale_factor",
                 "residual_after_scale"):
        assert said[name] == first.figure(name).value is not None, name
    assert (said["sum_c"], said["sum_py"]) == (first.reference_sum, first.subject_sum)
    assert (said["png_scale_method"], said["png_scale_percentile"]) == ("linear", 99.0)
    assert [entry["roi"] for entry in said["thresholds"]] == ["full", "middle", "full", "middle"]
    assert [region["roi"]["name"] for region in said["regions"]] == ["full", "middle"] and said["peaks"]["matched"] == 6
    assert said["noise_floor"] == {"deterministic": False, "sentence": "the reference differs from itself (threads-2)"}
    assert said["probed_arguments"][0]["words"] == ["-flux", "1e18"] and len(said["proof"]) == 4
    assert [claim["id"] for claim in said["divergences"]] == ["bright-peak"]
    assert said["traced"] == [{"sentence": "bright-peak at fast 3 slow 2: None", "claim": "bright-peak", "fast": 3,
                               "slow": 2, "factors": [], "rest": None, "unknown": None}]
    empty = summary((), (), {}, None, replace(RICH.verdict, checks=()), None, notes=("n",))
    assert not any(empty[key] for key in empty.keys() - {"schema_version", "verdict", "reasons", "notes"})
    assert all(empty[key] is None for key in ("roi", "runtime_c_ms", "correlation", "peaks", "noise_floor"))
    assert empty["regions"] == empty["divergences"] == empty["proof"] == [] and empty["notes"] == ["n"]
    assert "traced" not in empty and "traced" not in summary_of(OLD, None)
    noted = replace(RICH, notes=("a",), resample=True, comparison=replace(RICH.comparison, notes=("b",)))
    assert summary_of(noted, None)["notes"] == ["a", "b"] and summary_of(noted, None)["resample"] is True
    quiet = with_further(noise=NoiseFloor(RICH.further.noise.repetitions[:1]))
    assert summary_of(quiet, None)["noise_floor"]["deterministic"] is True
