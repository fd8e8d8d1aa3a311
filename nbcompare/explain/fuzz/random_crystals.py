"""Random crystals and their structure factors, as options and files."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Sequence

from nbcompare.explain.fuzz.drawn_command import DrawnCommand, Plan, chance
from nbcompare.explain.fuzz.oddities import bend_hkl

CELLS = ("cubic", "tetragonal", "orthorhombic", "monoclinic", "hexagonal", "triclinic", "rhombohedral")


def random_cell(dice: random.Random) -> list[float]:
    a, b, c = (dice.uniform(40, 250) for _ in range(3))
    kind = dice.choice(CELLS)
    if kind == "triclinic":
        return [a, b, c, *(dice.uniform(75, 105) for _ in range(3))]
    if kind == "rhombohedral":
        return [a, a, a, *[dice.uniform(55, 110)] * 3]
    if kind == "monoclinic":
        return [a, b, c, 90, dice.uniform(91, 125), 90]
    if kind == "hexagonal":
        return [a, a, c, 90, 90, 120]
    return [a, a if kind != "orthorhombic" else b, c if kind != "cubic" else a, 90, 90, 90]


def random_axes(dice: random.Random) -> list[list[float]]:
    """Three orthogonal unit vectors, right-handed."""
    rows: list[list[float]] = []
    while len(rows) < 2:
        v = [dice.gauss(0, 1) for _ in range(3)]
        for row in rows:
            along = sum(x * y for x, y in zip(v, row, strict=True))
            v = [x - along * y for x, y in zip(v, row, strict=True)]
        size = math.sqrt(sum(x * x for x in v))
        rows.append([x / size for x in v])
    (x0, y0, z0), (x1, y1, z1) = rows
    return [*rows, [y0 * z1 - z0 * y1, z0 * x1 - x0 * z1, x0 * y1 - y0 * x1]]


def matrix_file(dice: random.Random, cell: Sequence[float], wavelength: float) -> bytes:
    """A matrix of a cell with right angles in any orientation, in columns, times the wavelength; rarely sheared."""
    axes = random_axes(dice)
    shear = 0.2 if chance(dice, 30) else 0.0
    stars = [[wavelength / cell[i] * (x + shear * dice.uniform(-1, 1)) for x in axes[i]] for i in range(3)]
    if chance(dice, 10):
        stars[0] = [-x for x in stars[0]]
    return "".join(" ".join(f"{stars[i][row]:.8f}" for i in range(3)) + "\n" for row in range(3)).encode()


def crystal(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    cell = plan["cell"] = random_cell(dice)
    if chance(dice, 20):
        command.files["a.mat"] = matrix_file(dice, cell, plan["wavelength"])
        command.add(dice.choice(["-mat", "-matrix"]), "a.mat")
    if "a.mat" not in command.files or chance(dice, 15):
        given = cell if cell[3:] != [90, 90, 90] else cell[:dice.choice([1, 2, 3, 3, 6, 6, 6])]
        command.add("-cell", *given)
    orientation(dice, command, like_c)
    crystal_size(dice, command, cell)
    if chance(dice, 40):
        command.add(dice.choice(["-round_xtal", "-gauss_xtal", "-binary_spots", "-tophat_spots", "-square_xtal"]))
    if chance(dice, 15):
        command.add("-fudge", dice.uniform(0.3, 3))
    mosaic(dice, command)
    if chance(dice, 10):
        command.add("-water", dice.choice([0, dice.uniform(1, 200)]))
    for name in ("-density", "-MW", "-sample_den", "-molec"):
        if chance(dice, 1):
            command.add(name, dice.uniform(1, 20))


def orientation(dice: random.Random, command: DrawnCommand, like_c: bool) -> None:
    kind = dice.choices(["none", "angles", "random"], [45, 35, 20])[0]
    if kind == "angles":
        command.add("-misset", *(dice.choice([0, dice.uniform(-180, 180)]) for _ in range(3)))
    if kind == "random":
        seed = ["-misset_seed", str(dice.randint(1, 10**6))]
        command.add("-misset", "random")
        if like_c:  # behind -misset random it would be angles
            command.options[-1] = [*seed, *command.options[-1]]
        else:
            command.options.append(seed)
    elif like_c and chance(dice, 4):
        command.add("-misset_seed", dice.randint(1, 90))


def crystal_size(dice: random.Random, command: DrawnCommand, cell: Sequence[float]) -> None:
    kind = dice.choices(["N", "abc", "size", "none"], [45, 25, 25, 5])[0]
    if kind == "N":
        command.add("-N", dice.choice([0, 1, 2, 3, 5, 8, 13]))
    if kind == "abc":
        for name in dice.sample(["-Na", "-Nb", "-Nc"], dice.randint(1, 3)):
            command.add(name, dice.randint(1, 15))
    if kind == "size":
        mm = dice.uniform(0.5, 12) * min(cell[:3]) * 1e-7
        names = (["-xtalsize", "-samplesize", "-sample_size", "-xtal_size"], ["-xtal_thick", "-sample_x", "-xtal_x"],
                 ["-width", "-sample_width", "-xtal_y"], ["-height", "-sample_heigh", "-xtal_z"])
        for group in dice.sample(names, dice.randint(1, 3)):
            command.add(dice.choice(group), mm * dice.uniform(0.5, 1.5))
        if chance(dice, 15):
            command.add("-beamsize", mm * dice.uniform(0.3, 2))


def mosaic(dice: random.Random, command: DrawnCommand) -> None:
    domains = dice.choice([0, 1, 2, 3, 5])
    if chance(dice, 18) and command.afford(max(1, domains)):
        command.add(dice.choice(["-mosaic", "-mosaici", "-mosaic_spread"]), dice.choice([0, dice.uniform(0.05, 5)]))
        if domains or command.afford(10):
            command.add(dice.choice(["-mosaic_dom", "-mosaic_domains"]), domains)
        else:
            command.add("-mosaic_dom", 1)
    elif chance(dice, 2):
        command.add("-mosaic_dom", 4)
    if chance(dice, 10):
        command.add("-mosaic_seed", dice.choice([1, dice.randint(1, 10**8), -dice.randint(1, 9)]))


# --- structure factors ----------------------------------------------------------------------------------


def random_grid(dice: random.Random) -> list[tuple[int, int, int, float]]:
    """Reflections with gaps, negative indices and duplicates, in any order."""
    reach = [dice.choice([0, 1, 3, 6, 9]) for _ in range(3)]
    shift = [dice.choice([0, 0, 0, -2, 3]) for _ in range(3)]
    kept = dice.choice([100, 100, 80, 30])
    found = [(h + shift[0], k + shift[1], l + shift[2], round(abs(dice.gauss(0, 200)), 2))
             for h in range(-reach[0], reach[0] + 1) for k in range(-reach[1], reach[1] + 1)
             for l in range(-reach[2], reach[2] + 1) if chance(dice, kept)]
    found = found or [(0, 0, 0, 100.0)]
    if chance(dice, 30):
        dice.shuffle(found)
    if chance(dice, 20):
        found += [(*dice.choice(found)[:3], 77.5) for _ in range(3)]
    return found


def reflections(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    kind = dice.choices(["default", "hkl", "both", "dump"], [40, 25, 25, 10 if like_c else 8])[0]
    if kind in ("default", "both", "dump"):
        command.add("-default_F", dice.choice([1, 100, dice.uniform(0.5, 900), dice.uniform(0.5, 900)]))
    if kind in ("hkl", "both"):
        text = "".join(f"{h} {k} {l} {F}\n" for h, k, l, F in random_grid(dice))
        command.files["f.hkl"] = bend_hkl(dice, text).encode() if like_c else text.encode()
        command.add("-hkl", "f.hkl")
        if chance(dice, 5):
            command.add("-dump", "written.dump")
    if kind == "dump":
        left_over = like_c and chance(dice, 50)
        command.files["Fdump.bin" if left_over else "read.dump"] = dump_file(dice)
        if not left_over:
            command.add("-dump", "read.dump")
    if kind != "default" and chance(dice, 50):
        command.add(dice.choice(["-interpolate", "-nointerpolate", "-interpolate"]))
    if chance(dice, 4):
        command.files["w.stol"] = b"0.0 2.57\n0.1 3.1\n0.5 9.25\n1.0 7\n"
        command.add(dice.choice(["-stol", "-4stol", "-Q"]), "w.stol")
    if chance(dice, 10):
        command.add("-dmin", dice.choice([0, dice.uniform(3, 60)]))


def dump_file(dice: random.Random) -> bytes:
    low = [dice.randint(-6, 0) for _ in range(3)]
    high = [dice.randint(0, 6) for _ in range(3)]
    ranges = " ".join(f"{a} {b}" for a, b in zip(low, high, strict=True))
    count = math.prod(b - a + 2 for a, b in zip(low, high, strict=True))
    return f"{ranges}\n\f".encode() + struct.pack(f"={count}d", *(dice.uniform(1, 300) for _ in range(count)))
