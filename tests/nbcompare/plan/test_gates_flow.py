"""docs/supervisor-flow.md, run as it stands: its files, its commands in their order, and the lines it shows."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = CHECKOUT / "docs" / "supervisor-flow.md"
STAMP = "20260714T101112Z"
KEY = "~/.ssh/id_ed25519"
CASE = """\
name: supervisor
title: the supervisor case in small
command: -mat A.mat -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {fast: 9, slow: 7}
inputs: {A.mat: {file: own.mat}}
rois: {full: full, supervisor: [2, 6, 2, 5]}
thresholds:
  - {metric: correlation, min: 0.9995, why: same pattern}
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}
tests: [TESTS]
"""


def files_of(page: str) -> dict[str, str]:
    """The Markdown files that the page says were there before."""
    return dict(re.findall(r"`(\S+\.md)`:\n\n```markdown\n(.*?)```", page, re.DOTALL))


def session_of(page: str) -> list[tuple[str, list[str]]]:
    """(command, lines shown below it), in the order of the page."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


@pytest.fixture
def small_supervisor(tmp_path, repository_is, fake):
    """The case in small, under the real plan, at a clean commit; its engines are the default ones."""
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases/own.mat").write_text("1 0 0 0 1 0 0 0 1\n")
    (tmp_path / "cases/supervisor.yaml").write_text(CASE.replace("TESTS", str(tmp_path / "test_mapped.py")))
    shutil.copy(CHECKOUT / "cases/phases.yaml", tmp_path / "cases")
    (tmp_path / "test_mapped.py").write_text("def test_it():\n    pass\n")
    for name, text in files_of(PAGE.read_text(encoding="utf-8")).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    repository_is("a" * 40, False)
    return fake("good"), fake("twin")


def shows(line: str, printed: str) -> bool:
    """Whether a line of the page was printed: … stands for anything, and any blank for any other."""
    pattern = r"\s+".join(".*".join(map(re.escape, word.split("…"))) for word in line.split())
    return re.search(rf"^\s*{pattern}", printed, re.MULTILINE) is not None


def test_the_page_is_a_session_that_works(nb, small_supervisor, monkeypatch, tmp_path):
    """Every command ends with exit code 0 and prints what the page shows."""
    monkeypatch.setenv("NB_C_BIN", str(small_supervisor[0]))
    monkeypatch.setenv("NB_PY_BIN", str(small_supervisor[1]))
    session = session_of(PAGE.read_text(encoding="utf-8"))
    assert [shlex.split(command)[1] for command, _ in session] == [
        "run", "gate", "attempt", "sign", "attempt", "check", "verify", "gate", "sign", "attempt", "list", "prune"]
    stamp = STAMP
    for command, lines in session:
        words = shlex.split(command.replace(STAMP, stamp).replace(KEY, str(tmp_path / "key")))
        assert words[0] == "nb-compare"
        said = nb(*words[1:])
        if words[1] == "run":
            stamp = next(Path("bundles/supervisor").glob("2*Z")).name
        printed = said.out + said.err
        assert said.code == 0, f"{command}\n{printed}"
        assert [line for line in lines if not shows(line.replace(STAMP, stamp), printed)] == [], printed
    plan = Path("plan.md").read_text()
    assert plan.count("[D]") == 2 and Path("docs/fix_plan.md").read_text().count("### Attempt ") == 1


def test_what_stops_you(nb, small_supervisor, monkeypatch, tmp_path):
    """A mapped test that fails stops the whole flow: no engine, no gate, no sign-off; the ledger tells."""
    monkeypatch.setenv("NB_C_BIN", str(small_supervisor[0]))
    monkeypatch.setenv("NB_PY_BIN", str(small_supervisor[1]))
    (tmp_path / "test_mapped.py").write_text("def test_it():\n    assert 1 == 2\n")
    assert nb("run", "cases/supervisor.yaml", "-q").code == 8
    for phase in ("N1", "N2"):
        assert nb("gate", phase).code == 8
        assert nb("sign", phase, "--by", "A. Person").code == 8
    bundle = next(Path("bundles/supervisor").glob("2*Z"))
    assert nb("attempt", bundle, "--ledger", "docs/fix_plan.md", "--plan", "plan.md", "--row", "N1").code == 0
    assert "### Attempt 1: BLOCKED" in Path("docs/fix_plan.md").read_text()
    assert "| N1 | inputs regenerated, evidence complete | [P] |" in Path("plan.md").read_text()
