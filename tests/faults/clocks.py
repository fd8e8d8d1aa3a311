"""Clocks that jump, and things done in the same second."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from tests.faults.laboratory import Laboratory, Row

IO, ENGINE_FAILED, BLOCKED = 5, 2, 8


def rows(lab: Laboratory, *, short: bool) -> Iterator[Row]:
    """Every row of this group."""
    yield _back_by(lab, 3600.0, "the clock went back an hour since the newest bundle", refused=True)
    yield _back_by(lab, 1.0, "the clock went back a second since the newest bundle", refused=False)
    yield _back_during_a_run(lab)
    yield _stamp_in_the_future(lab)
    yield _at_once(lab, 3 if short else 8)
    yield _signed_and_entered_at_once(lab, 3 if short else 8)


def ahead_by(seconds: float, *, only_the_stamp: bool = False) -> Callable[[], None]:
    """Gives the process a clock that stands ahead; or only the stamp it takes, as if it was put right at once."""
    now = time.time

    def hurt() -> None:
        import nbcompare.run.one_case

        if only_the_stamp:
            nbcompare.run.one_case._clock = lambda reserved: lambda: now() + seconds
        else:
            time.time = lambda: now() + seconds

    return hurt


def _back_by(lab: Laboratory, seconds: float, fault: str, *, refused: bool) -> Row:
    """The newest bundle was made by a clock that stood ahead. An older stamp than its own must never come after."""
    other = lab.another("clock")
    first = other.run(hurt=ahead_by(seconds + 0.5, only_the_stamp=True))
    second = other.run("good", "bright")
    stamps = other.stamps()
    if refused:
        good = second.code == IO and "the clock says" in second.err and len(stamps) == 1
        happened = "the run is refused, as its stamp would hide it behind the older bundle"
    else:
        good = second.code == 3 and len(stamps) == 2 and "FAIL" in (stamps[1] / "record.json").read_text()
        happened = "the run waits until its stamp is the newest"
    return Row(fault, 1, happened, first.code == 0 and good and other.all_whole(), (second.code,))


def _back_during_a_run(lab: Laboratory) -> Row:
    """The run begins on a clock an hour ahead, which is put right while the engine works: its image looks old."""
    other = lab.another("clock")
    said = other.run(hurt=ahead_by(3600.0))
    good = said.code == ENGINE_FAILED and "older than the run itself" in said.out and other.all_whole()
    return Row("the clock goes back an hour while an engine runs", 1,
               "the image counts as older than the run: the engine has failed", good, (said.code,))


def _stamp_in_the_future(lab: Laboratory) -> Row:
    other = lab.another("clock")
    (other.folder / "phases.yaml").write_text(
        "title: t\nphases: [{name: N1, title: t, cases: [small.yaml], requires: {files_complete: true, "
        "max_age_hours: 1}}]\n")
    made = other.run(hurt=ahead_by(3600.0, only_the_stamp=True))
    said = other.gate("N1")
    return Row("a bundle whose stamp lies in the future", 1, "the gate is red, whatever age it allows",
               made.code == 0 and said.code == BLOCKED and "in the future" in said.out, (said.code,))


def _at_once(lab: Laboratory, count: int) -> Row:
    """All begin in one second of the clock, and keep to it until each has its stamp."""
    other = lab.another("at-once")
    begun = [other.begin(*other.run_words()) for _ in range(count)]
    said = [other.end(one) for one in begun]
    good = all(one.code == 0 for one in said) and len(other.stamps()) == count and other.all_whole()
    return Row(f"{count} runs of one case at the same second", count, "each gets a stamp of its own; all are whole",
               good, tuple(one.code for one in said))


def _signed_and_entered_at_once(lab: Laboratory, count: int) -> Row:
    other = lab.another("at-once")
    folder = other.bundle().relative_to(other.folder)
    (other.folder / "ledger.md").write_text("")
    begun = [other.begin("sign", "N1", "--phases", "phases.yaml", "--by", "A. Person") for _ in range(count)]
    begun += [other.begin("attempt", folder, "--ledger", "ledger.md") for _ in range(count)]
    said = [other.end(one) for one in begun]
    signed = list(other.folder.glob("bundles/signoffs/N1/2*Z.json"))
    entries = re.findall(r"^### Attempt \d+", (other.folder / "ledger.md").read_text(), re.MULTILINE)
    good = all(one.code == 0 for one in said) and len(signed) == count and len(entries) == 1
    return Row(f"{count} sign-offs and {count} ledger entries at the same second", 2 * count,
               "each sign-off has a second of its own; the bundle is entered once", good,
               tuple(one.code for one in said))
