"""A trace as a person reads it (one line per factor) and as a machine does (every entry)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from nbcompare.case.arguments.factors import FACTORS
from nbcompare.commands.views.terminal import table
from nbcompare.compare.compare import finite_or_none
from nbcompare.engine.trace.dialects import TraceEntry
from nbcompare.engine.trace.lineup import FactorPair, Lineup
from nbcompare.engine.trace.shares import Shares
from nbcompare.explain.trace.pixel import PixelTrace

_SHOWN_NUMBERS = 3


def trace_report(traces: Sequence[PixelTrace], command: Sequence[str], *, every: bool = False) -> str:
    """The text of all pixels; ``every`` shows each entry instead of the worst of each factor."""
    return "\n\n".join("\n".join(_pixel_lines(trace, command, every)) for trace in traces)


def _pixel_lines(trace: PixelTrace, command: Sequence[str], every: bool) -> list[str]:
    pixel = trace.pixel
    lines = [f"pixel fast {pixel.fast} slow {pixel.slow} ({pixel.why})"]
    if trace.lineup is None:
        return [*lines, *(f"  ENGINE FAILED  {failure}" for failure in trace.failures)]
    lineup = trace.lineup
    lines += [f"  note       {note}" for note in trace.notes]
    pairs = lineup.pairs if every else _worst_of_each(lineup.pairs)
    rows = [(pair.label, *map(_numbers, (pair.reference, pair.subject)), _difference(pair),
             "ok" if pair.agrees else "DIFFERS") for pair in pairs]
    lines += ["  " + line for line in table(("factor", "reference", "subject", "difference", ""), rows)]
    if lineup.not_compared:
        lines += [f"  not compared ({_who_is_short(lineup)}): {', '.join(lineup.not_compared)}"]
    return [*lines, *_first_lines(lineup, command), *_share_lines(trace.shares)]


def _who_is_short(lineup: Lineup) -> str:
    return "; ".join(f"the {role} printed {said.dialect}" for role, said in
                     (("reference", lineup.reference), ("subject", lineup.subject)) if not said.is_full)


def _worst_of_each(pairs: Sequence[FactorPair]) -> list[FactorPair]:
    """Of every factor the first entry that differs, or the one that comes nearest to it."""
    chosen: dict[tuple[str, bool], FactorPair] = {}
    for pair in pairs:
        key = (pair.name, bool(pair.index))
        held = chosen.get(key)
        if held is None or (held.agrees and pair.excess > held.excess):
            chosen[key] = pair
    return list(chosen.values())


def _numbers(entry: TraceEntry | None) -> str:
    if entry is None:
        return "absent"
    shown = " ".join(f"{number:.9g}" for number in entry.numbers[:_SHOWN_NUMBERS])
    return shown + (" ..." if len(entry.numbers) > _SHOWN_NUMBERS else "")


def _difference(pair: FactorPair) -> str:
    return "undefined" if pair.difference is None else f"{pair.difference:.2g}"


def _first_lines(lineup: Lineup, command: Sequence[str]) -> list[str]:
    first = lineup.first
    if first is None:
        return ["  all factors agree"]
    unit = f" ({FACTORS[first.name].unit})" if first.name in FACTORS and FACTORS[first.name].unit else ""
    lines = [f"  first to differ: {first.label}{unit}, reference {_numbers(first.reference)}, "
             f"subject {_numbers(first.subject)}"]
    for name, pair in lineup.inputs_of(first).items():
        said = f"{name}: not compared" if pair is None else f"{pair.label}: {'agrees' if pair.agrees else 'differs'}"
        lines.append(f"    made of {said}")
    given = options_of(first.name, command)
    if given:
        lines.append(f"    options that act on it: {shlex.join(given)}")
    return lines


def options_of(name: str, command: Sequence[str]) -> list[str]:
    """The options of the command line, with their values, that act on a factor directly."""
    from nbcompare.case.arguments.command import parse_command

    acting = set(FACTORS[name].options) if name in FACTORS else set()
    return [token for item in parse_command(command).items if item.option and acting & set(item.option.names)
            for token in item.tokens]


def _share_lines(shares: Shares | None) -> list[str]:
    if shares is None:
        return []
    if shares.ratio is None:
        return [f"  ratio of the pixels: {shares.unknown}"]
    lines = [f"  ratio subject/reference {shares.ratio:.9g}"]
    if any(share.share is not None for share in shares.shares):
        told = [share for share in shares.shares if abs(share.ratio - 1) > shares.open]
        rows = [(share.factor, f"{share.ratio:.9g}", "" if share.share is None else f"{100 * share.share:.4g} %")
                for share in told]
        lines += [] if not rows else ["    " + line for line in table(("explained by", "ratio", "share"), rows)]
    return lines


# --- for machines ---------------------------------------------------------------------------------------


def trace_as_dict(trace: PixelTrace, command: Sequence[str]) -> dict[str, Any]:
    """One pixel as plain values; a number that is not finite is null."""
    said = {"pixel": {"fast": trace.pixel.fast, "slow": trace.pixel.slow, "why": trace.pixel.why},
            "exit_code": int(trace.exit_code), "failures": list(trace.failures), "notes": list(trace.notes)}
    if trace.lineup is None:
        return {**said, "factors": [], "first": None, "shares": None, "not_compared": []}
    lineup, first = trace.lineup, trace.lineup.first
    shares = {"ratio": trace.shares.ratio, "unknown": trace.shares.unknown,
              "factors": [vars(share) for share in trace.shares.shares]} if trace.shares else None
    return {**said, "dialects": {"reference": lineup.reference.dialect, "subject": lineup.subject.dialect},
            "factors": [_pair_as_dict(pair) for pair in lineup.pairs], "not_compared": list(lineup.not_compared),
            "first": {**_pair_as_dict(first), "inputs": {name: _pair_as_dict(pair) if pair else None for name, pair in
                                                         lineup.inputs_of(first).items()},
                      "options": options_of(first.name, command)} if first else None, "shares": shares}


def _pair_as_dict(pair: FactorPair) -> dict[str, Any]:
    unit = FACTORS[pair.name].unit if pair.name in FACTORS else ""
    return {"name": pair.name, "index": [pair.index] if isinstance(pair.index, str) else list(pair.index), "unit": unit,
            "reference": _plain(pair.reference), "subject": _plain(pair.subject), "difference": pair.difference,
            "allowed": pair.allowed, "agrees": pair.agrees}


def _plain(entry: TraceEntry | None) -> list[float | None] | None:
    return [finite_or_none(number) for number in entry.numbers] if entry else None
