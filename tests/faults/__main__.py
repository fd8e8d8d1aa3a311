"""Try every fault and write the table of docs/reliability.md: python -m tests.faults."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.faults.groups import GROUPS, rows_of
from tests.faults.laboratory import Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
HEAD = """\
# Reliability: faults tried, and what happened

Made by `make faults` (tests/faults), which tries each fault on small bundles of fake engines and writes this page; a
short form of it runs with the tests. A trial has held when it ended with an exit code other than 0 and a sentence that
names what is wrong, or, where the fault must do no harm, when no harm was found afterwards; one that ends with a trace,
or not at all, has not. What nobody promises stands [at the end](#what-is-not-promised).

Written at commit {commit}: {tried} trials of {rows} faults; {held} held.

Exit codes: 1 usage or case error, 2 an engine failed, 3 outside a threshold, 5 a file could not be read or written,
6 evidence damaged, 8 blocked. SIGKILL: the process itself was the one that was killed.
"""
LIMITS = """\
## What is not promised

- A whole bundle forged from nothing, by somebody who writes every file anew in perfect order, is whole in itself. What
  tells it from the true one is a sign-off (the digest of its manifest), and what tells the sign-off from a forged one
  is an SSH signature by a key the forger does not have: [phases.md](phases.md).
- nb-compare, its engines and its user are one user to the system. An engine that sets out to deceive can do all that
  its user can; what is watched is the bundle being made, and what is checked is everything in it.
- The subject runs before the reference, so that in this run there is no image to copy. A bundle or an output folder of
  an earlier run has one, the reference program can be started by the subject itself, and equal bytes are no sign, as
  two programs in double precision may round every pixel alike. What is noticed is a copy that was touched up: a handful
  of pixels a few units in the last place apart. Of 60 measured commands, by four pairs of programs, no pair of images
  looked so; on a machine whose mathematical library rounds otherwise an honest pair might, and is blocked.
- While the reference is run again for noise floor, claims or probed arguments, images are in the memory of nb-compare
  alone. Linux closes that to other processes of the user; not to the superuser, and not on other systems.
  `inputs/env.txt` says under `images` which it was.
- A process that an engine leaves is found and ended on Linux. Elsewhere one that leaves its process group goes on.
- Engines are not kept from the network, from files of the user, or from one another's time.
"""


def page(found: dict[str, list[Row]]) -> str:
    """The whole page."""
    every = [row for rows in found.values() for row in rows]
    parts = [HEAD.format(commit=commit(), tried=f"{sum(row.tried for row in every):,}", rows=len(every),
                         held=f"{sum(row.held for row in every):,}")]
    for title, rows in found.items():
        lines = [f"| {row.fault} | {row.tried} | {row.held if row.detected else f'**{row.held}**'} | {row.happened} | "
                 f"{row.exit_codes} |" for row in rows]
        parts.append("\n".join([f"## {title}", "", "| fault | tried | held | what happened | exit code |",
                                "|---|---|---|---|---|", *lines]) + "\n")
    return "\n".join([*parts, LIMITS])


def commit() -> str:
    """The commit that was tried, and whether anything was changed since."""
    def git(*words: str) -> str:
        return subprocess.check_output(["git", *words], cwd=PAGE.parent, text=True).strip()

    changed = git("status", "--porcelain", "--", ":/nbcompare", ":/simulator", ":/tests")
    return f"`{git('rev-parse', '--short=10', 'HEAD')}`" + (" with changes" if changed else "")


def main() -> int:
    """Groups are tried beside one another, in as many processes as the machine has cores, or as given."""
    begun = time.monotonic()
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else os.cpu_count() or 1
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = dict(zip(GROUPS, pool.map(rows_of, GROUPS), strict=True))
    rows = [row for group in found.values() for row in group]
    PAGE.write_text(page(found), encoding="utf-8")
    bad = sum(not row.detected for row in rows)
    print(f"{len(rows)} faults, {sum(row.tried for row in rows)} trials, {bad} faults not held, "
          f"{time.monotonic() - begun:.0f} s: {PAGE.name}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
