"""Sign-offs that were written by hand, moved, or speak of something else by now."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.nbcompare.conftest import SMALL_CASE

PHASES = """\
title: a plan
phases:
  - {name: N1, title: compared, cases: [small.yaml], requires: {verdict: [PASS]}}
  - {name: N2, title: after, cases: [small.yaml], requires: {verdict: [PASS], signed: [N1]}}
"""
PLAN = "| N1 | compared | [ ] |\n"
WORDS = ("--phases", "phases.yaml")

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture
def signed(nb, run_small):
    """A small case that passed and was signed off for N1; the folder of its bundle."""
    Path("phases.yaml").write_text(PHASES)
    Path("plan.md").write_text(PLAN)
    Path("ledger.md").write_text("")
    _, folder = run_small()
    assert nb("sign", "N1", "--by", "A. Person", *WORDS).code == 0
    assert nb("gate", "N2", *WORDS).code == 0
    return folder


def statement():
    return next(Path("bundles/signoffs/N1").glob("*.json"))


def row(nb, folder, *more):
    said = nb("attempt", folder, "--ledger", "ledger.md", "--plan", "plan.md", "--row", "N1", *WORDS, *more)
    assert said.code == 0, said.err
    return Path("plan.md").read_text()[len(PLAN) - 5], said.out


def changed(**what):
    path = statement()
    stored = json.loads(path.read_text())
    stored["predicate"].update(what)
    path.chmod(0o644)
    path.write_text(json.dumps(stored))


def other_bundle():
    path = statement()
    stored = json.loads(path.read_text())
    stored["subject"][0]["digest"]["sha256"] = "0" * 64
    path.chmod(0o644)
    path.write_text(json.dumps(stored))


def rename():
    statement().rename(statement().with_name("20990101T000000Z.json"))


def loosen_case():
    Path("small.yaml").write_text(SMALL_CASE.replace("0.9995", "0.9"))


def other_plan():
    Path("phases.yaml").write_text(PHASES.replace("title: a plan", "title: another plan"))


def other_row():
    Path("phases.yaml").write_text(PHASES.replace("title: compared", "title: something else"))


TRICKS = {"another file name": rename, "another bundle of that name": other_bundle,
          "a case that was loosened": loosen_case, "another plan": other_plan,
          "another row": other_row, "no plan": lambda: changed(plan={}), "a forged plan": lambda: changed(
              plan={"file": "phases.yaml", "title": "a plan", "row_sha256": "0" * 64}),
          "another phase": lambda: changed(phase="N2"), "no configuration": lambda: changed(configuration=[])}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_sign_off_speaks_of_what_was_signed_only(nb, signed, trick):
    TRICKS[trick]()
    assert nb("gate", "N2", *WORDS).code != 0
    assert row(nb, signed)[0] == "P"


def test_a_row_is_done_while_its_sign_off_holds(nb, signed):
    assert row(nb, signed)[0] == "D"


def test_a_row_of_a_red_gate_is_not_done_whatever_lies_among_the_sign_offs(nb, run_small):
    """A hand-written statement that names the bundle by its true sums."""
    Path("phases.yaml").write_text(PHASES)
    Path("plan.md").write_text(PLAN)
    Path("ledger.md").write_text("")
    run_small()
    assert nb("sign", "N1", "--by", "A. Person", *WORDS).code == 0
    told = json.loads(statement().read_text())
    _, bad = run_small("good", "bright")
    told["subject"][0] = {"name": f"small/{bad.name}/manifest-sha256.txt", "digest": {
        "sha256": hashlib.sha256((bad / "manifest-sha256.txt").read_bytes()).hexdigest()}}
    told["predicate"]["signedOn"] = "2098-01-01T00:00:00+00:00"
    statement().with_name("20980101T000000Z.json").write_text(json.dumps(told))
    letter, said = row(nb, bad)
    assert letter == "P" and "its gate is red" in said


def test_without_a_plan_of_phases_no_row_is_done(nb, signed):
    Path("phases.yaml").unlink()
    letter, said = row(nb, signed)
    assert letter == "P" and "no plan of phases" in said


# --- keys --------------------------------------------------------------------------------------------------


@pytest.fixture
def key(tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    (tmp_path / "allowed").write_text(f"person@lab {(tmp_path / 'key.pub').read_text()}")
    return tmp_path / "key"


def test_the_signer_is_the_keys_principal(nb, run_small, key):
    Path("phases.yaml").write_text("signers: allowed\n" + PHASES)
    run_small()
    said = nb("sign", "N1", "--by", "The Director", "--key", key, *WORDS)
    assert said.code != 0 and "person@lab" in said.err and not list(Path("bundles/signoffs/N1").glob("*.json"))
    assert nb("sign", "N1", "--by", "person@lab", "--key", key, *WORDS).code == 0
    assert nb("gate", "N2", *WORDS).code == 0


def test_a_name_that_is_not_the_keys_is_seen_when_the_sign_off_is_read(nb, signed, key):
    """Signed where nobody was named; the plan names its signers later."""
    statement().unlink()
    assert nb("sign", "N1", "--by", "The Director", "--key", key, *WORDS).code == 0
    assert nb("gate", "N2", *WORDS).code == 0
    assert nb("gate", "N2", *WORDS, "--signers", "allowed").code != 0
    assert row(nb, signed, "--signers", "allowed")[0] == "P"


# --- folders -----------------------------------------------------------------------------------------------


def test_signing_needs_no_hard_links(nb, signed, monkeypatch):
    def none(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    shutil.rmtree("bundles/signoffs")
    assert nb("sign", "N1", "--by", "A. Person", *WORDS).code == 0
    assert [path.name for path in Path("bundles/signoffs/N1").iterdir()] == [statement().name]


@pytest.mark.parametrize(("mask", "others"), ((0o000, 0o000), (0o002, 0o020), (0o077, 0o000)))
def test_no_folder_is_for_all_to_write_in_whatever_the_umask(nb, run_small, mask, others):
    """Who lets his group write, and others not, meant it."""
    Path("phases.yaml").write_text(PHASES)
    before = os.umask(mask)
    try:
        run_small()
        nb("sign", "N1", "--by", "A. Person", *WORDS)
        assert os.umask(mask) == mask, "the caller's own mask is left alone"
    finally:
        os.umask(before)
    folders = [path for path in Path("bundles").rglob("*") if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o022 for path in folders} == {others}
