#!/usr/bin/env python3
"""Random command lines with random defects, through the diagnosis: whatever the command is, nothing in it fails.

    python tests/parity/fuzz_diagnosis.py --count 200 --seed 1

A draw is a command line over the whole table of flags (every third one bent as only the C program takes it, every
fourth with any options of the table and any values, some of one pixel or one row), its image by the torch simulator,
and a defect of a kind of the audit; images of noise where the simulator refuses the command, and odd ones: all zero,
of one value, with NaN or infinities, as large and as small as float32 goes.
Each is diagnosed, by looking and, with ``--budget``, by trial runs. A line is printed for every draw in which something
failed, with the words that make it again; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import random
import shlex
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from engines import PRECISE, QUIET, TorchBatch

from nbcompare.case.arguments.command import declared_shape
from nbcompare.case.arguments.options import all_options
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.describe import DescriptionRefused
from nbcompare.errors import NbCompareError
from nbcompare.explain.audit.catalogue import kinds
from nbcompare.explain.audit.kind import Defect, Images, NotApplicable, Target, as_image, changed, seeded
from nbcompare.explain.diagnose.diagnose import Diagnosis, DiagnosisOptions, diagnose
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters
from nbcompare.explain.diagnose.hypotheses.tables import file_candidates, run_candidates
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search.simulator import Simulator
from nbcompare.explain.fuzz.drawn_command import DrawnCommand
from nbcompare.explain.fuzz.random_commands import random_command

LIKE_C_EVERY, WILD_EVERY, ODD_IMAGE_EVERY = 3, 4, 5
SIDES = ((5, 36), (5, 36), (5, 36), (1, 1), (1, 4))
TELLS_OTHER_THINGS = frozenset({"-h", "-version", "-batch", "-compile"})
"""Options by which a program makes no image, whatever else it is given; and -compile, which takes a minute."""
VALUES = ("0", "1", "2", "-1", "7", "0.5", "-3.25", "45", "1e-7", "1e12", "1e400", "9" * 25, "nan", "inf", "-inf", "",
          "x", "beam", "sample", "random", "all", "phi-carryover", "float32", "f.hkl", "1,2")
MOST_TRIES = 12
FAILED = "the diagnosis failed"


@dataclass(frozen=True)
class Draw:
    """One question: the command in its folder, two images, and what was done to the second."""

    command: DrawnCommand
    folder: Path
    reference: np.ndarray
    subject: np.ndarray
    words: str


def drawn(seed: int, at: int) -> DrawnCommand:
    """Command number ``at`` of a seed, with its files."""
    dice = random.Random(f"{seed}/{at}/command")
    command = random_command(seed, at, at % LIKE_C_EVERY == 0, dice.choice(SIDES))
    for option in any_options(dice) if at % WILD_EVERY == 1 else ():
        command.options.insert(dice.randint(0, len(command.options)), option)
    return command


def any_options(dice: random.Random) -> list[list[str]]:
    """One to four options of the table, each with as many values as it takes, whatever they are."""
    found = []
    for row in dice.choices([row for row in all_options() if row.names[0] not in TELLS_OTHER_THINGS],
                            k=dice.randint(1, 4)):
        count = row.count if isinstance(row.count, int) else dice.choice([0, 1, 3, 6])
        found.append([dice.choice(row.names), *(dice.choice(VALUES) for _ in range(count))])
    return found


class Drawer:
    """Makes draws; one simulator process renders them all."""

    def __init__(self, home: Path) -> None:
        self.home, self.batch = home, TorchBatch(*PRECISE)

    def close(self) -> None:
        self.batch.close()

    def draw(self, seed: int, at: int) -> Draw | None:
        """Draw number ``at`` of a seed; None where the command declares no image."""
        command = drawn(seed, at)
        folder = self._folder(f"{at}", command.files)
        try:
            shape = declared_shape(command.argv, folder)
        except NbCompareError:
            return None
        dice = np.random.default_rng([seed, at])
        sound = self._render(command.argv, folder, shape)
        if sound is None:
            sound = dice.exponential(size=(shape.slow, shape.fast)).astype("f4")
        defective, words = self._defective(command, folder, sound, seed, at)
        if at % ODD_IMAGE_EVERY == 2:
            sound, defective, words = odd_images(sound, defective, dice)
        return Draw(command, folder, sound, defective, words)

    def _defective(self, command: DrawnCommand, folder: Path, sound: np.ndarray, seed: int, at: int):
        shape = Shape(*sound.shape)
        files = {name: content.decode("latin-1") for name, content in command.files.items()}
        target = Target(tuple(command.argv), files, shape, (Roi.full(shape),))
        for entry in random.Random(f"{seed}/{at}/kind").sample(kinds(), MOST_TRIES):
            with suppress(NotApplicable):
                _, defect = seeded(entry, target, 1.0, seed)
                same = not defect.files and defect.argv == target.argv
                rendered = sound if same else self._of(defect, at, shape, command)
                if rendered is not None:
                    return changed(defect, Images(sound, rendered)), f"{entry.id}: {defect.words}"
        noise = np.random.default_rng(at).normal(size=sound.shape)
        return as_image(sound + noise * float(np.abs(sound).max()), shape), "noise"

    def _of(self, defect: Defect, at: int, shape: Shape, command: DrawnCommand) -> np.ndarray | None:
        edited = {**command.files, **{name: text.encode("latin-1") for name, text in defect.files.items()}}
        return self._render(defect.argv, self._folder(f"{at}-defect", edited), shape)

    def _render(self, argv, folder: Path, shape: Shape) -> np.ndarray | None:
        ran = self.batch.run([*argv, *QUIET, "-floatfile", "image.bin"], folder)
        image = folder / "image.bin"
        if ran.status or not image.is_file() or image.stat().st_size != shape.bytes:
            return None
        found = np.fromfile(image, "<f4").reshape(shape.slow, shape.fast)
        return found if np.isfinite(found).all() else None

    def _folder(self, name: str, files: dict[str, bytes]) -> Path:
        folder = self.home / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        return folder


def odd_images(sound: np.ndarray, defective: np.ndarray,
               dice: np.random.Generator) -> tuple[np.ndarray, np.ndarray, str]:
    """A reference and a subject as no engine should write them, in words; the reference is finite, as it has to be."""
    some = dice.random(sound.shape) < 0.2
    odd = {"zero": np.zeros_like(sound), "one value": np.full_like(sound, dice.choice([1, -3, 1e30])),
           "as large as can be": np.where(some, 3e38, 0), "as small as can be": np.where(some, 1e-45, 0),
           "negative": -sound, "NaN": np.where(some, np.nan, sound), "infinite": np.where(some, -np.inf, sound),
           "nothing but NaN": np.full_like(sound, np.nan), "as it was": defective}
    ours = str(dice.choice(["zero", "one value", "as large as can be", "as small as can be", "negative"]))
    theirs = str(dice.choice(list(odd)))
    return odd[ours].astype("f4"), odd[theirs].astype("f4"), f"images: {ours}, {theirs}"


def faults_of(draw: Draw, budget_s: float, simulator: Simulator | None) -> list[str]:
    """What failed while the draw was diagnosed; nothing should."""
    question = Question(draw.reference, draw.subject, draw.command.argv, draw.folder)
    try:
        found = diagnose(question, DiagnosisOptions(quick=not budget_s, budget_s=budget_s), simulator)
    except Exception as fault:
        return [f"{type(fault).__name__}: {fault}"]
    return [note for note in found.notes if FAILED in note] + _odd(found) + _hypotheses_fail(question)


def _hypotheses_fail(question: Question) -> list[str]:
    """What fails in making the hypotheses themselves, whether or not they are worth a trial here."""
    try:
        with np.errstate(all="ignore"):
            made = [*run_candidates(question), *file_candidates(question)]
            made += [parameter.candidate(question.command, np.array(parameter.start) + parameter.steps)
                     for parameter in fit_parameters(question)]
    except DescriptionRefused:
        return []  # without an image of the command there are no hypotheses about it
    except Exception as fault:
        return [f"hypotheses: {type(fault).__name__}: {fault}"]
    return [f"hypothesis {one.id} without words" for one in made if not one.words]


def _odd(found: Diagnosis) -> list[str]:
    """Answers that cannot be written down."""
    said = found.as_dict()
    return [f"confidence {cause['confidence']}" for cause in said["causes"] if not 0 <= cause["confidence"] <= 1.05]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="how many draws")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=0.0, help="seconds of trial runs for each; 0 only looks")
    parser.add_argument("--only", type=int, metavar="N", help="draw number N alone")
    asked = parser.parse_args()
    bad = done = 0
    with tempfile.TemporaryDirectory(prefix="fuzz-diagnosis-") as home, Simulator() as simulator:
        drawer = Drawer(Path(home))
        for at in range(asked.count) if asked.only is None else [asked.only]:
            draw = drawer.draw(asked.seed, at)
            faults = faults_of(draw, asked.budget, simulator) if draw else []
            done += draw is not None
            bad += bool(faults)
            if faults:
                print(f"{'; '.join(faults)}: --seed {asked.seed} --budget {asked.budget:g} --only {at} "
                      f"# {draw.words} # {shlex.join(draw.command.argv)}", flush=True)
        drawer.close()
    print(f"{done} diagnosed, {bad} in which something failed")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
