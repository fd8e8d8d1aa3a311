"""The tables that are written from the simulator's one table of options (simulator/nanobrag_torch/command/flags.py):
options.json and emulations.json, which the harness reads, and flags_table.c, which is compiled into the C reference.

What the C reference calls a field, where it has another name for it, stands here.
"""

from __future__ import annotations

import json

from nanobrag_torch.command.flag import Flag
from nanobrag_torch.command.flags import FLAGS
from nanobrag_torch.emulation import EMULATIONS

# --- the harness --------------------------------------------------------------------------------------------------

OWN_COUNT = ("cell", "misset", "perhaps")
"""Kinds that decide themselves how many values follow."""


def harness_table() -> str:
    """The table as JSON, one option a line."""
    rows = ",\n".join(f" {json.dumps(_as_data(flag))}" for flag in FLAGS)
    return ('{"about": "Generated from the simulator\'s table of options by make docs.",\n'
            f'"options": [\n{rows}\n]}}\n')


def emulations_table() -> str:
    """The registry of emulations as JSON, one a line, for claims of known divergences."""
    rows = ",\n".join(f" {json.dumps({'name': entry.name, 'condition': entry.condition})}"
                      for entry in EMULATIONS.values())
    return ('{"about": "Generated from the simulator\'s registry of emulations by make docs.",\n'
            f'"emulations": [\n{rows}\n]}}\n')


def _as_data(flag: Flag) -> dict[str, object]:
    return {"names": flag.names, "count": flag.kind if flag.kind in OWN_COUNT else flag.count, "part": flag.group,
            "topic": flag.topic, "kind": flag.meaning, "default": _default(flag), "unit": flag.unit,
            "file": flag.kind if flag.kind in ("input", "output", "dump") else "", "fields": flag.fields,
            "pivot": flag.pivot or "", "inside": [word for word in flag.like_c if not word.startswith("=")],
            "mistaken": flag.mistaken}


def _default(flag: Flag) -> str | None:
    """The value that, given, means the same as leaving the option out; None where no single value does."""
    if flag.meaning == "word":
        return flag.default
    try:
        float(flag.default)
    except ValueError:
        return None
    return flag.default


# --- the C reference ----------------------------------------------------------------------------------------------

TAKES = {"nothing": "TAKES_NOTHING", "perhaps": "TAKES_PERHAPS_ONE", "integer": "TAKES_INTEGERS",
         "real": "TAKES_REALS", "cell": "TAKES_CELL", "misset": "TAKES_MISSET", "attenuation": "TAKES_ATTENUATION",
         "pivot": "TAKES_PIVOT", "pixel": "TAKES_PIXEL", "word": "TAKES_WORD", "input": "TAKES_INPUT",
         "output": "TAKES_OUTPUT", "dump": "TAKES_DUMP"}
VALUES = {"cell": 6, "misset": 3}
UNITS = {"mm": "MILLIMETRES", "um": "MICROMETRES", "um of water": "WATER_MICROMETRES", "deg": "DEGREES",
         "mrad": "MILLIRADIANS", "%": "PERCENT", "A": "ANGSTROMS", "A of d": "ANGSTROMS_OF_D", "eV": "ELECTRONVOLTS"}
IN_C = {
    "Na": "cells[0]", "Nb": "cells[1]", "Nc": "cells[2]", "sample_x_m": "sample_size_m[0]",
    "sample_y_m": "sample_size_m[1]", "sample_z_m": "sample_size_m[2]", "mosaic_spread_rad": "mosaic_spread",
    "fast_axis": "fast", "slow_axis": "slow", "normal_axis": "normal", "direction": "beam",
    "polarization_axis": "polar", "spindle_axis": "spindle", "pix0_m": "pix0",
    "beam_x_m": "beam_centre_m[0]", "beam_y_m": "beam_centre_m[1]", "close_x_m": "close_centre_m[0]",
    "close_y_m": "close_centre_m[1]", "origin_x_pixels": "origin_pixels[0]", "origin_y_pixels": "origin_pixels[1]",
    "twotheta_rad": "twotheta", "rotation_x_rad": "rotation[0]", "rotation_y_rad": "rotation[1]",
    "rotation_z_rad": "rotation[2]", "fast_size_m": "detector_size_m[0]", "slow_size_m": "detector_size_m[1]",
    "fast_pixels": "pixels[0]", "slow_pixels": "pixels[1]", "attenuation_depth_m": "attenuation_length_m",
    "hdiv_range_rad": "divergence_range[0]", "vdiv_range_rad": "divergence_range[1]",
    "hdiv_step_rad": "divergence_step[0]", "vdiv_step_rad": "divergence_step[1]", "hdiv_steps": "divergence_steps[0]",
    "vdiv_steps": "divergence_steps[1]", "phi_rad": "phi", "oscillation_rad": "oscillation",
    "phi_step_rad": "phi_step"}
