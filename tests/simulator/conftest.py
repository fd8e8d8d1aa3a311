"""Both simulators, run as a user runs them; the reference is built once per session from its sources."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

# One crystal, 32 x 32 pixels; the command most check values are stated for.
BASE = (
    "-cell 100 100 100 90 90 90 -default_F 100 -N 5 -lambda 1 -distance 100 "
    "-detpixels 32 -pixel 0.1 -oversample 1 -noprogress -nonoise"
).split()


@dataclass(frozen=True)
class Rendered:
    """One run of the reference simulator: what it said and the float image it wrote, if any."""

    status: int
    stdout: str
    stderr: str
    folder: Path

    def image(self, slow=32, fast=32, name="floatimage.bin"):
        return np.fromfile(self.folder / name, dtype="=f4").reshape(slow, fast)


@pytest.fixture
def reference(reference_binary, tmp_path):
    """Run the reference simulator in a fresh folder: reference("-phi 1") adds options to BASE,
    reference(argv=[...]) gives all of them."""

    def run(options="", *, argv=None, binary=None, threads=2):
        folder = tmp_path
        arguments = BASE + options.split() if argv is None else argv
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        done = subprocess.run(
            [str(binary or reference_binary), *map(str, arguments)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Rendered(done.returncode, done.stdout, done.stderr, folder)

    return run


@pytest.fixture
def simulated(tmp_path, capsys):
    """Run the torch simulator in a fresh folder, in this process: simulated("-phi 1") adds options to BASE,
    simulated(argv=[...]) gives all of them."""
    from nanobrag_torch.cli import run as run_command

    def run(options="", *, argv=None):
        capsys.readouterr()
        status = run_command(BASE + options.split() if argv is None else list(argv), tmp_path, tmp_path)
        said = capsys.readouterr()
        return Rendered(status, said.out, said.err, tmp_path)

    return run


@pytest.fixture
def scene_of(tmp_path):
    """What a renderer gets for options added to BASE: scene_of("-phi 1 -emulate all")."""
    from nanobrag_torch.command.load import load_components, read_command
    from nanobrag_torch.render.build_scene import build_scene

    def build(options="", base=BASE):
        command = read_command([*base, *options.split()], tmp_path, tmp_path)
        return build_scene(*load_components(command), emulate=command.emulate)

    return build
