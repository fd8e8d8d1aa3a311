"""A subject whose image is a file that it read: it was copied, from an earlier bundle or from what it keeps itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from nbcompare.bundle.names import MANIFEST
from nbcompare.case.arguments.options import SUBJECT
from nbcompare.case.further_subject import known_as
from nbcompare.engine.engine import Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.errors import FileError
from nbcompare.files import sha256_of
from nbcompare.verdict.further_evidence import FurtherEvidence

_LEVELS = 4
"""How deep below its folder a bundle keeps an image."""


def copied_from(runs: tuple[Run, ...], further: FurtherEvidence, opened: Mapping[str, FileUses]) -> dict[str, str]:
    """By what each is called, of the subject, further ones and that on a device, that it gave the bytes of an image of
    an earlier bundle, as the end of a sentence about it.

    A copy of any other file that it read (what it kept of an earlier run, a table that is the image) may be what the
    user means: it is entered among what is ``unseen``, so that the verdict says so and no gate takes it for evidence.
    The runs of one engine share what they read, as one may hand it to the next by a process or a file that stays.
    """
    found = {}
    for called, engine, run in _given(runs, further):
        calls = opened.get(engine)
        if run.failure or calls is None:
            continue
        for path in _copies(run, calls):
            if any((folder / MANIFEST).is_file() for folder in Path(path).parents[:_LEVELS]):
                found[called] = f"gave as its image a copy of {path}, which an earlier run has left"
            else:
                calls.unseen[f"its image is byte for byte the file {path}, which it read"] = None
    return found


def _given(runs: tuple[Run, ...], further: FurtherEvidence) -> Iterator[tuple[str, str, Run]]:
    """What each subject is called, under what name its engine is watched, and its run."""
    yield from ((SUBJECT, SUBJECT, run) for run in runs if run.role == SUBJECT)
    for entry in further.subjects:
        yield known_as(entry.name), known_as(entry.name) if entry.engine else SUBJECT, entry.run
    if further.device:
        yield further.device.device, SUBJECT, further.device.run


def with_copied(runs: tuple[Run, ...], copied: Mapping[str, str]) -> tuple[Run, ...]:
    """The runs, where an engine that only copied has failed."""
    return tuple(_failed(run, copied[run.role]) if run.role in copied else run for run in runs)


def further_with_copied(further: FurtherEvidence, copied: Mapping[str, str]) -> FurtherEvidence:
    """The findings, where a further subject, or the subject on a device, has failed that only copied."""
    subjects = tuple(replace(entry, run=_failed(entry.run, copied[known_as(entry.name)]), comparison=None)
                     if known_as(entry.name) in copied else entry for entry in further.subjects)
    device = further.device
    if device and device.device in copied:
        device = replace(device, run=_failed(device.run, copied[device.device]), comparison=None)
    return replace(further, subjects=subjects, device=device)


def _failed(run: Run, why: str) -> Run:
    return replace(run, failure=Failure("copied-image", why))


def _copies(run: Run, calls: FileUses) -> Iterator[str]:
    """The files that were read and hold the very pixels of a run. One that a program which is kept did not use again
    counts where it had the size of the image when it was opened, or was written."""
    size = run.shape.fast * run.shape.slow * np.dtype(run.dtype).itemsize
    again = calls.uses.keys() if calls.again is None else calls.again
    likely = {path for path, use in calls.uses.items()
              if use.written or (use.stamp is not None and use.stamp[1] == size)}
    read = (path for path in likely.union(again) if (use := calls.uses.get(path)) and use.read and not use.made
            and use.stamp is not None)
    for path in sorted(read):
        try:
            if os.path.getsize(path) == size and sha256_of(Path(path)) == run.image_sha256:
                yield path
        except (OSError, FileError):
            continue  # it is gone
