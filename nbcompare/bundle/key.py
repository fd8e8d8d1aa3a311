"""The key of a run: one sum over what it is the answer to, so that an answer is never taken for another question."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

from nbcompare.bundle.record import Record
from nbcompare.case.facts import CaseFacts
from nbcompare.engine.identity import EngineIdentity

SIMULATOR = "nanobrag_torch"
_in_json = json.JSONEncoder(sort_keys=True).encode
_PASSING = re.compile(r" (git|threads)=\S+")
"""What a version line says of the moment: the commit, as the sources count, and the share of CPUs of a worker."""


def key_of_record(record: Record) -> str:
    """The key of what was run."""
    return key_of(record.case, record.content.inputs, record.engines, record.content.simulator, record.resample)


def key_of(case: CaseFacts, inputs: str, engines: Sequence[EngineIdentity], simulator: str,
           resample: bool) -> str:
    """A hash of inputs, engines and case. The case counts by what it says, not by its file, so that a new cell or a
    comment runs no old cell again; an engine counts by its bytes, words, variables, version and what it is made of, not
    by its path or commit, and the simulator's source where an engine is, or says it is, the bundled simulator."""
    return key_with(case, surroundings_of(inputs, engines, simulator, resample))


def key_with(case: CaseFacts, surroundings: str) -> str:
    """``key_of`` where all that is no case is in words already: thousands of cells have it in common."""
    said = {key: value for key, value in case.as_dict().items() if key not in ("file", "sha256", "title")}
    return hashlib.sha256(f"[{_in_json(said)}, {surroundings[1:]}".encode()).hexdigest()


def surroundings_of(inputs: str, engines: Sequence[EngineIdentity], simulator: str, resample: bool) -> str:
    """What a key is of beside the case, as a list in JSON."""
    known = [[engine.role, engine.program_sha256, _PASSING.sub("", engine.version), engine.source_sha256,
              engine.own_words, sorted(engine.variables.items()),
              (engine.made_of.installed, engine.made_of.keeps) if engine.made_of else (),
              engine.adapter.as_dict() if engine.adapter else {}]
             for engine in engines]
    source = simulator if any(SIMULATOR in (*engine.started_as, *engine.version.split()) for engine in engines) else ""
    return _in_json([inputs, sorted(known), source, resample])


def like_of(record: Record) -> str:
    """One sum over engines, with what they opened, environment, what the case set of it, and tests: two records that
    have the same are as good as one where it is asked whether these are what they were."""
    said = [[engine.as_dict() for engine in record.engines], dict(record.environment),
            dict(record.case.environment), {device: outcome.as_dict() for device, outcome in record.tests.items()}]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
