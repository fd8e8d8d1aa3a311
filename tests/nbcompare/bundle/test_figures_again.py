"""What is taken again from the stored images: every further run held as it was held, figures, rings and verdict."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.check.evidence_again import centre_of, further_again, further_image
from nbcompare.bundle.check.recompute import figures_of, outcome_again, read_stored_images, recomputation_faults
from nbcompare.bundle.names import further_mask_name, further_names, image_name, mask_name, output_name
from nbcompare.bundle.record import TestsOutcome as Outcome
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.refusal import Refusal
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Shape
from nbcompare.compare.masks import MaskRules
from nbcompare.engine.failure import Failure
from nbcompare.engine.protected import Protected
from nbcompare.errors import FileError
from nbcompare.verdict.claimed_trace import ClaimTrace, TracedRun
from nbcompare.verdict.noise_floor import NoiseFloor, Repetition
from nbcompare.verdict.on_device import DeviceRun
from nbcompare.verdict.proof import CONTROL, CONTROL_SUBJECT, CONTROL_TRIED, EMULATED, Trial, apart
from nbcompare.verdict.subjects import SubjectRun
from nbcompare.verdict.verdict import Label, blocked
from tests.nbcompare.bundle.test_record_agrees import OLD

COMPARE = b"compare".decode()
"""As it is read from a record: equal to the word of the program, and not that very object."""

FAILED = Failure("exit-code", "ended with exit code 7")
PIXELS = np.random.default_rng(12).random((6, 7, 9)).astype("<f4") + 1
R, S, E, W, C, CS = PIXELS
IDENTITY = {("identity", roi.name) for roi in OLD.case.rois}
ASKED = {("nrmse", "full")}


def same(ours, theirs, more=ASKED, **how):
    return compare_images(ours, theirs, OLD.case.rois, further=more, with_peaks=False, centre=(1.0, 2.0), **how)


@pytest.fixture
def kept(tmp_path):
    """Put an image, and a mask beside it, into the folder under the name of a further run; the run that left it."""

    def call(files, pixels, mask=None, role=SUBJECT):
        content = pixels.tobytes()
        run = replace(OLD.run_of(role), image_sha256=hashlib.sha256(content).hexdigest(), shape=Shape(*pixels.shape))
        path = tmp_path / (image_name(files) if files in (REFERENCE, SUBJECT) else further_names(files)[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if mask is not None:
            (tmp_path / further_mask_name(files)).write_bytes(mask.tobytes())
            run = replace(run, mask_sha256=hashlib.sha256(mask.tobytes()).hexdigest())
        return run

    return call


@pytest.fixture
def pair(kept):
    """A record of the two plain images, whose direct beam is at (1, 2)."""
    comparison = replace(OLD.comparison, centre=(1.0, 2.0))
    return replace(OLD, comparison=comparison, runs=(kept(REFERENCE, R, role=REFERENCE), kept(SUBJECT, S)),
                   further=replace(OLD.further, proof=None))


@pytest.fixture
def again(pair, tmp_path):
    def call(record=pair, **found):
        record = replace(record, further=replace(record.further, **found))
        return further_again(tmp_path, record, {REFERENCE: R, SUBJECT: S}, record.case.rois, ASKED)

    return call


# --- further runs ------------------------------------------------------------------------------------------------


def test_repetitions_are_held_against_the_first_run(again, kept, pair, tmp_path):
    other = kept("noise/repeat-2", E, role=REFERENCE)
    noise = NoiseFloor((Repetition("repeat-1", {}, pair.runs[0], False, None), Repetition("repeat-2", {}, other, True,
                       None), Repetition("repeat-3", {}, replace(other, failure=FAILED), True, OLD.comparison)))
    found = again(noise=noise).noise.repetitions
    assert [entry.same_bytes for entry in found] == [True, False, False]
    assert [entry.comparison for entry in found] == [same(R, R), same(R, E), None]
    lent = replace(pair, reference_from="another")
    assert again(lent, noise=noise).noise is noise


def test_pixels_that_are_no_number_are_left_out_where_the_case_says_so(again, kept, pair):
    gaps = E.copy()
    gaps[2, 3] = np.nan
    noise = NoiseFloor((Repetition("repeat-1", {}, kept("noise/repeat-1", gaps, role=REFERENCE), False, None),))
    plain = again(noise=noise).noise.repetitions[0].comparison
    left = again(replace(pair, case=replace(pair.case, nan=COMPARE)), noise=noise).noise.repetitions[0].comparison
    assert plain.regions[0].figure("correlation").value is None and left == same(R, gaps, skip_nonfinite=True)


def test_every_trial_is_held_as_its_purpose_says(again, kept, pair):
    images = {EMULATED: E, "without a": W, CONTROL: C, CONTROL_SUBJECT: CS, CONTROL_TRIED: W * 2}
    trials = {purpose: Trial(purpose, f"divergences/{at}", kept(f"divergences/{at}", image), None, None)
              for at, (purpose, image) in enumerate(images.items())}

    def found(*purposes):
        proof = replace(OLD.further.proof, trials=tuple(trials[purpose] for purpose in purposes))
        return {trial.purpose: (trial.comparison, trial.change, trial.apart)
                for trial in again(proof=proof).proof.trials}

    more = ASKED | IDENTITY
    assert found(*images) == {
        EMULATED: (same(R, E), same(S, E, more), apart(R, E)), "without a": (same(R, W), same(W, E, more), None),
        CONTROL: (same(C, CS), None, apart(C, CS)), CONTROL_SUBJECT: (None, None, None),
        CONTROL_TRIED: (None, None, apart(CS, W * 2))}
    assert found(CONTROL, CONTROL_TRIED, "without a") == {
        CONTROL: (same(C, S), None, apart(C, S)), CONTROL_TRIED: (None, None, apart(S, W * 2)),
        "without a": (same(R, W), None, None)}
    trials[EMULATED] = replace(trials[EMULATED], run=replace(trials[EMULATED].run, failure=FAILED))
    assert found(EMULATED) == {EMULATED: (None, None, None)}


def test_further_subjects_and_a_device_are_held_against_the_reference(again, kept, pair):
    asked = ASKED | {(threshold.metric, threshold.roi) for threshold in OLD.case.thresholds}
    large = np.ones((8, 9), "<f4")
    subjects = (SubjectRun(kept("subjects/near", E), None, "near", ("-f",)),
                SubjectRun(kept("subjects/large", large), OLD.comparison, "large", ("-g",)))
    device = DeviceRun(kept("device/cuda", W), None, "cuda")
    found = again(subjects=subjects, device=device)
    assert [entry.comparison for entry in found.subjects] == [same(R, E, asked), None]
    assert found.device.comparison == same(R, W, asked)
    fitted = again(replace(pair, resample=True), subjects=subjects)
    assert fitted.subjects[1].comparison == same(R, large, asked, resample=True)
    assert again().subjects == () and again().device is None is again().noise is again().proof


def test_a_trace_is_read_again_from_what_was_printed(again, pair, kept, tmp_path):
    """Beside the claim alone the pixel is of the images that the bundle keeps; one outside of them has no value."""
    said = "TRACE steps=2\nTRACE I_before_scaling=3.0\n"
    images = {REFERENCE: R, SUBJECT: S}

    def traced(fast, slow, *claims):
        runs = tuple(TracedRun(f"divergences/a/trace_{run.role}", run, -1.0) for run in pair.runs)
        proof = replace(OLD.further.proof, claims=claims, trials=(), traces=(ClaimTrace("a", fast, slow, runs),))
        return [entry.image for entry in again(proof=proof).proof.traces[0].runs]

    claim = OLD.case.divergences[0]
    with pytest.raises(FileError, match="trace_reference_stdout.txt: what the reference printed of a pixel is not"):
        traced(3, 2, claim)
    (tmp_path / "divergences/a").mkdir(parents=True)
    for role in (REFERENCE, SUBJECT):
        (tmp_path / further_names(f"divergences/a/trace_{role}")[1]).write_text(said)
    assert traced(3, 2, claim) == [float(images[role][2, 3]) for role in (REFERENCE, SUBJECT)]
    assert traced(8, 6, claim) == [float(images[role][6, 8]) for role in (REFERENCE, SUBJECT)]
    assert traced(9, 6, claim) == traced(8, 7, claim) == [None, None]
    assert traced(3, 2, claim, claim) == [float(R[2, 3]), None], "the subject's was of another experiment"
    none = ClaimTrace("a", 3, 2, (), unknown="not rendered")
    proof = replace(OLD.further.proof, trials=(), traces=(none,))
    assert again(proof=proof).proof.traces == (none,)


def test_an_image_that_is_not_the_one_that_was_made_is_an_error(again, kept, pair, tmp_path):
    run = kept("device/cuda", W)
    (tmp_path / "device/cuda_float.bin").write_bytes(E.tobytes())
    with pytest.raises(FileError, match=r"cuda_float.bin: not the image that the record says was made$"):
        again(device=DeviceRun(run, None, "cuda"))
    masked = kept("device/cuda", W, np.eye(7, 9, dtype="u1"))
    (tmp_path / "device/cuda_mask.bin").write_bytes(bytes(63))
    with pytest.raises(FileError, match=r"cuda_mask.bin: not the mask that the record says was stated$"):
        again(device=DeviceRun(masked, None, "cuda"))


def test_a_further_image_is_masked_as_it_was_compared(kept, pair, tmp_path):
    images = {REFERENCE: R, SUBJECT: S}
    plain = replace(pair.runs[0], role=SUBJECT)
    assert further_image(tmp_path, "device/cuda", plain, pair, images) is R
    assert further_image(tmp_path, "device/cuda", pair.runs[1], pair, images) is S
    assert further_image(tmp_path, "nowhere", replace(plain, failure=FAILED), pair, images) is None
    gaps = np.eye(7, 9, dtype="u1")
    run = replace(kept("device/cuda", S, gaps))
    (tmp_path / "device/cuda_float.bin").unlink()  # the pixels are the subject's, the gaps its own
    found = further_image(tmp_path, "device/cuda", run, pair, images)
    assert np.array_equal(found.mask, gaps != 0) and np.array_equal(found.data, S)
    above = replace(pair, case=replace(pair.case, masking=replace(pair.case.masking, subject=MaskRules(above=1.5))))
    other = kept("device/cuda", W)
    assert np.array_equal(further_image(tmp_path, "device/cuda", other, above, images).mask, W > 1.5)


def test_copies_are_looked_for_anew(again, kept, pair):
    """One pixel of 200 off by one unit: the sentence of the record does not count, the images do."""
    images = {REFERENCE: np.full((20, 10), 2, "<f4"), SUBJECT: np.full((20, 10), 2, "<f4")}
    images[SUBJECT][3, 4] = np.nextafter(np.float32(2), np.float32(3))
    old = "the images of two programs are bit-identical but for nothing"

    def told(record, **found):
        record = replace(record, further=replace(record.further, vacuous=("other", old), **found))
        return further_again(None, record, images, (), ()).vacuous

    assert told(pair)[0] == "other" and "1 of 200 pixels" in told(pair)[1] and len(told(pair)) == 2
    assert told(replace(pair, images={})) != told(replace(pair, images={REFERENCE: None})) == ("other",)
    assert again(vacuous=("other", old)).vacuous == ("other",)


def test_the_direct_beam_is_that_of_the_comparison_or_what_was_printed(pair, tmp_path):
    (tmp_path / output_name(REFERENCE, "stdout")).write_text("Fbeam= 0.00025 Sbeam= 0.00035\npixel= 0.0001 meters\n")
    assert centre_of(tmp_path, pair) == (1.0, 2.0)
    assert centre_of(tmp_path, replace(pair, comparison=None)) is None
    assert centre_of(tmp_path, replace(pair, comparison=None, uncompared=True)) == pytest.approx((2.0, 3.0))


# --- figures, rings and verdict ----------------------------------------------------------------------------------


@pytest.fixture
def faults(store):
    """The faults of the bundle that passed when its record says something else."""
    record = load_bundle(store.passed).record

    def call(**changes):
        return [str(fault).removeprefix("disagrees: record.json ").strip("()")
                for fault in recomputation_faults(store.passed, replace(record, **changes))]

    call.record, call.folder = record, store.passed
    return call


def verdict_faults(faults, **changes):
    return faults(verdict=replace(faults.record.verdict, **changes))


def test_nothing_is_told_of_what_comes_out_again_and_each_thing_that_does_not(faults):
    assert faults() == []
    said = faults.record.verdict
    assert verdict_faults(faults, word=Label.BLOCKED) == [
        "the verdict is BLOCKED (exit code 0) in the record, PASS (0) by the evidence"]
    assert verdict_faults(faults, exit_code=3) == [
        "the verdict is PASS (exit code 3) in the record, PASS (0) by the evidence"]
    assert verdict_faults(faults, reasons=("so",)) == [
        "the checks and reasons of the verdict do not follow from its figures"]
    off = (replace(said.checks[0], holds=False), *said.checks[1:])
    assert verdict_faults(faults, checks=off) == [
        "correlation on full: 1, allowed >= 0.9995: that holds",
        "the checks and reasons of the verdict do not follow from its figures"]
    for checks in (said.checks[1:], said.checks[::-1], ()):
        assert verdict_faults(faults, checks=checks)[0] == (
            "the checks of the verdict are not those of the case's thresholds")
    assert faults(comparison=None)[0] == "it holds no comparison, which does not follow from the runs and the images"


def test_what_was_not_to_be_compared_has_no_comparison(faults, monkeypatch):
    """Failed tests, a touched file, a failed engine, images left uncompared: in this order, before the images."""
    monkeypatch.setattr("nbcompare.verdict.refusals.a_line_matches", lambda pattern, text: pattern in text)
    record, folder = faults.record, faults.folder
    red = {"cpu": Outcome(("t",), 1, "1 failed", "exit code 1", None, ("E  no",))}
    touched = Protected({"f": "a"}, {"f": "b"})
    runs = (record.runs[0], replace(record.runs[1], failure=FAILED))

    def outcome(**changes):
        comparison, verdict = outcome_again(folder, replace(record, **changes))
        assert comparison is None
        return verdict

    assert outcome(tests=red, protected=touched, runs=runs) == blocked(
        ["the mapped tests failed: exit code 1", "E  no", *touched.faults])
    assert outcome(protected=touched, runs=runs).reasons == tuple(touched.faults)
    assert outcome(runs=runs).word is Label.ENGINE_FAILED
    assert outcome(runs=()) == blocked(["no engine was run"])
    assert outcome(uncompared=True).reasons[0].startswith("N2 pending")
    assert outcome(runs=(record.runs[0], replace(record.runs[1], shape=Shape(9, 7)))).word is Label.NOT_COMPARABLE
    refuses = replace(record.case, expect={SUBJECT: Refusal(7, "no such option")})
    refused = outcome(case=refuses, runs=(record.runs[0], replace(record.runs[1], exit_code=7)))
    assert refused.reasons[0].endswith("its last was: nothing")
    (folder / output_name(SUBJECT, "stderr")).chmod(0o644)
    (folder / output_name(SUBJECT, "stderr")).write_text("no such option: -x\n")
    assert outcome(case=refuses, runs=(record.runs[0], replace(record.runs[1], exit_code=7))).passed
    assert "it holds a comparison, which does not follow" in faults(uncompared=True)[0]


@pytest.mark.parametrize(("pixel", "words"), [(np.nan, "with 1 of 63 pixels NaN or infinite"),
                                              (np.inf, "with 1 of 63 pixels NaN or infinite")])
def test_an_image_that_shows_a_failure_is_no_success(faults, pixel, words):
    path = faults.folder / image_name(SUBJECT)
    image = np.fromfile(path, "<f4")
    image[5] = pixel
    path.chmod(0o644)
    path.write_bytes(image.tobytes())
    said = f"the subject is said to have worked, but it wrote a float image {words}"
    assert faults()[0] == said
    assert said not in faults(case=replace(faults.record.case, nan=COMPARE))
    failed = (faults.record.runs[0], replace(faults.record.runs[1], failure=FAILED))
    assert said not in faults(runs=failed)
    assert said not in faults(images={})


def test_rings_and_beam_are_those_of_the_images_and_of_what_was_printed(faults):
    rings = faults.folder / "results/radial_profile.json"
    good = rings.read_text()
    rings.chmod(0o644)
    for text, words in (("{", "unreadable: results/radial_profile.json (Expecting"),
                        ('{"a": 1, "a": 2}', "unreadable: results/radial_profile.json (the key 'a' stands twice"),
                        (good.replace('"ratio": 1', '"ratio": 2', 1),
                         "disagrees: results/radial_profile.json (the rings do not come out of the images again")):
        rings.write_text(text)
        found = faults()
        assert len(found) == 1 and found[0].startswith(words)
    rings.unlink()
    assert faults() == ["unreadable: results/radial_profile.json (No such file or directory"]
    rings.write_text(good)
    printed = faults.folder / output_name(REFERENCE, "stdout")
    printed.chmod(0o644)
    printed.write_text("Fbeam= 0.00025 Sbeam= 0.00035\npixel= 0.0001 meters\n")
    assert faults()[0].startswith("the direct beam is at None, by the reference's output at (")
    printed.unlink()
    assert faults() == []
    rings.write_text("{")
    assert faults() == []  # what is lost is a fault by the manifest, and nothing follows from it


def test_what_is_said_of_further_subjects_comes_out_of_their_images(faults, tmp_path):
    record = faults.record
    image = np.fromfile(faults.folder / image_name(SUBJECT), "<f4").reshape(7, 9) * np.float32(1.001)
    path = faults.folder / further_names("subjects/near")[0]
    path.parent.mkdir()
    path.write_bytes(image.tobytes())
    run = replace(record.runs[1], image_sha256=hashlib.sha256(image.tobytes()).hexdigest())
    entry = SubjectRun(run, None, "near", ("-f",))

    def told(entry):
        return faults(further=replace(record.further, subjects=(entry,)))

    lost = "what it says of the image subjects/near does not follow from that image"
    assert lost in told(entry)
    again = further_again(faults.folder, replace(record, further=replace(record.further, subjects=(entry,))),
                          {REFERENCE: np.fromfile(faults.folder / image_name(REFERENCE), "<f4").reshape(7, 9),
                           SUBJECT: image}, record.case.rois, figures_of(record)).subjects[0]
    assert told(again) == []
    figures = again.comparison.regions[0]
    off = replace(again.comparison, regions=(replace(figures, subject_sum=1.0), again.comparison.regions[1]))
    assert told(replace(again, comparison=off))[0].startswith("subject_sum on full is 1.0 in the record")
    failed = replace(again, run=replace(run, failure=FAILED))
    assert lost in told(failed)


def test_images_are_masked_by_what_their_files_stated_and_by_the_case(faults):
    record, folder = faults.record, faults.folder
    gaps = np.zeros((7, 9), "u1")
    gaps[1, 2] = 1
    (folder / mask_name(SUBJECT)).write_bytes(gaps.tobytes())
    stated = (record.runs[0], replace(record.runs[1], mask_sha256="a" * 64))
    images = read_stored_images(folder, replace(record, runs=stated))
    assert np.array_equal(images[SUBJECT].mask, gaps != 0) and not np.ma.isMaskedArray(images[REFERENCE])
    above = replace(record.case, masking=replace(record.case.masking, reference=MaskRules(above=500.0)))
    images = read_stored_images(folder, replace(record, case=above))
    assert np.array_equal(images[REFERENCE].mask, images[REFERENCE].data > 500) and not images[SUBJECT].mask.any()
    assert outcome_again(folder, replace(record, runs=stated))[0].regions[0].left_out is not None


def test_figures_asked_for_are_those_held_and_those_of_thresholds(faults):
    record = faults.record
    held = {(figure.metric, region.roi.name) for region in record.comparison.regions for figure in region.figures}
    more = replace(record.case.thresholds[0], metric="nrmse_of_nothing")
    assert figures_of(record) == held and ("correlation", "middle") in held
    asked = replace(record, comparison=None, case=replace(record.case, thresholds=(more,)))
    assert figures_of(asked) == {("nrmse_of_nothing", "full")}
