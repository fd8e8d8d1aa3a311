"""Record: everything a bundle says, for machines; record.json is this and nothing else.

Each class here is a part of it, with a line of explanation for each field. What is written can be read back equal,
and a key that is not known is refused. A field that is None where a record does not speak of it is not written at
all; so a later version of the format can add one, and older records still are read and written as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from nbcompare.bundle.names import SCHEMA_VERSION
from nbcompare.case.facts import CaseFacts
from nbcompare.case.further_subject import known_as
from nbcompare.case.inputs import StagedInput
from nbcompare.engine.engine import Run
from nbcompare.engine.identity import EngineIdentity, GitState
from nbcompare.engine.protected import Protected
from nbcompare.engine.repository.git import RepositoryState
from nbcompare.engine.sources.opened import OpenedFiles
from nbcompare.errors import EvidenceError
from nbcompare.visible import all_seen, unseen

if TYPE_CHECKING:
    from nbcompare.compare.compare import Comparison
    from nbcompare.verdict.further_evidence import FurtherEvidence
    from nbcompare.verdict.verdict import Verdict

KIND = "nb-compare bundle"
PROJECT, HARNESS_ROLE = "project", "harness"
"""What the repositories of the project and of nb-compare itself are called, beside those of the engines."""

SIDE_BY_SIDE = "side_by_side"
"""Of the environment: that both engines ran at once, and on how many cores; such run times are compared with none."""

READABLE_VERSIONS = (1,)
"""The schema versions that are read; only SCHEMA_VERSION is written anew."""


@dataclass(frozen=True)
class RecordedProgram:
    """The program that made the bundle."""

    name: str
    """Always nb-compare."""
    version: str
    """Its version."""
    invocation: tuple[str, ...]
    """The words it was called with."""

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "invocation": list(self.invocation)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> RecordedProgram:
        return cls(**{**stored, "invocation": tuple(stored["invocation"])})


@dataclass(frozen=True)
class ContentSums:
    """One sha256, in hexadecimal, over the names and bytes of each thing that the result rests on; "unknown" for
    source files that were not there."""

    simulator: str
    """The source of the torch simulator in this checkout."""
    reference: str
    """The source of the C reference in this checkout; of the stored bundle, where its image was taken."""
    nbcompare: str
    """The source of nb-compare itself."""
    case: str | None
    """The case file; None where there is none."""
    inputs: str
    """The input files."""


@dataclass(frozen=True)
class TestsOutcome:
    """How the mapped tests went on one device. No nodes is an outcome of its own: nothing was required."""

    __test__ = False  # not a test class

    nodes: tuple[str, ...]
    """The pytest nodes that were run."""
    exit_code: int | None
    """That of pytest; negative for a signal, None when it was not run."""
    summary: str
    """How many tests did what, counted from the report of our plugin; the last line of the log."""
    failure: str | None
    """Why the tests were not green, in a sentence; None when they were, or when there were none."""
    error_line: str | None = None
    """The first line that says what went wrong."""
    last_lines: tuple[str, ...] = ()
    """The last lines of the first failure."""
    on_device: int = 0
    """How many tests said that they used the device (the fixture nb_device)."""
    files: tuple[tuple[str, str], ...] = ()
    """(name, sha256) of the files that the tests were, below the project's folder; no sum for one that pytest would
    have read and that was not there."""
    python_sha256: str | None = None
    """The sum of the Python that ran them: its version, and what is installed in it; None where it is not known."""
    taken_from: str | None = None
    """CASE/STAMP of the bundle for which they were run, where they passed there for exactly this content."""
    opened: OpenedFiles | None = None
    """What they opened and started beside those files."""

    @property
    def reasons(self) -> list[str]:
        """Why nothing may be compared, a sentence first; empty where the tests are green."""
        return [f"the mapped tests failed: {self.failure}", *self.last_lines] if self.failure else []

    def as_dict(self) -> dict[str, Any]:
        said = {**vars(self), "nodes": list(self.nodes), "last_lines": list(self.last_lines), "files": dict(self.files),
                "opened": self.opened.as_dict() if self.opened else None}
        return {key: value for key, value in said.items() if value or key not in _WHERE_KNOWN}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> TestsOutcome:
        return cls(**{**stored, "nodes": tuple(stored["nodes"]), "last_lines": tuple(stored.get("last_lines", ())),
                      "files": tuple(stored.get("files", {}).items()),
                      "opened": OpenedFiles.from_dict(stored["opened"]) if "opened" in stored else None})


_WHERE_KNOWN = ("last_lines", "on_device", "files", "python_sha256", "taken_from", "opened")
"""What an outcome of tests holds only where there is something to say."""


@dataclass(frozen=True)
class Ancestor:
    """Another bundle, as a record names it."""

    case: str
    """The name of its case."""
    stamp: str
    """Its stamp."""
    manifest_sha256: str
    """The sum of its manifest, in hexadecimal, and so of everything in it."""

    @property
    def name(self) -> str:
        """CASE/STAMP."""
        return f"{self.case}/{self.stamp}"


@dataclass(frozen=True)
class ImageFacts:
    """An image file that was read in place of running an engine; its sum is that of the run's file."""

    file: str
    """Its path, as it was named."""
    format: str
    """Which reader read it: raw, numpy, hdf5 or fabio."""
    dtype: str
    """The type of its pixels."""
    header: Mapping[str, float]
    """What it says of its geometry."""

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "header": dict(self.header)}


