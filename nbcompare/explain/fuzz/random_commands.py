"""Random command lines over the whole table of flags, with the files they read; the same seed gives the same ones.

Every command is valid: a strict parser takes it, and it asks for an image that can be calculated. With ``like_c``
it may also lean on what only the C program does: names found inside longer words, typos passed over, options
without their values, odd line ends and columns, a dump left over. Work is bounded: small detectors, few steps.
"""

from __future__ import annotations

import random

from nbcompare.explain.fuzz.drawn_command import MOST_STEPS, DrawnCommand, chance
from nbcompare.explain.fuzz.oddities import bend_options, ending
from nbcompare.explain.fuzz.random_crystals import crystal, reflections
from nbcompare.explain.fuzz.random_instruments import (
    beam,
    convention,
    headers,
    outputs,
    placement,
    sampling,
    sensor,
    size,
    sources,
    spindle,
)


def random_command(seed: int, at: int, like_c: bool, sides: tuple[int, int] = (5, 36),
                   most_steps: int = MOST_STEPS) -> DrawnCommand:
    """Command number ``at`` of a seed; ``sides`` are the fewest and most pixels along an edge, ``most_steps`` what a
    pixel may cost."""
    dice = random.Random(f"{seed}/{at}/{like_c}")
    command = DrawnCommand(most_steps=most_steps)
    plan = {"pixel": dice.choice([0.05, 0.1, 0.172, dice.uniform(0.05, 0.6)]),
            "fast": dice.randint(*sides), "slow": dice.randint(*sides), "wavelength": dice.uniform(0.7, 2.5),
            "convention": dice.choice(["", "", "mosflm", "denzo", "adxv", "xds", "dials", "custom", "custom"])}
    for part in (crystal, reflections, convention, placement, sensor, beam, sources, spindle, sampling, outputs):
        part(dice, command, plan, like_c)
    dice.shuffle(command.options)
    headers(dice, command, plan)
    if like_c:
        bend_options(dice, command)
    size(dice, command, plan, like_c)
    if like_c and chance(dice, 6):
        command.options.append(ending(dice))
    return command
