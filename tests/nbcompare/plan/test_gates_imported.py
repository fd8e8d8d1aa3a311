"""Evidence that somebody else made: a gate takes his word only where the plan says so."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.names import MANIFEST
from nbcompare.case.case_file import load_case
from nbcompare.case.inputs import StagedInput
from nbcompare.files import dump_json, sha256_of
from nbcompare.plan.evidence import gather
from nbcompare.plan.origins import experiment_of_the_case

pytestmark = pytest.mark.usefixtures("quick_runs")

PLAN = """\
title: a plan of one phase
phases: [{name: N1, title: the images agree, cases: [small.yaml], requires: {verdict: [PASS]%s}}]
"""


@pytest.fixture
def red(nb, tmp_path):
    """What does not hold of the gate N1, in a folder of bundles, by a plan with more words: requirement and reason."""

    def call(bundles, more=""):
        (tmp_path / "phases.yaml").write_text(PLAN % more)
        said = nb("gate", "N1", "--phases", "phases.yaml", "--format", "json", "--bundles", bundles)
        assert said.code == (0 if said.json["green"] else 8)
        return {item["requirement"]: item["why"] for item in said.json["items"] if not item["holds"]}

    return call


def test_an_imported_bundle_makes_no_gate_green_unless_the_plan_accepts_it(nb, run_small, red):
    _, made = run_small()
    assert red("bundles") == {}
    assert nb("export", made, "-o", "sent.zip").code == nb("import", "sent.zip", "--bundles", "got").code == 0
    assert red("got")["imported"].startswith(f"{made.name} was made elsewhere and imported; run the case here")
    assert red("got", ", imported: accepted") == {}
    assert nb("sign", "N1", "--phases", "phases.yaml", "--bundles", "got", "--by", "A. Person").code == 0
    (signed,) = Path("got/signoffs/N1").glob("*.json")
    assert "small: imported" in json.loads(signed.read_text())["predicate"]["passedTests"]


def test_a_plan_cannot_rest_on_accepting_alone_and_knows_one_word(nb, tmp_path, small_case):
    for requires, said in (("imported: accepted", "requires nothing"), ("verdict: [PASS], imported: yes", "imported")):
        (tmp_path / "phases.yaml").write_text(f"title: t\nphases: [{{name: N1, title: t, cases: [small.yaml], "
                                              f"requires: {{{requires}}}}}]\n")
        found = nb("gate", "N1", "--phases", "phases.yaml")
        assert found.code == 1 and said in found.err


@pytest.fixture
def borrowed(nb, run_small, small_case, fake):
    """A bundle whose reference image is that of another, and that other."""
    _, lender = run_small()
    assert nb("run", small_case, "-q", "--reference", lender, "--py-bin", fake("twin")).code == 0
    return max(Path("bundles/small").glob("2*")), lender


def test_a_borrowed_reference_is_looked_for_and_its_absence_is_said(borrowed, nb, red):
    made, lender = borrowed
    assert verify_bundle(made).note is None and red("bundles") == {}
    shutil.move(lender, "away")
    said = nb("verify", made)
    assert said.code == 0 and f"note: its reference image is that of bundle small/{lender.name}, which is not here" \
        in said.out
    assert "is not here; run the case here (--fresh)" in red("bundles")["imported"]


def test_a_reference_that_was_imported_is_somebody_elses_word_too(nb, run_small, small_case, fake, red):
    _, made = run_small()
    nb("export", made, "-o", "sent.zip")
    nb("import", "sent.zip", "--bundles", "got")
    assert nb("run", small_case, "-q", "--bundles", "got", "--reference", Path("got/small", made.name),
              "--py-bin", fake("twin")).code == 0
    assert "which was imported" in red("got")["imported"]
    assert red("got", ", imported: accepted") == {}


@pytest.mark.parametrize(("names_it_truly", "said"), [
    (False, "is not the one that its reference came from"), (True, "is another run than is said here")])
def test_a_lender_that_says_otherwise_is_a_fault(borrowed, names_it_truly, said):
    """A bundle of that name whose reference left another image, as it is or with its true sum in the borrower."""
    made, lender = borrowed
    edit(lender, lambda record: record["runs"][0].update(image_sha256="0" * 64))
    if names_it_truly:
        edit(made, lambda record: record["reference_from"].update(manifest_sha256=sha256_of(lender / MANIFEST)))
    assert any(said in str(fault) for fault in verify_bundle(made).faults)


def edit(folder, change):
    for path in (folder, *folder.rglob("*")):
        os.chmod(path, 0o755)
    record = json.loads((folder / "record.json").read_text())
    change(record)
    (folder / "record.json").write_text(dump_json(record))
    write_manifest(folder)


def test_arguments_that_were_appended_to_both_engines_are_another_experiment(nb, fake, small_case, tmp_path):
    """Both engines agree on it, and it is not what the case says: such a bundle is no evidence for the case."""
    nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--fresh", "--c-args", "-flux 1e15",
       "--py-args", "-flux 1e15")
    (tmp_path / "plan.yaml").write_text("title: t\nphases:\n  - {name: P, title: t, cases: [small.yaml], "
                                        "requires: {verdict: [PASS]}}\n")
    said = nb("gate", "P", "--phases", "plan.yaml")
    assert said.code == 8 and "reference args was -flux 1e15, and the case says nothing" in said.out, said.out


def test_a_run_of_anything_but_what_the_case_says_is_another_experiment(run_small, small_case):
    """Whatever of it was otherwise, one thing at a time; images of another shape were never asked for by a case."""
    run_small()
    evidence = gather(load_case(small_case), Path("bundles"))
    record = evidence.record
    others = {"command": ("-N", "9"), "reference_args": ("-x",), "subject_args": ("-x",), "environment": {"A": "1"},
              "options": "own", "masking": "others", "nan": "compare", "expect": {"subject": "no"},
              "subjects": {"b": "c"}}
    runs = {key.replace("_", " ") + " was": {"case": replace(record.case, **{key: other})}
            for key, other in others.items()}
    runs |= {"an image of another shape was allowed (--resample)": {"resample": True},
             "the engines read files of the user's own": {"inputs": (
                 StagedInput("P1.hkl", "user", "0" * 64, 1, None),)},
             "no engine was run": {"images": "two files"}}
    assert experiment_of_the_case(evidence)[0]
    for said, changes in runs.items():
        holds, why = experiment_of_the_case(replace(evidence, record=replace(record, **changes)))
        assert not holds and why.startswith(said), (said, why)
