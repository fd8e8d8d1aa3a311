"""The documentation: generated pages are current, links lead somewhere, and what the README shows exists."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nbcompare.cli import COMMANDS
from nbcompare.errors import EXIT_MEANING

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = sorted([CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")])


def test_generated_pages_are_current():
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_index_of_pages_links_each_of_them():
    """Sphinx makes its tree of contents of them, and `make docs-html` fails for a page that is not among them."""
    index = (CHECKOUT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert linked == {page.name for page in (CHECKOUT / "docs").glob("*.md")} - {"index.md"}


def test_the_pages_as_html_have_no_broken_link(tmp_path):
    pytest.importorskip("sphinx", reason="the extra [docs] is not installed")
    pytest.importorskip("myst_parser", reason="the extra [docs] is not installed")
    done = subprocess.run([sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", tmp_path],
                          cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'href="tutorial.html"' in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_every_page_is_reachable_from_the_readme():
    seen: set[Path] = set()
    waiting = [CHECKOUT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page not in seen:
            seen.add(page)
            links = re.findall(r"\]\(([^)#:]+\.md)", page.read_text(encoding="utf-8"))
            waiting += [page.parent / link for link in links]
    assert sorted(page.name for page in (CHECKOUT / "docs").glob("*.md") if page not in seen) == []


def test_the_picture_of_the_rooms_is_the_contract():
    """Against the page as a reader finds it: the order of the rooms, and a row for every module."""
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in contracts["contracts"] if contract["type"] == "layers")
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = page.partition("<!-- picture")[2].partition("```\n")[2].partition("```")[0]
    assert [line.split()[0] for line in picture.splitlines()] == layers


def test_every_module_has_a_row_that_says_what_it_is():
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", page, re.MULTILINE))
    for program in (CHECKOUT / "nbcompare", CHECKOUT / "simulator" / "nanobrag_torch"):
        for path in program.rglob("*.py"):
            if path.name != "__init__.py":
                assert len(rows.get(path.relative_to(program.parent).as_posix(), "").split()) >= 3, path


def test_architecture_names_functions_that_exist():
    """The walks: each `file.py` followed by a function of it."""
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("<!-- rooms")[0]
    named = re.findall(r"`([a-z_/]+\.py)`\s+`([A-Za-z_.]+)`", page)
    assert len(named) > 12
    for file, name in named:
        homes = [path for program in ("nbcompare", "simulator/nanobrag_torch") if
                 (path := CHECKOUT / program / file).is_file()]
        assert homes and any(re.search(rf"^\s*(def|class) {name.split('.')[-1]}\b", home.read_text(), re.MULTILINE)
                             for home in homes), f"{file} {name}"


def test_every_command_is_documented_with_its_help():
    text = (CHECKOUT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"## nb-compare {name}\n" not in text] == []


def test_the_readme_lists_every_exit_code():
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert [code for code in EXIT_MEANING if f"| {code.value} |" not in text] == []


def commands_shown(page: Path) -> list[list[str]]:
    """The nb-compare lines of the shell blocks of a page."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["nb-compare"]:
                found.append(words[1:])
    return found


TYPED_BY = {"tutorial.md": "nbcompare/commands/test_tutorial_page.py",
            "README.md": "nbcompare/commands/test_tutorial_page.py",
            "engines.md": "nbcompare/commands/test_engines_page.py",
            "ci.md": "test_ci.py",
            "simulator.md": "test_docs.py",
            **dict.fromkeys(("api.md", "bundles.md", "cases.md", "diagnosis.md", "history.md", "images.md", "ledger.md",
                             "phases.md"), "nbcompare/commands/test_pages_typed.py"),
            **dict.fromkeys(("audit.md", "audit-supervisor.md", "describe.md", "divergences.md", "mutants.md",
                             "parity.md", "performance.md", "report.md", "sweep.md"),
                            "nbcompare/commands/test_longer_pages_typed.py")}
"""Pages whose shell blocks a test types as they stand (of the README those under Use)."""

def shell_blocks(page: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_shell_blocks_are_typed_by_a_test():
    assert {page.name for page in PAGES if shell_blocks(page)} == TYPED_BY.keys()
    for page, test in TYPED_BY.items():
        assert page in (CHECKOUT / "tests" / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_can_be_typed_as_they_stand(page):
    for block in shell_blocks(page):
        assert not re.search(r"(?<!\S)\.\.\.(?!\S)", re.sub(r"#.*", "", block)), f"{page.name}: {block}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_shown_are_commands_that_exist(page):
    """Each starts with a command, or is a one-shot line; its long options are known to that command."""
    text = (CHECKOUT / "docs" / "commands.md").read_text(encoding="utf-8")
    for words in commands_shown(page):
        name = words[0] if words[0] in COMMANDS else "oneshot"
        assert words[0] in COMMANDS or words[0].startswith("-"), words
        section = text.partition(f"## nb-compare {name}\n")[2].partition("\n## ")[0] + "--help --version"
        ours = words[: words.index("--")] if "--" in words else words
        for option in (word for word in ours if word.startswith("--")):
            assert option.partition("=")[0] in section, f"{page.name}: nb-compare {name} has no {option}"


def test_the_library_example_runs():
    text = (CHECKOUT / "docs" / "simulator.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "torch.Size([32, 32]) tensor(" in done.stdout


def test_the_shell_block_of_the_simulator_runs(tmp_path):
    (block,) = shell_blocks(CHECKOUT / "docs" / "simulator.md")
    subprocess.run(["sh", "-e", "-c", block.replace("python ", f"{sys.executable} ", 1)], cwd=tmp_path, check=True,
                   capture_output=True)
    assert (tmp_path / "image.bin").stat().st_size == 4 * 32 * 32


def test_the_page_on_security_counts_the_attacks_that_there_are():
    """Its promises are held by scripts that exist, all of them named; and the trials that were counted all held."""
    page = (CHECKOUT / "docs/security.md").read_text()
    scripts = sorted(path.name for path in (CHECKOUT / "tests/attacks").glob("test_*.py"))
    assert f"the {len(scripts)} scripts of" in page and [name for name in scripts if f"`{name}`" not in page] == []
    counts = r"([\d,]+) trials of ([\d,]+) faults; ([\d,]+) held"
    said = re.search(counts, (CHECKOUT / "docs/reliability.md").read_text())
    tried, _, held = (int(number.replace(",", "")) for number in said.groups())
    assert tried == held >= 1500


def test_each_promise_of_the_page_on_security_names_tests_that_exist():
    page = (CHECKOUT / "docs/security.md").read_text(encoding="utf-8")
    section = page.partition("\n## Each promise, and the tests of it\n")[2].partition("\n## ")[0]
    promises = [line for line in section.splitlines() if line.startswith("- ")]
    assert len(promises) > 30 and [line for line in promises if "::" not in line] == []
    for file, name in re.findall(r"`([\w/]+\.py)::(\w+)`", section):
        texts = [path.read_text(encoding="utf-8") for folder in ("tests", "tests/nbcompare")
                 if (path := CHECKOUT / folder / file).is_file()]
        assert any(f"\ndef {name}(" in text for text in texts), f"{file}::{name} is no test"
    for file in re.findall(r"`((?:tests/)?[\w/]*\w+\.py)`", page):
        assert (CHECKOUT / file).is_file() or (CHECKOUT / "tests/attacks" / file).is_file(), file


def test_what_is_not_promised_is_said_once():
    """`make faults` writes the page anew: what was added to the page alone would be lost."""
    from tests.faults.__main__ import LIMITS

    assert (CHECKOUT / "docs/reliability.md").read_text().endswith(LIMITS)
