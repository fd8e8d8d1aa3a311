#!/usr/bin/env python3
"""Random command lines with random defects, through trace, reduce and audit: whatever the command is, none ends with
exit 70, a defect of nb-compare itself.

    python tests/parity/fuzz_explain.py --count 200 --seed 1

The commands are those of fuzz_diagnosis.py, over the whole table of flags. The reference is the C reference, and so is
the subject, as a program of its own; what it is given besides is the defect. A line is printed for each draw that ended
so, with the words that make it again; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from engines import built_reference
from fuzz_diagnosis import drawn

from nbcompare.cli import run
from nbcompare.explain.audit.catalogue import kinds

DEFECTS = ("-polar 0.3", "-nopolar", "-fluence 1e20", "-flux 0", "-round_xtal", "-Xbeam 1.5", "-detector_rotx 1",
           "-distance 50", "-distance 0", "-phi 1 -osc 1 -phisteps 2", "-N 2", "-pixel 0.07", "-lambda 0.5",
           "-default_F 7", "-roi 1 2 1 2", "-detpixels 9", "-hkl nowhere.hkl", "-oversample 3", "-curved_det",
           "-mosaic 1 -mosaic_dom 3", "-point_pixel", "-water 30", "-pivot sample", "-no_such_option", "-misset random")
COMMANDS = ("trace", "reduce", "audit")
DEFECT_OF_OURS = 70


@dataclass(frozen=True)
class Ended:
    """One call: its words, its exit code, and what it said."""

    words: tuple[str, ...]
    code: int
    said: str


class Caller:
    """Calls nb-compare in this process about random commands, with folders of its own under ``home``."""

    def __init__(self, home: Path) -> None:
        self.home, self.reference = home, built_reference()
        self.subject = home / "subject"  # what follows the end of a program is not of it, but makes it another file
        self.subject.write_bytes(self.reference.read_bytes() + b"\n")
        self.subject.chmod(0o755)

    def calls(self, seed: int, at: int, commands: tuple[str, ...] = COMMANDS) -> list[Ended]:
        """Each command on draw number ``at`` of a seed."""
        command = drawn(seed, at)
        folder = self.home / f"{seed}-{at}"
        folder.mkdir(exist_ok=True)
        for name, content in command.files.items():
            (folder / name).write_bytes(content)
        dice = random.Random(f"{seed}/{at}/explain")
        picked = ",".join(entry.id for entry in dice.sample(kinds(), 3))
        defect = dice.choice(DEFECTS)
        more = {"trace": dice.choice([[], ["--pixel", "1", "2"], ["--complete"], ["--all"]]),
                "reduce": ["--max-runs", "8", "--cache", str(folder / "cache")],
                "audit": ["--kinds", picked, "--strengths", "1", "--no-diagnosis", "--cache", str(folder / "cache")]}
        with contextlib.chdir(folder):
            return [self._call(name, *more[name], "-q", "--c-bin", str(self.reference), "--py-bin",
                               str(self.subject), *([f"--py-args={defect}"] if name != "audit" else []), "--",
                               *command.argv) for name in commands]

    def _call(self, *words: str) -> Ended:
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
            code = run(list(words))
        return Ended(words, int(code), out.getvalue())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="how many draws, each through trace, reduce and audit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, metavar="N", help="draw number N alone")
    asked = parser.parse_args()
    codes: Counter[tuple[str, int]] = Counter()
    with tempfile.TemporaryDirectory(prefix="fuzz-explain-") as home:
        caller = Caller(Path(home))
        for at in range(asked.count) if asked.only is None else [asked.only]:
            for ended in caller.calls(asked.seed, at):
                codes[ended.words[0], ended.code] += 1
                if ended.code == DEFECT_OF_OURS:
                    print(f"{ended.words[0]}: {ended.said.strip().splitlines()[-1:]} --seed {asked.seed} --only {at}",
                          flush=True)
    for command in COMMANDS:
        print(f"{command}: " + ", ".join(f"{n} ended with {code}" for (name, code), n in sorted(codes.items())
                                         if name == command))
    return int(any(code == DEFECT_OF_OURS for _, code in codes))


if __name__ == "__main__":
    sys.exit(main())
