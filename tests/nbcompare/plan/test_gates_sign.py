"""Sign-offs: in-toto statements over the evidence, refused when the gate is red, void when the evidence changes."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.files import sha256_of

pytestmark = pytest.mark.usefixtures("quick_runs")

PLAN = """\
title: a plan of two phases
phases:
  - {name: N1, title: the evidence is there, cases: [small.yaml], requires: {files_complete: true}}
  - {name: N2, title: the images agree, cases: [small.yaml], requires: {verdict: [PASS], signed: [N1]}}
"""


@pytest.fixture
def signed(nb, run_small, tmp_path):
    """A small case with a plan, run once; calls nb-compare with the plan's options."""
    (tmp_path / "phases.yaml").write_text(PLAN)
    _, folder = run_small()

    def call(command, phase, *more):
        name = "person@lab" if "--key" in more else "A. Person"
        words = ("--by", name) if command == "sign" and "--by" not in more else ()
        return nb(command, phase, "--phases", "phases.yaml", *words, *more)

    call.folder = folder
    return call


@pytest.fixture
def keys(tmp_path):
    """Two SSH keys; the first is that of an allowed signer."""
    for name in ("key", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    (tmp_path / "allowed").write_text(f"person@lab {(tmp_path / 'key.pub').read_text()}")
    return tmp_path


def statements(phase="N1") -> list[Path]:
    return sorted(Path("bundles/signoffs", phase).glob("*.json"))


def test_a_sign_off_is_an_in_toto_statement_of_a_test_result(signed):
    """The fields that in-toto asks for: _type, subject with digests, predicateType; result and configuration."""
    said = signed("sign", "N1", "--note", "looks right")
    assert said.code == 0
    stored = json.loads(statements()[0].read_text())
    assert stored["_type"] == "https://in-toto.io/Statement/v1"
    assert stored["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    predicate = stored["predicate"]
    assert predicate["result"] == "PASSED" and predicate["failedTests"] == [] and predicate["warnedTests"] == []
    assert predicate["passedTests"] == ["small: evidence", "small: experiment", "small: files_complete"]
    assert [entry["name"] for entry in predicate["configuration"]] == ["phases.yaml", "small.yaml"]
    assert (predicate["phase"], predicate["signedBy"], predicate["note"]) == ("N1", "A. Person", "looks right")


def test_its_subjects_are_the_manifest_the_commit_and_the_engines(signed, fake):
    signed("sign", "N1")
    subjects = {entry["name"]: entry["digest"] for entry in json.loads(statements()[0].read_text())["subject"]}
    folder = signed.folder
    assert subjects[f"small/{folder.name}/manifest-sha256.txt"] == {
        "sha256": sha256_of(folder / "manifest-sha256.txt")}
    assert subjects["reference: good.py"] == {"sha256": sha256_of(fake("good"))}
    commit = json.loads((folder / "record.json").read_text())["git"]["sha"]
    assert subjects.get("git commit", {"gitCommit": commit}) == {"gitCommit": commit}


def test_it_is_named_by_its_second_read_only_and_never_overwritten(signed):
    for _ in range(3):
        assert signed("sign", "N1").code == 0
    files = statements()
    assert len(files) == 3 and all(re.fullmatch(r"\d{8}T\d{6}Z", path.stem) for path in files)
    assert not any(path.stat().st_mode & 0o222 for path in files)
    assert [path.name for path in files[0].parent.iterdir() if path.name.startswith(".")] == []


def test_a_red_gate_cannot_be_signed(signed):
    said = signed("sign", "N2")
    assert said.code == 8 and "was not signed: its gate is red" in said.err and "N1 is not signed off" in said.out
    assert not Path("bundles/signoffs").exists()


def test_a_red_gate_cannot_be_signed_by_calling_the_library(signed):
    from nbcompare.case.phases import load_phases
    from nbcompare.errors import UsageError
    from nbcompare.plan.gate import look_at
    from nbcompare.plan.signing import sign

    gate = look_at(load_phases(Path("phases.yaml")), "N2", Path("bundles"))
    with pytest.raises(UsageError, match="is red"):
        sign(gate, Path("bundles"), by="A. Person")


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "a\u202eb"])
def test_a_name_that_is_no_name_is_refused(signed, name):
    said = signed("sign", "N1", "--by", name)
    assert said.code == 1 and "--by" in said.err and not Path("bundles/signoffs").exists()


CLAIM = """\
divergences:
  - {id: bright-peak, title: the brightest pixel is too high, engine: reference, emulate: [-emulate, defect],
     switch: declared, changes: the brightest pixel,
     control: [-phi, 1], why: the reference is as it is, reference: docs/emulations.md, owner: tests,
     bounds: {full: {sum_ratio: {min: 0.98, max: 1.02}}, middle: {sum_ratio: {min: 0.95, max: 1.02}}},
     expires: "2099-12-31"}
"""


@pytest.mark.parametrize("accepted", ["[PASS]", "[PASS, PROVEN]"])
def test_a_proven_divergence_is_accepted_where_it_is_named_and_is_a_warning(nb, small_case, fake, tmp_path, accepted):
    """The images differ by a defect whose effect was proven: no PASS, WARNED in the sign-off, cited in the ledger."""
    text = small_case.read_text().replace("0.9995", "0.9").replace("min: 0.99, max: 1.01", "min: 0.999, max: 1.001")
    small_case.write_text(text + CLAIM)
    (tmp_path / "phases.yaml").write_text(
        f"title: t\nphases: [{{name: N1, title: t, cases: [small.yaml], requires: {{verdict: {accepted}}}}}]\n")
    assert nb("run", small_case, "--c-bin", fake("defect"), "--py-bin", fake("physics"), "-q").code == 0
    said = nb("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person")
    if "PROVEN" not in accepted:
        assert said.code == 8 and "PROVEN: " in said.out and statements() == []
        return
    predicate = json.loads(statements()[0].read_text())["predicate"]
    assert (predicate["result"], predicate["warnedTests"]) == ("WARNED", ["small: verdict"])
    (tmp_path / "ledger.md").write_text("")
    assert nb("attempt", next(Path("bundles/small").glob("2*Z")), "--ledger", "ledger.md").code == 0
    assert "- claims cited: bright-peak\n" in (tmp_path / "ledger.md").read_text()


