"""The walls between the rooms, looked at from outside: import a room in a fresh process and see what it loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "scipy", "matplotlib", "numpy", "yaml")


def loaded_after(statement: str) -> set[str]:
    """Top-level modules in memory after a statement, in a process of its own."""
    code = f"import sys\n{statement}\nprint('LOADED', *sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT)
    return set(done.stdout.rpartition("LOADED")[2].split())


def modules_of(package: Path, name: str) -> list[str]:
    return [".".join((name, *path.relative_to(package).with_suffix("").parts)) for path in sorted(package.rglob("*.py"))
            if path.stem not in ("__main__", "__init__")]


def test_the_harness_knows_neither_torch_nor_the_simulator():
    modules = modules_of(CHECKOUT / "nbcompare", "nbcompare")
    assert len(modules) > 10
    assert not loaded_after("import " + ", ".join(modules)) & {"torch", "nanobrag_torch"}


def test_the_simulator_does_not_know_the_harness():
    modules = modules_of(CHECKOUT / "simulator/nanobrag_torch", "nanobrag_torch")
    assert len(modules) > 10
    assert "nbcompare" not in loaded_after("import " + ", ".join(modules))


def test_the_contracts_of_the_rooms_are_kept():
    """Layers, circles, and what must not be known, also where an import is hidden in a function: pyproject.toml."""
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports, "--no-cache"], capture_output=True, text=True, cwd=CHECKOUT)
    assert done.returncode == 0, done.stdout[done.stdout.find("Broken contracts"):] + done.stderr


def test_neither_room_names_the_other_in_an_import():
    """Also where an import is hidden in a function."""
    for room, forbidden in (("nbcompare", "nanobrag_torch"), ("nbcompare", "torch"),
                            ("simulator/nanobrag_torch", "nbcompare")):
        for path in (CHECKOUT / room).rglob("*.py"):
            for line in path.read_text().splitlines():
                words = line.split()
                if words[:1] in (["import"], ["from"]):
                    assert words[1].split(".")[0] != forbidden, f"{path}: {line}"


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["oneshot", "--help"], ["--version"], ["nonsense"]])
def test_help_loads_nothing_heavy(words):
    loaded = loaded_after(f"from nbcompare.cli import run\ntry:\n run({words!r})\nexcept SystemExit: pass")
    assert not loaded & set(HEAVY)


def test_the_top_of_the_repository_is_exactly_this():
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=CHECKOUT, check=True).stdout
    top = {line.partition("/")[0] for line in listed.splitlines()}
    assert top == {"nbcompare", "simulator", "cases", "bundles", "tests", "docs", ".ci", "Makefile", "pyproject.toml",
                   "README.md", "LICENSE", ".gitignore", "constraints.txt"}
