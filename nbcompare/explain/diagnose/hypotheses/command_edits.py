"""Run hypotheses: every small mistake with an option that is given, with one that is not, and with several.

Each function yields candidates from the command line alone. Whether a candidate is the cause is for the engine
to say: its image must become the subject's. To add a hypothesis, add a few lines to the function it belongs to,
or a new function to GENERATORS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from nbcompare.case.command import Command, Item, parse_command
from nbcompare.explain.diagnose.causes import ARGUMENTS_DIFFER, FLOAT32_ARITHMETIC, OPTION_REPEATED
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, RunKey
from nbcompare.explain.diagnose.hypotheses.crystal_edits import crystal_edits, sampling_edits
from nbcompare.explain.diagnose.hypotheses.detector_edits import beam_centre_edits, detector_edits, switch_edits
from nbcompare.explain.diagnose.hypotheses.option_edits import each_option
from nbcompare.explain.diagnose.hypotheses.spindle_edits import spindle_edits
from nbcompare.explain.diagnose.question import Question


def run_candidates(question: Question) -> list[Candidate]:
    """Every discrete run hypothesis for this command line, likeliest first, each run asked for once."""
    found: dict[RunKey, Candidate] = {}
    for generate in GENERATORS:
        for candidate in generate(question):
            if candidate.command.argv != question.argv or candidate.files or candidate.emulate:
                kept = found.setdefault(candidate.key, candidate)
                if candidate.prior > kept.prior:
                    found[candidate.key] = candidate
    return sorted(found.values(), key=lambda candidate: -candidate.prior)


def _whole_command(question: Question) -> Iterator[Candidate]:
    """Other arguments altogether, repeated options, single precision."""
    command = question.command
    if question.subject_argv is not None and question.subject_argv != question.argv:
        other = parse_command(question.subject_argv)
        yield Candidate(ARGUMENTS_DIFFER, f"the subject was given {_differing(command, other)}", other, 0.99)
    names = [item.option.name for item in command.items if item.option]
    for name in {name for name in names if names.count(name) > 1}:
        first = next(item for item in command.items if item.option and item.option.name == name)
        yield Candidate(OPTION_REPEATED, f"of the repeated {name} the first value counts",
                        command.changed(name, _always(first)), 0.7)
    yield Candidate(FLOAT32_ARITHMETIC, "the lattice arithmetic is done in single precision",
                    command.ending("-dtype", "float32"), 0.45)


def _always(item: Item) -> Callable[[Item], Item]:
    """Puts this item in the place of every other."""
    return lambda other: item


def _differing(ours: Command, theirs: Command) -> str:
    own = {str(item) for item in ours.items}
    added = [str(item) for item in theirs.items if str(item) not in own]
    other = {str(item) for item in theirs.items}
    lost = [str(item) for item in ours.items if str(item) not in other]
    parts = ([f"also {', '.join(added)}"] if added else []) + ([f"not {', '.join(lost)}"] if lost else [])
    return " and ".join(parts) or "the same options in another order"


def emulation_candidates(question: Question, base: frozenset[str], offered: Sequence[str]) -> Iterator[Candidate]:
    """Each known defect of the C program that this command can show, put on top of the baseline's or taken away."""
    everything = "all" in base
    for name in offered:
        prior = shows(name, question)
        if prior == 0:
            continue
        if everything or name in base:
            rest = frozenset(offered) - {name} if everything else base - {name}
            yield Candidate(name, f"the subject lacks the C program's {name}, which the reference has",
                            question.command, prior, emulate=rest)
        else:
            yield Candidate(name, f"the subject has the C program's {name}, which the reference has not",
                            question.command, prior, emulate=base | {name})


def shows(name: str, question: Question) -> float:
    """How likely a defect of the C program is here; 0 where the command cannot show it."""
    command, s = question.command, question.setting
    needs = {
        "phi-carryover": 0.0 in s.phis and any(s.phis),
        "running-product": command.has("-oversample_thick", "-oversample_polar", "-oversample_omega"),
        "cell-triclinic": command.has("-cell"), "curved-lab-axes": command.has("-curved_det"),
        "last-layer-capture": command.has("-detector_thick", "-oversample_thick"),
        "water-scaling": command.has("-water"), "misset-radians": command.has("-misset"),
        "sticky-interpolation": not command.has("-nointerpolate") and command.has("-hkl", "-dump"),
        "nopolar-oversample": command.has("-nopolar") and command.has("-oversample_polar"),
        "twotheta-axis-raw": command.has("-twotheta_axis"), "twotheta-report": command.has("-twotheta"),
        "gauss-tophat-width": command.has("-gauss_xtal", "-binary_spots"),
        "source-weights": command.has("-sourcefile"),
        "interpolation-before-size": command.has("-samplesize", "-sample_thick", "-sample_width", "-sample_height"),
        "header-substring": command.has("-img", "-mask"),
        "mask-16-bit": command.has("-mask"),
    }
    if name in needs:
        return 0.82 * needs[name]
    rare = {"fdump-reuse": command.has("-dump"), "hkl-columns": command.has("-hkl"), "argv": True,
            "source-file-lines": command.has("-sourcefile")}
    return 0.35 * rare.get(name, False)


GENERATORS = (each_option, beam_centre_edits, detector_edits, switch_edits, crystal_edits, spindle_edits,
              sampling_edits, _whole_command)
