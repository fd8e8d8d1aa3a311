"""The door of each room: its ``__init__`` is one sentence and the public names; it loads nothing before it is asked."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).resolve().parent.parent / "nbcompare"
ROOMS = sorted(path.parent.name for path in HARNESS.glob("*/__init__.py") if path.parent.name != "commands")
DOORS = {
    "bundle": "Bundle Record check_bundle compare_bundles export_bundle import_bundle list_bundles load_bundle "
              "newest_bundle staging verified verify_bundle",
    "case": "OPTIONS REFERENCE SUBJECT Case Claim Command Phases StagedInput Threshold cells_of load_case "
            "load_phases one_shot_case parse_command stage_inputs",
    "compare": "METRICS Comparison Roi Shape compare_images metrics_table read_float_image write_pictures",
    "engine": "Engine EngineIdentity Job Progress Renderer Run choose_engines identify jobs_of reference_engine "
              "subject_engine",
    "explain": "CATALOGUE Audit AuditOptions Cause Diagnosis DiagnosisOptions Experiment ExperimentSource Pixel "
               "reduce_experiment trace_pixel",
    "formats": "Declared ImageFile read_image",
    "plan": "Gate enter look_at sign",
    "run": "RunOptions SweepOptions run_one_shot run_sweep",
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
