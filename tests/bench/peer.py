"""The other PyTorch port of nanoBragg, as a second comparator: github:hoidn/nanoBragg, where $NB_PEER is its source.

It is run as a process with the arguments of C and of this project's simulator, by the same Python, and nothing of it is
read. Each contestant runs once: its runs take long, and what is told of it is a size.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.bench.commands import OPTIONS, SCAN, Command
from tests.bench.measure import PROCESS, Figures
from tests.bench.programs import accuracy, environment, timed

LONGEST = 150
"""Seconds after which a run of the peer is stopped."""
TIMED_OUT = 124
"""The exit status by which ``timeout`` says so."""
NOT_GIVEN = "not measured: NB_PEER is not given"
ROWS = (("square crystal, 4 phi steps, 512 x 512 pixels", SCAN), ("square crystal, still, 512 x 512 pixels", "-phi 1"))


def peer_rows(bench) -> list[dict]:
    """C, whole processes of the fast path and of the peer, and how far both images are from that of C; no rows where
    the peer is not given. Raises RuntimeError where it has no package, or C or this project's simulator fails; of the
    peer that is told."""
    given = os.environ.get("NB_PEER")
    if not given:
        print(f"the peer: {NOT_GIVEN}", flush=True)
        return []
    source = Path(given).expanduser().resolve()
    package = source / "src" if (source / "src").is_dir() else source
    if not (package / "nanobrag_torch" / "__init__.py").is_file():  # else this project's own would be measured
        raise RuntimeError(f"NB_PEER: {package} has no package nanobrag_torch")
    variables = {**environment(), "PYTHONPATH": str(package)}
    return [_row(bench, Command(name, tuple(f"{OPTIONS} -detpixels 512 -pixel 0.6 {text}".split())), variables)
            for name, text in ROWS]


def _row(bench, command: Command, variables: dict[str, str]) -> dict:
    runs = {"C": bench.c_run(command), f"fast, {PROCESS}": bench.process(command, "fast")}
    images, failed = {f"fast, {PROCESS}": "process.bin"}, ""
    words = [word for word in command.argv if word != "-nopgm"]  # it has no such option, and writes none unasked
    try:
        runs["peer, " + PROCESS] = timed(["timeout", str(LONGEST), sys.executable, "-m", "nanobrag_torch", *words,
                                          "-floatfile", "peer.bin"], bench.folder, variables)
        images["peer, " + PROCESS] = "peer.bin"
    except RuntimeError as fault:
        late = f"exit status {TIMED_OUT}" in str(fault)
        failed = f"it ran for more than {LONGEST} s" if late else str(fault).strip().splitlines()[-1][:120]
    row = {"name": command.name, "figures": {name: Figures.of([run]).as_dict() for name, run in runs.items()},
           "paths": {}, "errors": {name: accuracy(bench.folder / file, bench.folder / "floatimage.bin")
                                   for name, file in images.items()}, "failed": failed}
    print(f"{command.name}: " + "; ".join(f"{name} {run.seconds:.2f} s" for name, run in runs.items())
          + "".join(f"; {name} {error:.1g} of the peak" for name, (error, _) in row["errors"].items())
          + (f"; the peer failed: {failed}" if failed else ""), flush=True)
    return row
