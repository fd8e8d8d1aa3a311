"""All discrete hypotheses about a question, from every table, each run asked for once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from nbcompare.explain.diagnose.hypotheses import crystal_table, detector_table, file_table, scan_table, value_table
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, RunKey
from nbcompare.explain.diagnose.hypotheses.row import Row
from nbcompare.explain.diagnose.question import Question

Table = Callable[[Question], Iterable[Row]]

OF_THE_COMMAND: Mapping[str, Table] = {
    "values of options": value_table.rows, "detector": detector_table.rows, "crystal and sampling": crystal_table.rows,
    "rotation": scan_table.rows,
}
OF_FILES: Mapping[str, Table] = {"input files": file_table.rows}


def run_candidates(question: Question) -> list[Candidate]:
    """Every mistake with the command line, likeliest first."""
    return _candidates(question, OF_THE_COMMAND)


def file_candidates(question: Question) -> list[Candidate]:
    """Every edit of an input file of this question, likeliest first."""
    return _candidates(question, OF_FILES)


def _candidates(question: Question, tables: Mapping[str, Table]) -> list[Candidate]:
    found: dict[RunKey, Candidate] = {}
    for source, rows in tables.items():
        for row in rows(question):
            made = Candidate(row.id, row.words, row.command, row.prior, row.files, source=source,
                             formula=row.formula)
            if (made.files or made.command.argv != question.argv) and (
                    made.key not in found or made.prior > found[made.key].prior):
                found[made.key] = made
    return sorted(found.values(), key=lambda candidate: -candidate.prior)
