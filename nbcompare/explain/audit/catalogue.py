"""All kinds of defect, from the modules that make them."""

from nbcompare.errors import UsageError, nearest
from nbcompare.explain.audit.defects import (
    beam,
    crystal,
    geometry,
    layout,
    reflections,
    scale,
    settings,
    spindle,
    values,
)
from nbcompare.explain.audit.kind import CLASSES, Kind

_MODULES = (beam, crystal, geometry, layout, reflections, scale, settings, spindle, values)
KINDS: dict[str, Kind] = {entry.id: entry for module in _MODULES for entry in vars(module).values()
                          if isinstance(entry, Kind)}
"""Every kind by its id."""


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
