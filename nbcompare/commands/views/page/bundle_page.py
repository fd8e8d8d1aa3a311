"""The page of one bundle: what was decided on the first screen, then images, plots and all of its evidence.

One HTML file with everything inside it, so that it can be attached to a plan or an e-mail. It is a view of the bundle
and no evidence by itself. Verdict, still pictures and tables need no script; what is interactive needs the extra
``report`` (Bokeh), and without it the page says so.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.loosened import Loosened
from nbcompare.bundle.found import DIAGNOSIS, TRACE, kept
from nbcompare.bundle.names import MANIFEST, PICTURES
from nbcompare.commands.views.page.bokeh_document import bokeh_script, document, has_bokeh
from nbcompare.commands.views.page.evidence import evidence
from nbcompare.commands.views.page.first_screen import first_screen
from nbcompare.commands.views.page.pair import ShownPair, pair_of
from nbcompare.commands.views.page.places import peaks
from nbcompare.commands.views.page.plots import plots
from nbcompare.commands.views.page.viewer import MISSING, panes, viewer_data
from nbcompare.commands.views.page.whole_page import render, text_of
from nbcompare.verdict.divergence import proof_rows

_TITLES = {"c": "reference", "py": "subject", "diff": "subject - reference"}


def html_page(bundle: Bundle, loosened: Sequence[Loosened] = ()) -> str:
    """The page of a bundle, and of what its case held stricter before. The template escapes everything."""
    pair = pair_of(bundle)
    first = first_screen(bundle, pair, kept(bundle.folder, DIAGNOSIS))
    reasons = bundle.verdict.reasons
    marked = peaks(bundle, pair) if pair else None
    seen = _viewer(bundle, pair, marked, first["of"]) if pair and marked is not None and has_bokeh() else None
    scripts = [text_of("page.js"), *([bokeh_script(), text_of("viewer.js")] if seen else [])]
    return render("bundle.html.j2", scripts, record=bundle.record.as_dict(), first=first,
                  loosened=[entry.sentence for entry in loosened], beside=_beside(bundle), said=_said(bundle),
                  reasons=reasons if len(reasons) > 1 or first["sentence"] not in reasons else (), viewer=seen,
                  missing=MISSING if pair and not seen else None, pictures=_pictures(bundle), manifest=MANIFEST,
                  evidence=evidence(bundle, marked, kept(bundle.folder, TRACE)))


def _viewer(bundle: Bundle, pair: ShownPair, marked: Mapping[str, Any], of: str) -> dict[str, Any]:
    data = viewer_data(bundle, pair, marked, of)
    drawn = plots(bundle, pair, data["geometry"], kept(bundle.folder, TRACE))
    models = {plot.place: plot.model for plot in drawn if plot.model is not None}
    return {"data": data, "plots": drawn, "embedded": document({**panes(pair), **models})}


def _beside(bundle: Bundle) -> dict[str, Any]:
    """What was found beside the figures: noise, probe, claims and proof."""
    verdict, further = bundle.verdict, bundle.record.further
    noise, ablation, proof = further.noise, further.ablation, further.proof
    return {"noise": noise.sentence if noise else None,
            "probe": [*ablation.blockers, *ablation.remarks] if ablation else [],
            "claims": [claim.as_dict() for claim in proof.claims] if proof else [],
            "tried": bool(proof and proof.trials), "proof": proof_rows(verdict, proof) if proof else []}


def _said(bundle: Bundle) -> list[dict[str, Any]]:
    """The last words of engines and tests that failed."""
    runs = [(run.role, run) for run in bundle.record.runs]
    runs += [(what.removeprefix("the "), run) for what, run, _ in bundle.record.further.further_runs]
    failed = [{"role": what, "sentence": run.failure.sentence, "lines": run.failure.said, "hints": run.failure.hints}
              for what, run in runs if run.failure]
    return failed + [{"role": f"mapped tests on {device}", "sentence": outcome.failure, "lines": outcome.last_lines,
                      "hints": ()} for device, outcome in bundle.record.tests.items() if outcome.failure]


def _pictures(bundle: Bundle) -> list[dict[str, str]]:
    """The PNG files of a bundle as data addresses; those that are not there are left out."""
    found = []
    for key, title in _TITLES.items():
        path = bundle.folder / PICTURES[key]
        if path.is_file():
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            found.append({"title": title, "address": f"data:image/png;base64,{data}"})
    return found
