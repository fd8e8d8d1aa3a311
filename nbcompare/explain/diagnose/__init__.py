"""Diagnosis: names the cause of a difference between two images, and shows the evidence.

A hypothesis is a small edit: of the command line, of an input file, or of the image. It is the cause when the
edited thing *becomes the subject's image*; what only looks like it is a guess, and says so. The quick layer works
from the images, the arguments and the input files; the tested layer runs the bundled simulator as a process.

What is where: ``causes`` every id and sentence, ``cause`` an answer, ``setup`` what the arguments mean, ``image_pair``
the two images, ``image_only`` and its ``finders``, ``search`` and the ``hypotheses`` it tries, ``diagnose`` the two
layers together. The names below
are loaded when they are asked for, so that reading a command line does not load what looks at images; the function
of both layers is ``nbcompare.explain.diagnose.diagnose.diagnose``.
"""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.explain.diagnose.cause import Cause, Diagnosis
    from nbcompare.explain.diagnose.causes import CATALOGUE
    from nbcompare.explain.diagnose.diagnose import DiagnosisOptions, top_cause
    from nbcompare.explain.diagnose.question import Question
else:
    __getattr__ = door(__name__, {"cause": "Cause Diagnosis", "causes": "CATALOGUE",
                                  "diagnose": "DiagnosisOptions top_cause", "question": "Question"})

__all__ = ["CATALOGUE", "Cause", "Diagnosis", "DiagnosisOptions", "Question", "top_cause"]
