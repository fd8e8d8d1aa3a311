"""The engines of a record once more. A record comes from wherever a bundle came from, so nothing that only a record
names is started: the user names the program, or it is the one that ships with this installation.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.project import project_above
from nbcompare.engine.choose import ProgramOptions, choose_engines, named_engine
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.progress import Progress
from nbcompare.errors import UsageError

_OF_THIS_INSTALLATION = ("default", "Python's path")


def engine_again(identity: EngineIdentity, options: ProgramOptions, progress: Progress) -> Engine:
    """The program to use for a recorded engine: as the options, the environment or the project file above the folder
    the user stands in name one; else this installation's own, where the record says that it was that.

    Raises UsageError where only the record names a program, and for a named one that is not there.
    """
    named = {REFERENCE: options.c_bin, SUBJECT: options.py_bin}[identity.role]
    declared = project_above(Path.cwd()).engines
    found = named_engine(identity.role, named, os.environ, declared)
    if found:
        return found if found.declaration else replace(found, recorded=identity.adapter)
    if identity.chosen_by in _OF_THIS_INSTALLATION:
        return choose_engines(options, progress, {}, (identity.role,))[identity.role]
    option = {REFERENCE: "--c-bin", SUBJECT: "--py-bin"}[identity.role]
    raise UsageError(f"the {identity.role} {identity.name} is named by the record alone, and nothing that a record "
                     "names is started", hint=f"if it is what you want: {option} "
                                              f"{shlex.quote(shlex.join(identity.started_as))}")
