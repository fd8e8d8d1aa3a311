"""Which commands can tell more about a difference, of the engines that a bundle was made by."""

from __future__ import annotations

from nbcompare.bundle.record import Record
from nbcompare.engine.trace.who import prints_traces

DIAGNOSE = "diagnose"
"""Looks at images, and runs the bundled simulator alone."""


def explaining(record: Record) -> tuple[str, ...]:
    """In their order: trace asks engines that print what a pixel is made of, reduce runs engines on fewer of
    nanoBragg's options; images that were there already are only looked at."""
    if record.images is not None or record.case.own_options or any(engine.is_stored for engine in record.engines):
        return (DIAGNOSE,)
    return (DIAGNOSE, *(("trace",) if all(map(prints_traces, record.engines)) else ()), "reduce")


def as_given(record: Record) -> list[str]:
    """Which programs were named on the command line of the run, so that a command that runs them has to be told too.
    Not what they are: nothing that a record names is proposed for a paste."""
    options = [engine.chosen_by for engine in record.engines if engine.chosen_by in ("--c-bin", "--py-bin")]
    return [f"{' and '.join(options)}, as given to the run"] if options else []
