"""What ssh-keygen answers, and what is made of it: each question in its words, each refusal in ours, without a key."""

import subprocess
from types import SimpleNamespace as Things

import pytest

from nbcompare.bundle import ssh_signature as ssh
from nbcompare.errors import EvidenceError, FileError, UsageError


@pytest.fixture
def keygen(monkeypatch, tmp_path):
    """Answers in turn in place of ssh-keygen: (exit code, what it printed, what it said went wrong). What was asked."""
    asked, answers = [], []

    def run(words, **how):
        asked.append((words, how["input"], how["timeout"], how["env"].get("SSH_AUTH_SOCK")))
        code, out, err = answers.pop(0)
        return Things(returncode=code, stdout=out.encode(), stderr=err.encode())

    monkeypatch.setattr(ssh.subprocess, "run", run)
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    (tmp_path / "a.json").write_text("signed")
    (tmp_path / "a.json.sig").write_text("sig")
    (tmp_path / "signers").write_text("")
    return Things(asked=asked, answers=answers, file=tmp_path / "a.json", signers=tmp_path / "signers")


def refused(keygen, words, *more):
    with pytest.raises(EvidenceError) as caught:
        ssh.verified(keygen.file, *more)
    assert caught.value.message == words and not keygen.answers


def test_without_signers_the_signature_alone_is_looked_at(keygen):
    signature = str(ssh.signature_of(keygen.file))
    assert signature == f"{keygen.file}.sig"
    keygen.answers[:] = [(0, "Good signature with ED25519 key SHA256:ab+/=9\n", "")]
    assert ssh.verified(keygen.file, None) == "signed with the key SHA256:ab+/=9, tied to no name"
    assert keygen.asked == [(["ssh-keygen", "-Y", "check-novalidate", "-n", "nb-compare", "-s", signature], b"signed",
                             120.0, "/agent")]
    keygen.answers[:] = [(0, "Good\n", "")]
    assert ssh.verified(keygen.file, None) == "signed with the key of unknown fingerprint, tied to no name"
    keygen.answers[:] = [(255, "", "one\nCouldn't verify\n")]
    refused(keygen, "a.json.sig: not a good signature of a.json: Couldn't verify", None)
    keygen.answers[:] = [(-6, "", "")]
    refused(keygen, "a.json.sig: not a good signature of a.json: exit code -6", None)


def test_with_signers_the_key_has_to_be_one_of_theirs_and_of_that_name(keygen):
    signature, signers = str(ssh.signature_of(keygen.file)), str(keygen.signers)
    keygen.answers[:] = [(0, "ann,bob\ncarl\n", ""), (0, "Good", "")]
    assert ssh.verified(keygen.file, keygen.signers) == "signed by ann"
    assert keygen.asked == [
        (["ssh-keygen", "-Y", "find-principals", "-s", signature, "-f", signers], b"", 120.0, "/agent"),
        (["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "ann", "-n", "nb-compare", "-s", signature], b"signed",
         120.0, "/agent")]
    for by in ("bob", "carl"):
        keygen.answers[:] = [(0, "ann, bob\ncarl\n", ""), (0, "Good", "")]
        assert ssh.verified(keygen.file, keygen.signers, by) == f"signed by {by}"
    keygen.answers[:] = [(0, "ann,bob\n", "")]
    refused(keygen, "a.json.sig: 'zoe' is not the name of this key, which signers gives to ann and bob", keygen.signers,
            "zoe")
    for answer in ((1, "ann", ""), (0, "", "")):
        keygen.answers[:] = [answer]
        refused(keygen, "a.json.sig: the key is none of those in signers", keygen.signers)
    keygen.answers[:] = [(0, "ann", ""), (1, "", "bad")]
    refused(keygen, "a.json.sig: not a good signature of a.json: bad", keygen.signers)
    keygen.signers.unlink()
    refused(keygen, f"{keygen.signers}: there is no such file of allowed signers", keygen.signers)
    ssh.signature_of(keygen.file).unlink()
    assert ssh.verified(keygen.file, None) is None is ssh.verified(keygen.file, keygen.signers)


def test_signing_needs_a_key_and_has_to_leave_a_signature(keygen, tmp_path):
    key = tmp_path / "key"
    with pytest.raises(UsageError, match=f"--key: there is no key {key}"):
        ssh.sign(keygen.file, key)
    key.write_text("")
    keygen.answers[:] = [(0, "", "")]
    ssh.sign(keygen.file, key)
    words = ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", "nb-compare", str(keygen.file)]
    assert keygen.asked == [(words, b"", 120.0, "/agent")]
    keygen.answers[:] = [(1, "", "incorrect passphrase")]
    with pytest.raises(FileError, match=f"ssh-keygen could not sign with {key}: incorrect passphrase") as caught:
        ssh.sign(keygen.file, key)
    assert caught.value.hint == "an encrypted key must be in the agent: ssh-add KEY, then --key KEY.pub"
    ssh.signature_of(keygen.file).unlink()
    keygen.answers[:] = [(0, "", "")]
    with pytest.raises(FileError, match="exit code 0"):
        ssh.sign(keygen.file, key)


@pytest.mark.parametrize(("fault", "words"), [
    (FileNotFoundError(), "there is no ssh-keygen here"),
    (subprocess.TimeoutExpired("ssh-keygen", 120), "ssh-keygen did not answer within 120 s")])
def test_no_answer_is_told(keygen, monkeypatch, fault, words):
    def none(*_, **__):
        raise fault

    monkeypatch.setattr(ssh.subprocess, "run", none)
    monkeypatch.delenv("SSH_AUTH_SOCK")
    with pytest.raises(FileError, match=words):
        ssh.verified(keygen.file, None)
