"""What the parts of a case say against each other, and no single part shows: files, shape, regions, refusals."""

from __future__ import annotations

from collections.abc import Iterator

from nbcompare.case.arguments.command import declared_shape, size_is_in_a_header, unseeded_orientation
from nbcompare.case.arguments.named_files import ADDED_BY_THE_RUNNER, FLOAT_OPTION, file_faults
from nbcompare.case.arguments.option_faults import mistyped_size, no_option_in
from nbcompare.case.case import Case
from nbcompare.case.parts import NAME
from nbcompare.errors import UsageError


def command_faults(case: Case) -> Iterator[tuple[str, str]]:
    """(key, what is wrong): the command reads only declared inputs, leaves the float file to us, and declares the
    image's shape."""
    if case.own_options:
        yield from _own_option_faults(case)
        return
    names = [entry.name for entry in case.inputs]
    own = list(file_faults(case.command, names))
    for key in ("reference_args", "subject_args"):
        for fault in file_faults((*case.command, *getattr(case, key)), names) if getattr(case, key) else own:
            yield "command" if fault in own else key, fault
    for further in case.subjects.values():
        for fault in file_faults((*case.command, *further.words(case.subject_args)), names):
            yield "subjects", fault
    if case.subjects and case.divergences:
        yield "subjects", "a claim is proven of one subject; give the others a case of their own"
    if unseeded_orientation(case.command):
        yield "command", ("-misset random draws another orientation in every run; add -misset_seed N before it, with a "
                          "whole number, so that both engines draw the same")
    yield from _required_and_not_given(case)
    if size_is_in_a_header(case.command):
        return
    try:
        declared = declared_shape(case.command, case.folder)
    except UsageError as fault:
        yield "command", fault.message
        return
    if declared != case.shape:
        follows_from = mistyped_size(case.command) or no_option_in(case.command)
        yield ("command", follows_from) if follows_from else \
            ("image", f"image says {case.shape}, but the command declares {declared}")


def claim_faults(case: Case) -> Iterator[tuple[str, str]]:
    """Claims of a case and of one of its runs that cannot be told apart."""
    ids = [claim.id for claim in case.divergences]
    for id in dict.fromkeys(id for id in ids if ids.count(id) > 1):
        yield "divergences", f"two claims are called {id}, one of the case and one of this run"


def refusal_faults(case: Case) -> Iterator[tuple[str, str]]:
    """What has no meaning where an engine has to refuse and nothing is compared."""
    if case.expect:
        for key, given in (("thresholds", case.thresholds), ("divergences", case.divergences), ("repeat", case.repeat),
                           ("threads", case.threads), ("required_args", case.required_args),
                           ("subjects", case.subjects)):
            if given:
                yield key, f"{key}: the case expects a refusal, so that no image is judged; leave it out"


def _own_option_faults(case: Case) -> Iterator[tuple[str, str]]:
    """What of a case needs options of nanoBragg."""
    if FLOAT_OPTION in (*case.command, *case.reference_args, *case.subject_args):
        yield "command", f"{FLOAT_OPTION} {ADDED_BY_THE_RUNNER}"
    if case.divergences:
        yield "divergences", "claims emulate defects of nanoBragg, and the options of this case are its engines' own"
    yield from _required_and_not_given(case)


def _required_and_not_given(case: Case) -> Iterator[tuple[str, str]]:
    for word in case.required_args:
        if word not in case.command:
            yield "required_args", f"{word} is not in the command, so it cannot be required there"


def region_faults(case: Case) -> Iterator[tuple[str, str]]:
    if not NAME.fullmatch(case.name):
        yield "name", f"the name {case.name} is longer than a folder's may be"
    for roi in case.rois:
        fault = roi.fault_in(case.shape)
        if fault:
            yield "rois", f"region {roi.name}: {fault}"
