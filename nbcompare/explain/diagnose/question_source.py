"""What the user asks about: a bundle, or two image files with the arguments they were to be made by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbcompare.bundle.find import find_bundle
from nbcompare.bundle.names import DATA, RECORD, image_name, output_name
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.command import declared_shape
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.masking import COMPARE
from nbcompare.compare.image import FLOAT_DTYPE, Shape, read_float_image
from nbcompare.compare.masks import gaps_of, plain_images
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.errors import EvidenceError, FileError, UsageError, to_type
from nbcompare.explain.diagnose.question import Question


@dataclass(frozen=True)
class QuestionSource:
    """A question, or a subject file that cannot be laid on the reference because of its size."""

    question: Question | None
    reference: np.ndarray
    subject_file: Path
    stale: tuple[str, ...] = ()


def ask(words: Sequence[str], shape: tuple[int, int] | None, inputs: Path | None) -> QuestionSource:
    """Read BUNDLE, or REF SUBJECT and arguments.

    Raises UsageError for words that are neither, FileError and EvidenceError for what cannot be read.
    """
    paths: list[Path] = []
    for word in words:
        if word.startswith("-") or len(paths) == 2:
            break
        paths.append(Path(word))
    arguments = tuple(words[len(paths):])
    if len(paths) == 2:
        return _from_files(paths[0], paths[1], arguments, shape, inputs or Path.cwd())
    if len(paths) == 1 and not arguments:
        if shape or inputs:
            raise UsageError("--shape and --inputs belong to two image files; a bundle holds its own")
        return _from_bundle(find_bundle(paths[0]))
    raise UsageError("name a bundle, or a reference image and a subject image",
                     hint="nb-compare diagnose REF.bin SUBJECT.bin -- ARGS")


def _from_files(reference: Path, subject: Path, arguments: tuple[str, ...], shape: tuple[int, int] | None,
                inputs: Path) -> QuestionSource:
    if not inputs.is_dir():
        raise UsageError(f"--inputs {inputs}: there is no such folder")
    if shape is None and not arguments:
        raise UsageError("the shape of the images is not known",
                         hint="give --shape SLOW FAST, or the arguments after --")
    size = Shape(*shape) if shape else declared_shape(arguments, inputs)
    return _asked(_finite(reference, size), subject, size, arguments, inputs)


def _asked(image: np.ndarray, subject: Path, size: Shape, arguments: tuple[str, ...], inputs: Path, *,
           stale: tuple[str, ...] = (), subject_argv: tuple[str, ...] | None = None,
           echoes: tuple[str, str] | None = None) -> QuestionSource:
    try:
        found = subject.stat().st_size
    except OSError as fault:
        raise FileError(f"{subject}: cannot read the image: {fault.strerror}") from None
    if found != size.bytes:
        return QuestionSource(None, image, subject)
    question = Question(image, read_float_image(subject, size), arguments, inputs, subject_argv=subject_argv,
                        echoes=echoes)
    return QuestionSource(question, image, subject, stale)


def _finite(path: Path, size: Shape) -> np.ndarray:
    image = read_float_image(path, size)
    if not np.isfinite(image).all():
        raise FileError(f"{path}: the reference holds pixels that are NaN or infinite; nothing can be held against it")
    return image


def _from_bundle(folder: Path) -> QuestionSource:
    from nbcompare.bundle.check.verify import verified

    record = verified(folder).record
    runs = {run.role: run for run in record.runs}
    lost = [role for role in (REFERENCE, SUBJECT) if role not in runs or not (folder / image_name(role)).is_file()]
    if lost:
        raise EvidenceError(f"{folder}: the {' and the '.join(lost)} left no image, so there is nothing to diagnose",
                            hint=to_type("nb-compare", "show", folder))
    arguments = {role: record.case.arguments(role) for role in (REFERENCE, SUBJECT)}
    printed = (read_kept(folder / output_name(REFERENCE, "stdout")), read_kept(folder / output_name(SUBJECT, "stdout")))
    case = record.case
    if case.own_options or case.nan == COMPARE or case.masking.any or any(
            run.mask_sha256 or run.dtype != FLOAT_DTYPE for run in record.runs):
        return _from_other_images(folder, record, printed)
    image = _finite(folder / image_name(REFERENCE), runs[REFERENCE].shape)
    return _asked(image, folder / image_name(SUBJECT), runs[REFERENCE].shape, arguments[REFERENCE], folder / DATA,
                  stale=_seen_before(folder, record), subject_argv=arguments[SUBJECT], echoes=printed)


def _from_other_images(folder: Path, record: Record, printed: tuple[str, str]) -> QuestionSource:
    """Of images with masks, NaN or another type than float32: they are diagnosed as float32, zero where either has no
    measurement. Words that are not nanoBragg's tell nothing."""
    from nbcompare.bundle.check.recompute import read_stored_images

    images = read_stored_images(folder, record)
    if images[REFERENCE].shape != images[SUBJECT].shape:
        raise UsageError(f"{folder}: the images have two shapes, and none of them is a file of float32",
                         hint=to_type("nb-compare", "show", folder))
    reference, subject = plain_images(images[REFERENCE], images[SUBJECT])
    words = {role: () if record.case.own_options else record.case.arguments(role) for role in (REFERENCE, SUBJECT)}
    question = Question(reference, subject, words[REFERENCE], folder / DATA, subject_argv=words[SUBJECT],
                        echoes=printed, gaps=gaps_of(images[REFERENCE], images[SUBJECT]))
    return QuestionSource(question, reference, folder / image_name(SUBJECT), _seen_before(folder, record))


def _seen_before(folder: Path, record: Record) -> tuple[str, ...]:
    """Sibling bundles whose images are the subject's, byte for byte, though their commands or inputs are others."""
    own = next(run.image_sha256 for run in record.runs if run.role == SUBJECT)
    asked = (list(record.case.command), record.content.inputs)
    found = []
    for path in sorted(folder.absolute().parent.parent.glob(f"*/*/{RECORD}")):
        try:
            other = json.loads(path.read_text(encoding="utf-8"))
            same = any(run["image_sha256"] == own for run in other["runs"])
            if same and (other["case"]["command"], other["content"]["inputs"]) != asked:
                found.append(path.parent.relative_to(path.parent.parent.parent).as_posix())
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return tuple(found)