# --- what a later phase makes of it -------------------------------------------------------------------------


def test_evidence_replaced_after_signing_in_perfect_order_is_found(signed):
    """The new evidence is whole in itself; only the signed digest knows better. Exit 6."""
    signed("sign", "N1")
    assert signed("gate", "N2").code == 0
    log = signed.folder / "inputs/c_cli_stdout.txt"
    for path in (log, signed.folder / "manifest-sha256.txt"):
        os.chmod(path, 0o644)
    log.write_text("other\n")
    write_manifest(signed.folder)
    said = signed("gate", "N2")
    assert said.code == 6 and "is not the one that was signed" in said.out


def test_a_newer_bundle_needs_a_new_sign_off(signed, run_small):
    signed("sign", "N1")
    _, newer = run_small()
    said = signed("gate", "N2")
    assert said.code == 8 and f"speaks of another bundle than small/{newer.name}, the newest" in said.out
    assert signed("sign", "N1").code == 0
    assert signed("gate", "N2").code == 0


def test_requirements_loosened_after_signing_void_the_sign_off(signed, tmp_path):
    signed("sign", "N1")
    (tmp_path / "phases.yaml").write_text(PLAN.replace("requires: {files_complete: true}",
                                                       "requires: {verdict: [PASS]}"))
    said = signed("gate", "N2")
    assert said.code == 8 and "the requirements of N1 changed after it was signed" in said.out


@pytest.mark.parametrize(("change", "words"), [
    (lambda text: text.replace("test-result", "test-results"), "no sign-off"),
    (lambda text: text.replace('"phase": "N1"', '"phase": "N2"'), "it was written as N2/"),
    (lambda text: text.replace('"result": "PASSED"', '"result": "FAILED"'), "no sign-off"),
    (lambda text: text.replace("/manifest-sha256.txt", "/manifest.txt"), "it names no bundle"),
    (lambda text: re.sub(r'"small/\d', '"../small/2', text), "as a bundle"),
    (lambda text: text[:-20], "no sign-off"),
    (lambda text: re.sub(r"20\d{6}T\d{6}Z/manifest", "20010101T000000Z/manifest", text), "is no longer there"),
])
def test_a_damaged_sign_off_is_exit_6(signed, change, words):
    signed("sign", "N1")
    path = statements()[0]
    os.chmod(path, 0o644)
    path.write_text(change(path.read_text()))
    said = signed("gate", "N2")
    assert said.code == 6 and words in said.out


# --- SSH signatures ---------------------------------------------------------------------------------------


def test_a_signature_lies_beside_and_ssh_keygen_accepts_it(signed, keys):
    assert signed("sign", "N1", "--key", keys / "key").code == 0
    path = statements()[0]
    with open(path, "rb") as stream:
        done = subprocess.run(["ssh-keygen", "-Y", "verify", "-f", str(keys / "allowed"), "-I", "person@lab", "-n",
                               "nb-compare", "-s", f"{path}.sig"], stdin=stream, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_allowed_signers_ask_for_a_signature_of_theirs(signed, keys):
    signed("sign", "N1")
    said = signed("gate", "N2", "--signers", keys / "allowed")
    assert said.code == 8 and "has no signature, and allowed asks for one" in said.out
    signed("sign", "N1", "--key", keys / "stranger")
    said = signed("gate", "N2", "--signers", keys / "allowed")
    assert said.code == 6 and "the key is none of those in allowed" in said.out
    signed("sign", "N1", "--key", keys / "key", "--signers", keys / "allowed")
    said = signed("gate", "N2", "--signers", keys / "allowed")
    assert said.code == 0 and "signed by person@lab" in said.out


def test_a_statement_changed_after_signing_does_not_fit_its_signature(signed, keys):
    signed("sign", "N1", "--key", keys / "key")
    path = statements()[0]
    os.chmod(path, 0o644)
    path.write_text(path.read_text().replace('"note": null', '"note": "x"'))
    for more in ((), ("--signers", keys / "allowed")):
        said = signed("gate", "N2", *more)
        assert said.code == 6 and "not a good signature" in said.out


def test_a_plan_with_signers_cannot_be_signed_without_a_key_or_by_a_stranger(signed, keys, tmp_path):
    (tmp_path / "phases.yaml").write_text(PLAN.replace("phases:", "signers: allowed\nphases:", 1))
    said = signed("sign", "N1")
    assert said.code == 1 and "give --key SSHKEY" in said.err
    said = signed("sign", "N1", "--key", keys / "stranger")
    assert said.code == 6 and statements() == []
    assert signed("sign", "N1", "--key", keys / "key").code == 0


def test_a_key_that_is_not_there_is_a_usage_error(signed):
    said = signed("sign", "N1", "--key", "nowhere")
    assert said.code == 1 and "there is no key nowhere" in said.err and statements() == []


def test_a_key_that_cannot_sign_is_told(signed, tmp_path):
    (tmp_path / "key").write_text("not a key\n")
    said = signed("sign", "N1", "--key", tmp_path / "key")
    assert said.code == 5 and "ssh-keygen could not sign" in said.err and statements() == []
