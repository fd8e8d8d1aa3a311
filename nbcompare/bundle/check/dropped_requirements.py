"""What a case asks for beside thresholds, regions and claims, and whether it once asked for more: of the pixels that
are judged, of further subjects, of tests, and of the reference."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.further_subject import FurtherSubject, known_as
from nbcompare.case.masking import COMPARE, FAIL, NO_MASKING, Masking
from nbcompare.compare.masks import MaskRules


class OtherRequirements(Protocol):
    """What a case asks for beside what figures have to be."""

    @property
    def masking(self) -> Masking: ...

    @property
    def nan(self) -> str: ...

    @property
    def subjects(self) -> Mapping[str, FurtherSubject]: ...

    @property
    def tests(self) -> tuple[str, ...]: ...

    @property
    def repeat(self) -> int: ...

    @property
    def threads(self) -> tuple[int, ...]: ...

    @property
    def required_args(self) -> tuple[str, ...]: ...


class DroppedRequirements(NamedTuple):
    """One thing, as it was and as it is now; ``new`` is None where it is gone."""

    what: str
    old: str
    new: str | None


def dropped_requirements(past: OtherRequirements, now: OtherRequirements) -> Iterator[DroppedRequirements]:
    """Everything that the older case asked for and this one does not, or of which it judges other pixels."""
    if now.masking not in (past.masking, NO_MASKING):
        yield DroppedRequirements("mask", _mask_words(past.masking), _mask_words(now.masking))
    if (past.nan, now.nan) == (FAIL, COMPARE):
        yield DroppedRequirements("pixels that are no number", "a failure", "left out and counted")
    for name, subject in past.subjects.items():
        other = now.subjects.get(name)
        if other != subject:
            yield DroppedRequirements(known_as(name), _subject_words(subject), _subject_words(other) if other else None)
    for node in past.tests:
        if node not in now.tests:
            yield DroppedRequirements(f"test {node}", "green first", None)
    if now.repeat < past.repeat:
        repeated = str(now.repeat) if now.repeat else None
        yield DroppedRequirements("repetitions of the reference", str(past.repeat), repeated)
    for count in past.threads:
        if count not in now.threads:
            yield DroppedRequirements(f"the reference with {count} threads", "run", None)
    for word in past.required_args:
        if word not in now.required_args:
            yield DroppedRequirements(f"{word}", "required to matter", None)


def _subject_words(subject: FurtherSubject) -> str:
    return " ".join(filter(None, (f"engine {subject.engine}" if subject.engine else "", shlex.join(subject.arguments))))


def _mask_words(masking: Masking) -> str:
    """A mask on one line; "none" where nothing is masked."""
    if masking.reference == masking.subject:
        said = [*_rule_words(masking.reference)]
    else:
        said = [f"{role} {word}" for role in (REFERENCE, SUBJECT) for word in _rule_words(masking.rules(role))]
    return ", ".join([*said, *([f"file {masking.file}"] if masking.file else [])]) or "none"


def _rule_words(rules: MaskRules) -> Iterator[str]:
    if rules.below is not None:
        yield f"below {rules.below:g}"
    if rules.above is not None:
        yield f"above {rules.above:g}"
    if rules.equals:
        yield f"equals {', '.join(f'{value:g}' for value in rules.equals)}"
    if rules.nan:
        yield "NaN"
