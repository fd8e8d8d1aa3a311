"""The supervisor flow in a scratch repository: its own git history, its own cases, the real engines.

Every command of docs/supervisor-flow.md is typed there as it stands, on a crop of the supervisor command. The reference
is $NB_C_BIN where that names the real program, else the bundled one; the port is a package in src/ of that repository,
which bears the name of the bundled simulator and must not be taken for it.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "supervisor-flow.md"
STAMP = "20260714T101112Z"
COMMAND = """\
  -mat A.mat -hkl scaled.hkl -nonoise -nointerpolate -oversample 1 -exposure 1 -flux 1e18 -beamsize 1.0
  -spindle_axis -1 0 0 -Xbeam 8.6 -Ybeam 8.6 -distance 231.274660 -lambda 0.976800 -pixel 0.172
  -detpixels_x 96 -detpixels_y 100 -Na 6 -Nb 7 -Nc 5 -osc 0.1 -phi 0.0001 -phisteps 10"""
PROJECT = """\
engines:
  subject:
    command: [{python}, -m, nanobrag_torch]
    environment: {{set: {{PYTHONPATH: src}}}}
    sources: ["src/**/*.py"]
"""
TEST = """\
def test_the_port_is_here():
    assert __file__.endswith("repository/tests/test_port.py")
"""


def small_case():
    """cases/supervisor.yaml with a crop of its command: the inputs, the thresholds and the plan are its own."""
    text = (CHECKOUT / "cases/supervisor.yaml").read_text(encoding="utf-8")
    text = re.sub(r"command: >-\n(?:  .*\n)+", f"command: >-\n{COMMAND}\n", text)
    text = re.sub(r"image: .*\n", "image: {fast: 96, slow: 100}\n", text)
    text = re.sub(r"rois:.*\n(?:  .*\n)+", "rois:\n  full: full\n  middle: [20, 70, 20, 70]\n", text)
    text = re.sub(r"tests:.*\n(?:  .*\n)+", "", text)
    return text + "\ntests: [tests/test_port.py]\n"


@pytest.fixture
def repository(tmp_path):
    """A repository of somebody's own, committed and clean."""
    home = tmp_path / "repository"
    (home / "cases").mkdir(parents=True)
    (home / "cases/supervisor.yaml").write_text(small_case())
    shutil.copy(CHECKOUT / "cases/phases.yaml", home / "cases")
    (home / "tests").mkdir()
    (home / "tests/test_port.py").write_text(TEST)
    shutil.copytree(CHECKOUT / "simulator/nanobrag_torch", home / "src/nanobrag_torch",
                    ignore=shutil.ignore_patterns("__pycache__"))
    (home / "nb-compare.yaml").write_text(PROJECT.format(python=sys.executable))
    (home / ".gitignore").write_text("bundles/\n__pycache__/\n.pytest_cache/\n")
    for name, text in re.findall(r"`(\S+\.md)`:\n\n```markdown\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    for words in (["init", "-q"], ["add", "-A"],
                  ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "port: begin"]):
        subprocess.run(["git", *words], cwd=home, check=True)
    return home


def commands_of_the_page():
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def call(repository, reference_binary, tmp_path):
    """nb-compare in the repository. The reference lies outside any repository, as a program of one's own does."""
    program = tmp_path / "nanoBragg"
    shutil.copy(os.environ.get("NB_C_BIN") or reference_binary, program)

    def called(*words):
        environment = {**os.environ, "NB_C_BIN": str(program)}
        return subprocess.run([sys.executable, "-m", "nbcompare", *words], cwd=repository, capture_output=True,
                              text=True, env=environment, timeout=600)

    return called


@pytest.mark.slow
def test_the_flow_works_in_a_repository_of_ones_own_until_its_port_is_broken(repository, call, tmp_path):
    stamp = STAMP
    for command in commands_of_the_page():
        words = shlex.split(command.replace(STAMP, stamp).replace("~/.ssh/id_ed25519", str(tmp_path / "key")))
        done = call(*words[1:])
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if words[1] == "run":
            stamp = next((repository / "bundles/supervisor").glob("2*Z")).name
    assert (repository / "plan.md").read_text().count("[D]") == 2
    sha = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True,
                         check=True).stdout.strip()
    said = (repository / "bundles/supervisor" / stamp / "inputs/git_sha.txt").read_text()
    assert sha in said.splitlines()[0], said
    record = json.loads((repository / "bundles/supervisor" / stamp / "record.json").read_text())
    assert record["repositories"]["subject"]["sha"] == sha
    assert record["engines"][1]["chosen_by"] != "default"
    _a_port_that_is_broken_now_turns_the_gate_red(repository, call)


def _a_port_that_is_broken_now_turns_the_gate_red(repository, call):
    """Uncommitted, in a module that the program imports; git is told to look away. Both gates were green just now."""
    module = repository / "src/nanobrag_torch/physics/polarization.py"
    subprocess.run(["git", "update-index", "--assume-unchanged", str(module)], cwd=repository, check=True)
    module.write_text(module.read_text() + "\nraise RuntimeError('broken')\n")
    red = call("gate", "N1")
    assert red.returncode == 8 and "polarization.py" in red.stdout, red.stdout
    again = call("run", "cases/supervisor.yaml", "-q")
    assert again.returncode == 2 and "RuntimeError: broken" in again.stdout + again.stderr
