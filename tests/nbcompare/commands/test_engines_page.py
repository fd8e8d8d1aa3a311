"""docs/engines.md as it stands: its files written, its shell blocks run, in a repository made for it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs/engines.md").read_text(encoding="utf-8")
INSTALLED = "/opt/nanoBragg/nanoBragg"


def test_the_page_leads_from_installation_to_a_signed_gate(shell):
    project = shell.project
    for kind, block in re.findall(r"```(sh|yaml)\n(.*?)```", PAGE, re.DOTALL):
        name = re.match(r"# (\S+\.yaml)\n", block)
        if kind == "yaml" and name:
            (project.home / name.group(1)).write_text(block.replace(INSTALLED, "ref.py"))
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    beside = blocks.pop()
    assert "--side-by-side" in beside  # the last; what it publishes is the newest bundle of the case
    said = "".join(map(shell, blocks))
    assert "PASS  small" in said and "GREEN  agree" in said and "sign-off" in said
    assert list((project.home / "bundles/signoffs/agree").glob("*.sig"))
    kept = (project.home / "src/port_units.py").read_text()
    (project.home / "src/port_units.py").write_text("SCALE = 2.0\n")
    done = subprocess.run([sys.executable, "-m", "nbcompare", "gate", "agree", "--phases", "cases/phases.yaml"],
                          cwd=project.home, capture_output=True, text=True, check=False)
    assert done.returncode == 8 and "port_units.py changed" in done.stdout
    (project.home / "src/port_units.py").write_text(kept)
    assert "ran side by side" in shell(beside)


@pytest.mark.simulator
def test_the_case_of_the_page_is_one_that_nanobragg_renders(reference_binary, tmp_path):
    """Whoever types the page has nanoBragg for a reference, and not the stand-in of the test above."""
    case = yaml.safe_load(re.search(r"```yaml\n(# cases/small.yaml\n.*?)```", PAGE, re.DOTALL).group(1))
    for program in filter(None, (reference_binary, os.environ.get("NB_C_BIN"))):
        subprocess.run([program, *case["command"].split(), "-floatfile", "f.bin"], cwd=tmp_path, capture_output=True,
                       timeout=60, check=True)
        pixels = (tmp_path / "f.bin").read_bytes()
        assert len(pixels) == 4 * case["image"]["fast"] * case["image"]["slow"] and any(pixels)
        (tmp_path / "f.bin").unlink()
