"""What only the C program takes: command lines and files bent so that a strict reader would refuse them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbcompare.explain.fuzz.drawn_command import DrawnCommand

BENT_PERCENT = 5
UNBENDABLE = ("-img", "-mask", "-floatfile", "-floatimage", "-intfile", "-intimage", "-pgmfile", "-pgmimage",
              "-noisefile", "-hkl", "-mat", "-matrix", "-sourcefile", "-stol", "-4stol", "-Q", "-dump", "-nonoise")
TYPOS = (["-lamda", "1.3"], ["-hdiv", "3"], ["-vdiv", "3"], ["-dispstep", "0.1"], ["-foo"], ["-source_distance", "5"],
         ["-detpixel", "9"], ["-phistart", "4"], ["17"], ["-"], ["--N", "7"], ["--polar", "0.9"], ["--phi", "5"])
ENDINGS = (["-lambda"], ["-misset", "3"], ["-curved_det"], ["-cell"], ["-N"], ["-polar_vector", "1", "0"],
           ["-roi", "1", "2", "3"], ["-cell", "120"], ["-cell", "120", "130"], ["-misset_seed", "4"], ["-nopolar"],
           ["-printout_pixel", "3"], ["-Na"], ["-misset"], ["-dump_pixel", "6"])


def bend_options(dice: random.Random, command: DrawnCommand) -> None:
    """Bend some options, repeat some, and slip in words that mean nothing."""
    for option in list(command.options):
        if dice.random() * 100 < BENT_PERCENT and option[0] not in UNBENDABLE:
            dice.choice([_prefixed, _suffixed, _trailing_text, _shortened, _repeated])(dice, option, command.options)
    if dice.random() < 0.12:
        command.options.insert(dice.randrange(len(command.options) + 1), list(dice.choice(TYPOS)))


def ending(dice: random.Random) -> list[str]:
    """An option at the end of the line, most often without all its values."""
    return list(dice.choice(ENDINGS))


def _prefixed(dice: random.Random, option: list[str], options: list[list[str]]) -> None:
    option[0] = dice.choice(["-", "-x"]) + option[0]


def _suffixed(dice: random.Random, option: list[str], options: list[list[str]]) -> None:
    option[0] += dice.choice(["0", "x", "_A", "s"])


def _trailing_text(dice: random.Random, option: list[str], options: list[list[str]]) -> None:
    for at in range(1, len(option)):
        if option[at][-1:].isdigit() and option[at][:1].isdigit():
            option[at] = dice.choice(["{}x", "{}e0", "+{}", " {}", "{},", "{}.", "0{}"]).format(option[at])


def _shortened(dice: random.Random, option: list[str], options: list[list[str]]) -> None:
    """Without its last value, for which the next option is then taken: that is 0."""
    if len(option) == 4 and any(float(value) for value in option[1:3]):
        option.pop()


def _repeated(dice: random.Random, option: list[str], options: list[list[str]]) -> None:
    again = [option[0], *(_moved(value) for value in option[1:])]
    options.insert(dice.randrange(len(options) + 1), again)


def _moved(value: str) -> str:
    """Another value of the same kind."""
    if value.lstrip("-").isdigit():
        return str(int(value) + 1)
    try:
        return f"{float(value) * 1.1:.5g}"
    except ValueError:
        return value


def bend_hkl(dice: random.Random, text: str) -> str:
    """Lines that are no lines of four columns, as the C program reads them all the same."""
    if dice.random() < 0.8:
        return text
    lines = text.splitlines()
    bends = {
        "pairs": lambda: "\n".join(" ".join(lines[i:i + 2]) for i in range(0, len(lines), 2)) + "\n",
        "words": lambda: "\n".join(text.split()),
        "cut": lambda: text.rstrip().rsplit(" ", 1)[0],
        "trailing text": lambda: text + "END\n1 1 1 999\n",
        "carriage returns": lambda: text.replace("\n", "\r\n"),
        "no end": lambda: text.rstrip("\n"),
        "fifth column": lambda: "".join(f"{line.rsplit(' ', 1)[0]} {i % 7} {i % 5}\n" for i, line in
                                        enumerate(lines[:40])),
    }
    return bends[dice.choice(sorted(bends))]()


def bend_sources(dice: random.Random, text: str) -> str:
    """Line ends and lines that the C program reads as columns of zeros."""
    if dice.random() < 0.6:
        return text
    return dice.choice([text.replace("\n", "\r\n"), text.rstrip("\n"), text.rstrip("\n") + " ", "# sources\n" + text,
                        "\r\n" + text, text + "  \n", text.replace("\n", " \n"), text.replace("\n", "\n\n")])
