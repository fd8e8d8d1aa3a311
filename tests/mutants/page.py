"""The result of ``make mutants`` as text, and as the generated part of docs/mutants.md.

The reasons of survivors are written by hand, in tests/mutants/survivors.yaml, by the module and the line as it is
changed, so that they hold while other code moves; that of one which no test could notice begins with "changes nothing".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.mutants.bench import Outcome
from tests.mutants.mutant import CHECKOUT, Mutant

KEPT = CHECKOUT / "build" / "mutants" / "last.json"
REASONS = Path(__file__).parent / "survivors.yaml"
NOTHING = "changes nothing"
BEGIN, END = "<!-- mutants: written by make mutants -->", "<!-- end of mutants -->"


@dataclass(frozen=True)
class Result:
    """A sample that was tried, without those mutants that are no Python; how many seconds of tests the survivors were
    tried by at the second look (0: there was none), and what it had no time for: files of tests, and survivors."""

    count: int
    seed: int
    of_all: dict[str, int]
    tried: list[tuple[Mutant, Outcome]]
    second_seconds: float = 0.0
    not_reached: Sequence[str] = ()
    not_tried: Sequence[str] = ()

    @property
    def second(self) -> list[Mutant]:
        """Those that were noticed by the second look only."""
        return [mutant for mutant, outcome in self.tried if outcome.by and outcome.second]

    @property
    def stopped(self) -> int:
        """How many noticed ones failed no test but looped, waited or ended their process."""
        return sum(outcome.by.startswith("(") for _, outcome in self.tried)

    @property
    def survivors(self) -> list[Mutant]:
        return [mutant for mutant, outcome in self.tried if not outcome.by]

    @property
    def share(self) -> float:
        """The part of the sample that was noticed."""
        return 1 - len(self.survivors) / max(1, len(self.tried))


def keep(result: Result) -> None:
    """Write a result down, so that its page can be written again with more reasons."""
    KEPT.write_text(json.dumps({**vars(result), "tried": [[vars(mutant), vars(outcome)] for mutant, outcome in
                                                          result.tried]}), encoding="utf-8")


def kept() -> Result:
    """The last result."""
    stored = json.loads(KEPT.read_text(encoding="utf-8"))
    return Result(**{**stored, "tried": [(Mutant(**mutant), Outcome(**outcome)) for mutant, outcome in
                                         stored["tried"]]})


def summary(result: Result) -> str:
    """One sentence."""
    tried, survived = len(result.tried), len(result.survivors)
    at_first = tried - survived - len(result.second)
    nothing = sum(reason.startswith(NOTHING) for reason in reasons_of(result.survivors))
    return (f"{tried} of {sum(result.of_all.values())} mutants, seed {result.seed}: {tried - survived} noticed "
            f"({at_first} at first, {len(result.second)} by the second look; {result.stopped} of them looped or ended "
            f"their process), {survived} survived, {nothing} of which change nothing "
            f"({100 * result.share:.1f} % noticed)")


def reasons_of(survivors: Sequence[Mutant]) -> list[str]:
    """Why each of them survived."""
    written = yaml.safe_load(REASONS.read_text(encoding="utf-8")) if REASONS.is_file() else None
    known = {(one["module"], one["line"].strip()): one["why"] for one in written or ()}
    return [known.get((mutant.path.removeprefix("nbcompare/"), _lines(mutant)[1]), "not looked at yet")
            for mutant in survivors]


def _second_look(result: Result) -> str:
    """What the second look asked, and what it had no time for."""
    if not result.second_seconds:
        return "No second look was taken."
    said = f"The second look: tests of the whole suite, {result.second_seconds:g} seconds of them for each survivor."
    if result.not_reached:
        said += f" There was no time to find out what {len(result.not_reached)} files of tests reach."
    if result.not_tried:
        said += f" {len(result.not_tried)} survivors were not tried again."
    return said


def write(path: Path, result: Result) -> None:
    """Put the tables into a page, between the two lines that mark their place."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{_tables(result)}{END}{after}", encoding="utf-8")


def _tables(result: Result) -> str:
    tried = Counter(mutant.room for mutant, _ in result.tried)
    survived = Counter(mutant.room for mutant in result.survivors)
    drawn = f"; {result.count} were drawn, and the rest not tried in the time given" if result.count > len(
        result.tried) else ""
    second = Counter(mutant.room for mutant in result.second)
    lines = [f"`make mutants MUTANTS={result.count} SEED={result.seed}`: {summary(result)}{drawn}.", "",
             _second_look(result), "",
             "| room | mutants | tried | noticed at first | by the second look | survived | noticed of tried |",
             "|---|---|---|---|---|---|---|"]
    lines += [f"| {room} | {result.of_all[room]} | {number} | {number - survived[room] - second[room]} | "
              f"{second[room]} | {survived[room]} | {100 * (1 - survived[room] / number):.0f} % |"
              for room, number in sorted(tried.items())]
    if result.survivors:
        lines += ["", "| survivor | changed | why no test notices |", "|---|---|---|"]
        lines += [f"| `{mutant.path.removeprefix('nbcompare/')}` line {mutant.line} | {_change(mutant)} | "
                  f"{reason} |" for mutant, reason in zip(result.survivors, reasons_of(result.survivors), strict=True)]
    return "\n".join(lines) + "\n"


def _change(mutant: Mutant) -> str:
    return " → ".join(f"<code>{_escaped(text)}</code>" for text in _lines(mutant))


def _lines(mutant: Mutant) -> tuple[str, str]:
    """What is taken away and what is put in, each in one line."""
    lines = [line.strip() for line in mutant.diff().splitlines() if line and line[0] in "+-"]
    old, new = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return old, new


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
