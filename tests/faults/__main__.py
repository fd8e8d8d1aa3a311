"""Try every fault and write the table of docs/reliability.md: python -m tests.faults [--workers N] [PIECE ...].

What a piece found is kept under build/faults by the content of the code and the tests, so that the table can be made
in pieces: a second call tries only what is missing, and the page is written when nothing is.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.faults.groups import GROUPS, pieces
from tests.faults.kept import Kept, try_and_keep
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
  an earlier run has one: a subject that gives it byte for byte, and was seen to read it, has failed or is told. The
  reference program can be started by the subject itself, and equal bytes alone are no sign, as two programs in double
  precision may round every pixel alike. What is noticed too is a copy that was touched up: a handful of pixels a few
  units in the last place apart. That is no evidence, unless it was seen that the subject read neither a bundle, nor
  a file that has a byte for each value of the image and is no code, nor ran or read a file of the reference's own:
  then a note says so, as two honest programs that compute alike may round a pixel otherwise. An image that is written
  into a port's code is not noticed; whoever does that can touch up every pixel.
- With `--side-by-side` both engines run at the same time, and while a program works its image lies in a file of the
  user that started it. So that is done under `--sandbox` alone, with the files of each in a folder of its own that
  lies in nothing the other may read, by any name that a mount gives it; it is refused otherwise. The kernel (Landlock
  and seccomp) then keeps a subject from the reference's files, open files, memory and messages. It rests on the kernel,
  where one after the other rests on there being no image; a watcher that only looks on would not do, as it can be
  deceived about which file a name meant. A process that one engine detaches from its group while the other ends may be
  told of the other, and both have failed then.
- While the reference is run again for noise floor, claims or probed arguments, images are in the memory of nb-compare
  alone. Linux closes that to other processes of the user; not to the superuser, and not on other systems.
  `inputs/env.txt` says under `images` which it was.
- A bundle that is removed, or whose folder is called otherwise, is not missed: gate, `list` and `sweep` look at what is
  there, and whoever may run it may delete it. A ledger that it was entered in still names it.
- A case that expects a refusal says nothing of images: an engine that refuses every command line in the same words
  passes it, which its note says. Other cases have to show that it gives images at all.
- Pixels that are NaN in both images, with nothing bright around them, may have been spots. That is told as weak in each
  gate until it is signed, and is no reason against a pass.
- A process that an engine leaves is found and ended on Linux. Elsewhere one that leaves its process group goes on.
- Engines are not kept from the network, from files of the user, or from one another's time.
- What an engine takes from no file is not kept with a sum: the clock, the host's name, what `git show` reads from a
  history, a device, a key of the kernel, another program's memory that is read in place (`process_vm_readv`), what
  others send it where it listens. What it asks of another program through a socket, a pipe, messages or shared memory
  is told, and the gate is red; not so a message that is addressed by `sendmsg`. Whether something is there it can
  also learn by trying to change or remove it (`chmod`, `utime`, `mkdir`, `unlink`), which is not taken for a
  question.
"""


def page(found: dict[str, list[Row]], commit: str) -> str:
    """The whole page, of what was found at a commit."""
    every = [row for rows in found.values() for row in rows]
    parts = [HEAD.format(commit=commit, tried=f"{sum(row.tried for row in every):,}", rows=len(every),
                         held=f"{sum(row.held for row in every):,}")]
    for title, rows in found.items():
        lines = [f"| {row.fault} | {row.tried} | {row.held if row.detected else f'**{row.held}**'} | {row.happened} | "
                 f"{row.exit_codes} |" for row in rows]
        parts.append("\n".join([f"## {title}", "", "| fault | tried | held | what happened | exit code |",
                                "|---|---|---|---|---|", *lines]) + "\n")
    return "\n".join([*parts, LIMITS])


def main() -> int:
    """Pieces are tried beside one another, in as many processes as the machine has cores, or as given."""
    asked, begun = _asked(), time.monotonic()
    kept = Kept.of_this_checkout()
    wanted = [piece for piece in pieces() if not asked.pieces or piece.name in asked.pieces]
    missing = [piece for piece in wanted if asked.fresh or kept.rows_of(piece.name) is None]
    with ProcessPoolExecutor(asked.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(try_and_keep, missing, [kept] * len(missing)))
    return _told(kept, time.monotonic() - begun)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    names = [piece.name for piece in pieces()]
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help=f"only these of: {', '.join(names)}")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--fresh", action="store_true", help="try again what was found at this content before")
    asked = parser.parse_args()
    unknown = set(asked.pieces) - set(names)
    if unknown:
        parser.error(f"no such piece: {', '.join(sorted(unknown))}")
    return asked


def _told(kept: Kept, seconds: float) -> int:
    """Write the page if every piece was tried, and say what there is."""
    found: dict[str, list[Row]] = {title: [] for title in GROUPS}
    missing = []
    for piece in pieces():
        rows = kept.rows_of(piece.name)
        found[piece.title] += rows or []
        missing += [piece.name] if rows is None else []
    every = [row for rows in found.values() for row in rows]
    bad = sum(not row.detected for row in every)
    if not missing:
        PAGE.write_text(page(found, kept.commit), encoding="utf-8")
    print(f"{len(every)} faults, {sum(row.tried for row in every)} trials, {bad} faults not held, {seconds:.0f} s: "
          + (f"not tried yet: {', '.join(missing)}" if missing else PAGE.name))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
