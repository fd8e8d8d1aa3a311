"""A port in a repository of its own, stood in, and its case run; for the tests of what ran."""

import pytest

from tests.nbcompare.second_repository import PLAN, Project

FROM_THE_SHELL = ("PYTHONPATH", "MYPORT_MODE", "NB_C_BIN", "NB_PY_BIN", "SOURCE_DATE_EPOCH")


@pytest.fixture
def project(tmp_path, nb, monkeypatch):
    """The repository, which is the working folder; no variable of the shell decides what is run."""
    for name in FROM_THE_SHELL:
        monkeypatch.delenv(name, raising=False)
    made = Project(tmp_path / "theirs")
    monkeypatch.chdir(made.home)
    return made


@pytest.fixture
def run(nb, project):
    """Run the case with what is declared; the exit code and the record."""

    def call(*words):
        said = nb("run", project.case, "-q", "--format", "json", *words)
        return said.code, said.json if said.out else {"error": said.err}

    return call


@pytest.fixture
def gate(nb, project):
    """The lines of the gate that do not hold, with their reasons."""

    def call(requires):
        (project.home / "cases/phases.yaml").write_text(PLAN % requires)
        said = nb("gate", "P", "--phases", "cases/phases.yaml", "--format", "json")
        return {item["requirement"]: item["why"] for item in said.json["items"] if not item["holds"]}

    return call
