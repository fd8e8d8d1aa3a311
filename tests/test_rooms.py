"""The walls between the rooms, looked at from outside: import a room in a fresh process and see what it loaded; and
their doors, each a sentence and the public names."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
IN_ANOTHER_PYTHON = {CHECKOUT / "nbcompare/run/pytest_plugin/nb_compare_report.py"}
"""What nbcompare never imports: a plugin for the pytest of the project whose tests a case maps."""

HEAVY = ("detect_secrets", "torch", "scipy", "matplotlib", "numpy", "yaml")


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
        for path in set((CHECKOUT / room).rglob("*.py")) - IN_ANOTHER_PYTHON:
            for line in path.read_text().splitlines():
                words = line.split()
                if words[:1] in (["import"], ["from"]):
                    assert words[1].split(".")[0] != forbidden, f"{path}: {line}"


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["oneshot", "--help"], ["--version"], ["nonsense"]])
def test_help_loads_nothing_heavy(words):
    loaded = loaded_after(f"from nbcompare.cli import run\ntry:\n run({words!r})\nexcept SystemExit: pass")
    assert not loaded & set(HEAVY)
    if words[0] in ("--help", "--version"):
        assert not loaded & {"nbcompare.files", "nbcompare.commands.publish", "nbcompare.commands.options"}


def test_engines_begin_before_anything_is_loaded_that_judges():
    """What they leave behind is compared, judged and drawn by modules that are loaded while they run."""
    code = ("import sys, nbcompare.cli, nbcompare.commands.run, nbcompare.case.case_file, nbcompare.run.one_case\n"
            "print(*sorted(sys.modules))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    late = ("numpy", "PIL", "nbcompare.compare.compare", "nbcompare.compare.pictures", "nbcompare.verdict.verdict",
            "nbcompare.bundle.text_files", "nbcompare.bundle.check.verify", "nbcompare.run.judged")
    assert not set(done.stdout.split()) & set(late)


def test_the_top_of_the_repository_is_exactly_this():
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=CHECKOUT, check=True).stdout
    top = {line.partition("/")[0] for line in listed.splitlines()}
    assert top == {"nbcompare", "simulator", "cases", "bundles", "tests", "docs", ".ci", "Makefile", "action.yml",
                   "pyproject.toml", "README.md", "LICENSE", ".gitignore", "constraints.txt"}


# --- doors ------------------------------------------------------------------------------------------------

HARNESS = CHECKOUT / "nbcompare"
ROOMS = sorted(path.parent.name for path in HARNESS.glob("*/__init__.py") if path.parent.name != "commands")
DOORS = {
    "bundle": "Bundle Record check_bundle compare_bundles export_bundle import_bundle list_bundles load_bundle "
              "newest_bundle staging verified verify_bundle",
    "case": "REFERENCE SUBJECT Case Claim Command Option Phases StagedInput Threshold all_options cells_of load_case "
            "load_phases one_shot_case parse_command stage_inputs",
    "compare": "METRICS Comparison Roi Shape compare_images metrics_table read_float_image write_pictures",
    "engine": "Engine EngineIdentity Job Progress Renderer Run choose_engines engines_of identify jobs_of "
              "reference_engine subject_engine",
    "explain": "CATALOGUE Audit AuditOptions Cause Diagnosis DiagnosisOptions Experiment ExperimentSource Pixel "
               "reduce_experiment trace_pixel",
    "formats": "Declared ImageFile read_image",
    "plan": "Gate enter look_at sign",
    "run": "RunOptions SweepOptions regenerate run_case run_one_shot run_sweep",
    "verdict": "FurtherEvidence FurtherRuns Label Proof Verdict conclude judge run_further",
}


def door_of(room: str):
    return importlib.import_module(f"nbcompare.{room}")


def homes_of(room: str) -> dict[str, str]:
    """Where a type checker finds each name: the imports that are made for it alone."""
    return {alias.name: node.module for node in ast.walk(ast.parse((HARNESS / room / "__init__.py").read_text()))
            if isinstance(node, ast.ImportFrom) and node.module.startswith("nbcompare.") for alias in node.names}


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_exports_exactly_these_names(room):
    assert sorted(door_of(room).__all__) == sorted(DOORS[room].split())


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_type_checker_sees_is_what_one_gets(room):
    homes = homes_of(room)
    assert sorted(homes) == sorted(door_of(room).__all__)
    for name, home in homes.items():
        assert getattr(door_of(room), name) is getattr(importlib.import_module(home), name)


@pytest.mark.parametrize("room", ROOMS)
def test_no_public_name_is_hidden_by_a_module_of_the_same_name(room):
    assert not set(door_of(room).__all__) & {path.stem for path in (HARNESS / room).iterdir()}


def test_a_name_that_no_door_has_is_refused():
    with pytest.raises(AttributeError, match=r"module 'nbcompare\.case' has no attribute 'Suitcase'"):
        _ = door_of("case").Suitcase


def test_a_door_is_one_sentence():
    for room in ROOMS:
        assert door_of(room).__doc__.strip().count("\n") == 0, room


def test_opening_all_doors_loads_no_room():
    code = f"import sys, {', '.join('nbcompare.' + room for room in ROOMS)}\nprint(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {name for name in loaded if name.startswith("nbcompare.")} == {f"nbcompare.{room}" for room in ROOMS}


def test_a_class_name_stands_for_one_class():
    """In the harness; the simulator is another program, with names of its own."""
    homes = {}
    for path in sorted(HARNESS.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(path.relative_to(HARNESS).as_posix())
    assert not {name: places for name, places in homes.items() if len(places) > 1}


# --- types ------------------------------------------------------------------------------------------------------


def test_no_module_is_spared_by_the_type_checker():
    """The harness is strict throughout; the simulator may leave types out, and what it says is held to."""
    settings = tomllib.loads((HARNESS.parent / "pyproject.toml").read_text())["tool"]["mypy"]
    named = [module for entry in settings["overrides"] for module in entry["module"]]
    assert settings["strict"] and {"nbcompare", "simulator/nanobrag_torch"} <= set(settings["files"])
    assert [module for module in named if module.startswith(("nbcompare", "nanobrag_torch"))] == ["nanobrag_torch.*"]
    assert not any(entry.get("ignore_errors") for entry in settings["overrides"])


def test_what_the_type_checker_is_told_to_ignore_has_a_code_and_a_reason():
    marked = [line for path in HARNESS.rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines()
              if "type: ignore" in line]
    assert not [line for line in marked if not re.search(r"type: ignore\[[a-z, -]+\]  # \w", line)]
    assert not [path for path in HARNESS.rglob("*.py") if "# mypy:" in path.read_text(encoding="utf-8")]


def test_every_parser_that_mutants_are_made_of_is_there():
    from tests.mutants.mutant import PARSERS

    assert [name for name in PARSERS if not (HARNESS / name).exists()] == []


def test_a_name_of_a_class_stands_for_one_class():
    """In both programs together, so that a word in a message or a page leads to one place."""
    places: dict[str, list[str]] = {}
    for path in (*(CHECKOUT / "nbcompare").rglob("*.py"), *(CHECKOUT / "simulator/nanobrag_torch").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(CHECKOUT)))
    assert len(places) > 100
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
