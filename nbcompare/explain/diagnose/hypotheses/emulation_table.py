"""Defects of the C program, each a hypothesis of its own: on top of the baseline's emulations, or taken away."""

from __future__ import annotations

from collections.abc import Iterator

from nbcompare.explain.diagnose.causes import EMULATION_NAMES
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.question import Question

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "running-product": ("-oversample_thick", "-oversample_polar", "-oversample_omega"), "cell-triclinic": ("-cell",),
    "curved-lab-axes": ("-curved_det",), "last-layer-capture": ("-detector_thick", "-oversample_thick"),
    "water-scaling": ("-water",), "misset-radians": ("-misset",), "twotheta-axis-raw": ("-twotheta_axis",),
    "twotheta-report": ("-twotheta",), "gauss-tophat-width": ("-gauss_xtal", "-binary_spots"),
    "source-weights": ("-sourcefile",), "header-substring": ("-img", "-mask"), "mask-16-bit": ("-mask",),
    "interpolation-before-size": ("-samplesize", "-sample_thick", "-sample_width", "-sample_height"),
}
"""Options of which one must be given for a defect to be seen."""

RARELY_SHOWN_BY: dict[str, tuple[str, ...]] = {"fdump-reuse": ("-dump",), "hkl-columns": ("-hkl",),
                                               "source-file-lines": ("-sourcefile",)}
LIKELY, RARE = 0.82, 0.35
SOURCE = "defects of the C program"


def rows(question: Question, base: frozenset[str]) -> Iterator[Candidate]:
    """Each defect that this command can show, put on top of the baseline's or taken away."""
    everything = "all" in base
    for name in EMULATION_NAMES:
        prior = shows(name, question)
        if prior == 0:
            continue
        held = everything or name in base
        rest = frozenset(EMULATION_NAMES) - {name} if everything else base - {name}
        yield Candidate(name, words_of(name, held), question.command, prior, emulate=rest if held else base | {name},
                        source=SOURCE)


def words_of(name: str, held: bool) -> str:
    """What is said of a defect that the reference has (``held``) or has not."""
    return (f"the subject lacks the C program's {name}, which the reference has" if held else
            f"the subject has the C program's {name}, which the reference has not")


def shows(name: str, question: Question) -> float:
    """How likely a defect of the C program is here; 0 where the command cannot show it."""
    command, phis = question.command, question.setting.phis
    special = {
        "phi-carryover": 0.0 in phis and any(phis), "argv": None,
        "sticky-interpolation": not command.has("-nointerpolate") and command.has("-hkl", "-dump"),
        "nopolar-oversample": command.has("-nopolar") and command.has("-oversample_polar"),
    }
    if name in special:
        return RARE if special[name] is None else LIKELY * bool(special[name])
    if name in SHOWN_BY:
        return LIKELY * command.has(*SHOWN_BY[name])
    return RARE * command.has(*RARELY_SHOWN_BY.get(name, ()))