"""Fields of Options in options.h, where they are not called as in the Python simulator."""

NOT_IN_C = ("thickness_like_c_m",)
SETS_IN_C = {
    ("shape", "square"): ("shape", "SHAPE_SQUARE"), ("shape", "round"): ("shape", "SHAPE_ROUND"),
    ("shape", "gauss"): ("shape", "SHAPE_GAUSS"), ("shape", "tophat"): ("shape", "SHAPE_TOPHAT"),
    ("interpolate", True): ("interpolation", "INTERPOLATE_ON"),
    ("interpolate", False): ("interpolation", "INTERPOLATE_OFF"),
    ("round_divergence", True): ("square_divergence", "0"), ("round_divergence", False): ("square_divergence", "1"),
    ("progress", True): ("no_progress", "0"), ("progress", False): ("no_progress", "1")}
GIVEN_IN_C = {"-misset_seed": "misset_seed_given", "-pivot": "pivot_given", "-odet_vector": "normal_given",
              "-pix0_vector": "pix0_given", "-seed": "seed_given", "-trace_pixel": "tracing"}
"""Options whose presence C keeps in a field of its own."""

OTHER_HELP = {
    "-adc": "offset of the SMV image",
    "-noisefile": "accepted; this program writes no noise image",
    "-seed": "seed of -misset random without -misset_seed",
    "-printout": "accepted; see -trace_pixel",
    "-printout_pixel": "accepted; see -trace_pixel"}
"""What these options do in the C reference, which writes no noise and prints no blocks of factors."""

_HEAD = """\
/* The rows of the table of flags. Generated from simulator/nanobrag_torch/command/flags.py by `make docs`; change
 * a row there. */
#include "flags.h"

#define AT(field) offsetof(Options, field)

"""


def reference_table() -> str:
    """The rows that the C reference has, as C."""
    rows = "".join(f"    {{{', '.join(_designators(flag))}}},\n" for flag in FLAGS if not flag.only_here)
    return (f"{_HEAD}const Flag FLAGS[] = {{\n{rows}}};\n\n"
            "const int FLAG_COUNT = (int)(sizeof FLAGS / sizeof FLAGS[0]);\n")


def _designators(flag: Flag) -> list[str]:
    first = flag.names[0]
    found = [f".names = {_quoted(' '.join(flag.names))}", f".takes = {TAKES[flag.kind]}"]
    values = VALUES.get(flag.kind, flag.count)
    found += [f".values = {values}"] if values else []
    fields = [field for field in flag.fields if field not in NOT_IN_C]
    if fields:
        found.append(f".at = AT({_field(fields[0], flag)})")
    if flag.same and len(fields) > 1:
        found.append(f".copies = {len(fields)}")
    if flag.unit:
        found.append(f".unit = {UNITS[flag.unit]}")
    found += [f".also = AT({field}), .also_value = {value}" for field, value in _also(flag)]
    found += [f".convention = {flag.convention.upper()}"] if flag.convention else []
    found += [f".pivot = PIVOT_{flag.pivot.upper()}"] if flag.pivot else []
    found += [f".mistaken = {_quoted(' '.join(flag.mistaken))}"] if flag.mistaken else []
    return [*found, f".by_default = {_quoted(flag.shown_default)}",
            f".help = {_quoted(OTHER_HELP.get(first, flag.help))}"]


def _also(flag: Flag) -> list[tuple[str, str]]:
    """The field that the option's presence sets, of which C has at most one."""
    given = GIVEN_IN_C.get(flag.names[0])
    found = [SETS_IN_C.get((field, value), (field, str(int(bool(value))))) for field, value in flag.sets]
    found += [(given, "1")] if given else []
    if len(found) > 1:
        raise ValueError(f"{flag.names[0]} sets {found}, but a row of the C table has one such field")
    return found


def _field(name: str, flag: Flag) -> str:
    if name == "ignored":
        return "idle_real" if flag.kind == "real" else "idle_text"
    stem, bracket, index = name.partition("[")
    return IN_C.get(stem, stem) if index in ("", "0]") else f"{IN_C.get(stem, stem)}{bracket}{index}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
