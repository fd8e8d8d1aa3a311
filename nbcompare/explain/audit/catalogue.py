"""All kinds of defect: importing this module imports every module that enters some."""

from nbcompare.errors import UsageError, nearest
from nbcompare.explain.audit.defects import (
    beam as defects_beam,
)
from nbcompare.explain.audit.defects import (
    crystal as defects_crystal,
)
from nbcompare.explain.audit.defects import (
    geometry as defects_geometry,
)
from nbcompare.explain.audit.defects import (
    layout as defects_layout,
)
from nbcompare.explain.audit.defects import (
    reflections as defects_reflections,
)
from nbcompare.explain.audit.defects import (
    scale as defects_scale,
)
from nbcompare.explain.audit.defects import (
    spindle as defects_spindle,
)
from nbcompare.explain.audit.defects import (
    values as defects_values,
)
from nbcompare.explain.audit.kind import CLASSES, KINDS, Kind

_SOURCES = (defects_beam, defects_crystal, defects_geometry, defects_layout, defects_reflections, defects_scale,
            defects_spindle, defects_values)


def kinds() -> list[Kind]:
    """Every kind, by class."""
    return sorted(KINDS.values(), key=lambda entry: CLASSES.index(entry.group))


def chosen(names: tuple[str, ...]) -> list[Kind]:
    """The kinds of these names, each the id of a kind or a class. Raises UsageError for a name of neither."""
    for name in names:
        if name not in KINDS and name not in CLASSES:
            raise UsageError(f"--kinds {name}: there is no such kind or class of defect; "
                             f"{nearest(name, [*KINDS, *CLASSES])}", hint="nb-compare audit --list")
    return [entry for entry in kinds() if not names or entry.id in names or entry.group in names]
