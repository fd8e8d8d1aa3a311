"""Which commands can tell more about a difference, of the engines that a bundle was made by."""

from __future__ import annotations

from nbcompare.bundle.record import Record
from nbcompare.engine.trace.who import prints_traces


def explaining(record: Record) -> tuple[str, ...]:
    """In their order: trace asks engines that print what a pixel is made of, reduce runs engines on fewer of
    nanoBragg's options; images that were there already are only looked at."""
    if record.images is not None or record.case.own_options or any(engine.is_stored for engine in record.engines):
        return ("diagnose",)
    return ("diagnose", *(("trace",) if all(map(prints_traces, record.engines)) else ()), "reduce")
