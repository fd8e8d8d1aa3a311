"""What a run is asked for: what the user said, and what whoever runs many cases hands over."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.compare.picture_settings import ALWAYS, DEFAULT_PERCENTILE
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.repository.git import RepositoryState
from nbcompare.engine.sources.opened_again import OpenedAgain
from nbcompare.run.group_looks import GroupLooks
from nbcompare.run.shown_engines import ShownEngines

if TYPE_CHECKING:
    from nbcompare.bundle.record import Ancestor


@dataclass(frozen=True)
class RunOptions:
    """What the user said beside the case.

    ``reference`` is a bundle whose image stands in for the reference; the three flags after it ask for more than the
    case does. ``shards`` is the number of row bands to render, on the workers of the scheduler ``cluster`` where one
    is named; ``pictures`` says when they are drawn, and ``trust_case`` lets the case set variables that decide which
    code is run. ``fresh`` runs the reference also where a bundle holds the very run already, ``sandbox`` confines
    engines and mapped tests, ``side_by_side`` lets both engines run at once where there is room, and ``allow_weak`` is
    why weak regions may be judged. ``percentile`` of the positive
    pixels are drawn brightest, and ``no_compare`` leaves the images uncompared.
    """

    c_bin: str | None = None
    py_bin: str | None = None
    c_args: tuple[str, ...] = ()
    py_args: tuple[str, ...] = ()
    inputs: Mapping[str, Path] = field(default_factory=dict)
    resample: bool = False
    bundles: Path = Path("bundles")
    invocation: tuple[str, ...] = ()
    reference: Path | None = None
    noise_floor: bool = False
    probe_args: bool = False
    all_metrics: bool = False
    shards: int = 1
    cluster: str | None = None
    pictures: str = ALWAYS
    trust_case: bool = False
    fresh: bool = False
    sandbox: bool = False
    side_by_side: bool = False
    percentile: float = DEFAULT_PERCENTILE
    allow_weak: str | None = None
    no_compare: bool = False


@dataclass(frozen=True)
class HandedOver:
    """What is known already when a case is one of many, or is run again.

    ``engines`` and ``identities`` by role, the ``renderer`` that keeps their processes, by role what they ``opened``
    before, and how the last record has ``shown`` them come from a sweep, ``stamp`` from where it was reserved;
    ``regenerates`` names the bundle whose record is run again, ``project`` is the repository of a case that is run far
    from it, and ``notes`` are to stand before all others. ``without_tests`` leaves the mapped tests out, those of the
    user's own tree. What goes ``in_archive`` is not forced to the disk, and ``in_memory`` it goes there from no folder;
    ``answers`` are those of programs that were asked for an earlier cell of its group (asking.py), and ``looks`` is
    what is looked at once for the group (group_looks.py). ``needed_after`` are the modules that whoever asked needs
    when the run has ended.
    """

    engines: Mapping[str, Engine] = field(default_factory=dict)
    identities: Mapping[str, EngineIdentity] = field(default_factory=dict)
    renderer: Renderer | None = None
    stamp: str | None = None
    regenerates: Ancestor | None = None
    project: RepositoryState | None = None
    without_tests: bool = False
    notes: tuple[str, ...] = ()
    in_archive: bool = False
    in_memory: bool = False
    answers: dict[Hashable, object] | None = None
    opened: dict[str, OpenedAgain] | None = None
    shown: ShownEngines | None = None
    looks: GroupLooks | None = None
    needed_after: tuple[str, ...] = ()

    def account(self, role: str) -> OpenedAgain:
        """What was put together of what an engine opened in earlier runs; nothing where this is the only one."""
        if self.looks:
            return self.looks.account(role)
        return OpenedAgain() if self.opened is None else self.opened.setdefault(role, OpenedAgain())


NOTHING = HandedOver()
