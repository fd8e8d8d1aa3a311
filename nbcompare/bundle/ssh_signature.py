"""SSH signatures on sign-offs, made and checked by ssh-keygen; keys never pass through our hands."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbcompare.engine.processes.process import allowed_environment
from nbcompare.errors import EvidenceError, FileError, UsageError

NAMESPACE = "nb-compare"
_SECONDS = 120.0
_FINGERPRINT = re.compile(r"\b(SHA256:[A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class SignatureAnswer:
    """What ssh-keygen returned, and what it printed (what went wrong, when it printed nothing else)."""

    exit_code: int
    said: str

    @property
    def last_line(self) -> str:
        return self.said.splitlines()[-1] if self.said else f"exit code {self.exit_code}"


def signature_of(path: Path) -> Path:
    """Where the signature of a file lies."""
    return path.with_name(path.name + ".sig")


def sign(path: Path, key: Path) -> None:
    """Sign a file with an SSH key (or with the agent, when ``key`` is a public one).

    Raises UsageError for a key that is not there and FileError when ssh-keygen cannot sign.
    """
    if not key.is_file():
        raise UsageError(f"--key: there is no key {key}")
    done = _keygen(["sign", "-f", str(key), "-n", NAMESPACE, str(path)])
    if done.exit_code or not signature_of(path).is_file():
        raise FileError(f"ssh-keygen could not sign with {key}: {done.last_line}",
                        hint="an encrypted key must be in the agent: ssh-add KEY, then --key KEY.pub")


def verified(path: Path, signers: Path | None, by: str | None = None) -> str | None:
    """Whose signature a file carries, in words; None when it carries none.

    With a file of allowed signers the key must be one of theirs; without it only the signature itself can
    be checked. ``by``, if given, must be the name that they give the key. Raises EvidenceError for a signature that
    is not good.
    """
    signature = signature_of(path)
    if not signature.is_file():
        return None
    if signers is None:
        done = _keygen(["check-novalidate", "-n", NAMESPACE, "-s", str(signature)], path)
        _must_be_good(done, path)
        found = _FINGERPRINT.search(done.said)
        return f"signed with the key {found.group(1) if found else 'of unknown fingerprint'}, tied to no name"
    if not signers.is_file():
        raise EvidenceError(f"{signers}: there is no such file of allowed signers")
    who = _keygen(["find-principals", "-s", str(signature), "-f", str(signers)])
    if who.exit_code or not who.said:
        raise EvidenceError(f"{signature.name}: the key is none of those in {signers.name}")
    names = [name.strip() for line in who.said.splitlines() for name in line.split(",")]
    if by is not None and by not in names:
        raise EvidenceError(f"{signature.name}: {by!r} is not the name of this key, which {signers.name} gives to "
                            f"{' and '.join(names)}")
    principal = by or names[0]
    done = _keygen(["verify", "-f", str(signers), "-I", principal, "-n", NAMESPACE, "-s", str(signature)], path)
    _must_be_good(done, path)
    return f"signed by {principal}"


def _must_be_good(done: SignatureAnswer, path: Path) -> None:
    if done.exit_code:
        raise EvidenceError(f"{signature_of(path).name}: not a good signature of {path.name}: {done.last_line}")


def _keygen(words: Sequence[str], signed: Path | None = None) -> SignatureAnswer:
    """Run ``ssh-keygen -Y WORDS`` with the signed file, if any, on its standard input."""
    agent = {name: os.environ[name] for name in ("SSH_AUTH_SOCK",) if name in os.environ}
    try:
        done = subprocess.run(["ssh-keygen", "-Y", *words], input=signed.read_bytes() if signed else b"",
                              capture_output=True, timeout=_SECONDS, env=allowed_environment(agent), check=False)
    except FileNotFoundError:
        raise FileError("there is no ssh-keygen here", hint="install OpenSSH 8.2 or newer") from None
    except subprocess.TimeoutExpired:
        raise FileError(f"ssh-keygen did not answer within {_SECONDS:g} s") from None
    return SignatureAnswer(done.returncode, (done.stdout or done.stderr).decode("utf-8", errors="replace").strip())
