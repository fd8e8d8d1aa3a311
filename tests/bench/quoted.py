"""Figures that are not measured anew, as they take hours: how long a diagnosis takes, by docs/audit-wide.md."""

from __future__ import annotations

from tests.bench.programs import CHECKOUT

PAGE = CHECKOUT / "docs" / "audit-wide.md"
WANTED = {"Seconds, median": "<= 5", "95 % within": "<= 45"}


def diagnosis_rows(text: str | None = None) -> list[dict]:
    """What the page says of each strength: name, value, unit, goal. Raises ValueError where it has no such table."""
    lines = (PAGE.read_text(encoding="utf-8") if text is None else text).splitlines()
    tables = [at for at, line in enumerate(lines) if line.startswith("| Strength") and "Seconds, median" in line]
    if not tables:
        raise ValueError(f"{PAGE.name} has no table of seconds by strength")
    heads = _cells(lines[tables[0]])
    first = heads.index("Seconds, median")
    rows = []
    for line in lines[tables[0] + 2:]:
        if not line.startswith("|"):
            break
        cells = _cells(line)
        rows += [{"name": f"diagnose, defects of {cells[0]} strength, {head.rpartition(', ')[2]} (quoted)",
                  "value": float(cells[at]), "unit": "s", "goal": WANTED[head]}
                 for at, head in enumerate(heads) if at >= first and head in WANTED]
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
