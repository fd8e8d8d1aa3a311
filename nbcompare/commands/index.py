"""nb-compare index: all bundles of a folder on one page."""

from __future__ import annotations

from pathlib import Path

import click

from nbcompare.errors import ExitCode


@click.command("index")
@click.argument("bundles", type=click.Path(path_type=Path), default=Path("bundles"), metavar="[BUNDLES]")
@click.option("--html", "target", type=click.Path(path_type=Path), metavar="FILE",
              help="Where to write the page. Default: index.html in the folder of the bundles, where its links lead.")
@click.option("--factor", type=click.FloatRange(min=1.0), default=2.0, show_default=True, metavar="F",
              help="Mark a margin that is more than F times smaller than in the run before.")
@click.option("--no-cache", is_flag=True, help="Read every record anew.")
def command(bundles: Path, target: Path | None, factor: float, no_cache: bool) -> ExitCode:
    """Write all bundles of a folder as one page: cases by stamps, with verdicts, figures, margins and seconds.

    The case with the smallest margin stands first; sweeps are heat maps; what changed between neighbouring runs is
    told, and loosened thresholds are marked. A bundle that is damaged, or none, is a row that says so. The page runs
    nothing and fetches nothing. What was read is kept in BUNDLES/.index-cache.json, which can be deleted.
    """
    from nbcompare.bundle.history.cache import CACHE, Cache
    from nbcompare.bundle.history.kept import read_history
    from nbcompare.commands.views.index.page import index_page
    from nbcompare.errors import FileError
    from nbcompare.files import write_whole

    if not bundles.is_dir():
        raise FileError(f"{bundles}: there is no such folder", hint="nb-compare run makes bundles")
    cache = Cache(None if no_cache else bundles / CACHE)
    history = read_history(bundles, cache=cache)
    target = target or bundles / "index.html"
    write_whole(target, index_page(bundles, history, factor))
    cache.write()
    click.echo(str(target))
    return ExitCode.PASS
