"""The options by which a command tells continuous integration what it judged, and the writing of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nbcompare.commands.views.results import Result


@dataclass(frozen=True)
class Publication:
    """Where results go besides standard output; ``github`` None: where GitHub Actions runs this."""

    junit: Path | None
    markdown: Path | None
    github: bool | None

    def write(self, results: Sequence[Result]) -> None:
        """Write every file that was asked for, each in one step. Raises FileError for one that cannot be written."""
        from nbcompare.commands.views.github import annotations, is_github
        from nbcompare.commands.views.junit import junit
        from nbcompare.commands.views.markdown import markdown
        from nbcompare.files import write_whole

        for path, text in ((self.junit, junit), (self.markdown, markdown)):
            if path is not None:
                write_whole(path, text(results))
        if is_github() if self.github is None else self.github:
            for line in annotations(results):
                click.echo(line, err=True)


def result_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--junit, --markdown and --github; the command gets them as one value, ``publication``."""

    @functools.wraps(command)
    def collected(*, junit: Path | None, markdown: Path | None, github: bool | None, **rest: Any) -> Any:
        return command(publication=Publication(junit, markdown, github), **rest)

    for option in (
        click.option("--github/--no-github", "github", default=None,
                     help="Annotate the case of each failure, for GitHub Actions.  [default: where it runs this]"),
        click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE",
                     help="Write a job summary in Markdown, worst first, at most 1 MB."),
        click.option("--junit", type=click.Path(path_type=Path), metavar="FILE",
                     help="Write JUnit XML: a suite for each case, a test for each threshold and region."),
    ):
        collected = option(collected)
    return collected
