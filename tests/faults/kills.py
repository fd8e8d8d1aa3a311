"""nb-compare killed with SIGKILL, as by a power cut, at many points of a run, a sign-off and a ledger entry."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.laboratory import Laboratory, Row, Said

EVENTS = {"open", "os.mkdir", "os.rename", "os.chmod", "os.remove", "os.rmdir", "os.link", "os.truncate",
          "subprocess.Popen", "shutil.rmtree", "shutil.copyfile", "shutil.move", "fcntl.flock"}
"""What the interpreter tells its audit hooks, and what a run does to the world."""

POINTS = 50
LATEST_MS = 2000
"""By then a run on small images is over, so that some of the kills come too late."""

KILLED = -signal.SIGKILL


def rows(lab: Laboratory, *, short: bool) -> Iterator[Row]:
    """Every row of this group."""
    points = 2 if short else POINTS
    yield _by_an_engine(lab, points)
    yield _at_its_own_steps(lab, points)
    yield _while_signing(lab, -(-points // 2))
    yield _while_entering(lab, -(-points // 2))


def kill_at(step: int) -> Callable[[], None]:
    """Kills the process when it is about to take this step."""

    def hurt() -> None:
        left = [step]

        def hook(event: str, _) -> None:
            if event in EVENTS:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)

    return hurt


def steps_of(lab: Laboratory, call: Callable[[Callable[[], None]], Said]) -> int:
    """How many steps a call takes that is let through."""
    count = lab.folder / ".steps"

    def hurt() -> None:
        handle = os.open(count, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        sys.addaudithook(lambda event, _: os.write(handle, b".") if event in EVENTS else None)

    assert call(hurt).code == 0
    return count.stat().st_size


def spread(total: int, points: int) -> list[int]:
    """So many different steps of 1..total, evenly spread, the last ones among them."""
    return sorted({max(1, round(total * (i + 1) / points)) for i in range(points)})


# --- a run ------------------------------------------------------------------------------------------------


@dataclass
class Aftermath:
    """What is found after the kills of one row, added up."""

    killed: int = 0
    half: int = 0
    named: int = 0
    lost: int = 0
    published: int = 0

    def look(self, lab: Laboratory, said: Said, before: int) -> None:
        """Is every visible bundle whole; is every hidden folder named by doctor, and gone after its cleaning?"""
        self.killed += said.code == KILLED
        self.half += not lab.all_whole()
        hidden = {path.name for path in lab.home.glob(".*")} if lab.home.exists() else set()
        named = {Path(entry["folder"]).name for entry in _leftovers_at_rest(lab)}
        self.named += len(hidden & named)
        self.lost += len(hidden - named)
        lab.call("doctor", "--clean")
        self.lost += len(list(lab.home.glob(".*"))) if lab.home.exists() else 0
        self.half += not lab.all_whole()
        self.published += len(lab.stamps()) - before

    @property
    def sentence(self) -> str:
        return (f"no half bundle can be seen; each of the {self.named} hidden folders left is named by doctor and "
                f"cleaned away, or published if it was finished; the next run works")

    @property
    def clean(self) -> bool:
        return not (self.half or self.lost)


def _leftovers_at_rest(lab: Laboratory) -> list[dict]:
    """What doctor names once no engine that outlived nb-compare is at work in it."""
    for _ in range(50):
        found = lab.leftovers()
        if all(entry["state"] != "in use" for entry in found):
            break
        time.sleep(0.1)
    return found


def _by_an_engine(lab: Laboratory, points: int) -> Row:
    """Reference or subject kills nb-compare: before, halfway through and after its image, up to two seconds later."""
    whens = ["before", "half", "after", *(LATEST_MS * i // points for i in range(points))]
    plans = [("reference", when) for when in whens[:3]] + [("subject", when) for when in whens]
    aftermath, codes = Aftermath(), []
    for role, when in plans[:points]:
        other = lab.another("killed")
        engines = {"reference": "good", "subject": "twin", role: "assassin"}
        option = {"reference": "--c-args", "subject": "--py-args"}[role]
        said = other.run(engines["reference"], engines["subject"], option, f"-kill-when {when}")
        codes.append(said.code)
        aftermath.look(other, said, 0)
    return _row("kill -9 by an engine, at points of and after its own run", points, codes, aftermath, other)


def _at_its_own_steps(lab: Laboratory, points: int) -> Row:
    """nb-compare dies as it is about to open, make, rename or remove something."""
    counted = lab.another("killed")
    total = steps_of(counted, lambda hurt: counted.run(hurt=hurt))
    aftermath, codes = Aftermath(), []
    for step in spread(total, points):
        other = lab.another("killed")
        said = other.run(hurt=kill_at(step))
        codes.append(said.code)
        aftermath.look(other, said, 0)
    return _row("kill -9 at steps of a run, from the first file to the last rename", points, codes, aftermath, other)


def _row(fault: str, points: int, codes: list, aftermath: Aftermath, last: Laboratory) -> Row:
    works = last.run().code == 0 and last.all_whole()
    return Row(fault, points, aftermath.sentence, aftermath.clean and works and KILLED in codes, tuple(codes))


# --- a sign-off and a ledger --------------------------------------------------------------------------------


def _while_signing(lab: Laboratory, points: int) -> Row:
    """Afterwards there is a whole sign-off or none, and signing again works."""
    lab.bundle()
    words = ("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person")
    other = lab.another("killed")
    total = steps_of(other, lambda hurt: other.call(*words, hurt=hurt))
    codes, good = [], True
    for step in spread(total, points):
        other = lab.another("killed")
        codes.append(other.call(*words, hurt=kill_at(step)).code)
        signed = list(other.folder.glob("bundles/signoffs/N1/2*Z.json"))
        good &= other.gate("N2").code == (0 if signed else 8)
        good &= other.call(*words).code == 0 and other.gate("N2").code == 0
    return Row("kill -9 at steps of sign", points, "a sign-off is there whole or not at all; signing again works",
               good and KILLED in codes, tuple(codes))


def _while_entering(lab: Laboratory, points: int) -> Row:
    """Afterwards the ledger is the old or the new one, and entering again makes it the new one."""
    folder = lab.bundle().relative_to(lab.folder)
    words = ("attempt", folder, "--ledger", "ledger.md", "--plan", "plan.md", "--row", "N1")
    other = _with_ledger(lab)
    old = _texts(other)
    total = steps_of(other, lambda hurt: other.call(*words, hurt=hurt))
    new, codes, good = _texts(other), [], True
    for step in spread(total, points):
        other = _with_ledger(lab)
        codes.append(other.call(*words, hurt=kill_at(step)).code)
        good &= all(text in pair for text, pair in zip(_texts(other), zip(old, new, strict=True), strict=True))
        good &= other.call(*words).code == 0 and _texts(other) == new
        good &= not list(other.folder.glob(".*.nb-compare"))
    return Row("kill -9 at steps of attempt", points, "ledger and plan are each the old or the new file, never "
               "between; entering again completes them", good and KILLED in codes, tuple(codes))


def _with_ledger(lab: Laboratory) -> Laboratory:
    other = lab.another("killed")
    (other.folder / "ledger.md").write_text("# Ledger\n\n## small\n")
    (other.folder / "plan.md").write_text("- [ ] N1 inputs\n")
    return other


def _texts(lab: Laboratory) -> list[str]:
    return [(lab.folder / name).read_text() for name in ("ledger.md", "plan.md")]