@dataclass(frozen=True)
class Surroundings:
    """What engines got of the user's environment. Names only: a value that no engine got concerns nobody."""

    not_passed: Mapping[str, tuple[str, ...]]
    """By role, the names of the user's variables that its engine did not get."""
    made_absolute: Mapping[str, str]
    """Search paths with relative entries, as the user wrote them; the engines got them made absolute."""

    def as_dict(self) -> dict[str, Any]:
        return {"not_passed": {role: list(names) for role, names in self.not_passed.items()},
                "made_absolute": dict(self.made_absolute)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Surroundings:
        return cls({role: tuple(names) for role, names in stored["not_passed"].items()}, stored["made_absolute"])


@dataclass(frozen=True)
class Record:
    """Everything a bundle says: what was run, on what, what came out, and the verdict."""

    stamp: str
    """The UTC second in which the run began; the name of the bundle's folder."""
    created_utc: str
    """When the record was written, ISO 8601."""
    program: RecordedProgram
    """The program that made the bundle."""
    case: CaseFacts
    """The case as it was run."""
    resample: bool
    """Whether a subject image of another shape was allowed."""
    inputs_as_pinned: bool
    """Whether every input is the one the case was written for."""
    git: GitState
    """The commit of the project: of the folder where the case lies."""
    content: ContentSums
    """Sums of sources, case and inputs."""
    environment: Mapping[str, str]
    """Machine, Python and libraries; $NAME is an environment variable of the allow-list."""
    tests: Mapping[str, TestsOutcome]
    """How the mapped tests went, by device: cpu, and cuda where there is one."""
    protected: Protected
    """The protected files before the mapped tests and after the engines."""
    further: FurtherEvidence
    """What was found out beside the plain comparison."""
    pictures: str
    """When the pictures of the images were drawn."""
    inputs: tuple[StagedInput, ...]
    """The files that the engines read, kept in the bundle."""
    engines: tuple[EngineIdentity, ...]
    """Reference and subject, in this order."""
    runs: tuple[Run, ...]
    """The run of each engine, in the order of the engines; none where a run was blocked before."""
    comparison: Comparison | None
    """Figures only; None when nothing was compared."""
    verdict: Verdict
    """The answer, with every check made."""
    regenerates: Ancestor | None = None
    """The older bundle whose record was run again; None where the case was run."""
    reference_from: Ancestor | None = None
    """The bundle that the reference's image was taken from; None where the reference was run."""
    repositories: Mapping[str, RepositoryState] | None = None
    """The repositories of project, subject, reference, the engines of further subjects, and harness; None in a record
    of before they were kept."""
    surroundings: Surroundings | None = None
    """The user's variables that engines did not get; None in a record of before they were kept."""
    notes: tuple[str, ...] = ()
    """What a reader of the verdict has to know about the engines."""
    images: Mapping[str, ImageFacts] | None = None
    """The image files by role, where two files were judged and no engine was run; None where engines were."""
    uncompared: bool = False
    """Whether the images were left uncompared on request; not written where they were not."""
    schema_version: int = SCHEMA_VERSION
    """The version of this format, and of the text files beside the record."""

    @property
    def name(self) -> str:
        """CASE/STAMP, as sign-offs, ledgers and other records name a bundle."""
        return f"{self.case.name}/{self.stamp}"

    @property
    def programs(self) -> tuple[tuple[EngineIdentity, tuple[str, ...]], ...]:
        """Every engine with the arguments that it was asked for: of reference, subject, and further subjects that are
        other programs, whose role here is what they are called."""
        others = ((replace(entry.engine, role=known_as(entry.name)), (*self.case.command, *entry.words))
                  for entry in self.further.subjects if entry.engine)
        return (*((engine, self.case.arguments(engine.role)) for engine in self.engines), *others)

    def run_of(self, role: str) -> Run | None:
        """The run of a role, None where it was not run."""
        return next((run for run in self.runs if run.role == role), None)

    def engine_of(self, role: str) -> EngineIdentity:
        """Who the engine of a role was. Every intact record names both."""
        return next(engine for engine in self.engines if engine.role == role)

    def as_dict(self) -> dict[str, Any]:
        """What record.json holds, in its order."""
        ancestors = {key: asdict(named) for key, named in (("regenerates", self.regenerates),
                                                           ("reference_from", self.reference_from)) if named}
        more: dict[str, Any] = {}
        if self.repositories is not None:
            more["repositories"] = {name: state.as_dict() for name, state in self.repositories.items()}
        if self.surroundings is not None:
            more["surroundings"] = self.surroundings.as_dict()
        if self.notes:
            more["notes"] = list(self.notes)
        if self.uncompared:
            more["uncompared"] = True
        if self.images is not None:
            more["images"] = {role: facts.as_dict() for role, facts in self.images.items()}
        return {
            "schema_version": self.schema_version, "stamp": self.stamp, "kind": KIND, "created_utc": self.created_utc,
            "program": self.program.as_dict(), "case": self.case.as_dict(), "resample": self.resample,
            "inputs_as_pinned": self.inputs_as_pinned, "git": asdict(self.git), "content": asdict(self.content),
            "environment": dict(self.environment),
            "tests": {device: outcome.as_dict() for device, outcome in self.tests.items()},
            "protected": self.protected.as_dict(), "findings": self.further.as_dict(), "pictures": self.pictures,
            **ancestors,
            **more,
            "inputs": [asdict(entry) for entry in self.inputs],
            "engines": [engine.as_dict() for engine in self.engines],
            "runs": [run.as_dict() for run in self.runs],
            "comparison": self.comparison.as_dict() if self.comparison else None,
            "verdict": self.verdict.as_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], *, seen: bool = False) -> Record:
        """What ``as_dict`` gave, of any readable version; ``seen`` where all its characters are known to be visible.

        Raises EvidenceError for a version that is not known, KeyError for a key that is missing, and TypeError or
        ValueError for one that is not known or holds something else.
        """
        from nbcompare.verdict.further_evidence import FurtherEvidence  # engines begin before anything is judged

        hidden = None if seen or all_seen(stored) else next(unseen(stored), None)
        if hidden is not None:
            raise ValueError(f"{hidden} holds a character that cannot be seen")
        said = dict(stored)
        version = said.pop("schema_version")
        if version not in READABLE_VERSIONS:
            raise EvidenceError(f"the record has schema_version {version}; this program reads "
                                f"{', '.join(map(str, READABLE_VERSIONS))}")
        if said.pop("kind") != KIND:
            raise ValueError(f"it is not of the kind {KIND!r}")
        parts = {key: _READERS[key](said.pop(key)) for key in _READERS if key not in _OPTIONAL or key in said}
        return cls(schema_version=version, further=FurtherEvidence.from_dict(said.pop("findings")), **parts, **said)


