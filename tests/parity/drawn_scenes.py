"""Scenes of the random command lines of fuzz.py, in this process: the compiled path against the plain one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from nanobrag_torch.command.load import load_components, read_command
from nanobrag_torch.errors import SimulatorError
from nanobrag_torch.options import Program
from nanobrag_torch.render.build_scene import build_scene
from nanobrag_torch.render.choose import RenderPath, choose_path, exact_in_32_bits, exact_in_float32, render_image
from nbcompare.explain.fuzz.random_commands import random_command

LARGEST_ERROR = 1e-6


def drawn_scenes(seed: int, count: int, home: Path) -> Iterator[tuple[str, object]]:
    """Command lines that nanoBragg takes, with all that it does emulated in every second one; the refused are left
    out."""
    for at in range(count):
        folder = home / f"{seed}-{at}"
        folder.mkdir()
        command = random_command(seed, at, False)
        for name, content in command.files.items():
            (folder / name).write_bytes(content)
        argv = [*command.argv, *(("-emulate", "all") if at % 2 else ())]
        try:
            read = read_command(argv, folder, folder)
            yield " ".join(argv), build_scene(*load_components(read), emulate=read.emulate)
        except SimulatorError:
            continue


def misses(seed: int, count: int, home: Path) -> tuple[list[str], Counter]:
    """What differs by more than 1e-6 of the peak or of the sum, or in the solid angle; and how many took which path."""
    found, paths = [], Counter()
    for command, scene in drawn_scenes(seed, count, home):
        path = choose_path(scene, Program(render="compiled"))
        paths[str(path)] += 1
        if path.name != "compiled":
            continue
        exact = exact_in_float32(scene) and exact_in_32_bits(scene)
        with torch.no_grad(), np.errstate(all="ignore"):
            plain, plain_omega = render_image(scene, RenderPath("plain", "float64"))
            for dtype in ("float64", "float32") if exact else ("float64",):
                image, omega = render_image(scene, RenderPath("compiled", dtype))
                wrong = difference(image, plain)
                if not abs(omega - plain_omega) <= 1e-10 * abs(plain_omega):
                    wrong = f"{wrong} solid angle {omega} for {plain_omega}"
                if wrong:
                    found.append(f"{dtype}: {wrong}: {seed} # {command}")
    return found, paths


def difference(image, plain) -> str:
    """What is wrong with an image; empty where nothing is."""
    image, plain = image.astype(float), plain.astype(float)
    if not np.array_equal(np.isfinite(image), np.isfinite(plain)):
        return "other pixels are no finite numbers"
    image, plain = np.nan_to_num(image, nan=0, posinf=0, neginf=0), np.nan_to_num(plain, nan=0, posinf=0, neginf=0)
    apart, excess = abs(image - plain).max(), abs(image.sum() - plain.sum())
    peak, total = abs(plain).max(), abs(plain).sum()
    if apart <= LARGEST_ERROR * peak and excess <= LARGEST_ERROR * total:
        return ""
    return f"{apart / (peak or 1.0):.2g} of the peak, {excess / (total or 1.0):.2g} of the sum"
