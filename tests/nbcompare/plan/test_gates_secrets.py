"""An environment full of fake tokens leaves none in any file that nb-compare writes."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quick_runs")

MARK = "hunter2fake"
BY_NAME = ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "AZURE_CLIENT_SECRET", "DATABASE_PASSWORD", "PGPASSWORD", "NB_PASS",
           "NB_API_TOKEN", "NB_APIKEY", "NB_PWD", "NB_PAT", "NB_SESSION", "NB_BEARER", "NB_PRIVATE_FILE",
           "CUDA_PASSWORD", "CONDA_AUTH", "CONDA_COOKIE", "OMP_SECRET", "MKL_JWT", "KMP_CREDENTIALS", "NB_SIGNING_KEY",
           "MY_VALUE", "SSH_AUTH_SOCK", "HISTFILE")
"""Half of them under prefixes that are passed on."""

BY_VALUE = {
    "NB_SERVER": f"https://user:{MARK}@host.example/",
    "NB_PLAIN": f"ghp_{MARK}{'a' * 30}",
    "CONDA_CHANNEL": f"https://conda.example/t/eyJhbGciOiJIUzI1NiJ9.eyJ{MARK}aaaaaaaa.x",
    "OMP_PLACES": f"AKIA{'A' * 16} {MARK}",
    "NB_PEM": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{MARK}\n",
    "KMP_SETTINGS": f"sk-{MARK}{'b' * 20}",
}
MAPPED = "import os\n\ndef test_a():\n    print(sorted(os.environ.items()))\n    assert {outcome}, dict(os.environ)\n"


@pytest.fixture
def tokens(monkeypatch):
    """Tokens everywhere, and one harmless variable."""
    for name in BY_NAME:
        monkeypatch.setenv(name, f"{MARK}-{name}")
    for name, value in BY_VALUE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NB_HARMLESS", "shown")


def holding_mark(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and MARK.encode() in path.read_bytes()]


@pytest.mark.parametrize("outcome", [True, False])
def test_no_token_reaches_a_bundle_from_engines_or_mapped_tests(run_small, small_case, tmp_path, tokens, outcome):
    """Engines and tests that print all they see, the tests also in the message of a failure."""
    (tmp_path / "test_mapped.py").write_text(MAPPED.format(outcome=outcome))
    small_case.write_text(small_case.read_text() + f"tests: [{tmp_path}/test_mapped.py]\n")
    _, folder = run_small("environment", "environment", "--py-args", "-other")
    assert holding_mark(folder) == []
    assert "$NB_HARMLESS=shown" in (folder / "inputs/env.txt").read_text()
    if outcome:
        assert "NB_HARMLESS=shown" in (folder / "inputs/c_cli_stdout.txt").read_text()
    else:
        assert "'NB_HARMLESS', 'shown'" in (folder / "tests/pytest_cpu.log").read_text()
        assert "$NB_HARMLESS: shown" in (folder / "tests/pytest_cpu_failure.txt").read_text()


def test_no_token_reaches_a_sign_off_or_a_ledger(run_small, nb, tmp_path, tokens):
    (tmp_path / "phases.yaml").write_text(
        "title: t\nphases: [{name: N1, title: t, cases: [small.yaml], requires: {files_complete: true}}]\n")
    (tmp_path / "ledger.md").write_text("")
    _, folder = run_small()
    assert nb("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person").code == 0
    assert nb("attempt", folder, "--ledger", tmp_path / "ledger.md").code == 0
    assert (tmp_path / "ledger.md").read_text() and holding_mark(tmp_path) == []
