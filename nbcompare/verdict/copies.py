"""Near copies: images of two programs that differ in a few pixels by a few units in the last place.

So looks a copy that was touched up, and so may two honest programs that compute alike. It leaves no evidence, unless it
was seen that the subject read nothing that it could be copied from: then it is told, and is no reason against a pass.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.sources.opened_kinds import OWN, kind_of, source_behind

WhyCopied = Callable[[str], str | None]
"""By the name of a subject, why its image may have been copied; None where it was seen that it was not."""


def not_seen(_: str) -> str | None:
    """The answer where nobody looked."""
    return "which files it opened was not seen"


def reads_reference(subject: EngineIdentity, reference: EngineIdentity, used: Iterable[str]) -> str | None:
    """The program of the reference, or a file of its own that it is made of or opened, where a subject used it or is
    made of it; None where it did neither. A module counts by its bytecode too. Of what both are given, as interpreters
    and libraries of the system, none counts."""
    made_of, opened = reference.made_of, reference.opened
    entries = [entry.path for entry in (made_of.files if made_of else ())]
    entries += [entry.path for entry in (opened.files if opened else ()) if _is_code(entry.path)]
    shared = tuple(_home_of_python(engine.started_as[0]) for engine in (reference, subject))
    theirs = {os.path.realpath(path) for path in (*entries, *reference.started_as) if os.path.isfile(path)
              and _is_own(path)}
    theirs = {path for path in theirs if not path.startswith(tuple(filter(None, shared)))}
    own = [entry.path for entry in (subject.made_of.files if subject.made_of else ())]
    return next((path for path in (*used, *own) if os.path.realpath(source_behind(path)) in theirs), None)


def _is_code(path: str) -> bool:
    return path.endswith((".py", ".so")) or os.access(path, os.X_OK)


def _is_own(path: str) -> bool:
    """Whether a file belongs to one program: not to Python, an environment or the system, which many share."""
    kind = kind_of(os.path.realpath(path))
    return kind is not None and kind.word == OWN and not path.endswith(".pth")


def _home_of_python(program: str) -> str | None:
    """The folder in which a Python is installed, with the libraries that it is linked with; None of another program,
    and of one whose folder would be all there is."""
    real = os.path.realpath(program)
    if not os.path.basename(real).startswith(("python", "pypy")):
        return None
    place = os.path.dirname(real)
    home = os.path.dirname(place) if os.path.basename(place) == "bin" else place
    return os.path.join(home, "") if home != os.path.sep else None


def answered(names: Iterable[str], engines: dict[str, EngineIdentity], reference: EngineIdentity) -> Iterator[str]:
    """Of the subjects that a record says were seen to copy nothing those whose kept lists of files do not say
    otherwise."""
    for name in names:
        engine = engines.get(name)
        opened = engine.opened if engine else None
        if engine and opened and not opened.unwatched and not opened.unseen \
                and not reads_reference(engine, reference, [entry.path for entry in opened.files]):
            yield name
