"""Random detectors, beams, scans and outputs, as options and files."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from nbcompare.explain.fuzz.drawn_command import DrawnCommand, Plan, chance, number
from nbcompare.explain.fuzz.oddities import bend_sources
from nbcompare.explain.fuzz.random_crystals import random_axes

BEAMS = {"xds": (0, 0, 1), "dials": (0, 0, 1), "adxv": (0, 0, 1)}


# --- detector -------------------------------------------------------------------------------------------


def convention(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    if plan["convention"] not in ("", "custom"):
        command.add("-" + plan["convention"])
    if plan["convention"] == "custom" or chance(dice, 8):
        vectors(dice, command)
    if chance(dice, 12):
        command.add("-pivot", dice.choice(["beam", "sample"]))


def vectors(dice: random.Random, command: DrawnCommand) -> None:
    """Some of the vectors: near those of a named convention, or anything."""
    f, s, o = dice.choice([((0, 0, 1), (0, -1, 0), (1, 0, 0)), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), random_axes(dice)])
    wobble = dice.choice([0, 0.02, 0.1])

    def near(v: Sequence[float]) -> list[float]:
        return [x + wobble * dice.uniform(-1, 1) for x in v]

    choices = [("-fdet_vector", f), ("-sdet_vector", s), ("-odet_vector", o), ("-beam_vector", o),
               ("-polar_vector", dice.choice([f, s])), ("-spindle_axis", dice.choice([f, s])),
               ("-pix0_vector", (0.1, -0.2, 0.3)), ("-pix0_vector_mm", (-100, 2, 3))]
    whole = chance(dice, 50)
    for name, v in choices[:4] if whole else dice.sample(choices, dice.randint(1, 3)):
        command.add(name, *near(v))
    if chance(dice, 25):
        command.add("-twotheta_axis", *(x * dice.choice([1, 1, 2]) for x in near(dice.choice([f, s]))))


def placement(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    fast, slow = plan["fast"] * plan["pixel"], plan["slow"] * plan["pixel"]
    plan["distance"] = dice.uniform(30, 300)
    if chance(dice, 85):
        command.add("-distance", plan["distance"])
    if chance(dice, 12):
        command.add("-close_distance", dice.uniform(30, 300))
    for name, value, odds in (("-Xbeam", dice.uniform(-0.2, 1.2) * fast, 22), ("-Ybeam", dice.uniform(0, 1) * slow, 22),
                              ("-Xclose", dice.uniform(0, 1) * fast, 8), ("-Yclose", dice.uniform(0, 1) * slow, 8),
                              ("-ORGX", dice.uniform(0, 1) * plan["fast"], 14),
                              ("-ORGY", dice.uniform(0, 1) * plan["slow"], 14),
                              ("-twotheta", dice.choice([0, dice.uniform(-40, 40)]), 15),
                              ("-detector_rotx", dice.uniform(-30, 30), 12),
                              ("-detector_roty", dice.uniform(-30, 30), 12),
                              ("-detector_rotz", dice.uniform(-180, 180), 12)):
        if chance(dice, odds):
            command.add(name, value)
    if chance(dice, 10):
        command.add("-curved_det", *(["1"] if chance(dice, 50) else []))
    if chance(dice, 8):
        command.add("-point_pixel")


def sensor(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    if not chance(dice, 22):
        return
    layers = dice.choice([0, 1, 2, 3])
    if not command.afford(max(2, layers)):
        return
    thicknesses = [0, 100, dice.uniform(5, 600), dice.uniform(5, 600)]
    if chance(dice, 85):
        command.add("-detector_thick", dice.choice([*thicknesses, -20] if like_c else thicknesses))
    if chance(dice, 60):
        depths: list[float | str] = ["inf", "0", dice.uniform(10, 900), dice.uniform(10, 900)]
        depth = dice.choice(depths)
        command.add(dice.choice(["-detector_abs", "-detector_absorb"]), depth)
    if chance(dice, 60):
        command.add(dice.choice(["-thicksteps", "-detector_thicksteps"]), layers)


def size(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    """Last, so that nothing makes the detector large."""
    fast, slow, pixel = plan["fast"], plan["slow"], plan["pixel"]
    kind = dice.choice(["square", "both", "both", "mm", "mm each", "header"])
    if kind == "header" and plan.get("header_size") and not like_c:
        command.add("-pixel", pixel)
        return
    if kind == "square" and "m.img" not in command.files:
        command.add("-detpixels", min(fast, slow))
    elif kind == "mm" and "m.img" not in command.files:
        command.add("-detsize", pixel * (fast + dice.uniform(-0.3, 0.3)))
    elif kind == "mm each":
        command.add("-detsize_f", pixel * fast)
        command.add("-detsize_s", pixel * slow)
    else:
        command.add(dice.choice(["-detpixels_f", "-detpixels_x"]), fast)
        command.add(dice.choice(["-detpixels_s", "-detpixels_y"]), slow)
    command.add("-pixel", pixel)


def headers(dice: random.Random, command: DrawnCommand, plan: Plan) -> None:
    """-img and -mask, in front; both have the size of the detector."""
    for name, odds in (("-img", 6), ("-mask", 12)):
        if not chance(dice, odds):
            continue
        plan["header_size"] = True
        file = "i.img" if name == "-img" else "m.img"
        command.files[file] = smv_file(dice, plan, name == "-mask")
        command.options.insert(0, [name, file])


def smv_file(dice: random.Random, plan: Plan, is_mask: bool) -> bytes:
    fast, slow, pixel = plan["fast"], plan["slow"], plan["pixel"]
    keys = {"HEADER_BYTES": 512, "DIM": 2, "BYTE_ORDER": "little_endian", "TYPE": "unsigned_short", "SIZE1": fast,
            "SIZE2": slow, "PIXEL_SIZE": number(pixel)}
    others = {"DISTANCE": 130.5, "WAVELENGTH": 1.25, "BEAM_CENTER_X": pixel * fast * 0.4,
              "BEAM_CENTER_Y": pixel * slow * 0.3, "ADXV_CENTER_X": 1.5, "XDS_ORGX": fast * 0.45,
              "XDS_ORGY": slow * 0.6, "CLOSE_DISTANCE": 128.25, "PHI": 5, "OSC_START": 5,
              "OSC_RANGE": dice.choice([0, 1.5]), "TWOTHETA": dice.choice([0, 12])}
    keys |= {key: number(value) for key, value in others.items() if chance(dice, 45)}
    text = "{\n" + "".join(f"{key}={value};\n" for key, value in keys.items()) + "}\f\n"
    values = [dice.choice([0, 1, 1, 65535]) if is_mask else dice.randint(0, 200) for _ in range(fast * slow)]
    return text.encode().ljust(512) + struct.pack(f"<{fast * slow}H", *values)


# --- beam -----------------------------------------------------------------------------------------------


def beam(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    if chance(dice, 80):
        command.add(dice.choice(["-lambda", "-wave", "-wavelength"]), plan["wavelength"])
    if chance(dice, 8):
        command.add("-energy", dice.uniform(5000, 18000))
    if chance(dice, 12):
        command.add("-fluence", dice.choice(["1e24", "3.7e28"]))
    if chance(dice, 10):
        command.add("-flux", dice.choice(["1e18", "2e20", "0"]))
    if chance(dice, 8):
        command.add("-exposure", dice.choice([0, 0.5, 2]))
    if chance(dice, 6):
        command.add("-beamsize", dice.choice([0.02, 0.1, 1, -1]))
    if chance(dice, 35):
        command.add("-polar", dice.choice([0, 0.99, dice.uniform(-1, 1)]))
    if chance(dice, 12):
        command.add("-nopolar")
    if chance(dice, 2):
        command.add("-coherent")


def sources(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    if chance(dice, 10):
        if command.afford(4):
            command.files["s.src"] = source_file(dice, plan, like_c)
            command.add("-sourcefile", "s.src")
    elif chance(dice, 22):
        divergence(dice, command)
    if chance(dice, 18) and command.afford(3):
        command.add("-dispersion", dice.choice([0, dice.uniform(0.05, 8)]))
        if chance(dice, 70):
            command.add("-dispsteps", dice.choice([0, 1, 2, 3]))
    elif chance(dice, 2):
        command.add("-dispsteps", 3)


def source_file(dice: random.Random, plan: Plan, like_c: bool) -> bytes:
    b = BEAMS.get(plan["convention"], (1, 0, 0))
    lines = []
    for _ in range(dice.randint(1, 4)):
        words = [f"{-10 * x + dice.uniform(-0.05, 0.05):.5f}" for x in b]
        weight, wavelength = dice.choice([1, dice.uniform(0.1, 3)]), plan["wavelength"] * dice.uniform(0.95, 1.05)
        words += [f"{weight:.3g}", f"{wavelength:.4f}e-10"]
        lines.append(dice.choice([" ", "\t", ", ", "; ", " : "]).join(words[:dice.choice([3, 4, 5, 5])]))
    text = "\n".join(lines) + "\n"
    if chance(dice, 15):
        text = "\n" + text
    return (bend_sources(dice, text) if like_c else text.replace("\n", dice.choice(["\n", "\r\n"]))).encode()


def divergence(dice: random.Random, command: DrawnCommand) -> None:
    """Any of count, range and step, of both directions or each; so that few sources come out."""
    if not command.afford(16):
        return
    spread = dice.uniform(0.1, 6)
    if chance(dice, 50):
        command.add("-divergence", spread)
        if chance(dice, 70):
            command.add("-divsteps", dice.choice([0, 1, 2, 3, 4]))
    else:
        for axis in dice.sample(["h", "v"], dice.randint(1, 2)):
            given = dice.choice(["range", "step", "count", "range step", "range count", "step count", "all"])
            if "range" in given or given == "all":
                command.add(f"-{axis}divrange", dice.choice([0, spread, spread]))
            if "step" in given or given == "all":
                command.add(f"-{axis}divstep", dice.choice([0, spread / 2, spread / 3.3]))
            if "count" in given or given == "all":
                command.add(f"-{axis}divsteps", dice.choice([1, 2, 3]))
    if chance(dice, 40):
        command.add(dice.choice(["-round_div", "-square_div"]))


# --- spindle, sampling, outputs -------------------------------------------------------------------------


def spindle(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    steps = dice.choice([1, 2, 3, 4])
    if not chance(dice, 60) or not command.afford(steps):
        return
    step = dice.choice([0.25, 1, dice.uniform(0.01, 9)])
    if chance(dice, 25):  # one of the steps may be at 0
        command.add("-phi", -step * dice.randint(0, steps))
        command.add("-phisteps", steps)
        command.add("-osc", step * steps)
    else:
        if chance(dice, 60):
            command.add("-phi", dice.choice([0, 0, dice.uniform(-90, 180)]))
        for name, value, odds in (("-osc", dice.choice([0, step * steps, -1]), 60),
                                  ("-phisteps", dice.choice([0, steps]), 60),
                                  ("-phistep", dice.choice([0, step, -1]), 25)):
            if chance(dice, odds):
                command.add(name, value)
        bound_phi_steps(command, steps)
    if chance(dice, 25):
        command.add("-spindle_axis", *(dice.uniform(-1, 1) for _ in range(3)))


def bound_phi_steps(command: DrawnCommand, steps: int) -> None:
    """A step without a count must not cut the range into many."""
    given = {option[0]: option for option in command.options}
    if "-phistep" in given and "-phisteps" not in given and "-osc" in given:
        command.add("-phisteps", steps)


def sampling(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    oversample = dice.choice([1, 1, 1, 2, 3])
    if not command.afford(oversample**2):
        oversample = 1
    command.add("-oversample", oversample)
    for name, odds in (("-oversample_thick", 8), ("-oversample_polar", 10), ("-oversample_omega", 10)):
        if chance(dice, odds):
            command.add(name)
    if chance(dice, 15):
        fast, slow = min(plan["fast"], plan["slow"]), min(plan["fast"], plan["slow"])
        x, y = sorted(dice.randint(0, fast - 1) for _ in range(2)), sorted(dice.randint(0, slow - 1) for _ in range(2))
        bounds = [dice.choice([value, value, value, -1]) for value in (*x, *y)]
        command.add("-roi", *(bounds if chance(dice, 90) else [x[0], 10**4, y[0], 99]))


def outputs(dice: random.Random, command: DrawnCommand, plan: Plan, like_c: bool) -> None:
    command.add(dice.choice(["-floatfile", "-floatimage"]), "f.bin")
    command.add(dice.choice(["-intfile", "-intimage"]), "i.out")
    if chance(dice, 75):
        command.add("-nopgm")
    else:
        command.add(dice.choice(["-pgmfile", "-pgmimage"]), "p.pgm")
    if chance(dice, 85) or not like_c:
        command.add("-nonoise")
    else:
        command.options.append(["-noisefile", "n.out"])
        command.add("-seed", dice.randint(0, 10**6))
    for name, value, odds in (("-adc", dice.choice([0, 10, 33.3]), 8), ("-scale", dice.choice([0, 0.5, 100]), 8),
                              ("-pgmscale", dice.choice([0, 2.5]), 3)):
        if chance(dice, odds):
            command.add(name, value)
    command.add(dice.choice(["-noprogress", "-noprogress", "-progress"]))
