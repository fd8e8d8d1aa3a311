"""What derivatives cost: the sum of an image by the six numbers of the cell and the three of the orientation.

Bands of rows are rendered and gone back through one by one, so that no graph of a whole image is ever held. The
forward render beside it is the same path without derivatives; the plain one, because only it has any.

    python tests/bench/derivatives.py FOLDER ARGV...        (one JSON line)
"""

import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from nanobrag_torch.command.load import load_components, read_command
from nanobrag_torch.render.build_scene import build_scene
from nanobrag_torch.render.plain import render


def peak_mb():
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024


def components(folder, argv, wanted):
    """The components of a command with cell and orientation as tensors, and these nine leaves."""
    command = read_command(argv, folder, folder)
    beam, crystal, *rest = load_components(command)
    scene = build_scene(beam, crystal, *rest)
    leaves = [torch.tensor(float(x), dtype=torch.float64, requires_grad=wanted)
              for x in (*scene.lattice.cell, *crystal.misset_rad)]
    turned = replace(crystal, matrix=None, cell_lengths_A=leaves[:3], cell_angles_rad=leaves[3:6],
                     misset_rad=tuple(leaves[6:]))
    return build_scene(beam, turned, *rest), leaves


def measured(folder, argv, wanted):
    """(CPU seconds, the derivatives) of rendering a command, and of going back through it."""
    scene, leaves = components(folder, argv, wanted)
    started = time.process_time()
    with torch.set_grad_enabled(wanted):
        for band in render(scene):
            if wanted:
                band.values.sum().backward(retain_graph=True)
    return time.process_time() - started, [leaf.grad for leaf in leaves]


def main():
    folder, argv = Path(sys.argv[1]), sys.argv[2:]
    torch.set_num_threads(1)  # threads that wait for one another would count
    imported = peak_mb()
    forward = min(measured(folder, argv, wanted=False)[0] for _ in range(2))
    both, slopes = measured(folder, argv, wanted=True)
    print(json.dumps({"forward": forward, "times": both / forward, "more_mb": peak_mb() - imported,
                      "defined": all(slope is not None and bool(slope.isfinite()) for slope in slopes)}))


if __name__ == "__main__":
    main()
