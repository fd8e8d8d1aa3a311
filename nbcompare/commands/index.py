"""nb-compare index: all bundles of a folder on one page."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbcompare.commands.options import Finite
from nbcompare.errors import EvidenceError, ExitCode
from nbcompare.visible import visible

if TYPE_CHECKING:
    from nbcompare.bundle.history.kept import History
    from nbcompare.commands.views.index.gates import ShownGate


@click.command("index")
@click.argument("bundles", type=click.Path(path_type=Path), default=Path("bundles"), metavar="[BUNDLES]")
@click.option("--html", "target", type=click.Path(path_type=Path), metavar="FILE",
              help="Where to write the page. Default: index.html in the folder of the bundles, where its links lead.")
@click.option("--factor", type=Finite(1), default=2.0, show_default=True, metavar="F",
              help="Mark a margin that is more than F times smaller than in the run before.")
@click.option("--phases", "phases_file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
              help="Look into the gate of each phase of this plan too, which verifies bundles.")
@click.option("--pages", type=click.IntRange(min=1), metavar="N",
              help="Write the report pages of the newest N runs of each case that have none, beside their bundles.")
@click.option("--no-cache", is_flag=True, help="Read every record anew.")
def command(bundles: Path, target: Path | None, factor: float, phases_file: Path | None, pages: int | None,
            no_cache: bool) -> ExitCode:
    """Write all bundles of a folder as one page: cases by stamps, with verdicts, figures, margins and seconds.

    The case with the smallest margin stands first; sweeps are heat maps; what changed between neighbouring runs is
    told, and loosened thresholds are marked. A bundle that is damaged, or none, is a row that says so. The page runs
    nothing and fetches nothing. What was read is kept in BUNDLES/.index-cache.json, which can be deleted.
    """
    from nbcompare.bundle.beside import overlook
    from nbcompare.bundle.history.cache import CACHE, Cache
    from nbcompare.bundle.history.kept import read_history
    from nbcompare.commands.views.bundles import unread
    from nbcompare.commands.views.index.page import index_page
    from nbcompare.errors import FileError
    from nbcompare.files import write_whole

    if not bundles.is_dir():
        raise FileError(f"{bundles}: there is no such folder", hint="nb-compare run makes bundles")
    cache = Cache(None if no_cache else bundles / CACHE)
    with _uncollected():
        history = read_history(bundles, cache=cache)
    if pages:
        _write_pages(bundles, history, pages)
    gates = _gates(phases_file, bundles) if phases_file else ()
    if target is None:
        target = bundles / "index.html"
        overlook(bundles, target.name)
    with _uncollected():
        write_whole(target, index_page(bundles, history, factor, gates))
        cache.write()
    click.echo(str(target))
    unseen = unread(bundles)
    if unseen:
        click.echo(f"not on the page: {unseen}", err=True)
    return ExitCode.PASS


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for objects that hold each other, of which a record has none: among the many that a history
    is made of it takes a third of all the time, and finds nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _gates(phases_file: Path, bundles: Path) -> list[ShownGate]:
    from nbcompare.case.phases import load_phases
    from nbcompare.commands.views.index.gates import gates_of

    return list(gates_of(load_phases(phases_file), bundles))


def _write_pages(bundles: Path, history: History, newest: int) -> None:
    """The pages that are not there yet. A bundle of which there can be none is told, and the others go on."""
    from nbcompare.bundle.beside import overlooked, page_of
    from nbcompare.commands.views.page.verified_page import verified_page
    from nbcompare.files import write_whole

    for runs in history.cases.values():
        for run in runs[-newest:]:
            folder = bundles / run.case / run.stamp
            page = page_of(folder)
            if run.damage or page.exists():
                continue
            try:
                text = verified_page(folder)[1]
                overlooked(page.parent)
                write_whole(page, text)
            except EvidenceError as fault:
                click.echo(f"note: no page of {run.name}: {visible(fault.message)}", err=True)
