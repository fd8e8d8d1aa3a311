"""What all pages have in common: one HTML file with everything inside, that may fetch nothing and run only our scripts.

The content security policy names each script by its sum, so that text of strangers that slipped in as a script would
not run, and forbids every address but those that hold their own data. Templates escape everything; what is put into a
page as it is, is made here.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

FOLDER = Path(__file__).parent


def render(template: str, scripts: Sequence[str] = (), **values: Any) -> str:
    """A page from a template of this folder, with its style sheet, policy and scripts."""
    import jinja2

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True,
                                     undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"figure": figure, "command": shlex.join, "allowed": allowed,
                            "by_metric": by_metric}
    environment.globals |= {"block": data_block}
    return environment.get_template(template).render(
        policy=policy(scripts), style=Markup(text_of("page.css")), **values,
        scripts=[Markup(script) for script in scripts])


def policy(scripts: Sequence[str]) -> str:
    """The content security policy of a page with these scripts."""
    sums = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
                    for script in scripts)
    return (f"default-src 'none'; script-src {sums or chr(39) + 'none' + chr(39)}; style-src 'unsafe-inline'; "
            "img-src data: blob:; base-uri 'none'; form-action 'none'")


@functools.cache
def text_of(name: str) -> str:
    """A style sheet or script of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def data_block(value: object) -> Markup:
    """Plain values as JSON that can stand inside a script element of data: nothing in it can end the element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def figure(value: object) -> str:
    """A number as a page prints it; None is undefined."""
    if value is None:
        return "undefined"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def by_metric(regions: Sequence[Any]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Each metric that any region was judged by, with its figure in every region; a region whose figure was not taken
    says so. ``regions`` are those of a comparison as plain values."""
    taken = [{entry["metric"]: entry for entry in region["figures"]} for region in regions]
    missing = {"value": "", "undefined": "not taken here"}
    return [(name, [figures.get(name, missing) for figures in taken])
            for name in dict.fromkeys(name for figures in taken for name in figures)]


def allowed(threshold: Mapping[str, float | None]) -> str:
    """What a threshold allows, in words of a page."""
    low, high = threshold["min"], threshold["max"]
    if low is None:
        return f"≤ {high:.10g}"
    return f"≥ {low:.10g}" if high is None else f"{low:.10g} … {high:.10g}"
