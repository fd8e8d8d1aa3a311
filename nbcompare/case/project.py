"""The project file nb-compare.yaml: what holds for every case below it. It is found upwards from the case.

It declares engines, and says which of the variables that decide what code is run a case may set.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbcompare.case.case import Case
from nbcompare.case.declared.declarations import EngineDeclaration, declarations_of
from nbcompare.case.project_file import PROJECT_FILE, find_project_file
from nbcompare.case.reading.strict_yaml import load
from nbcompare.errors import CaseError

KEYS = ("engines", "case_environment")
CODE_VARIABLES = re.compile(
    r"LD_.*|DYLD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|MALLOC_.*|PATH|HOME|IFS|ENV|BASH_.*|SHELL|SHELLOPTS"
    r"|PYTHON(?!HASHSEED$|UTF8$|UNBUFFERED$|DONTWRITEBYTECODE$|OPTIMIZE$|IOENCODING$).*|VIRTUAL_ENV|CONDA_.*"
    r"|PERL.*|RUBY.*|NODE_.*|JAVA_.*|JDK_.*|_JAVA_.*|CLASSPATH|JULIA_.*|R_.*|LUA_.*|TCL.*|GIT_.*|OMPI_.*|TORCHINDUCTOR_.*"
    r"|CC|CXX|TMPDIR|XDG_.*|OMP_TOOL.*|CUDA_INJECTION.*|HSA_TOOLS.*|COVERAGE_.*|MPL.*|OPENSSL_.*|SSL.*|DOTNET_.*"
    r"|CORECLR_.*|PHP.*|GUILE_.*|ERL_.*|HOSTALIASES|NLSPATH|TERMINFO|TERMCAP|LESSOPEN|PROMPT_COMMAND|PS4|CDPATH|ZDOTDIR"
    r"|BASHOPTS|GLOBIGNORE|PAGER|EDITOR|VISUAL|BROWSER|.*_PROXY"
    r"|.*(PATH|PRELOAD|LIBRARY|LIBRARIES|PLUGINS?|MODULES?|HOOKS?|STARTUP|INJECTION|_RC|OPTIONS|FLAGS|WRAPPER|COMMAND"
    r"|BACKEND|_DIR|_HOME|_CONF|(?<!^CUBLAS_WORKSPACE)_CONFIG)", re.IGNORECASE)
"""Variables that decide which code a program loads, not how it computes; by their names, or by the words in which such
names end, as nobody knows all of them."""


@dataclass(frozen=True)
class Project:
    """What a project file says; an empty one, without ``path``, where there is none.

    ``case_environment`` are names, with globs, that a case's own ``environment`` may set although they decide what
    code is run.
    """

    engines: Mapping[str, EngineDeclaration] = field(default_factory=dict)
    case_environment: tuple[str, ...] = ()
    path: Path | None = None
    sha256: str | None = None


def load_project(path: Path) -> Project:
    """Read and check a project file. Raises CaseError with file, line and column for the first fault."""
    root, raw = load(path, "a project file")
    entries = root.mapping(known=KEYS)
    allowed = tuple(entry.text() for entry in entries["case_environment"].items()) \
        if "case_environment" in entries else ()
    return Project(declarations_of(entries.get("engines")), allowed, path, hashlib.sha256(raw).hexdigest())


def project_above(folder: Path) -> Project:
    """The project whose file is nearest, or an empty one. Raises CaseError for a file that cannot be trusted."""
    path = find_project_file(folder)
    if path and _is_planted(path):
        raise CaseError(f"{path}: belongs to another user, in a folder into which everybody may write; as it names "
                        f"programs to start, it is not read: move your work elsewhere, or put a {PROJECT_FILE} of your "
                        "own beside the case")
    return load_project(path) if path else Project()


def _is_planted(path: Path) -> bool:
    """Whether somebody else may have put a file there: in /tmp, say. A checkout of another user's is none such."""
    if not hasattr(os, "getuid"):
        return False
    return path.stat().st_uid not in (os.getuid(), 0) and bool(path.parent.stat().st_mode & stat.S_IWOTH)


def declared_engines(case: Case, project: Project) -> dict[str, EngineDeclaration]:
    """Engines by name: those of the project, and in their place those that the case itself declares."""
    return {**project.engines, **case.engines}


def refuse_code_variables(case: Case, project: Project, *, trusted: bool) -> list[str]:
    """The variables of a case's environment that decide what code is run, if they are allowed.

    Raises CaseError when neither the user (``trusted``) nor the project file allows them.
    """
    names = [name for name in case.environment if CODE_VARIABLES.fullmatch(name)]
    refused = [name for name in names if not trusted
               and not any(fnmatch.fnmatchcase(name, glob) for glob in project.case_environment)]
    if refused:
        raise CaseError(f"environment: {refused[0]} decides what code is run, and a case may not set it by itself",
                        path=case.path, hint=f"--trust-case allows it once; case_environment: [{refused[0]}] in "
                                             f"{PROJECT_FILE} allows it for good")
    return names
