"""The first screen of a bundle's page: what was decided, why, the cause, what to type next, and the figures as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbcompare.bundle.bundle import Bundle
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.commands.views.next_steps import explaining
from nbcompare.commands.views.page import further_subjects
from nbcompare.commands.views.page.bars import ThresholdBar, bar_of, drawing, in_order, legend, scale_of
from nbcompare.commands.views.page.crops import crops, differences
from nbcompare.commands.views.page.decided import DecidingPart, decided
from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.commands.views.page.still_images import StillImage
from nbcompare.commands.views.page.stored_image import stored_image
from nbcompare.commands.views.terminal import next_step, shown
from nbcompare.compare.image import Roi
from nbcompare.errors import to_type
from nbcompare.explain.diagnose.cause import BESIDE, standing_of
from nbcompare.verdict.divergence import RuleOutcome, rules_of
from nbcompare.verdict.proof import CONTROL, CONTROL_SUBJECT, EMULATED
from nbcompare.verdict.verdict import Label

_SHOWN_BARS = 6
_WORDS = {Label.PASS: "good", Label.PROVEN: "proven"}


@dataclass(frozen=True)
class NextStep:
    """What to do next: words before it, and what can be copied; empty where there is none."""

    words: str
    copied: str = ""

    @classmethod
    def of(cls, text: str) -> NextStep:
        """A command, a file to read, or something to do."""
        if text.startswith("nb-compare "):
            return cls("", text)
        verb, _, path = text.partition(" ")
        return cls("read", path) if verb == "read" else cls(text)


@dataclass(frozen=True)
class CauseShown:
    """Why the images differ: a sentence, how it stands ("proven" where it was, else "perhaps" or such), and how sure it
    is where that is known; ``from_run`` where `diagnose` was not asked, and only the images and arguments were looked
    at."""

    sentence: str
    word: str
    confidence: float | None
    evidence: tuple[str, ...] = ()
    from_run: bool = False

    @property
    def beside_claim(self) -> bool:
        """Whether it is that of the rest alone: "proven" under NOT PROVEN would read as if the claim were."""
        return self.sentence.startswith(BESIDE)


def first_screen(bundle: Bundle, pair: ShownPair | None, diagnosis: Mapping[str, Any] | None) -> dict[str, Any]:
    """Everything of the first screen, as the template takes it."""
    subjects = further_subjects.columns(bundle)
    bars = in_order([bar for column in subjects for bar in column.bars] or
                    [bar_of(check) for check in bundle.verdict.checks])
    scale = scale_of(bars)
    rows = [{"bar": bar, "svg": drawing(bar, scale)} for bar in bars]
    where = decided(bundle, pair, bars)
    pictures, beside = _pictures(bundle, pair, where) if pair and where else ([], [])
    return {"kind": _WORDS.get(bundle.verdict.word, "bad"), "sentence": sentence(bundle, pair, bars),
            "identical": pair is not None and pair.identical and not subjects, "cause": cause_of(bundle, diagnosis),
            "next": next_steps(bundle, diagnosis), "bars": rows[:_SHOWN_BARS], "more_bars": rows[_SHOWN_BARS:],
            "more": more_words(bars[_SHOWN_BARS:]),
            "legend": legend(scale), "region": where.region if where else None, "of": where.of if where else "",
            "crops": pictures, "beside": beside,
            "subjects": subjects, "subject_rows": further_subjects.rows(subjects),
            "rules": rules(bundle), "claims": claims(bundle), "between": between(bundle),
            "noisy": any(bar.noise is not None for bar in bars)}


def sentence(bundle: Bundle, pair: ShownPair | None, bars: Sequence[ThresholdBar]) -> str:
    """The reason of the verdict, in one sentence."""
    verdict = bundle.verdict
    failing = [bar for bar in bars if not bar.check.holds]
    if verdict.word is Label.PASS and pair is not None:
        if pair.identical and not any(bar.of for bar in bars):
            return (f"The images are identical: all {pair.reference.size:,} pixels hold the same number in both, to "
                    "the last bit.")
        nearest = bars[0]
        if len(bars) == 1:
            return f"The threshold holds: {nearest.words}, {nearest.margin}."
        return f"All {len(bars)} thresholds hold; nearest to its limit is {nearest.words}, {nearest.margin}."
    if verdict.word is Label.PROVEN and bundle.record.further.proof:
        return (f"The images differ ({len(failing)} of {len(bars)} thresholds do not hold), and {_claimed(bundle)} is "
                "proven to be all of it: with the emulation every threshold holds and every pixel agrees.")
    if verdict.word is Label.NOT_PROVEN and verdict.reasons:
        return (f"The images differ ({len(failing)} of {len(bars)} thresholds do not hold), and {_claimed(bundle)} is "
                f"not proven to be all of it: {verdict.reasons[0]}.")
    if verdict.word is Label.FAIL and failing:
        first = failing[0]
        over = "" if first.used is None else f", {first.margin}"
        return f"{len(failing)} of {len(bars)} thresholds do not hold; furthest off is {first.sentence}{over}."
    return verdict.reasons[0] if verdict.reasons else "Nothing was decided."


def _claimed(bundle: Bundle) -> str:
    return " and ".join(claim.id for claim in bundle.record.case.divergences) or "what was claimed"


def claims(bundle: Bundle) -> list[str]:
    """What each claim says, and until when somebody answers for it."""
    return [f"{claim.id}: {claim.title}. A defect of the {claim.engine}, excused until {claim.expires} by {claim.owner}"
            for claim in bundle.record.case.divergences]


def between(bundle: Bundle) -> str:
    """Which two were compared, in a few words; nothing where the title says it, as that of two image files does."""
    names = {engine.role: engine.name for engine in bundle.record.engines}
    return f"{names[SUBJECT]} against {names[REFERENCE]}" if bundle.record.images is None and len(names) > 1 else ""


def cause_of(bundle: Bundle, diagnosis: Mapping[str, Any] | None) -> CauseShown | None:
    """The first cause of a kept diagnosis, else what was found when the bundle was made; None where nothing was."""
    if bundle.verdict.passed:
        return None
    causes = diagnosis.get("causes") if diagnosis else None
    if isinstance(causes, list) and causes and isinstance(causes[0], dict):
        return _diagnosed(causes[0])
    said = bundle.record.further.cause
    if said is None:
        return None
    word, said = standing_of(said)
    return CauseShown(said, word, None, from_run=True)


def _diagnosed(first: Mapping[str, Any]) -> CauseShown:
    """The first cause of a diagnosis. One that gives the subject's image is not the only one where others do too."""
    proven, confidence = first.get("proven") is True, first.get("confidence")
    rivals = [str(rival) for rival in first.get("rivals") or ()] if proven else []
    evidence = tuple(map(str, first.get("evidence") or ()))[:4]
    same = (f"cannot be told apart by these images from: {', '.join(rivals)}",) if rivals else ()
    word = "perhaps" if not proven else "one of several that give this image" if rivals else "proven"
    return CauseShown(str(first.get("sentence", "")), word,
                      float(confidence) if isinstance(confidence, int | float) else None, evidence + same)


