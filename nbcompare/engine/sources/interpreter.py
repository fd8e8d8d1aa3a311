"""What the interpreter of a Python program says the program is made of: asked once for each program and environment.

The text that it runs is ask_python.py, with the two that this stands on; what is made of its answer is in made_of.py.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbcompare.engine.engine import Engine
from nbcompare.engine.installation import CHECKOUT, SIMULATOR
from nbcompare.engine.processes.asking import answer, once
from nbcompare.engine.sandbox import confining, with_own_places
from nbcompare.engine.sources.entry import MODULE, SCRIPT, Entry, entry_of
from nbcompare.engine.sources.known_compiled import keep_sum, known_sum

ASK_SECONDS = 60.0
_TEXTS = [str(Path(__file__).with_name(name)) for name in ("paths_in_text.py", "python_here.py", "ask_python.py")]
_QUESTION = """\
import sys
search = list(sys.path)
own = [entry for entry in search if entry.startswith(sys.base_prefix + "/lib") and "-packages" not in entry]
sys.path[:] = own + [entry for entry in search if entry not in own]
import os
import types
from importlib.machinery import SourceFileLoader
before = sys.dont_write_bytecode, getattr(sys, "pycache_prefix", None)
sys.dont_write_bytecode, sys.pycache_prefix = True, None
for text in sys.argv[1:-1]:
    name = "nbcompare.engine.sources." + os.path.basename(text)[:-3]
    sys.modules[name] = module = types.ModuleType(name)
    exec(SourceFileLoader(name, text).get_code(name), vars(module))
sys.dont_write_bytecode, sys.pycache_prefix = before
module.main(sys.argv[-1], search)
sys.stdout.flush()
os._exit(0)
"""
"""What an asked Python is given to run: whatever it imports itself is Python's own, also beside a file json.py. Our
texts are compiled where no installation has done that for this Python; nothing is written beside them, and nothing is
taken from a folder of compiled files that the program's variables name."""


def ask_ahead(engine: Engine, environment: Mapping[str, str]) -> None:
    """Ask what ``look_at`` will, of a Python program its interpreter; the answer is kept (``asked_once``)."""
    variables = engine.variables(environment)
    entry = entry_of(engine.start, variables.get("PATH"))
    if entry.kind in (MODULE, SCRIPT):
        ask(engine, entry, variables)


def ask(engine: Engine, entry: Entry, variables: Mapping[str, str] = {}) -> dict[str, Any] | None:
    """What the interpreter of a Python program says of it, with the ``variables`` that the engine gets (without them,
    those of its declaration); None when it says nothing usable."""
    variables = variables or engine.variables({})
    held = (engine.start, engine.confined, engine.reads, engine.declaration)
    return once((*held, entry, tuple(sorted(variables.items()))), lambda: _ask(engine, entry, variables))


def _ask(engine: Engine, entry: Entry, variables: Mapping[str, str]) -> dict[str, Any] | None:
    declared = engine.declaration.cwd if engine.declaration else None
    known = known_sum(engine, variables)
    question = json.dumps({"module": entry.module.partition(".")[0], "script": entry.script,
                           "cwd": str(declared) if declared else None, "compiled": known,
                           "stop_at": [str(SIMULATOR)] if SIMULATOR.is_relative_to(CHECKOUT) else []})
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
        asked = (*confining(engine, Path(scratch), variables), *entry.interpreter, "-c", _QUESTION, *_TEXTS, question)
        printed = answer(asked, declared or Path(scratch), seconds=ASK_SECONDS,
                         environment=with_own_places(engine, Path(scratch), variables))
    try:
        said = json.loads((printed or b"").splitlines()[-1])
    except (ValueError, IndexError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    if said.get("bundled") and not said["stale"] and said["compiled"] != known:
        keep_sum(engine, variables, said["compiled"])
    return said
