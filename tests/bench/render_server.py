"""Renders what it is asked to on standard input, and answers how long that took: one JSON line each."""

import json
import os
import re
import sys
import time
from pathlib import Path

from nanobrag_torch.command.load import load_components, read_command
from nanobrag_torch.render.build_scene import build_scene
from nanobrag_torch.render.choose import choose_path, render_image
from nanobrag_torch.render.workers import wait_for_ended

MOST_SCENES = 6
"""Those of one row, which are rendered in turn."""


def cpu_seconds():
    return sum(os.times()[:4])


def forget_peak():
    """Let the kernel begin anew with the largest resident size."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb():
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024


def scene_of(argv, folder):
    command = read_command(argv, Path(folder), Path(folder))
    scene = build_scene(*load_components(command), emulate=command.emulate)
    return scene, choose_path(scene, command.program)


def main():
    scenes = {}
    for line in sys.stdin:
        asked = json.loads(line)
        key = tuple(asked["argv"])
        if key not in scenes:
            scenes = dict(list(scenes.items())[-MOST_SCENES + 1:])
            scenes[key] = scene_of(asked["argv"], asked["folder"])
        scene, path = scenes[key]
        forget_peak()
        started, before = time.perf_counter(), cpu_seconds()
        image, _ = render_image(scene, path, asked["workers"])
        seconds = time.perf_counter() - started
        wait_for_ended()
        cpu = cpu_seconds() - before
        if asked["image"]:
            image.tofile(asked["image"])
        print(json.dumps({"seconds": seconds, "cpu": cpu, "path": str(path), "peak_mb": peak_mb()}), flush=True)


if __name__ == "__main__":
    main()
