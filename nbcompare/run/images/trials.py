"""Why two image files differ, by trials: the command that they were made by is known, and the simulator runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nbcompare.case.arguments.command import declared_shape
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.compare.image import Shape
from nbcompare.errors import UsageError
from nbcompare.explain.diagnose.cause import Diagnosis
from nbcompare.explain.diagnose.diagnose import DiagnosisOptions, answer, top_sentence
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.question_source import QuestionSource
from nbcompare.run.images.pair import ImagePairOptions, JudgedFiles, plain_pair
from nbcompare.run.images.targets import ANY_DIFFERENCE
from nbcompare.verdict.verdict import Label


def explained(pair: JudgedFiles, options: ImagePairOptions, arguments: Sequence[str], inputs: Path,
              budget_s: float) -> tuple[JudgedFiles, Diagnosis | None]:
    """The pair with the likely cause of its difference, tested by rendering the ``arguments`` with changes; ``inputs``
    is where the files lie that they name. None, with a note that says why, where there is nothing to explain.

    Pixels that are masked or no number are zero in both images, as trials cannot know of them. Raises UsageError where
    the arguments declare images of another size.
    """
    there, declared = Shape(*pair.files[REFERENCE].pixels.shape), declared_shape(arguments, inputs)
    if there != declared:
        raise UsageError(f"the arguments after -- declare {declared}, and the reference is {there}",
                         hint="give the arguments that the images were made by")
    idle = _why_nothing_is_tried(pair, there)
    if idle:
        return replace(pair, notes=(*pair.notes, idle)), None
    reference, subject = plain_pair(pair.files, options)
    asked = QuestionSource(Question(reference, subject, arguments, inputs), reference, pair.files[SUBJECT].path)
    found = answer(asked, DiagnosisOptions(budget_s=budget_s))
    return replace(pair, cause=top_sentence(found)), found


def _why_nothing_is_tried(pair: JudgedFiles, reference: Shape) -> str | None:
    """Why the arguments after -- explain nothing, in a sentence; None where there is a difference to explain."""
    if Shape(*pair.files[SUBJECT].pixels.shape) != reference or pair.comparison is None:
        return "no trial was run: the images cannot be laid on each other"
    if pair.verdict.word is Label.FAIL:
        return None
    if pair.verdict.word is not Label.PASS:
        return "no trial was run: nothing was judged"
    if not any(region.figure(ANY_DIFFERENCE).value for region in pair.comparison.regions):
        return "no trial was run: no pixel that is judged differs"
    return ("no trial was run, as the images pass; why they differ within what is allowed is looked for with tighter "
            "limits, such as --threshold max_abs_diff=..0")
