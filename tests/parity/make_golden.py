"""Make golden.yaml: command lines of the C program with a compact table of the figures of their images.

    python tests/parity/make_golden.py FOLDER

FOLDER holds commands.yaml (id, argv, inputs of each command), images.npz (float32 [slow, fast] by id) and
inputs/, as measured with nanoBragg C. The input files are copied to inputs/ beside this script. Making the table
anew is a deliberate act; the tests never do it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import yaml

HERE = Path(__file__).resolve().parent
SAMPLED_PIXELS = 12
HEAD = """\
# Command lines of nanoBragg C and figures of the float image that each makes.
# Measured with nanoBragg C, July 2026, serial (no OpenMP), gcc -O2, x86-64 Linux; each ran alone in a fresh folder
# with the files of inputs/ in it. Made by make_golden.py. Pixels are [slow, fast, value], the brightest first, then
# evenly by rank of brightness; sha256 is that of the image as little-endian float32, fast axis first.
"""


def sampled_pixels(image: np.ndarray) -> list[list]:
    """[slow, fast, value] of the brightest pixel and of others down to the faintest, evenly by rank."""
    order = np.argsort(-image, axis=None, kind="stable")
    ranks = np.unique(np.linspace(0, order.size - 1, SAMPLED_PIXELS).astype(int))
    places = [np.unravel_index(order[rank], image.shape) for rank in ranks]
    return [[int(slow), int(fast), float(f"{image[slow, fast]:.9g}")] for slow, fast in places]


def figures(image: np.ndarray) -> dict:
    """What the table says of an image, float32 [slow, fast]."""
    precise = image.astype(np.float64)
    slow, fast = np.unravel_index(int(image.argmax()), image.shape)
    return {
        "shape": list(image.shape),
        "sum": float(f"{precise.sum():.15g}"),
        "mean": float(f"{precise.mean():.15g}"),
        "max": float(f"{image.max():.9g}"),
        "max_position": [int(slow), int(fast)],
        "pixels": sampled_pixels(image),
        "sha256": hashlib.sha256(image.astype("<f4").tobytes()).hexdigest(),
    }


def entry_text(command: dict, image: np.ndarray) -> str:
    """One entry of the table, which is YAML with a line for each key."""
    entry = {"id": command["id"], "argv": command["argv"], "inputs": command["inputs"], **figures(image)}
    lines = [f"{key}: {json.dumps(value)}" for key, value in entry.items()]
    return "- " + "\n  ".join(lines) + "\n"


def main(folder: Path) -> None:
    commands = yaml.safe_load((folder / "commands.yaml").read_text())
    images = np.load(folder / "images.npz")
    text = HEAD + "".join(entry_text(command, images[command["id"]]) for command in commands)
    (HERE / "golden.yaml").write_text(text)
    (HERE / "inputs").mkdir(exist_ok=True)
    for name in (name for command in commands for name in command["inputs"]):
        shutil.copyfile(folder / "inputs" / name, HERE / "inputs" / name)
    print(f"{len(commands)} commands")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
