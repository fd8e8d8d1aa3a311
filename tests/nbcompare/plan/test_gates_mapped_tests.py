"""The mapped tests of a case: what they leave behind when they fail, and the second run on CUDA."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quick_runs")

ROOMS = Path(__file__).resolve().parents[2] / "test_rooms.py"
FAILING = ("def test_first():\n    pass\n\ndef test_second():\n    assert 1 == 2, 'one is not two'\n\n"
           "def test_third():\n    1 / 0\n")
ON_CUDA = ("import pytest\n\n@pytest.mark.parametrize('number', range(3))\ndef test_it(number, nb_device):\n"
           "    assert nb_device == 'cpu' or {on_cuda}\n")
TORCH = """\
class cuda:
    is_available = staticmethod(lambda: True)
    reset_peak_memory_stats = staticmethod(lambda: None)
    memory_allocated = staticmethod(lambda: 0)
    max_memory_allocated = staticmethod(lambda: {peak})
"""


@pytest.fixture
def map_tests(small_case, tmp_path):
    """Give the small case a file of mapped tests."""

    def write(content):
        (tmp_path / "test_mapped.py").write_text(content)
        small_case.write_text(small_case.read_text() + f"tests: [{tmp_path}/test_mapped.py]\n")

    return write


def test_a_failure_leaves_its_signature_what_was_collected_and_no_engine_run(run_small, map_tests, nb):
    map_tests(FAILING)
    said, folder = run_small()
    assert said.code == 8 and said.json["runs"] == []
    told = dict(line.split(": ", 1) for line in (folder / "tests/pytest_cpu_failure.txt").read_text().splitlines())
    assert told["failure"].startswith("first failing test: ") and "test_mapped.py::test_second" in told["failure"]
    assert told["error line"] == "AssertionError: one is not two"
    assert told["pytest exit code"] == "1" and told["python"].count(".") == 2 and told["pytest"] == pytest.__version__
    collected = (folder / "tests/pytest_cpu_collect.log").read_text()
    assert all(f"::test_{name}" in collected for name in ("first", "second", "third"))
    assert nb("verify", folder).code == 0
    Path("ledger.md").touch()
    assert nb("attempt", folder, "--ledger", "ledger.md").code == 0
    assert "- failure signature: pytest (cpu): AssertionError: one is not two\n" in Path("ledger.md").read_text()


def test_after_an_engine_failure_too_what_pytest_collects_is_kept(run_small, map_tests, nb):
    map_tests("def test_first():\n    pass\n")
    said, folder = run_small("good", "crash")
    assert said.code == 2
    assert "::test_first" in (folder / "tests/pytest_cpu_collect.log").read_text()
    assert not (folder / "tests/pytest_cpu_failure.txt").exists()
    assert nb("verify", folder).code == 0


def test_a_file_that_cannot_be_imported_has_a_signature_too(run_small, map_tests):
    map_tests("import no_such_module\n")
    said, folder = run_small()
    assert said.code == 8
    assert "error line: ModuleNotFoundError: No module named 'no_such_module'\n" in (
        folder / "tests/pytest_cpu_failure.txt").read_text()


def test_words_that_look_like_a_summary_are_not_believed(run_small, map_tests, tmp_path):
    """Every test is skipped, pytest's own exit code is 0, and a plugin prints '9 passed' above the summary."""
    (tmp_path / "conftest.py").write_text(
        "def pytest_terminal_summary(terminalreporter):\n    terminalreporter.write_line('9 passed')\n")
    map_tests("import pytest\n\n@pytest.mark.skip\ndef test_a():\n    pass\n")
    said, folder = run_small()
    assert "9 passed" in (folder / "tests/pytest_cpu.log").read_text()
    assert said.code == 8 and said.json["runs"] == []


@pytest.mark.parametrize("answer", [True, False])
def test_with_cuda_the_tests_run_there_too_and_stop_at_the_first_failure(run_small, map_tests, tmp_path, monkeypatch,
                                                                         answer):
    """Three tests; on CUDA they all pass, or the first fails and the others are not begun."""
    (tmp_path / "torch.py").write_text(TORCH.format(peak=512))
    map_tests(ON_CUDA.format(on_cuda=answer))
    monkeypatch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: True)
    said, folder = run_small()
    cuda = said.json["tests"]["cuda"]
    if answer:
        assert said.code == 0 and cuda["summary"].startswith("3 passed")
    else:
        assert said.code == 8 and cuda["summary"].startswith(("1 failed", "stopping", "!"))
        assert said.json["verdict"]["reasons"][0].startswith("the mapped tests failed: first failing test: ")
        assert "stopping after 1 failures" in (folder / "tests/pytest_cuda.log").read_text()
        assert (folder / "tests/pytest_cuda_failure.txt").is_file()


def test_tests_that_failed_on_the_cpu_are_not_run_on_cuda_and_the_log_says_why(run_small, map_tests, monkeypatch):
    map_tests("def test_a(): assert False\n")
    monkeypatch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: True)
    said, folder = run_small()
    log = "not run there: the mapped tests failed on the CPU\n"
    assert said.code == 8 and (folder / "tests/pytest_cuda.log").read_text() == log
    assert "cuda" not in said.json["tests"]


def test_without_cuda_the_log_says_so(run_small, map_tests, monkeypatch):
    map_tests("def test_a(): pass\n")
    monkeypatch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: False)
    said, folder = run_small()
    assert said.code == 0 and (folder / "tests/pytest_cuda.log").read_text() == "cuda not available\n"
    assert "mapped tests on CUDA: no CUDA device was available" in (folder / "notes/todo_nb_compare.md").read_text()


def test_nodes_of_the_project_itself_have_a_summary(run_small, small_case):
    """The project's own settings make pytest quiet already; made quieter still, it would say nothing."""
    small_case.write_text(small_case.read_text() + f"tests: ['{ROOMS}::test_help_loads_nothing_heavy']\n")
    said, _ = run_small()
    assert said.code == 0 and " passed in " in said.json["tests"]["cpu"]["summary"]


def test_a_failure_in_the_project_itself_has_its_signature(run_small, small_case):
    small_case.write_text(small_case.read_text() + f"tests: ['{ROOMS}::test_of_no_such_name']\n")
    said, folder = run_small()
    assert said.code == 8
    assert "ERROR: not found" in (folder / "tests/pytest_cpu_failure.txt").read_text()
