"""How a command tells what it judged: the options that say in which forms, and the writing of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbcompare.commands.options import output_options

if TYPE_CHECKING:
    from nbcompare.commands.views.results import Result
    from nbcompare.engine.progress import Progress
    from nbcompare.errors import ExitCode

TEXT, JSON, JSONL = "text", "json", "jsonl"
Writer = Callable[["Sequence[Result]"], str]


@dataclass(frozen=True)
class Publication:
    """Where results go: ``form`` is that of standard output; ``github`` None means where GitHub Actions runs this."""

    form: str
    quiet: bool
    junit: Path | None
    markdown: Path | None
    github: bool | None

    @contextmanager
    def of(self, command: str, asked: Sequence[object]) -> Iterator[Published]:
        """What is told while the block runs, and every file when it ends.

        ``asked`` are the names of what is to be judged. An error that ends the block is a result of the case that was
        begun, and goes on.
        """
        from nbcompare.commands import events
        from nbcompare.commands.views.results import result_of_fault
        from nbcompare.errors import NbCompareError

        told = Published(self)
        if self.form == JSONL:
            events.say(events.BEGIN, command=command, asked=[str(name) for name in asked])
        try:
            yield told
        except NbCompareError as fault:
            name, file = told.begun
            told.results.append(result_of_fault(name or command, file, fault))
            told.write()
            if self.form == JSONL:
                events.say(events.FAULT, case=name or None, text=str(fault), exit_code=int(fault.exit_code))
            raise

    def progress(self) -> Progress:
        """What a waiting person, or program, is told."""
        from nbcompare.commands.events import EventProgress
        from nbcompare.engine.progress import Progress

        return EventProgress(quiet=self.quiet) if self.form == JSONL else Progress(quiet=self.quiet)


@dataclass
class Published:
    """The results so far; ``begun`` is the name and the file of the case that is being judged, and ``junit`` and
    ``markdown`` make their texts where the usual ones do not fit."""

    how: Publication
    results: list[Result] = field(default_factory=list)
    begun: tuple[str, Path | None] = ("", None)
    junit: Writer | None = None
    markdown: Writer | None = None

    def begin(self, name: str, file: Path | None) -> None:
        """From now on an error is one of this case."""
        self.begun = name, file

    def add(self, result: Result) -> None:
        """A case was judged."""
        from nbcompare.commands import events

        self.results.append(result)
        if self.how.form == JSONL:
            events.say(events.RESULT, **result.as_dict())

    def end(self, exit_code: ExitCode) -> ExitCode:
        """Write every file and tell the end. Raises FileError for a file that cannot be written."""
        from nbcompare.commands import events

        self.write()
        if self.how.form == JSONL:
            events.say(events.END, results=len(self.results), exit_code=int(exit_code))
        return exit_code

    def write(self) -> None:
        """Every file that was asked for, each in one step, and the annotations."""
        from nbcompare.commands.screen import shown
        from nbcompare.commands.views.github import annotations_of, is_github
        from nbcompare.commands.views.junit import junit
        from nbcompare.commands.views.markdown import markdown
        from nbcompare.files import write_whole

        for path, text in ((self.how.junit, self.junit or junit), (self.how.markdown, self.markdown or markdown)):
            if path is not None:
                write_whole(path, shown(text(self.results)))
        if is_github() if self.how.github is None else self.how.github:
            for line in annotations_of(self.results):
                click.echo(line, err=True)


def result_options(command: Callable[..., Any] | None = None, *, forms: Sequence[str] = (TEXT, JSON, JSONL)
                   ) -> Callable[..., Any]:
    """--format, -q, --junit, --markdown and --github; the command gets them as one value, ``publication``."""
    if command is None:
        return functools.partial(result_options, forms=forms)

    @functools.wraps(command)
    def collected(*, form: str, quiet: bool, junit: Path | None, markdown: Path | None, github: bool | None,
                  **rest: Any) -> Any:
        return command(publication=Publication(form, quiet, junit, markdown, github), **rest)

    for option in (
        click.option("--github/--no-github", "github", default=None,
                     help="Annotate the case of each failure, for GitHub Actions.  [default: where it runs this]"),
        click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE",
                     help="Write a job summary in Markdown, worst first, at most 1 MB."),
        click.option("--junit", type=click.Path(path_type=Path), metavar="FILE",
                     help="Write JUnit XML: a suite for each case, a test for each threshold and region."),
    ):
        collected = option(collected)
    return output_options(collected, forms=forms)
