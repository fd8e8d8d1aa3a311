"""Where the project file is, found upwards from a case; what it says is read in project.py."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT_FILE = "nb-compare.yaml"


def find_project_file(folder: Path) -> Path | None:
    """The nearest project file in ``folder`` or above it, by the name of its folder that no link leads through: what it
    declares is the same program whichever way somebody came."""
    here = folder.absolute()
    found = next((place for place in (here, *here.parents) if (place / PROJECT_FILE).is_file()), None)
    return Path(os.path.realpath(found), PROJECT_FILE) if found else None
