"""The page of a bundle that was found intact."""

from __future__ import annotations

from pathlib import Path

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.check.loosened import loosened_until_signed
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.record import Record
from nbcompare.commands.views.page.bundle_page import html_page
from nbcompare.errors import EvidenceError, to_type
from nbcompare.visible import counted


def verified_page(folder: Path) -> tuple[Record, str]:
    """The record of a bundle and its page. Raises EvidenceError where the bundle has a fault: a page is only made of
    evidence that is intact."""
    faults = [str(fault) for fault in verify_bundle(folder).faults]
    if faults:
        more = [f"and {counted(len(faults) - 1, 'more fault')}"] if faults[1:] else []
        raise EvidenceError(f"{folder}: damaged", faults=[faults[0], *more],
                            hint=to_type("nb-compare", "verify", folder))
    bundle = load_bundle(folder)
    return bundle.record, html_page(bundle, loosened_until_signed(folder, bundle.record))
