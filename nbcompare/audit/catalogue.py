"""All kinds of defect: importing this module imports every module that enters some."""

from nbcompare.audit import (
    defects_beam,
    defects_crystal,
    defects_geometry,
    defects_layout,
    defects_reflections,
    defects_scale,
    defects_spindle,
    defects_values,
)
from nbcompare.audit.kind import CLASSES, KINDS, Kind
from nbcompare.errors import UsageError
from nbcompare.strict_yaml import nearest

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
