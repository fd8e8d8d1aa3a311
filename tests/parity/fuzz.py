"""Random command lines through the torch simulator and another program; say where their images differ.

    python tests/parity/fuzz.py --count 200 --seed 1 --against reference
    python tests/parity/fuzz.py --count 1000 --seed 1 --against /path/of/nanoBragg

Against the C reference both do the physics; against any other program the torch simulator emulates all that
nanoBragg C does, and the commands also lean on its way of reading them. Every command runs alone in a fresh
folder. A miss is printed on one line, with the options that run it again; exit status 1 when there is one.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from engines import PRECISE, Ran, TorchBatch, built_reference, relative_difference, run_program

from nbcompare.explain.fuzz.drawn_command import DrawnCommand
from nbcompare.explain.fuzz.random_commands import random_command

OF_PEAK = 1e-6
MISSED = "missed"
REFUSED = 2
SUBJECT, OTHER = "torch", "other"
DERIVED_FILES = ("i.out", "n.out", "p.pgm")
NAMES = ("f.bin", "floatimage.bin")
QUIET = {"identical", "identical, nothing in both", "identical but for the sign of zero or NaN",
         *(f"{name} same" for name in DERIVED_FILES)}
"""What needs no line of its own."""


@dataclass(frozen=True)
class Outcome:
    """What came of one command: a word for it, and what else there is to say."""

    word: str
    detail: str = ""


def main() -> int:
    asked = arguments()
    with tempfile.TemporaryDirectory(prefix="fuzz_") as home:
        program = built_reference() if asked.against == "reference" else Path(asked.against)
        like_c = () if asked.against == "reference" else ("-emulate", "all")
        batch = TorchBatch(*(shlex.split(asked.torch) if asked.torch else PRECISE), *like_c)
        counts = Counter()
        for at in [asked.only] if asked.only is not None else range(asked.count):
            counts.update(one_command(asked, at, batch, program.resolve(), Path(home)))
        batch.close()
    print("; ".join(f"{word}: {count}" for word, count in sorted(counts.items())))
    return int(counts[MISSED] > 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="how many command lines")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--against", default="reference", metavar="PROGRAM", help="reference, or path of nanoBragg C")
    parser.add_argument("--torch", metavar="OPTIONS", help="of the torch simulator in place of " + " ".join(PRECISE))
    parser.add_argument("--only", type=int, metavar="N", help="run command number N alone")
    parser.add_argument("--keep", metavar="FOLDER", help="leave inputs and outputs of the misses there")
    return parser.parse_args()


def one_command(asked, at: int, batch: TorchBatch, program: Path, home: Path) -> list[str]:
    """Run a command in both, report a miss, and return the words to count."""
    like_c = asked.against != "reference"
    command = random_command(asked.seed, at, like_c)
    folders = [written(command, home / str(at) / name) for name in (SUBJECT, OTHER)]
    outcome = judged(batch.run(command.argv, folders[0]), run_program(program, command.argv, folders[1]))
    words = [outcome.word]
    if outcome.word == "identical" and np.isfinite(found_image(Ran(0, "", "", folders[1]))).all():
        words += derived_words(*folders)
    bad = not QUIET.issuperset(words)
    if bad or asked.only is not None:
        again = f"--seed {asked.seed} --against {asked.against} --only {at}"
        again += f" --torch={shlex.quote(asked.torch)}" if asked.torch else ""
        print(f"{', '.join(words)} [{outcome.detail}]: {again} # {shlex.join(command.argv)}", flush=True)
    if bad and asked.keep:
        shutil.copytree(home / str(at), Path(asked.keep, f"{asked.seed}-{at}"), dirs_exist_ok=True)
    shutil.rmtree(home / str(at))
    return words


def written(command: DrawnCommand, folder: Path) -> Path:
    """A fresh folder with the files of a command."""
    folder.mkdir(parents=True)
    for name, content in command.files.items():
        (folder / name).write_bytes(content)
    return folder


def judged(subject: Ran, other: Ran) -> Outcome:
    """Compare what the two made of a command. Only bad input may be refused, and only where the other makes
    nothing of it either: an error, a crash, an image of zeros or of what is no number."""
    if subject.status not in (0, REFUSED):
        return Outcome(MISSED, said(subject))
    if other.status < 0:
        return Outcome("the other crashed", f"{said(subject)} / {said(other)}")
    if subject.status == REFUSED and other.status != 0:
        return Outcome("refused by both", f"{said(subject)} / {said(other)}")
    if subject.status == REFUSED:
        nothing = not np.nan_to_num(found_image(other), nan=0, posinf=0, neginf=0).any()
        return Outcome("refused, nothing in the other" if nothing else MISSED, said(subject))
    if other.status != 0:
        return Outcome(MISSED, f"the other ended with {other.status}: {said(other)}")
    return compared(found_image(subject), found_image(other))


def compared(obtained: np.ndarray, expected: np.ndarray) -> Outcome:
    if obtained.tobytes() == expected.tobytes():
        return Outcome("identical" if np.nan_to_num(expected).any() else "identical, nothing in both")
    if obtained.shape != expected.shape:
        return Outcome(MISSED, f"{obtained.size} pixels instead of {expected.size}")
    if np.isfinite(obtained).all() and np.isnan(expected).any() and not np.nan_to_num(expected).any():
        return Outcome("undefined in the other alone")
    apart = relative_difference(obtained, expected)
    pixels = int((obtained != expected).sum() - (np.isnan(obtained) & np.isnan(expected)).sum())
    detail = f"{apart:.3g} of the peak, {pixels} of {expected.size} pixels"
    if apart == 0.0:
        return Outcome("identical but for the sign of zero or NaN", detail)
    return Outcome("within 1e-6" if apart <= OF_PEAK else MISSED, detail)


def found_image(ran: Ran) -> np.ndarray:
    """The float image, wherever the command made it go."""
    for name in NAMES:
        if (ran.folder / name).exists():
            return ran.image(name)
    return np.zeros(0, np.float32)


def derived_words(subject: Path, other: Path) -> list[str]:
    """Whether the integer, noise and PGM images are the same bytes, of those that both wrote."""
    both = [name for name in DERIVED_FILES if (subject / name).exists() and (other / name).exists()]
    return [f"{name} {'same' if (subject / name).read_bytes() == (other / name).read_bytes() else 'differs'}"
            for name in both]


def said(ran: Ran) -> str:
    """The last line that a program left on stderr, or on stdout."""
    lines = (ran.stderr.strip() or ran.stdout.strip()).splitlines()
    return lines[-1][:160] if lines else f"status {ran.status}"


if __name__ == "__main__":
    sys.exit(main())
