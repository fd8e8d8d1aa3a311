"""One run of an engine on one command line, from its words to what its image file holds.

The engine gets a folder of its own with copies of the inputs, and what came out is said in plain words. A failed run is
a result like any other; nothing it wrote is lost.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nbcompare.case.arguments.command import parse_command
from nbcompare.case.declared.adapter import Adapter, Output
from nbcompare.compare.image import Shape
from nbcompare.engine.adapter import adapt, image_file
from nbcompare.engine.engine import PROCESS, Engine, Rendering, Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import ProcessEnd, run_program
from nbcompare.engine.sandbox import confining, with_own_places
from nbcompare.engine.taken_image import take_declared, take_float_image
from nbcompare.errors import UsageError


def run_engine(engine: Engine, arguments: Sequence[str], shape: Shape, *, inputs: Path, folder: Path, stdout: Path,
               stderr: Path, seconds: float, environment: Mapping[str, str],
               on_progress: Callable[[float, int | None], None] | None = None,
               on_watch: Callable[[FileUses], object] | None = None, any_number: bool = False) -> Rendering:
    """Run the engine in the new ``folder`` on copies of all files in ``inputs``.

    The float image is asked for with -floatfile and left at folder/float.bin, or as the engine's adapter says.
    ``shape`` is what the arguments declare; the file must hold exactly that, of finite numbers unless ``any_number``.
    ``on_watch`` is given what fills with what the engine opens, before it is started.
    """
    shutil.copytree(inputs, folder)
    try:
        argv = (*engine.start, *adapt(engine.adapter, arguments).words)
    except UsageError as fault:
        for log in (stdout, stderr):
            log.touch()
        failure = Failure("not-started", f"could not be asked: {fault.message}")
        return Rendering(Run(engine.role, (*engine.start, *arguments), shape, None, 0.0, failure, None))
    cwd = engine.declaration.cwd if engine.declaration else None
    given = adapted_in(folder, engine.adapter, arguments, absolute=cwd is not None)
    image = folder / image_file(engine.adapter)
    if os.path.lexists(image):
        raise UsageError(f"the {engine.role} writes its image to {image.name}, and an input has that name",
                         hint="give the input another name")
    started = time.time()
    variables = engine.variables(environment)
    with engine.watch() as watch:
        if on_watch:
            on_watch(watch.calls)
        ended = run_program((*confining(engine, folder, variables), *engine.start, *given), folder=cwd or folder,
                            stdout=stdout, stderr=stderr, seconds=seconds, on_progress=on_progress,
                            extra_environment=with_own_places(engine, folder, variables), watch=watch)
    output = engine.adapter.output if engine.adapter else None
    found = rendering(engine.role, argv, shape, ended, seconds, image, started, output=output, any_number=any_number)
    return as_watched(found, watch, watch.calls.outside(folder))


def adapted_in(folder: Path, adapter: Adapter | None, arguments: Sequence[str], *, absolute: bool) -> tuple[str, ...]:
    """The words for an engine whose files lie in ``folder``, where its config file is written; with absolute names of
    files for one that is started elsewhere."""
    if not absolute:
        made = adapt(adapter, arguments)
    elif adapter is None:
        return files_in(folder, adapt(None, arguments).words)
    else:
        here = str(folder.absolute())
        config = replace(adapter.config, file=f"{here}/{adapter.config.file}") if adapter.config else None
        output = replace(adapter.output, file=f"{here}/{adapter.output.file}") if adapter.output else None
        made = adapt(replace(adapter, config=config, output=output), files_in(folder, arguments))
    if made.config is not None and adapter and adapter.config:
        place = folder / adapter.config.file
        if os.path.lexists(place):
            raise UsageError(f"the config file {adapter.config.file} would replace an input of that name",
                             hint="give the input another name")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(made.config, encoding="utf-8", newline="")
    return made.words


def files_in(folder: Path, words: Sequence[str]) -> tuple[str, ...]:
    """Arguments with the folder before the names of files: what an engine gets that is started elsewhere."""
    command = parse_command(words)
    files = (*command.reading(), *command.writing())
    return tuple(token for item in command.items
                 for token in ((item.word, str(folder.absolute() / item.values[0])) if item in files else item.tokens))


def rendering(role: str, argv: Sequence[str], shape: Shape, ended: ProcessEnd, seconds: float, image: Path,
              started: float, how: str = PROCESS, output: Output | None = None, *,
              any_number: bool = False) -> Rendering:
    """What a command came to: how it ended, and whether the image it left can be used. ``seconds`` was its time
    limit, ``started`` the time.time() before it, ``output`` how its image is read where that is declared;
    ``any_number`` lets pixels be NaN or infinite."""
    taken = take_float_image(image, shape, started, any_number=any_number) if output is None else \
        take_declared(image, output, shape, started, any_number=any_number)
    failure = _process_failure(ended, seconds) or taken.failure
    run = Run(role, tuple(argv), shape, ended.exit_code, ended.seconds, failure, taken.sha256, how, taken.dtype,
              taken.file_sha256, taken.mask_sha256)
    return Rendering(run, taken.pixels, masked=taken.masked)


def as_watched(found: Rendering, watch: OpenCalls, opened: FileUses) -> Rendering:
    """A rendering with what was ``opened``. One whose watch was ended meanwhile has failed: nobody does that by mistake
    but the system that has no memory left, and an engine must not hide so what it reads."""
    if watch.lost:
        return Rendering(replace(found.run, failure=Failure("unwatched", f"was not watched to its end: {watch.lost}")),
                         opened=opened)
    return replace(found, opened=opened)


def _process_failure(ended: ProcessEnd, seconds: float) -> Failure | None:
    if ended.not_started:
        return Failure("not-started", f"could not be started ({ended.not_started})")
    if ended.timed_out:
        return Failure("timed-out", f"was stopped after {seconds:g} s, its time limit")
    if ended.signal_name:
        return Failure("crashed", f"crashed with {ended.signal_name} after {ended.seconds:.1f} s")
    if ended.exit_code:
        return Failure("exit-code", f"ended with exit code {ended.exit_code}")
    if ended.left:
        return Failure("left-processes", f"left processes running when it had ended: {', '.join(ended.left[:5])}")
    return None
