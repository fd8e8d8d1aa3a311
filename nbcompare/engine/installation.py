"""Where the parts of this installation lie: in a checkout, or side by side where a wheel was installed.

The harness never imports the simulator; it only looks where its files are.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

HARNESS = Path(__file__).resolve().parents[1]
"""The folder of this package."""

CHECKOUT = HARNESS.parent
"""The folder that holds the package: the root of a checkout, or where packages are installed."""


def _part(in_checkout: str, package: str) -> Path:
    """A part of this installation: in the checkout, beside the harness, or where Python finds the package."""
    if (CHECKOUT / in_checkout).is_dir():
        return CHECKOUT / in_checkout
    if (CHECKOUT / package).is_dir():
        return CHECKOUT / package
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else CHECKOUT / in_checkout


SIMULATOR = _part("simulator/nanobrag_torch", "nanobrag_torch")
"""The files of the bundled torch simulator; a folder that is not there where it is not installed."""

REFERENCE_SOURCE = _part("simulator/reference", "nanobrag_reference")
"""The sources of the bundled C reference."""

EXAMPLE_CASES = _part("cases", "nbcompare/example_cases")
"""Example cases: those of the checkout, or as they are installed."""
