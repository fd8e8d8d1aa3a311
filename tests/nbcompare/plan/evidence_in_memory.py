"""Evidence for questions about its origins, as records in memory: two engines that are small files in a folder."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Things

from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.sources.made_of import MadeOf
from nbcompare.files import sha256_of

FACTS = {"command": ["-flux", "1"], "reference_args": [], "subject_args": ["-x"], "environment": {}, "options": "own",
         "masking": "none", "nan": "fail", "expect": {}, "subjects": {}}
"""What the case of the record says."""


def identity(home: Path, file: str, **changes) -> EngineIdentity:
    """The identity of a file as an engine, called by its name where nothing else is said."""
    program = home / file
    return EngineIdentity(**{"role": file, "name": file, "chosen_by": "--x", "started_as": (str(program),),
                             "program_sha256": sha256_of(program), "program_bytes": 1, "version": "1", "libraries": (),
                             "made_of": MadeOf("compiled")} | changes)


def evidence_of(home: Path, *engines: EngineIdentity, subjects=(), says=None, case=None, **record) -> Things:
    """Evidence with these engines; ``says`` is what the case says now and did not, ``record`` what else is kept."""
    known = engines or (identity(home, "reference"), identity(home, "subject"))
    others = tuple((replace(entry.engine, role=f"subject {entry.name}"), ()) for entry in subjects if entry.engine)
    said = {"engines": known, "programs": (*((engine, ("-flux", "1")) for engine in known), *others),
            "repositories": None, "further": Things(subjects=subjects), "content": Things(reference="r"),
            "environment": {}, "images": None, "resample": False, "inputs": (), "case": Things(**FACTS)} | record
    asked = {"folder": home, "inputs": (), "environment": {}, "pins": {}, "subjects": {}, "says": says or {}} | (
        case or {})
    folder = home / "bundles" / "small" / "1"
    return Things(case=Things(**asked), folder=folder, bundle=Things(record=Things(**said), folder=folder))
