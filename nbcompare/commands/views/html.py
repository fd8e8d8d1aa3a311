"""One page for people who would rather look than read: verdict, figures, pictures and provenance of a bundle.

The page is a single HTML file with everything inside it (no script, nothing fetched), so that it can be attached to a
plan or an e-mail. It is a view of record.json: nothing on it is computed here, and it is no evidence by itself.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.loosened import Loosened
from nbcompare.bundle.names import MANIFEST, PICTURES
from nbcompare.commands.views.terminal import margin
from nbcompare.verdict.divergence import proof_rows
from nbcompare.verdict.subjects import subject_lines

TEMPLATE = Path(__file__).with_name("report.html.j2")
_TITLES = {"c": "reference", "py": "subject", "diff": "subject - reference"}
_GOOD, _PROVEN = {"PASS"}, {"PROVEN"}


def html_page(bundle: Bundle, loosened: Sequence[Loosened] = ()) -> str:
    """The page of a bundle, and of what its case held stricter before. The template escapes everything."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)
    environment.filters |= {"figure": figure, "command": shlex.join, "allowed": allowed}
    record = bundle.record.as_dict()
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(record=record, colour=colour(record["verdict"]["word"]), pictures=_pictures(bundle.folder),
                           loosened=[entry.sentence for entry in loosened], beside=_beside(bundle),
                           manifest=MANIFEST)


def _beside(bundle: Bundle) -> dict[str, Any]:
    """What was found beside the figures: cause, noise with the margin of every threshold, probe, claims and proof."""
    verdict, further = bundle.verdict, bundle.record.further
    noise, ablation, proof = further.noise, further.ablation, further.proof
    device = further.device.sentence(bundle.record.case.thresholds) if further.device else None
    subjects = list(subject_lines(further.subjects, bundle.record.case.thresholds))
    return {"cause": further.cause, "device": device, "subjects": subjects, "noise": noise.sentence if noise else None,
            "margins": [(check.noise, margin(check)) for check in verdict.checks] if noise else None,
            "probe": [*ablation.blockers, *ablation.remarks] if ablation else [],
            "claims": [claim.as_dict() for claim in proof.claims] if proof else [],
            "tried": bool(proof and proof.trials), "proof": proof_rows(verdict, proof) if proof else []}


def colour(word: str) -> str:
    """The class of the banner; PROVEN has its own, because it is no PASS."""
    if word in _GOOD:
        return "good"
    return "proven" if word in _PROVEN else "bad"


def figure(value: object) -> str:
    """A number as the report prints it; None is undefined."""
    if value is None:
        return "undefined"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def allowed(threshold: Mapping[str, float | None]) -> str:
    """What a threshold allows, in words of the report."""
    low, high = threshold["min"], threshold["max"]
    if low is None:
        return f"≤ {high:.10g}"
    return f"≥ {low:.10g}" if high is None else f"{low:.10g} … {high:.10g}"


def _pictures(folder: Path) -> list[dict[str, str]]:
    """The PNG files of a bundle as data addresses; those that are not there are left out."""
    found = []
    for key, title in _TITLES.items():
        path = folder / PICTURES[key]
        if path.is_file():
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            found.append({"title": title, "address": f"data:image/png;base64,{data}"})
    return found