def _comparison_of(stored: dict[str, Any] | None) -> Comparison | None:
    from nbcompare.compare.compare import Comparison

    return Comparison.from_dict(stored) if stored else None


def _verdict_of(stored: dict[str, Any]) -> Verdict:
    from nbcompare.verdict.verdict import Verdict

    return Verdict.from_dict(stored)


_OPTIONAL = ("regenerates", "reference_from", "repositories", "surroundings", "notes", "images")
_READERS: dict[str, Callable[[Any], Any]] = {
    "program": RecordedProgram.from_dict,
    "case": CaseFacts.from_dict,
    "git": lambda stored: GitState(**stored),
    "content": lambda stored: ContentSums(**stored),
    "tests": lambda stored: {device: TestsOutcome.from_dict(outcome) for device, outcome in stored.items()},
    "protected": Protected.from_dict,
    "inputs": lambda stored: tuple(StagedInput(**entry) for entry in stored),
    "engines": lambda stored: tuple(map(EngineIdentity.from_dict, stored)),
    "runs": lambda stored: tuple(map(Run.from_dict, stored)),
    "comparison": _comparison_of,
    "verdict": _verdict_of,
    "regenerates": lambda stored: Ancestor(**stored),
    "reference_from": lambda stored: Ancestor(**stored),
    "repositories": lambda stored: {name: RepositoryState.from_dict(state) for name, state in stored.items()},
    "surroundings": Surroundings.from_dict,
    "notes": tuple,
    "images": lambda stored: {role: ImageFacts(**facts) for role, facts in stored.items()},
}
"""How a part of a record is read, by its key; other keys hold plain values."""
