"""make mutants: does a test notice when one operator, number or branch of the code is changed?

A sample of all mutants that cosmic-ray's operators make of compare, case, verdict, bundle and plan is drawn with a
seed, and each is tried by the tests of its room, in a copy of the checkout. What survives is printed as a diff.

    python -m tests.mutants --count 60 --seed 1 [--room case]
"""

from __future__ import annotations

import argparse
import ast
import difflib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

CHECKOUT = Path(__file__).resolve().parent.parent.parent
TESTS = {
    "compare": ("metrics", "masks", "tolerance", "shapes", "vacuity", "limits", "pictures", "images"),
    "case": ("case", "inputs", "named_files", "declarations", "shapes", "limits", "diagnosis_arguments", "divergences",
             "gates_gate", "sweep", "oneshot"),
    "verdict": ("verdicts", "limits", "noise_floor", "vacuity", "divergences"),
    "bundle": ("bundle", "bundle_names", "records", "archive_verify", "archive_judging", "archive_keeping",
               "archive_exchange", "gates_sign"),
    "plan": ("gates_gate", "gates_sign", "gates_flow", "gates_faults", "ledger"),
}
"""Which tests answer for a room: test_NAME.py somewhere below tests/nbcompare."""

SECONDS = 240.0
"""A mutant whose tests take longer is one that loops, and counts as noticed."""


@dataclass(frozen=True)
class Mutant:
    """One change: the operator's n-th place in a module."""

    room: str
    path: Path
    operator: str
    occurrence: int
    line: int


def _unread_places(path: Path) -> Iterator[tuple[int, int]]:
    """(first, last) lines of what no test could notice: annotations and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        parts = [getattr(node, name, None) for name in ("annotation", "returns")]
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts.append(node)
        yield from ((part.lineno, part.end_lineno or part.lineno) for part in parts if isinstance(part, ast.AST))


def mutants_of(room: str) -> Iterator[Mutant]:
    """Every mutant of a room; those in lines with annotations that an operator of types would change are left out."""
    for path in sorted((CHECKOUT / "nbcompare" / room).rglob("*.py")):
        nodes = list(ast_nodes(get_ast_from_path(path)))
        unread = [range(low, high + 1) for low, high in _unread_places(path)]
        for name in operator_names():
            operator = get_operator(name)
            if operator.arguments():
                continue
            places = [start for node in nodes for start, _ in operator().mutation_positions(node)]
            for occurrence, (line, _) in enumerate(places):
                if not ("BitOr" in name and any(line in lines for lines in unread)):
                    yield Mutant(room, path.relative_to(CHECKOUT), name, occurrence, line)


def is_noticed(mutant: Mutant, copy: Path) -> tuple[bool, str]:
    """(whether a test failed or ran too long, the change as a diff)."""
    path = copy / mutant.path
    before = path.read_text(encoding="utf-8")
    after = mutate_code(before, get_operator(mutant.operator)(), mutant.occurrence) or before
    diff = "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), str(mutant.path), "mutant",
                                        n=0))
    path.write_text(after, encoding="utf-8")
    try:
        return not passes(mutant.room, copy), diff
    finally:
        path.write_text(before, encoding="utf-8")


def passes(room: str, copy: Path) -> bool:
    """Whether the tests of a room pass in the copy."""
    files = [str(path.relative_to(copy)) for name in TESTS[room]
             for path in sorted((copy / "tests/nbcompare").rglob(f"test_{name}.py"))]
    try:
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files], cwd=copy,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def copied_checkout(target: Path) -> Path:
    """The tracked and new files of the checkout, and the C reference as it is built here."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=CHECKOUT, capture_output=True,
                            text=True, check=True).stdout.splitlines()
    for name in listed:
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target / name)
    built = CHECKOUT / "simulator" / "reference" / "build"
    if built.is_dir():
        shutil.copytree(built, target / "simulator" / "reference" / "build")
    subprocess.run(["git", "init", "-q"], cwd=target, check=True)
    return target


def main() -> int:
    """Draw, try, count; the exit code is 1 when fewer than nine of ten were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=60, help="mutants to draw (60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", choices=TESTS, action="append", help="only this room; may be repeated")
    asked = parser.parse_args()
    rooms = asked.room or list(TESTS)
    everything = [mutant for room in rooms for mutant in mutants_of(room)]
    drawn = random.Random(asked.seed).sample(everything, min(asked.count, len(everything)))
    survived, started = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nb-mutants-") as folder:
        copy = copied_checkout(Path(folder))
        for room in rooms:
            if not passes(room, copy):
                print(f"the tests of {room} fail, or take longer than {SECONDS:g} s, without any mutant")
                return 2
        for number, mutant in enumerate(sorted(drawn, key=lambda one: (one.room, one.path, one.line)), 1):
            noticed, diff = is_noticed(mutant, copy)
            survived += not noticed
            print(f"{number:>4} {'noticed ' if noticed else 'SURVIVED'} {mutant.path}:{mutant.line} "
                  f"{mutant.operator.removeprefix('core/')}" + ("" if noticed else f"\n{diff}"), flush=True)
    share = 1 - survived / len(drawn)
    print(f"{len(drawn)} of {len(everything)} mutants, seed {asked.seed}: {len(drawn) - survived} noticed, {survived} "
          f"survived ({100 * share:.1f} % noticed), {(time.monotonic() - started) / 60:.0f} minutes")
    return int(share < 0.9)


if __name__ == "__main__":
    sys.exit(main())
