"""What continuous integration is told of a case that was judged: the same whichever command judged it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbcompare.bundle.bundle import Bundle
from nbcompare.case.lines import CaseLines, lines_of
from nbcompare.errors import ExitCode, to_type
from nbcompare.verdict.verdict import Check, Label, Verdict

if TYPE_CHECKING:
    from nbcompare.bundle.check.pairing import Pairing
    from nbcompare.bundle.check.recheck import Recheck
    from nbcompare.case.threshold import Threshold
    from nbcompare.compare.compare import Comparison
    from nbcompare.run.images.pair import JudgedFiles
    from nbcompare.verdict.further_evidence import FurtherEvidence


WEAK = "weak"


@dataclass(frozen=True)
class SubjectResult:
    """What came out for a further subject of a case: its name, the verdict on it alone, and its checks; ``words`` say
    what it is, ``faults`` what does not hold."""

    name: str
    words: str
    word: Label
    checks: tuple[Check, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """One judged case.

    ``seconds`` is the wall time of its engines together, ``file`` the case file (None: it has none) and ``lines`` where
    its parts stand there, ``bundle`` the folder of the evidence, ``cause`` the likely cause of a difference,
    ``next_step`` the command to type next, ``properties`` further facts by name, and ``subjects`` what came out for
    further subjects. What was not ``reached`` stands in a report so that nobody takes it for judged.
    """

    name: str
    verdict: Verdict
    seconds: float
    file: Path | None = None
    lines: CaseLines = field(default_factory=CaseLines)
    bundle: Path | None = None
    cause: str | None = None
    next_step: str | None = None
    properties: tuple[tuple[str, str], ...] = ()
    subjects: tuple[SubjectResult, ...] = ()
    reached: bool = True

    @property
    def tightness(self) -> float:
        """By which the worst are shown first: failures before passes, then the smallest margin of any threshold."""
        margins = [check.margin for check in self.verdict.checks if check.margin is not None]
        return min(margins, default=float("inf"))

    def line_of(self, check: Check | None) -> int:
        """The line of a threshold in the case file, or of the case."""
        return self.lines.of(check.threshold) if check else self.lines.name

    def as_dict(self) -> dict[str, Any]:
        """Plain values for machines."""
        return {"name": self.name, "verdict": self.verdict.as_dict(), "seconds": self.seconds,
                "file": str(self.file) if self.file else None, "line": self.lines.name if self.file else None,
                "bundle": str(self.bundle) if self.bundle else None, "cause": self.cause, "next": self.next_step}


def result_of(bundle: Bundle, file: Path | None, next_step: str | None = None) -> Result:
    """What is told of a published bundle; ``file`` is its case file as the user named it."""
    record = bundle.record
    engines = tuple((engine.role, f"{engine.name} sha256:{engine.program_sha256}") for engine, _ in record.programs)
    source = (("reference from bundle", record.reference_from.name),) if record.reference_from else ()
    return Result(record.case.name, record.verdict, sum(run.seconds for run in record.runs), file, lines_of(file),
                  bundle.folder, record.further.cause, next_step,
                  (("stamp", record.stamp), *source, *engines, *_weak((*record.notes, *_of_images(record.comparison)))),
                  tuple(_subjects(record.further, record.case.thresholds)))


def judging(found: Recheck) -> Sequence[Threshold]:
    """The thresholds that judged stored images again; those of the record where the verdict holds no check."""
    return [check.threshold for check in found.verdict.checks] or found.record.case.thresholds


def _subjects(further: FurtherEvidence, thresholds: Sequence[Threshold]) -> Iterator[SubjectResult]:
    for entry in further.subjects:
        yield SubjectResult(entry.name, entry.described, entry.word(thresholds), entry.checks(thresholds),
                            tuple(entry.faults(thresholds)))


def result_of_recheck(found: Recheck, file: Path | None) -> Result:
    """What is told of stored images that were judged again; ``file`` is the case that judged them, if one was given."""
    told = [entry.sentence for entry in found.loosened]
    notes = (*(("note", note) for note in (*found.notes, *told)), *_weak((*told, *_of_images(found.comparison))))
    return Result(found.record.case.name, found.verdict, 0.0, file, lines_of(file), found.folder, found.further.cause,
                  to_type("nb-compare", "verify", found.folder), (("judged by", found.judged_by), *notes),
                  tuple(_subjects(found.further, judging(found))))


def results_of_pairing(pairing: Pairing) -> list[Result]:
    """What is told of stored runs that were held against each other, a result for each pair."""
    notes = tuple(("note", note) for note in pairing.notes)
    return [Result(f"{pair.a.record.case.name}: {pair.b.name} against {pair.a.name}", pair.verdict, 0.0,
                   bundle=pair.b.folder, properties=(("reference bundle", str(pair.a.folder)), *notes))
            for pair in pairing.pairs]


def result_of_images(name: str, pair: JudgedFiles, file: Path | None) -> Result:
    """What is told of two image files; ``file`` is the case that judged them, if one was given."""
    sums = tuple((role, f"{image.path} sha256:{pair.sums[role]}") for role, image in pair.files.items())
    return Result(name, pair.verdict, 0.0, file, lines_of(file), cause=pair.cause,
                  properties=(*sums, *_weak((*pair.notes, *_of_images(pair.comparison))),
                              *(("pixels", said) for said in pair.pixels)))


def _of_images(comparison: Comparison | None) -> Sequence[str]:
    return comparison.notes if comparison else ()


def _weak(notes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What the thresholds hardly look at: it stands wherever the verdict does."""
    return tuple((WEAK, note.removeprefix(f"{WEAK}: ")) for note in notes if note.startswith(f"{WEAK}: "))


def result_of_fault(name: str, file: Path | None, text: str, code: int) -> Result:
    """What is told of a case that could not be judged at all; ``code`` is what the process returns, which may be that
    of a signal."""
    word = Label.CASE_ERROR if code == ExitCode.USAGE else Label.BLOCKED
    ours = ExitCode(code) if code in set(ExitCode) else ExitCode.ENGINE_FAILED
    return Result(name, Verdict(word, ours, (), tuple(text.splitlines())), 0.0, file, lines_of(file))


def result_of_unreached(name: str, file: Path | None, code: int) -> Result:
    """What is told of a case that was to be judged when an error ended the command; ``code`` as above."""
    left = result_of_fault(name, file, "not reached: an error ended the command before this was judged", code)
    return replace(left, verdict=replace(left.verdict, word=Label.BLOCKED), reached=False)


def worst_first(results: list[Result]) -> list[Result]:
    """Failures first, after them what was not reached, then by the smallest margin; ties in the order of their
    names."""
    return sorted(results, key=lambda result: (result.verdict.accepted, not result.reached, result.tightness,
                                               result.name))
