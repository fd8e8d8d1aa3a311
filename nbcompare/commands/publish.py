"""How a command tells what it judged: the options that say in which forms, and the writing of them.

What lies where a form is asked for is never of an earlier call: before anything is done it says that this call did not
end, which is what a reader finds of one that was killed.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbcompare.commands.options import output_options
from nbcompare.commands.result_forms import JSON, JSONL, TEXT, Publication, places_of
from nbcompare.errors import FileError, UsageError
from nbcompare.files import dump_json, is_no_file, write_whole

if TYPE_CHECKING:
    from nbcompare.commands.faults import EndMessage
    from nbcompare.commands.views.results import Result
    from nbcompare.engine.progress import Progress
    from nbcompare.errors import ExitCode

NOT_ENDED = "this call did not end: it was killed, or it is still running"
Writer = Callable[["Sequence[Result]"], str]


@dataclass
class PublishedResults:
    """The results of one call of a command, and where they go.

    ``documents`` are the judged ones as the command's JSON holds them, ``begun`` is the name and the file of the case
    that is being judged, ``awaited`` are those of what is still to be judged, and ``junit`` and ``markdown`` make their
    texts where the usual ones do not fit.
    """

    command: str
    how: Publication
    words: Sequence[str] = ()
    results: list[Result] = field(default_factory=list)
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    begun: tuple[str, Path | None] = ("", None)
    awaited: list[tuple[str, Path | None]] = field(default_factory=list)
    junit: Writer | None = None
    markdown: Writer | None = None
    places: list[tuple[str, Path]] = field(default_factory=list)
    judging: bool = False
    printed: bool = False

    def prepare(self) -> None:
        """Write into every file that was asked for that this call did not end.

        Raises FileError for one that cannot be written, and UsageError for one that must not be; the others are written
        all the same.
        """
        self.places, wrong = places_of(self.how, self.words)
        faults = [fault for option, place in self.places if not is_no_file(place)  # no pipe takes it back
                  and (fault := _written(place, self._unjudged(option, NOT_ENDED)))]
        if wrong:
            raise UsageError(wrong)
        if faults:
            raise faults[0]

    def start(self, asked: Sequence[object]) -> None:
        """The command was called rightly; ``asked`` are the names of what is to be judged."""
        from nbcompare.commands import events

        self.judging = True
        if self.how.form == JSONL:
            events.say(events.BEGIN, command=self.command, asked=[str(name) for name in asked])

    def progress(self) -> Progress:
        """What a waiting person, or program, is told."""
        from nbcompare.commands.events import EventProgress
        from nbcompare.engine.progress import Progress

        return EventProgress(quiet=self.how.quiet) if self.how.form == JSONL else Progress(quiet=self.how.quiet)

    def expect(self, cases: Iterable[tuple[str, Path | None]]) -> None:
        """These, by name and file, are still to be judged; what an error leaves of them is told as not reached."""
        self.awaited = list(cases)

    def begin(self, name: str, file: Path | None) -> None:
        """From now on an error is one of this case."""
        self.begun = name, file

    def add(self, result: Result, document: Mapping[str, Any] | None = None) -> None:
        """A case was judged."""
        from nbcompare.commands import events

        self.results.append(result)
        self.documents += [document] if document else []
        if result.name == self.begun[0]:
            self.begun = "", None
        self._no_longer_awaited(result.name)
        if self.how.form == JSONL:
            events.say(events.RESULT, **result.as_dict())

    def end(self, exit_code: ExitCode, document: Mapping[str, Any]) -> ExitCode:
        """Write every file and tell the end; ``document`` is what JSON says. Raises FileError for a file that cannot be
        written."""
        from nbcompare.commands import events

        faults = [fault for option, place in self.places
                  if (fault := _written(place, self._text(option, None)))]
        if faults:
            raise faults[0]
        self._annotate()
        if self.how.form == JSON:
            text = dump_json(document)
            self.printed = True
            click.echo(text, nl=False)
        if self.how.form == JSONL:
            self.printed = True
            events.say(events.END, results=len(self.results), exit_code=int(exit_code))
        return exit_code

    def failed(self, said: EndMessage) -> None:
        """Tell in every form what ended the command before its end, beside what was judged by then. What cannot be
        written is said on standard error, as what lies there may be of an earlier call."""
        judged = len(self.results)
        if self.judging:
            self._add_fault(said)
        for option, place in self.places:
            fault = _written(place, self._text(option, said.text))
            if fault and _left_there(place):
                click.echo(f"nb-compare: {option}: {fault}; what lies there is not of this call", err=True)
        with suppress(OSError):
            self._annotate(said.text)
            self._print(said, judged)

    def _no_longer_awaited(self, name: str) -> None:
        at = next((at for at, (awaited, _) in enumerate(self.awaited) if awaited == name), None)
        if at is not None:
            del self.awaited[at]

    def _add_fault(self, said: EndMessage) -> None:
        """The fault as a result of the case that it ended, and one for each case that was not reached."""
        from nbcompare.commands.views.results import result_of_fault, result_of_unreached

        name, file = self.begun
        self._no_longer_awaited(name)
        self.results.append(result_of_fault(name or self.command, file, said.text, said.code))
        self.results += [result_of_unreached(name, file, said.code) for name, file in self.awaited]

    def _print(self, said: EndMessage, judged: int) -> None:
        """On standard output, once; where a document was begun already there is no second."""
        from nbcompare.commands import events

        if self.printed or (self.how.form == JSON and getattr(sys.stdout, "wrote", False)):
            return
        self.printed = True
        case, left = self.begun[0] or None, [name for name, _ in self.awaited]
        if self.how.form == JSON:
            click.echo(dump_json({
                "schema_version": 1, "kind": "nb-compare error", "command": self.command, "exit_code": said.code,
                "error": {"case": case, "text": said.text}, "results": self.documents, "not_reached": left}), nl=False)
        elif self.how.form == JSONL:
            if not self.judging:
                events.say(events.BEGIN, command=self.command, asked=[])
            events.say(events.FAULT, case=case, text=said.text, exit_code=said.code, not_reached=left)
            events.say(events.END, results=judged, exit_code=said.code)
        elif self.how.form in ("junit", "markdown"):
            click.echo(self._text(f"--{self.how.form}", said.text), nl=False)

    def _text(self, option: str, error: str | None) -> str:
        """The text of a form; of a call that was ended by an error before anything was looked at, that alone."""
        from nbcompare.commands.screen import shown

        if error and not self.judging:
            return self._unjudged(option, error)
        from nbcompare.commands.views.junit import junit
        from nbcompare.commands.views.markdown import markdown

        if option == "--junit":
            return shown((junit if error else self.junit or junit)(self.results))
        return shown(markdown(self.results, error=error) if error else (self.markdown or markdown)(self.results))

    def _unjudged(self, option: str, text: str) -> str:
        from nbcompare.commands.screen import shown
        from nbcompare.commands.views.unjudged import junit_of, markdown_of

        return shown((junit_of if option == "--junit" else markdown_of)(f"nb-compare {self.command}".rstrip(), text))

    def _annotate(self, error: str | None = None) -> None:
        from nbcompare.commands.views.github import annotation_of_error, annotations_of, is_github

        if is_github() if self.how.github is None else self.how.github:
            lines = annotations_of(self.results) if self.judging or not error else \
                [annotation_of_error(f"ERROR nb-compare {self.command}", error)]
            for line in lines:
                click.echo(line, err=True)


def _written(place: Path, text: str) -> FileError | None:
    try:
        write_whole(place, text)
    except FileError as fault:
        return fault
    return None


def _left_there(place: Path) -> bool:
    """Whether something of an earlier call stays, as it can neither be written nor taken away."""
    with suppress(OSError):
        if not is_no_file(place):
            place.unlink(missing_ok=True)
    return os.path.isfile(place)  # also of a name that is too long, which is no file


def result_options(command: Callable[..., Any] | None = None, *, forms: Sequence[str] = (TEXT, JSON, JSONL)
                   ) -> Callable[..., Any]:
    """--format, -q, --junit, --markdown and --github; the command gets them as one value, ``told``."""
    if command is None:
        return functools.partial(result_options, forms=forms)

    @functools.wraps(command)
    def collected(*, form: str, quiet: bool, junit: tuple[Path, ...], markdown: tuple[Path, ...], github: bool | None,
                  **rest: Any) -> Any:
        how = Publication(form, quiet, junit, markdown, github)
        context = click.get_current_context()
        told = context.find_object(PublishedResults) or PublishedResults(context.info_name or "", how)
        if told.how != how or not told.places:
            told.how = how
            told.prepare()
        return command(told=told, **rest)

    for option in (
        click.option("--github/--no-github", "github", default=None,
                     help="Annotate the case of each failure, for GitHub Actions.  [default: where it runs this]"),
        click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", multiple=True,
                     help="Write a job summary in Markdown, worst first, at most 1 MB; may be given again."),
        click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", multiple=True,
                     help="Write JUnit XML: a suite for each case, a test for each threshold and region; may be given "
                          "again."),
    ):
        collected = option(collected)
    return output_options(collected, forms=forms)
