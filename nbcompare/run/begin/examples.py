"""The example cases that ship with nb-compare, as files of one's own."""

from __future__ import annotations

from pathlib import Path

from nbcompare.case.case_file import load_case
from nbcompare.engine.installation import EXAMPLE_CASES
from nbcompare.errors import UsageError
from nbcompare.run.begin.begin import refuse_overwriting, write_new

_PLANS = "phases"


def copy_examples(folder: Path) -> list[Path]:
    """Copy every example that runs anywhere, and return where. Plans, and cases that map tests of the repository of
    nb-compare, are no use elsewhere. Raises UsageError where one of the files is there already: none is written."""
    found = [path for path in sorted(EXAMPLE_CASES.glob("*.yaml")) if not path.stem.startswith(_PLANS)]
    found = [path for path in found if not load_case(path).tests]
    if not found:
        raise UsageError(f"there are no example cases in {EXAMPLE_CASES}")
    for path in found:
        refuse_overwriting(folder / path.name, hint="move it away, or call it in another folder")
    for path in found:
        write_new(folder / path.name, _without_schema_line(path.read_text(encoding="utf-8")), load_case)
    return [folder / path.name for path in found]


def _without_schema_line(text: str) -> str:
    """An editor's line names the schema by where the example lay."""
    first, _, rest = text.partition("\n")
    return rest if first.startswith("# yaml-language-server") else text
