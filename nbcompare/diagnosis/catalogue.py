"""Every cause that can be given: importing this module imports all that enter ids."""

from nbcompare.diagnosis import diagnose, edits, file_edits, filesize, knobs, quick, search
from nbcompare.diagnosis.cause import CATALOGUE, Entry

__all__ = ["CATALOGUE", "entries"]
_SOURCES = (diagnose, edits, filesize, file_edits, knobs, quick, search)


def entries() -> list[Entry]:
    """The catalogue by class and id."""
    return sorted(CATALOGUE.values(), key=lambda entry: (entry.kind, entry.id))
