"""From what the user said to a fuzzing: the engines, the case to vary, and the folder that goes on."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbcompare.case.case import Case
from nbcompare.case.case_file import load_case
from nbcompare.case.inputs import stage_inputs
from nbcompare.case.project import project_above
from nbcompare.engine.choose import choose_engines, engines_of
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import content_hash
from nbcompare.engine.installation import HARNESS
from nbcompare.engine.processes.process import allowed_environment
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.render_cache import default_cache, key_of
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.sandbox import confine_all
from nbcompare.errors import UsageError
from nbcompare.explain.fuzz.fuzz import THRESHOLDS, Fuzzed, Fuzzing, FuzzOptions, likely
from nbcompare.explain.fuzz.kept import FORMAT, FuzzFolder
from nbcompare.files import sha256_of
from nbcompare.visible import counted


@dataclass(frozen=True)
class FuzzSource:
    """What the user said."""

    c_bin: str | None
    py_bin: str | None
    trust_case: bool
    around: Path | None
    out: Path
    fresh: bool
    seed: int
    seconds: float | None
    trials: int | None
    sandbox: bool = False


def fuzz(asked: FuzzSource, progress: Progress) -> Fuzzed:
    """Fuzz the engines. Raises UsageError, CaseError or FileError for what cannot be used."""
    base = _base(asked.around)
    engines = engines_of(base, asked, progress) if base else choose_engines(
        asked, progress, project_above(Path.cwd()).engines)
    engines = confine_all(engines) if asked.sandbox else engines
    with _inputs(base) as inputs:
        options = FuzzOptions(asked.seed, asked.seconds, asked.trials, base, inputs)
        kept = FuzzFolder(asked.out, _key(engines, options))
        if kept.begin(fresh=asked.fresh):
            progress.say(f"going on after {counted(len(kept.trials), 'trial')} in {asked.out}")
        return Fuzzing(engines, options, kept, default_cache(), progress, likely).run()


def _base(path: Path | None) -> Case | None:
    """The case to vary. Raises UsageError for one of which no command is understood."""
    if path is None:
        return None
    case = load_case(path)
    if case.matrix or case.own_options:
        what = "a matrix of cells" if case.matrix else "written in options of its engines' own"
        raise UsageError(f"{path}: this case is {what}, and fuzz varies one nanoBragg command")
    return case


@contextlib.contextmanager
def _inputs(base: Case | None) -> Iterator[Path | None]:
    """A folder with the files of the case."""
    if base is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
        stage_inputs(base, {}, Path(scratch))
        yield Path(scratch)


def _key(engines: Mapping[str, Engine], options: FuzzOptions) -> str:
    """A name for all that trials depend on: this program, engines with all they are made of and the variables that they
    get, seed, and the case that is varied, with its files."""
    base = options.base
    files = sorted((path.name, sha256_of(path)) for path in (options.inputs.iterdir() if options.inputs else ()))
    case = (base.command, base.sha256, base.thresholds, files) if base else THRESHOLDS
    more = base.environment if base else {}
    with Renderer() as renderer:
        return key_of((FORMAT, content_hash(HARNESS), options.seed, case,
                       *(renderer.identity(engine) for engine in engines.values()),
                       *((engine.adapter or "", engine.confined, sorted(allowed_environment(
                           engine.variables(more)).items())) for engine in engines.values())))
