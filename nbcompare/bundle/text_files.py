"""The text files of a bundle, each a function of its record.

The same functions write them and, when a bundle is verified, say what they must hold; so a text that was changed
afterwards, or a record that was, is found although all sums were put right. Their format belongs to the record's
schema_version: change one, and raise the other.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from nbcompare.bundle.names import TODO_FILE, image_name
from nbcompare.bundle.record import Ancestor, ContentSums, Record
from nbcompare.bundle.still_open import todo_text
from nbcompare.bundle.summary import summary
from nbcompare.case.facts import CaseFacts
from nbcompare.case.inputs import StagedInput
from nbcompare.case.options import FLOAT_FILE, PREFIX, REFERENCE
from nbcompare.compare.pictures import Scale
from nbcompare.engine.engine import PROCESS, Run
from nbcompare.engine.identity import EngineIdentity, GitState

TEXT_FILES = ("inputs/commands.txt", "inputs/env.txt", "inputs/git_sha.txt", "inputs/version.txt", "inputs/sha256.txt",
              "inputs/file_sizes.txt", "notes/template_command.txt", TODO_FILE)




def texts_of(record: Record, image_bytes: Mapping[str, int]) -> dict[str, str]:
    """Text by file name, for every name in TEXT_FILES. ``image_bytes``: sizes of the images there are, by role."""
    rows = _sums(record.engines, record.inputs, record.runs, image_bytes)
    return {
        "inputs/commands.txt": _commands(record),
        "inputs/env.txt": "".join(f"{key}={value}\n" for key, value in record.environment.items()),
        "inputs/git_sha.txt": _git(record.git, record.content),
        "inputs/version.txt": f"nb-compare {record.program.version}\n"
                              + "".join(f"{engine.role}: {engine.version}\n" for engine in record.engines),
        "inputs/sha256.txt": "".join(f"{digest}  {name}\n" for digest, _, name in rows),
        "inputs/file_sizes.txt": "".join(f"{size:>12}  {name}\n" for _, size, name in rows),
        "notes/template_command.txt": _template(record),
        TODO_FILE: todo_text(record),
    }


def summary_of(record: Record, scale: Scale | None) -> dict[str, Any]:
    """What results/summary.json holds; ``scale`` is how the pictures were drawn, None where there are none."""
    binaries = {PREFIX[engine.role]: f"{engine.name} sha256:{engine.program_sha256}" for engine in record.engines}
    return summary(record.case.command, record.runs, binaries, record.comparison, record.verdict, scale,
                   record.further, resample=record.resample)


def _git(git: GitState, content: ContentSums) -> str:
    dirty = {True: "dirty: uncommitted changes", False: "clean", None: "unknown"}[git.dirty]
    return f"{git.sha}\n{dirty}\n" + "".join(f"content {name} {digest}\n" for name, digest in vars(content).items())


def _sums(engines: Sequence[EngineIdentity], inputs: Sequence[StagedInput], runs: Sequence[Run],
          image_bytes: Mapping[str, int]) -> list[tuple[str, int, str]]:
    """(sha256, bytes, name) of the programs that were run, the input files and the images."""
    rows = [(engine.program_sha256, engine.program_bytes, f"program of the {engine.role} ({engine.name})")
            for engine in engines]
    rows += [(entry.sha256, entry.bytes, f"data/{entry.name}") for entry in inputs]
    rows += [(run.image_sha256, image_bytes[run.role], image_name(run.role).rpartition("/")[2])
             for run in runs if run.role in image_bytes]
    return rows


def _commands(record: Record) -> str:
    """A text that can be pasted into a shell standing in the bundle, and re-runs each engine."""
    case = record.case
    by_role = {run.role: run for run in record.runs}
    lines = [f"# {case.name} {record.stamp}: paste a block into a shell whose current folder is this bundle.",
             "# Each engine ran in an empty scratch folder with copies of inputs/data, as below."]
    for engine in record.engines:
        run = by_role.get(engine.role)
        lines += ["", _how_it_ran(engine, run, record.reference_from),
                  _block(_argv(engine, run, case), case.environment, has_inputs=bool(record.inputs))]
    for purpose, run, variables in record.further.further_runs:
        lines += ["", f"# {purpose}: exit code {run.exit_code}, {run.seconds:.3f} s wall"
                  + (f"; {run.failure.sentence}" if run.failure else ""),
                  _block(run.argv, {**case.environment, **variables}, has_inputs=bool(record.inputs))]
    return "\n".join(lines) + "\n"


def _how_it_ran(engine: EngineIdentity, run: Run | None, source: Ancestor | None) -> str:
    if run is None:
        return f"# {engine.role}: not run"
    if engine.role == REFERENCE and source:
        return (f"# {engine.role} ({engine.name}): not run; its image is that of bundle {source.name}, "
                f"whose manifest has sha256 {source.manifest_sha256}")
    how = "" if run.how == PROCESS else f" (here by itself; it was run as {run.how})"
    return (f"# {engine.role} ({engine.name}): working directory scratch-{PREFIX[engine.role]}, exit code "
            f"{run.exit_code}, {run.seconds:.3f} s wall{how}" + (f"; {run.failure.sentence}" if run.failure else ""))


def _argv(engine: EngineIdentity, run: Run | None, case: CaseFacts) -> Sequence[str]:
    if run:
        return run.argv
    return (*engine.started_as, *case.arguments(engine.role), "-floatfile", FLOAT_FILE)


def _block(argv: Sequence[str], environment: Mapping[str, str], *, has_inputs: bool) -> str:
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
    data = " && cp inputs/data/* \"$work\"" if has_inputs else ""
    setting = f"env {variables} " if variables else ""
    return (f"(work=$(mktemp -d){data} && cd \"$work\" && {setting}{shlex.join(argv)} && sha256sum "
            f"\"$work\"/{FLOAT_FILE})")


def _template(record: Record) -> str:
    invocation = shlex.join(["nb-compare", *record.program.invocation])
    return (f"# How this bundle was made:\n{invocation}\n\n# The case command, as both engines got it:\n"
            f"{shlex.join(record.case.command)}\n")
