"""The case as a record keeps it: what was asked of the engines and of their images, without where it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from nbcompare.case.arguments.options import FLOAT_FILE, REFERENCE
from nbcompare.case.case import NANOBRAGG, OWN, Case, Limits
from nbcompare.case.claims import Claim
from nbcompare.case.further_subject import FurtherSubject
from nbcompare.case.masking import FAIL, NO_MASKING, Masking
from nbcompare.case.refusal import Refusal, refusals_from
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi, Shape

FLOAT_WORDS = ("-floatfile", FLOAT_FILE)
"""What the runner puts behind the arguments of every engine."""


@dataclass(frozen=True)
class CaseFacts:
    """A case as it was run, with what the command line added for one side."""

    name: str
    """What the case, or the cell of its matrix, is called; the folder of its bundles."""
    title: str
    """One line for people."""
    file: str | None
    """The name of the case file, without its folder; None where there is no file."""
    sha256: str | None
    """The sum of the case file's bytes, in hexadecimal; None where there is no file."""
    command: tuple[str, ...]
    """The arguments that both engines got."""
    reference_args: tuple[str, ...]
    """The arguments that only the reference got, after those of the command."""
    subject_args: tuple[str, ...]
    """The arguments that only the subject got, after those of the command."""
    environment: Mapping[str, str]
    """The variables that were set for both engines."""
    tests: tuple[str, ...]
    """The pytest nodes that had to be green first."""
    limits: Limits
    """Wall seconds after which engines and tests are stopped."""
    shape: Shape
    """Pixels of the image along the slow and the fast axis."""
    rois: tuple[Roi, ...]
    """The regions that are compared, in pixels, bounds inclusive; at least one."""
    thresholds: tuple[Threshold, ...]
    """What each figure must be, and why; at least one."""
    repeat: int
    """How often the reference is run again."""
    threads: tuple[int, ...]
    """Numbers of OpenMP threads with which the reference is run again."""
    required_args: tuple[str, ...]
    """Options that must change both images."""
    divergences: tuple[Claim, ...]
    """Claims of known divergences."""
    cell: Mapping[str, str]
    """The place of this cell on each axis of the matrix; empty for a case without one."""
    options: str = NANOBRAGG
    """Whose options the command is written in; not written where they are nanoBragg's."""
    masking: Masking = NO_MASKING
    """Which pixels are no measurement; not written where none are masked."""
    nan: str = FAIL
    """What becomes of pixels that are no number; not written where they are a failure."""
    expect: Mapping[str, Refusal] = field(default_factory=dict)
    """The engines that have to refuse, and how; not written where none has."""
    subjects: Mapping[str, FurtherSubject] = field(default_factory=dict)
    """Further subjects: by name the arguments beside the subject's own, or another engine; not written
    where there are none."""

    @property
    def own_options(self) -> bool:
        """Whether the command is written in options that are not nanoBragg's."""
        return self.options == OWN

    def arguments(self, role: str) -> tuple[str, ...]:
        """The whole command line of a role, without the words that start its program and without the float file."""
        return (*self.command, *(self.reference_args if role == REFERENCE else self.subject_args))

    def argv(self, role: str, start: Sequence[str]) -> tuple[str, ...]:
        """The words that a role's engine, whose program is started by ``start``, is run with."""
        return (*start, *self.arguments(role), *FLOAT_WORDS)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, in the order of the fields, as JSON holds them."""
        said = {name: _plain(getattr(self, name)) for name in _ALWAYS}
        more = {name: value.as_dict() if isinstance(value, Masking) else value for name, usual in _SELDOM.items()
                if (value := getattr(self, name)) != usual}
        if self.expect:
            more["expect"] = {role: wanted.as_dict() for role, wanted in self.expect.items()}
        if self.subjects:
            more["subjects"] = {name: further.as_plain() for name, further in self.subjects.items()}
        return {**said, "divergences": [claim.as_dict() for claim in self.divergences], **more}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> CaseFacts:
        """What ``as_dict`` gave. Raises KeyError or TypeError for keys that are missing or not known."""
        return cls(**{
            **stored, **{key: tuple(stored[key]) for key in _WORDS}, "limits": Limits(**stored["limits"]),
            "shape": Shape(**stored["shape"]), "rois": tuple(Roi.from_dict(roi) for roi in stored["rois"]),
            "thresholds": tuple(Threshold(**threshold) for threshold in stored["thresholds"]),
            **({"expect": refusals_from(stored["expect"])} if "expect" in stored else {}),
            **({"subjects": {name: FurtherSubject.from_plain(further) for name, further in stored["subjects"].items()}}
               if "subjects" in stored else {}),
            **({"masking": Masking.from_dict(stored["masking"])} if "masking" in stored else {}),
            "divergences": tuple(map(Claim.from_dict, stored["divergences"]))})


_ALWAYS = tuple(one.name for one in fields(CaseFacts) if one.name not in ("options", "masking", "nan", "expect",
                                                                          "subjects"))
_SELDOM = {"options": NANOBRAGG, "masking": NO_MASKING, "nan": FAIL}
"""Fields that are written only where a case says something else."""

_WORDS = ("command", "reference_args", "subject_args", "tests", "threads", "required_args")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple):
        return list(value) if value and isinstance(value[0], str) else [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Roi):
        return value.as_dict()
    if isinstance(value, Limits | Shape | Threshold):  # of numbers and texts alone
        return dict(vars(value))
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def case_facts(case: Case) -> CaseFacts:
    """What a record keeps of a case."""
    return CaseFacts(
        name=case.name, title=case.title, file=case.path.name if case.path else None, sha256=case.sha256,
        command=case.command, reference_args=case.reference_args, subject_args=case.subject_args,
        environment=case.environment, tests=case.tests, limits=case.limits, shape=case.shape, rois=case.rois,
        thresholds=case.thresholds, repeat=case.repeat, threads=case.threads, required_args=case.required_args,
        divergences=case.divergences, cell=dict(case.cell), options=case.options, masking=case.masking, nan=case.nan,
        expect=dict(case.expect), subjects=dict(case.subjects))
