"""What the tests of gates share."""

from copy import deepcopy
from types import SimpleNamespace as Things

import pytest

from nbcompare.plan import origins
from tests.nbcompare.plan.evidence_in_memory import FACTS


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with the programs, where neither a project nor the user names an engine."""
    for name in ("reference", "subject", "port.py"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(origins, "project_above", lambda folder: None)
    monkeypatch.setattr(origins, "declared_engines", lambda case, project: {})
    monkeypatch.setattr(origins, "other_subjects", lambda case: {})
    monkeypatch.setattr(origins, "copies_elsewhere", lambda engine, folder, named: [])
    monkeypatch.setattr(origins, "case_facts", lambda case: Things(**deepcopy(FACTS) | case.says))
    monkeypatch.setattr(origins, "variable_facts", lambda extra: {})
    monkeypatch.delenv("NB_C_BIN", raising=False)
    monkeypatch.delenv("NB_PY_BIN", raising=False)
    return tmp_path