def more_words(bars: Sequence[ThresholdBar]) -> str:
    """What the bars that are folded away are."""
    failing = sum(not bar.check.holds for bar in bars)
    said = [f"{failing} more that do not hold"] if failing else []
    holding = len(bars) - failing
    return " and ".join([*said, *([f"{holding} more that hold, with margins no smaller"] if holding else [])])


def next_steps(bundle: Bundle, diagnosis: Mapping[str, Any] | None) -> list[NextStep]:
    """What to do next: what the run said, without what is done already, then what tells more about a difference."""
    said, folder = next_step(bundle), shown(bundle.folder)
    first = said.partition("; ")[0]
    found = [first if first.startswith(("nb-compare ", "read ")) else said]  # else it says why, and what to do after it
    if not (bundle.verdict.accepted or all(check.holds for check in bundle.verdict.checks)):
        found += [to_type("nb-compare", word, folder) for word in explaining(bundle.record)]
        found = [text for text in found if not (diagnosis and text.startswith("nb-compare diagnose "))]
    return [NextStep.of(text) for text in dict.fromkeys(found)]


# --- pictures -----------------------------------------------------------------------------------------------------


def _pictures(bundle: Bundle, pair: ShownPair, where: DecidingPart) -> tuple[list[StillImage], list[StillImage]]:
    """The part that decided, in the images of who decided; then what further runs differ by there, the plain difference
    the first of them."""
    whose = further_subjects.pairs(bundle, pair).get(where.of, pair) if where.of else pair
    beside = further_images(bundle, pair, where.region)
    pictures = crops(whose, where.region, where.of if whose is not pair else "subject")
    return pictures[:2] if beside else pictures, beside


def further_images(bundle: Bundle, pair: ShownPair, region: Roi) -> list[StillImage]:
    """Differences of several pairs on one scale, beside each other: those of a proof, or of several subjects."""
    others = further_subjects.images(bundle, pair)
    return proof_images(bundle, pair, region) or (differences(others, region) if others else [])


def proof_images(bundle: Bundle, pair: ShownPair, region: Roi) -> list[StillImage]:
    """Differences of the plain, the emulated and the control pair on one scale; none where nothing was tried."""
    proof = bundle.record.further.proof
    emulated, control = (proof.trial(EMULATED), proof.trial(CONTROL)) if proof else (None, None)
    if proof is None or emulated is None:
        return []
    pairs = [("plain: subject − reference", pair.reference, pair.subject)]
    image = stored_image(bundle, pair, emulated.files, emulated.run)
    if image is not None:
        pairs.append(("emulated: subject − reference", pair.reference, image))
    plain = proof.trial(CONTROL_SUBJECT)
    image = stored_image(bundle, pair, control.files, control.run) if control else None
    subject = stored_image(bundle, pair, plain.files, plain.run) if plain else pair.subject
    if image is not None and subject is not None:
        pairs.append(("control: subject − reference without the defect", image, subject))
    return differences(pairs, region)


def rules(bundle: Bundle) -> list[RuleOutcome]:
    """The five rules of a proof, and what speaks against each; none where nothing was tried."""
    proof, comparison = bundle.record.further.proof, bundle.record.comparison
    if proof is None or comparison is None or not proof.trials:
        return []
    return rules_of(bundle.verdict, comparison, proof, [check.threshold for check in bundle.verdict.checks])
