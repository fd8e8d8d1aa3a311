"""Inputs of the simulators, bent at random and given to both: each refuses in one line what it cannot use, and leaves
no file then; neither crashes, and both say the same."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.laboratory import Laboratory, Row
from tests.parity.engines import Ran, TorchBatch, built_reference, run_program

SEED, LONG, SHORT = 14, 60, 6
BASE = ("-cell 60 70 80 90 95 90 -default_F 50 -N 3 -lambda 1.2 -distance 90 -detpixels 12 -oversample 1 "
        "-noprogress -nonoise").split()
WORDS = ("nan", "inf", "-inf", "1e999", "-1", "0", "", " ", "9" * 400, "1e-400", "0x10", "1_0", "\u0661", "\uff11",
         "--", "-", "../..", "/dev/null", "/dev/zero", "2147483648", "-2147483649", "1e308", "%s%n", "\x1b[2J", "=",
         "+-3")
COUNTS = ("-mosaic 1 -mosaic_domains", "-detector_thick 90 -detector_thicksteps", "-oversample", "-phisteps",
          "-divergence 1 -divsteps", "-dispersion 1 -dispsteps", "-detpixels", "-N")
_HEADER = b"{\nHEADER_BYTES=512;\nSIZE1=12;\nSIZE2=12;\nPIXEL_SIZE=0.1;\nTYPE=unsigned_short;\n}"
FILES = {
    "-hkl": b"0 0 0 100\n1 0 0 20.5\n-1 2 3 4e1\n0 1 -2 3\n",
    "-mat": b"0.01 0 0\n0 0.012 0\n0 0 0.014\n",
    "-sourcefile": b"-10 0 0 1 1.2e-10\n-10 0.01 0 2 1.21e-10\n",
    "-stol": b"0 2.57\n0.0365 2.58\n0.07 2.8\n",
    "-dump": b"0 1 0 1 0 1\n\f" + bytes(8 * 27),
    "-img": _HEADER.replace(b"}", b"DISTANCE=100;\n}").ljust(512) + bytes(288),
    "-mask": _HEADER.ljust(512) + b"\1\0" * 144,
}


def rows(lab: Laboratory, *, short: bool) -> Iterator[Row]:
    """Every row of this group."""
    program, batch = built_reference(), TorchBatch("-render", "plain")
    try:
        for what, draw in (("an option whose value is no usable number or name", _bent_value),
                           ("a count of a billion, or of none", _large_count),
                           ("an input file with bytes changed, cut, doubled or put in", _bent_file),
                           ("words left out, doubled or in another order", _bent_line)):
            yield _tried(lab, what, draw, program, batch, SHORT if short else LONG)
    finally:
        batch.close()


def _tried(lab: Laboratory, what: str, draw: Callable[[random.Random, Path], list[str]], program: Path,
           batch: TorchBatch, count: int) -> Row:
    codes, held = [], 0
    for at in range(count):
        dice, homes = random.Random(f"{SEED} {what} {at}"), []
        for name in ("c", "torch"):
            homes.append(lab.folder / name)
            shutil.rmtree(homes[-1], ignore_errors=True)
            homes[-1].mkdir()
        words = draw(dice, homes[0])
        for path in homes[0].iterdir():
            shutil.copy(path, homes[1] / path.name)
        before = set(os.listdir(homes[0]))
        both = [run_program(program, words, homes[0], 60), batch.run(words, homes[1])]
        codes += [ran.status for ran in both]
        held += 2 * (both[0].status == both[1].status and all(_is_clear(ran, before) for ran in both))
    return Row(f"both simulators: {what}", 2 * count, "an image, or one line and no file; both the same",
               held == 2 * count, tuple(codes), held)


def _is_clear(ran: Ran, before: set[str]) -> bool:
    left = set(os.listdir(ran.folder)) - before
    if ran.status == 0:
        return "floatimage.bin" in left and "Traceback" not in ran.stderr
    return ran.status == 2 and ran.stderr.count("\n") == 1 and ": error: " in ran.stderr and not left


# --- what is bent -------------------------------------------------------------------------------------------------


def _bent_value(dice: random.Random, folder: Path) -> list[str]:
    from nanobrag_torch.command.flags import FLAGS

    flag = dice.choice([flag for flag in FLAGS if not flag.only_here and flag.count and flag.group != "outputs"
                        and flag.kind not in ("output", "dump")])
    return [*BASE, dice.choice(flag.names), *(dice.choice(WORDS) for _ in range(flag.count))]


def _large_count(dice: random.Random, folder: Path) -> list[str]:
    count = dice.choice(("1000000000", "2147483647", "-1000000000", "0", "99999999999"))
    return [*BASE, *dice.choice(COUNTS).split(), count]


def _bent_file(dice: random.Random, folder: Path) -> list[str]:
    option = dice.choice(list(FILES))
    raw = bytearray(FILES[option])
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(raw)) if raw else 0
        bend = dice.randrange(4)
        if bend == 0 and raw:
            raw[at] = dice.randrange(256)
        elif bend == 1:
            del raw[at:]
        elif bend == 2:
            raw[at:at] = raw[at:at + 9]
        else:
            raw[at:at] = dice.choice((b"\0", b"\xff\xfe", b"nan", b"1e999", b"-", b"\r", b" 9" * 30, b"9" * 40))
    (folder / "input").write_bytes(bytes(raw))
    return [*BASE, option, "input"]


def _bent_line(dice: random.Random, folder: Path) -> list[str]:
    words = list(BASE)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(words))
        bend = dice.randrange(3)
        if bend == 0:
            del words[at]
        elif bend == 1:
            words.insert(at, words[at])
        else:
            other = dice.randrange(len(words))
            words[at], words[other] = words[other], words[at]
    return words
