"""The rooms of docs/architecture.md: their order from the contracts in pyproject.toml, and a row for every module from
the first sentence of its docstring."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
HARNESS = CHECKOUT / "nbcompare"
SIMULATOR = CHECKOUT / "simulator" / "nanobrag_torch"
REFERENCE = CHECKOUT / "simulator" / "reference"


def layers() -> list[str]:
    """The rooms of the harness, high to low, as the linter holds them."""
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    found: list[str] = next(contract["layers"] for contract in contracts["contracts"]
                            if contract["type"] == "layers" and contract["containers"] == ["nbcompare"])
    return found


def sentence(path: Path) -> str:
    """The first sentence of a module's docstring, or of the comment at the head of a C file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".c":
        head = re.match(r"/\*(.*?)\*/", text, re.DOTALL)
        said = re.sub(r"\n \*", "\n", head.group(1)) if head else ""
    else:
        said = ast.get_docstring(ast.parse(text)) or ""
    paragraph = " ".join(said.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[a-z)`*\"'0-9])\. +(?=[A-Z(`])", paragraph + " ", maxsplit=1)[0].strip().rstrip(".:")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def picture() -> str:
    """The layers as the linter holds them, each with the sentence at its door."""
    names = layers()
    width = max(map(len, names))
    rows = "\n".join(f"{name:<{width}}  {sentence(_door(name))}" for name in names)
    return f"```\n{rows}\n```\n"


def _door(name: str) -> Path:
    room = HARNESS / name / "__init__.py"
    return room if room.is_file() else HARNESS / f"{name}.py"


def modules(folder: Path, suffix: str = ".py") -> Iterator[Path]:
    """Every module below a folder, doors left out."""
    yield from (path for path in sorted(folder.rglob(f"*{suffix}")) if path.name != "__init__.py")


def table(paths: list[Path], base: Path) -> str:
    """One row for each module."""
    rows = "".join(f"| `{path.relative_to(base).as_posix()}` | {_cell(sentence(path))} |\n" for path in paths)
    return f"| module | what it is |\n|---|---|\n{rows}"


def rooms() -> str:
    """Every room of both programs with its modules."""
    parts = []
    for name in layers():
        folder = HARNESS / name
        paths = list(modules(folder)) if folder.is_dir() else [HARNESS / f"{name}.py"]
        parts.append(f"### `nbcompare/{name}`\n\n{sentence(_door(name))}.\n\n{table(paths, CHECKOUT)}")
    inner = sorted(path for path in SIMULATOR.iterdir() if (path / "__init__.py").is_file())
    parts += [f"### `nanobrag_torch/{folder.name}`\n\n{sentence(folder / '__init__.py')}.\n\n"
              + table(list(modules(folder)), SIMULATOR.parent) for folder in inner]
    parts.append("### `nanobrag_torch`, the modules at its root\n\n"
                 + table([path for path in modules(SIMULATOR) if path.parent == SIMULATOR], SIMULATOR.parent))
    parts.append("### `simulator/reference`, in C\n\n" + table(sorted(REFERENCE.glob("*.c")), REFERENCE.parent))
    return "\n".join(parts)


def architecture_page() -> str:
    """docs/architecture.md as it stands, with its generated parts made anew."""
    page = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name, text in (("picture", picture()), ("rooms", rooms())):
        begin, end = f"<!-- {name}: written by make docs -->\n", f"<!-- end of {name} -->\n"
        before, rest = page.split(begin)
        page = f"{before}{begin}{text}{end}{rest.partition(end)[2]}"
    return page
