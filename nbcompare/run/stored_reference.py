"""A stored bundle as the reference: its image stands in for a run of the reference program.

So a case can be run where there is no C program. The bundle must be intact, its reference must have worked, and it
must have been given the very command, arguments, variables and input files that it would be given now.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.bundle.names import MANIFEST, image_name, mask_name, output_name
from nbcompare.bundle.record import Ancestor, Record
from nbcompare.case.arguments.options import REFERENCE
from nbcompare.case.case import Case
from nbcompare.case.inputs import StagedInput
from nbcompare.compare.image import Shape, read_float_image, read_mask
from nbcompare.engine.engine import Engine, Rendering, Run
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.processes.redact import redact_file
from nbcompare.engine.rendering.evidence_folder import EvidenceFolder
from nbcompare.engine.rendering.runs import RunFiles
from nbcompare.errors import EvidenceError, UsageError
from nbcompare.files import sha256_of


@dataclass(frozen=True)
class StoredReference:
    """The reference run of a bundle."""

    folder: Path
    record: Record

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def run(self) -> Run:
        return next(run for run in self.record.runs if run.role == REFERENCE)

    @property
    def identity(self) -> EngineIdentity:
        """The program that made the image, chosen by the bundle."""
        made_by = next(engine for engine in self.record.engines if engine.role == REFERENCE)
        return replace(made_by, chosen_by=f"bundle {self.name}")

    @property
    def engine(self) -> Engine:
        """An engine that cannot be started: what a record names is not run, and its image is there."""
        identity = self.identity
        return Engine(REFERENCE, identity.name, (f"(the reference of bundle {self.name})",), identity.chosen_by)

    @property
    def ancestor(self) -> Ancestor:
        """How a record names the bundle that the image came from."""
        return ancestor_of(self.folder, self.record)

    def restore(self, place: EvidenceFolder, places: RunFiles) -> Rendering:
        """What a run would have given: the image, in memory, and what the program said, copied to where a run leaves
        it. Raises EvidenceError when the image is no longer the one that was verified."""
        place.progress.begin(f"{REFERENCE} ({self.identity.name})")
        for name, target in ((output_name(REFERENCE, "stdout"), places.stdout),
                             (output_name(REFERENCE, "stderr"), places.stderr)):
            shutil.copyfile(self.folder / name, target)
            redact_file(target)
        pixels = read_float_image(self.folder / image_name(REFERENCE), self.run.shape, self.run.dtype)
        if hashlib.sha256(pixels.data).hexdigest() != self.run.image_sha256:
            raise EvidenceError(f"{self.folder}: the image of the reference was changed while it was used")
        place.hold(places.image, pixels)
        masked = None
        if self.run.mask_sha256:
            masked = read_mask(self.folder / mask_name(REFERENCE), self.run.shape)
            place.hold(places.mask or places.image, masked)
        place.progress.end(f"reference from bundle {self.name}")
        return Rendering(self.run, pixels, masked=masked)


def ancestor_of(folder: Path, record: Record) -> Ancestor:
    """How a record names another bundle: case, stamp, and the sum of its manifest."""
    return Ancestor(record.case.name, record.stamp, sha256_of(folder / MANIFEST))


def stored_reference(folder: Path) -> StoredReference:
    """The reference run of an intact bundle.

    Raises EvidenceError, with all faults, for a damaged bundle, and UsageError for one whose reference
    gave no image.
    """
    from nbcompare.bundle.check.verify import verified

    record = verified(folder).record
    run = next((run for run in record.runs if run.role == REFERENCE), None)
    if run is None or run.failure:
        why = run.failure.sentence if run and run.failure else "was not run"
        raise UsageError(f"{folder}: cannot be the reference: its reference {why}",
                         hint="name a bundle whose reference gave an image (nb-compare list)")
    return StoredReference(folder, record)


def require_same_experiment(stored: StoredReference, case: Case, shape: Shape,
                            inputs: Sequence[StagedInput]) -> None:
    """Raises UsageError, naming every difference, unless the stored image is what the reference would be asked for."""
    found = list(_differences(stored, case, shape, inputs))
    if found:
        raise UsageError(f"{stored.folder}: cannot be the reference of case {case.name}: {'; '.join(found)}",
                         hint="name a bundle of the same command and inputs, or run the reference program")


def _differences(stored: StoredReference, case: Case, shape: Shape, inputs: Sequence[StagedInput]) -> Iterator[str]:
    theirs = stored.record.case.arguments(REFERENCE)
    ours = (*case.command, *case.reference_args)
    if theirs != ours:
        at = next((i for i, pair in enumerate(zip(theirs, ours, strict=False)) if pair[0] != pair[1]),
                  min(len(theirs), len(ours)))
        yield f"its arguments differ from word {at + 1} on ({_from(theirs, at)!r}, now {_from(ours, at)!r})"
    variables = stored.record.case.environment
    if variables != case.environment:
        yield f"its variables were {variables}, now {case.environment}"
    if stored.run.shape != shape:
        yield f"its image is {stored.run.shape}, now {shape}"
    sums = {entry.name: entry.sha256 for entry in stored.record.inputs}
    for entry in inputs:
        if sums.get(entry.name) != entry.sha256:
            yield f"its input {entry.name} has sha256 {str(sums.get(entry.name))[:12]}, now {entry.sha256[:12]}"


def _from(words: Sequence[str], at: int) -> str:
    return " ".join(words[at:at + 3])
