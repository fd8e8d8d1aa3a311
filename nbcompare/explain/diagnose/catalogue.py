"""Every cause that can be given: importing this module imports all that enter ids."""

from nbcompare.explain.diagnose import diagnose
from nbcompare.explain.diagnose import image_only as quick
from nbcompare.explain.diagnose.causes import CATALOGUE, CatalogueEntry
from nbcompare.explain.diagnose.finders import filesize
from nbcompare.explain.diagnose.hypotheses import command_edits as edits
from nbcompare.explain.diagnose.hypotheses import file_edits
from nbcompare.explain.diagnose.hypotheses import fit_parameters as knobs
from nbcompare.explain.diagnose.search import search

__all__ = ["CATALOGUE", "entries"]
_SOURCES = (diagnose, edits, filesize, file_edits, knobs, quick, search)


def entries() -> list[CatalogueEntry]:
    """The catalogue by class and id."""
    return sorted(CATALOGUE.values(), key=lambda entry: (entry.kind, entry.id))
