"""What an engine that nobody trusts may do: read its inputs, its own code and the system; write its own folder; reach
no network and no other process. The holding is done by confine.py, in the process that becomes the engine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from nbcompare.engine.engine import Engine
from nbcompare.engine.safety.confine import landlock_version, why_not
from nbcompare.engine.safety.mounts import names_of
from nbcompare.errors import UsageError

_LAUNCHER = Path(__file__).with_name("safety") / "confine.py"
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix/store", "/gnu/store", "/sys",
           *map("/dev/{}".format, ("shm", "pts", "tty", "ptmx", "fd", "infiniband", "nvidia-caps")), "/proc/self",
           *(f"/proc/{name}" for name in (
               "cpuinfo", "meminfo", "stat", "version", "filesystems", "loadavg", "uptime", "devices", "driver",
               "sys")))
"""Of /proc only what concerns no other process: variables and open files of those could be read there. Of /dev no disk
and no memory of the machine, in which a superuser would find every file."""
_LISTED = ("/dev",)
"""Whose names may be listed."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/dri", "/dev/kfd",
            "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", *map("/dev/nvidia{}".format, range(16)))
_LISTS = ("PYTHONPATH", "LD_LIBRARY_PATH")
_OF_THE_USER = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "PWD", "OLDPWD")
_MOST_PTH = 200


def require_sandbox() -> None:
    """Raises UsageError where engines cannot be confined on this system."""
    fault = why_not()
    if fault:
        raise UsageError(f"--sandbox: engines cannot be confined here: {fault}",
                         hint="run the engine as another user or in a container, and leave --sandbox out")


def confine_all(engines: Mapping[str, Engine]) -> dict[str, Engine]:
    """The engines, confined. Raises UsageError where they cannot be."""
    require_sandbox()
    return {role: replace(engine, confined=True) for role, engine in engines.items()}


def protection_of(engines: Mapping[str, Engine]) -> str | None:
    """What held the confined engines, in words for a record; None where none was."""
    names = " and ".join(role for role, engine in engines.items() if engine.confined)
    if not names:
        return None
    others = "" if landlock_version() >= 6 else "; signals to other processes of the user are not held"
    return (f"{names}: confined by Landlock (version {landlock_version()}) and seccomp: reads inputs, own code and "
            f"system, writes its own folder, no network, no other process{others}")


def confining(engine: Engine, own: Path, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The words to put before those that start a program of a confined engine, which may write the folder ``own``; none
    for any other engine."""
    if not engine.confined:
        return ()
    policy = json.dumps({"read": [*_SYSTEM, str(_LAUNCHER.parent), *map(str, readable(engine, variables))],
                         "write": [str(own.absolute()), *_DEVICES], "list": _LISTED})
    return (sys.executable, "-I", "-S", str(_LAUNCHER), policy)


def with_own_places(engine: Engine, own: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of an engine; temporary files and caches of a confined one go to its own folder."""
    place = str(own.absolute())
    return {**variables, **({"TMPDIR": place, "HOME": place, "XDG_CACHE_HOME": place} if engine.confined else {})}


def read_through(engine: Engine, variables: Mapping[str, str], place: Path) -> Path | None:
    """The folder of those that a confined engine may read in which ``place`` lies, by its own path or by that of
    another mount of the same files; None where it is out of reach."""
    reads = {os.path.realpath(path): path for path in (*map(Path, _SYSTEM), *readable(engine, variables))}
    for known in names_of(Path(os.path.realpath(place))):
        for folder in (known, *known.parents):
            if str(folder) in reads:
                return reads[str(folder)]
    return None


def readable(engine: Engine, variables: Mapping[str, str]) -> list[Path]:
    """Where an engine's own code lies: its program and what its words name, its Python, its search paths, and what its
    declaration names."""
    declared = engine.declaration
    named = [Path(word) for word in engine.start if os.path.isabs(word) and os.path.exists(word)]
    places = [*engine.reads, *(place for path in named for place in _around(path))]
    entries = [entry for name in _LISTS for entry in variables.get(name, "").split(os.pathsep)]
    entries += [value for name, value in engine.declared_variables.items() if name not in _OF_THE_USER]
    places += [Path(entry) for entry in entries if os.path.isabs(entry) and os.path.exists(entry)]
    if declared:
        places += [place for place in (declared.cwd, declared.repository) if place]
        places += [declared.folder / glob.split("*")[0] for glob in declared.sources]
    return sorted({place for place in places if place != Path("/")})


def _around(program: Path) -> Iterator[Path]:
    """The folder of a program, of what it is a link to, and, for a Python, all of its installation."""
    for path in {program, Path(os.path.realpath(program))}:
        if path.parent.name != "bin":
            yield path.parent if path.is_file() else path
            continue
        yield from (path, *_installation(path.parent.parent))


def _installation(prefix: Path) -> Iterator[Path]:
    """The folders of a Python installation or virtual environment; of any other ``bin`` itself and its libraries."""
    yield from (prefix / "bin", prefix / "lib", prefix / "lib64", prefix / "share")
    settings = prefix / "pyvenv.cfg"
    if settings.is_file():
        yield settings
        homes = [line.partition("=")[2].strip() for line in settings.read_text(errors="replace").splitlines()
                 if line.partition("=")[0].strip() == "home"]
        for home in homes:
            yield from _installation(Path(home).parent) if Path(home) != prefix / "bin" else ()
    seen: set[Path] = set()
    for packages in prefix.glob("lib/python3*/site-packages"):
        yield from _of_links(packages, seen)


def _of_links(packages: Path, seen: set[Path]) -> Iterator[Path]:
    """The folders that .pth files of a folder of packages name, and those that theirs name."""
    if packages in seen or len(seen) > _MOST_PTH:
        return
    seen.add(packages)
    for listing in sorted(packages.glob("*.pth")):
        for line in listing.read_text(errors="replace").splitlines():
            place = Path(os.path.normpath(packages / line.strip()))
            if line.strip() and not line.startswith(("import ", "import\t", "#")) and place.is_dir():
                yield place
                yield from _of_links(place, seen)
