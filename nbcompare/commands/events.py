"""What happens, as JSON lines on standard output while it happens: the form ``jsonl``."""

from __future__ import annotations

import datetime
import json

import click

from nbcompare.engine.progress import Progress

SCHEMA_VERSION = 1
BEGIN, STEP, NOTE, RESULT, FAULT, END = "begin", "step", "note", "result", "fault", "end"
"""The events: a command, a step of it that begins or ended, what a reader should know, a case that was judged, an error
that ended all, and the end. A stream without an end was cut off."""


def say(event: str, **facts: object) -> None:
    """One line of JSON, at once."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "event": event, "at": now, **facts}, allow_nan=False))


class EventProgress(Progress):
    """Tells steps as events, and on standard error too unless it is quiet."""

    def begin(self, step: str) -> None:
        super().begin(step)
        say(STEP, step=step, outcome=None)

    def end(self, outcome: str) -> None:
        super().end(outcome)
        say(STEP, step=self.step, outcome=outcome)

    def say(self, text: str) -> None:
        super().say(text)
        say(NOTE, text=text)
