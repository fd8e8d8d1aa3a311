"""Write docs/audit-supervisor.md: the audit of the supervisor case, by its own thresholds and by a correlation alone.

    python docs/audit_supervisor.py [options of nb-compare audit, such as --cache DIR or --jobs 2]

It takes as long as the audit does; what an earlier audit kept is used again.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = CHECKOUT / "docs" / "audit-supervisor.md"
CASE = "cases/supervisor.yaml"
ALONE = "correlation=0.98"
SEED = ("--seed", "2")
"""Not the seed by which the rules of the diagnosis were tried out, which is 1."""

COMMANDS = {"named": (*SEED, "--strengths", "1"), "limits": (*SEED, "--no-diagnosis"),
            "alone": (*SEED, "--no-diagnosis", "--threshold-only", ALONE)}
PLACES = {1: "first", 2: "second", 3: "third"}


def audits(more: list[str]) -> dict[str, dict]:
    """What each of the commands found."""
    found = {}
    for name, words in COMMANDS.items():
        argv = [sys.executable, "-m", "nbcompare", "audit", CASE, *words, "--format", "json", *more]
        done = subprocess.run(argv, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True)
        found[name] = json.loads(done.stdout)
    return found


def page(found: dict[str, dict]) -> str:
    today = datetime.datetime.now(datetime.UTC).date()
    commands = "\n".join(f"nb-compare audit {CASE} {' '.join(words)}" for words in COMMANDS.values())
    return "\n".join((
        "# The audit of the supervisor case", "",
        f"Written by `python docs/audit_supervisor.py` on {today} from the output of", "",
        f"```sh\n{commands}\n```", "",
        "How to read it: [audit.md](audit.md). Every row is a defect of full strength. The seed is another one "
        "than the one by which the rules of the diagnosis were tried out.", "",
        *_scores(found), "", *_slips(found), "", "## Every defect", "", *_table(found), "",
        *_not_seeded(found["named"]), "")).replace("\n\n\n", "\n\n")


def _scores(found: dict[str, dict]) -> list[str]:
    own, alone = (found[name]["strengths"] for name in ("limits", "alone"))
    rows = [f"| {ours['strength']:g} | {ours['seeded']} | {_share(ours, 'caught')} | {_share(theirs, 'caught')} |"
            for ours, theirs in zip(own, alone, strict=True)]
    named = found["named"]["strengths"][0]
    return ["| Strength | Seeded | Caught by the case | Caught by a correlation of 0.98 alone |", "|---|---|---|---|",
            *rows, "", f"Of the {named['asked']} of full strength the diagnosis names the right cause first for "
            f"{_share(named, 'named_first', 'asked')} and among the first three for "
            f"{_share(named, 'named_among_first', 'asked')}. {_wrongly_proven(found['named'])}"]


def _wrongly_proven(audit: dict) -> str:
    """What the diagnosis called proven and is not the mistake that was made; two mistakes with the very same image are
    both proven, and one of them stands first."""
    there = [d for d in audit["defects"] if d["state"] == "seeded" and d["diagnosis"]["proven"]]
    twins = [d["kind"] for d in there if d["place"] in (2, 3)]
    wrong = [d["kind"] for d in there if d["place"] is None]
    said = f"Proven and wrong: {', '.join(wrong)}." if wrong else "Nothing that it called proven is wrong."
    if twins:
        said += f" Second behind another explanation with the same image: {', '.join(twins)}."
    return said


def _share(count: dict, key: str, of: str = "seeded") -> str:
    return f"{count[key]} ({100 * count[key] / count[of]:.1f} %)" if count[of] else "none"


def _slips(found: dict[str, dict]) -> list[str]:
    """What each practice lets through."""
    lines = []
    for name, whose in (("limits", "The case's thresholds let pass"), ("alone", "A correlation of 0.98 lets pass")):
        slipped = [d["kind"] for d in found[name]["defects"] if d["strength"] == 1 and d["state"] == "seeded"
                   and not d["caught"]]
        lines += [f"{whose} {len(slipped)}{': ' + ', '.join(slipped) if slipped else ''}.", ""]
    return lines


def _table(found: dict[str, dict]) -> list[str]:
    alone = {d["kind"]: d for d in found["alone"]["defects"] if d["strength"] == 1}
    limits = {limit["kind"]: limit["sentence"] for limit in found["limits"]["limits"]}
    lines = ["| Class | Defect | Amount | The case: caught by | Limit | Correlation 0.98 | Diagnosis |",
             "|---|---|---|---|---|---|---|"]
    for d in found["named"]["defects"]:
        if d["state"] == "seeded":
            amount = f"{d['amount']:.3g} {d['unit']}".strip() if d["amount"] is not None else d["words"]
            old = "caught" if alone[d["kind"]]["caught"] else "**slips through**"
            cells = (d["class"], f"{d['kind']}: {d['title']}", amount, d["caught_by"] or "**slips through**",
                     limits[d["kind"]], old, _named(d))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def _named(defect: dict) -> str:
    ids = defect["diagnosis"]["ids"]
    if defect["place"]:
        return f"{PLACES[defect['place']]}: {ids[defect['place'] - 1]}"
    return f"**missed**: {ids[0] if ids else 'nothing'}"


def _not_seeded(audit: dict) -> list[str]:
    lines = [f"- {d['kind']}: {d['state']}, {d['words']}" for d in audit["defects"] if d["state"] != "seeded"]
    return ["## Not seeded", "", *lines] if lines else []


if __name__ == "__main__":
    PAGE.write_text(page(audits(sys.argv[1:])), encoding="utf-8")
