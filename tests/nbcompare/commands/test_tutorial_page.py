"""docs/tutorial.md as it stands: its files written, its shell blocks typed, in a repository with a port in it."""

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[3] / "docs/tutorial.md").read_text(encoding="utf-8")
INSTALLED = "/opt/nanoBragg/nanoBragg"


def test_the_tutorial_leads_from_an_install_to_a_green_gate(shell):
    said = ""
    for kind, block in re.findall(r"```(sh|yaml)\n(.*?)```", PAGE, re.DOTALL):
        block = block.replace(INSTALLED, "ref.py")
        if kind == "sh":
            said += shell(block)
        else:
            (shell.project.home / re.match(r"# (\S+)\n", block)[1]).write_text(block)
    for line in ("PASS  first", "FAIL  first", "exit code 3", "|difference|", "cases/first.yaml: valid case",
                 "nb-compare.yaml: valid project file", "GREEN  agree", "nb-compare trace first"):
        assert line in said, line
    assert [line for line in said.splitlines() if line.startswith("  cause")]
