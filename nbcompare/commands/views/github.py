"""Annotations of GitHub Actions: an error at the line of the case, or of its threshold; worst first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbcompare.commands.views.results import Result

MOST = 10
"""GitHub shows about ten annotations of a kind in one step; the rest is in the job summary."""


def is_github() -> bool:
    """Whether this runs under GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def annotations_of(results: Sequence[Result]) -> list[str]:
    """A workflow command for each result that was not accepted, at most MOST of them; what was not reached has no
    fault of its own."""
    from nbcompare.commands.views.results import worst_first

    told = [result for result in worst_first(list(results)) if result.reached and not result.verdict.accepted]
    return [_annotation(result) for result in told[:MOST]]


def annotation_of_error(title: str, text: str) -> str:
    """That of a command that judged nothing."""
    return f"::error title={_property(title)}::{_message(text)}"


def _annotation(result: Result) -> str:
    outside = next((check for check in result.verdict.checks if not check.holds), None)
    where = f"file={_property(str(result.file))},line={result.line_of(outside)}," if result.file else ""
    reasons = "; ".join(result.verdict.reasons[:3])
    cause = f"; likely cause: {result.cause}" if result.cause else ""
    return f"::error {where}title={_property(f'{result.verdict.word} {result.name}')}::{_message(reasons + cause)}"


def _message(text: str) -> str:
    """Escaped as the runner reads the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escaped as the runner reads a property of a workflow command."""
    return _message(text).replace(":", "%3A").replace(",", "%2C")
