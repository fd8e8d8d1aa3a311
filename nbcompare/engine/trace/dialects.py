"""What engines print about one pixel, read into factors of one set of names and units.

Three dialects are known, told apart by their lines:

* ``TRACE name[i,j]=v ...``: every factor with its loop indices (``-trace_pixel slow fast`` of the bundled engines).
* ``TRACE_C: name v ...`` (or ``name=v``): the instrumented variant of nanoBragg C, and ports that print like it. The
  lattice lines are of the first source, phi step and domain of each sub-pixel.
* the block of ``-printout -printout_pixel fast slow`` of nanoBragg C: factors as the last loop left them.

Each number knows how finely it was printed, so that six digits are never taken for fifteen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nbcompare.case.arguments.factors import ONCE, PER_DOMAIN, PER_SOURCE, PER_SUBPIXEL

FULL, INSTRUMENTED, PRINTOUT = "every factor", "TRACE_C lines", "printout of the last loop"
Index = tuple[int, ...]
LAST = "last"
Place = Index | str
"""Loop numbers, () for what there is once, or LAST."""
ANGSTROM = 1e-10

_TRACE = re.compile(r"TRACE (\w+)(?:\[([\d,]+)\])?=(.*)")
_INSTRUMENTED = re.compile(r"TRACE_(?:C|PY):\s*(\w+)[ =]+(.*)")
_PER_PHI = re.compile(r"TRACE_(?:C|PY)_PHI\s+(.*)")


@dataclass(frozen=True)
class TraceEntry:
    """The numbers of one factor at one place of the loops, and the half of the last digit printed."""

    numbers: tuple[float, ...]
    resolution: float = 0.0


Entries = dict[tuple[str, Place], TraceEntry]


@dataclass
class EngineTrace:
    """Entries by (factor, index) in the order printed. An index is () for what there is once, loop numbers, or LAST."""

    dialect: str
    entries: Entries = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return self.dialect == FULL

    def get(self, name: str, index: Place = ()) -> TraceEntry | None:
        return self.entries.get((name, index))

    def number(self, name: str) -> float | None:
        """The single number of a factor that there is once."""
        entry = self.get(name)
        return entry.numbers[0] if entry else None

    def indices(self, name: str) -> list[Index]:
        """Where a factor has entries, in order, without the one that there is once."""
        return [index for entry, index in self.entries if entry == name and index and not isinstance(index, str)]


def read_trace(text: str, options: frozenset[str] = frozenset()) -> EngineTrace | None:
    """The trace in what an engine printed; None when it holds none. ``options`` are those of the command line: with
    -oversample_polar, say, the polarization in the printout is no factor of the final value."""
    for read in (_read_full, _read_instrumented):
        found = read(text)
        if found.entries:
            return found
    found = _read_printout(text, options)
    return found if found.get("intensity") else None


def _read_full(text: str) -> EngineTrace:
    trace = EngineTrace(FULL)
    for line in text.splitlines():
        match = _TRACE.fullmatch(line.strip())
        if match:
            index = tuple(int(number) for number in match[2].split(",")) if match[2] else ()
            _enter(trace, match[1], index, match[3].split(), _significant(15))
    return trace


# --- TRACE_C --------------------------------------------------------------------------------------------

_INSTRUMENTED_NAMES = {
    "pix0_vector_meters": ("pix0_m", ONCE, 1), "pix0_vector": ("pix0_m", ONCE, 1),
    "fdet_vec": ("fast_axis", ONCE, 1), "sdet_vec": ("slow_axis", ONCE, 1),
    "close_distance_meters": ("close_distance_m", ONCE, 1),
    "pixel_pos_meters": ("position_m", PER_SUBPIXEL, 1), "R_distance_meters": ("airpath_m", PER_SUBPIXEL, 1),
    "diffracted_vec": ("diffracted_direction", PER_SUBPIXEL, 1), "omega_pixel_sr": ("solid_angle_sr", PER_SUBPIXEL, 1),
    "incident_vec": ("source_direction", PER_SOURCE, 1), "lambda_meters": ("wavelength_m", PER_SOURCE, 1),
    "scattering_vec_A_inv": ("scattering_vector_per_m", PER_SOURCE, 1),
    "hkl_frac": ("hkl", PER_DOMAIN, 1), "hkl_rounded": ("hkl_nearest", PER_DOMAIN, 1),
    "F_latt": ("F_latt", PER_DOMAIN, 1), "F_cell": ("F_cell", PER_DOMAIN, 1),
    "I_before_scaling": ("I_before_scaling", ONCE, 1), "r_e_sqr": ("r_e_squared_m2", ONCE, 1),
    "fluence": ("fluence_per_m2", ONCE, 1), "fluence_photons_per_m2": ("fluence_per_m2", ONCE, 1),
    "steps": ("steps", ONCE, 1), "capture_fraction": ("capture_fraction", ONCE, 1), "polar": ("polarization", ONCE, 1),
    "omega_pixel": ("solid_angle_sr", ONCE, 1), "I_pixel_final": ("intensity", ONCE, 1),
}
"""Their name: our name, depth, and the factor to our unit (scattering_vec_A_inv is in 1/m, whatever its name)."""

_NOT_APPLIED = {"oversample_thick": "capture_fraction", "oversample_polar": "polarization",
                "oversample_omega": "solid_angle_sr"}


def _read_instrumented(text: str) -> EngineTrace:
    """Sub-pixels are numbered as they come; where that is in the loops, the other trace must say (see lineup)."""
    trace, subpixel = EngineTrace(INSTRUMENTED), -1
    cell: list[str] = []
    inside: set[str] = set()
    for line in text.splitlines():
        per_phi = _PER_PHI.fullmatch(line.strip())
        if per_phi:
            _enter_phi(trace, max(subpixel, 0), dict(word.split("=", 1) for word in per_phi[1].split() if "=" in word))
        match = _INSTRUMENTED.fullmatch(line.strip())
        if not match:
            continue
        name, words = match[1], match[2].split()
        subpixel += name == "pixel_pos_meters"
        if name in ("rot_a_angstroms", "rot_b_angstroms", "rot_c_angstroms"):
            cell = [*(cell if name != "rot_a_angstroms" else []), *words]
            if len(cell) == 9:
                _enter(trace, "cell_vectors_m", (subpixel, 0, 0, 0), cell, _significant(15), ANGSTROM)
        elif name in _NOT_APPLIED and words == ["1"]:
            inside.add(_NOT_APPLIED[name])
        elif name in _INSTRUMENTED_NAMES:
            ours, depth, scale = _INSTRUMENTED_NAMES[name]
            index = (subpixel, *[0] * (depth - PER_SUBPIXEL)) if depth else ()
            _enter(trace, ours, index, words, _significant(15), scale)
    for name in inside:
        trace.entries[name, ()] = TraceEntry((1.0,))
    return trace


def _enter_phi(trace: EngineTrace, subpixel: int, words: dict[str, str]) -> None:
    """A line of one phi step: phi_tic=N phi_deg=x ... F_latt=y."""
    if "phi_tic" in words and "F_latt" in words:
        _enter(trace, "F_latt", (subpixel, 0, int(words["phi_tic"]), 0), [words["F_latt"]], _significant(15))


# --- the printout of nanoBragg C ------------------------------------------------------------------------

_NUMBER = r"([-+\w.]+)"
_PRINTOUT = (
    ("position_m", rf"^at {_NUMBER} {_NUMBER} {_NUMBER}$", 6),
    ("hkl", rf"^hkl= {_NUMBER} {_NUMBER} {_NUMBER}  hkl0=", None),
    ("hkl_nearest", rf"hkl0= {_NUMBER} {_NUMBER} {_NUMBER}$", 15),
    ("F_cell", rf"F_cell={_NUMBER}", 6),
    ("F_latt", rf"F_latt={_NUMBER}", 6),
    ("polarization", rf"^polar +{_NUMBER}$", 10),
    ("solid_angle_sr", rf"^omega +{_NUMBER}$", 10),
    ("capture_fraction", rf"^capfrac +{_NUMBER}$", 10),
)
"""Factors of the last loop: name, pattern, significant digits (None: six decimals)."""

_ECHO = (
    ("fast_axis", rf"DIRECTION_OF_DETECTOR_X-AXIS= {_NUMBER} {_NUMBER} {_NUMBER}"),
    ("slow_axis", rf"DIRECTION_OF_DETECTOR_Y-AXIS= {_NUMBER} {_NUMBER} {_NUMBER}"),
    ("normal_axis", rf"DIRECTION_OF_DETECTOR_Z-AXIS= {_NUMBER} {_NUMBER} {_NUMBER}"),
    ("fluence_per_m2", rf"incident fluence: {_NUMBER} photons"),
)
"""What the program says of its parameters before it renders, to six digits."""

_FLAG_OF = {"polarization": "-oversample_polar", "solid_angle_sr": "-oversample_omega",
            "capture_fraction": "-oversample_thick"}


def _read_printout(text: str, options: frozenset[str]) -> EngineTrace:
    trace = EngineTrace(PRINTOUT)
    for name, pattern in _ECHO:
        _search(trace, name, (), pattern, text, _significant(6))
    origin = re.search(rf"dials origin= {_NUMBER} {_NUMBER} {_NUMBER}", text)
    if origin:
        z, y, minus_x = origin.groups()
        _enter(trace, "pix0_m", (), [_negated(minus_x), y, z], _significant(6), 1e-3)
    start = text.find(" : stol = ")
    block = text[start:] if start >= 0 else ""
    for name, pattern, digits in _PRINTOUT:
        _search(trace, name, LAST, pattern, block, _significant(digits) if digits else _decimals(6))
    _enter_cell(trace, block)
    _enter_sum(trace, block)
    for name, flag in _FLAG_OF.items():
        if (name, LAST) in trace.entries:
            trace.entries[name, ()] = TraceEntry((1.0,)) if flag in options else trace.entries[name, LAST]
    _search(trace, "intensity", (), rf"^pixel +{_NUMBER}$", block, _significant(10))
    return trace


def _enter_cell(trace: EngineTrace, block: str) -> None:
    """The rows X, Y, Z of a, b, c in Angstrom, as a then b then c in metres."""
    found = [re.search(rf"^{axis}: *{_NUMBER} +{_NUMBER} +{_NUMBER}", block, re.MULTILINE) for axis in "XYZ"]
    rows = [row for row in found if row]
    if len(rows) == 3:
        words = [row[1 + vector] for vector in range(3) for row in rows]
        _enter(trace, "cell_vectors_m", LAST, words, _decimals(8), ANGSTROM)


def _enter_sum(trace: EngineTrace, block: str) -> None:
    """I to ten digits from I/steps, and steps from the two: the printed I has only six."""
    whole, per_step = (re.search(pattern, block, re.MULTILINE) for pattern in
                       (rf"  I = {_NUMBER}$", rf"^I/steps +{_NUMBER}$"))
    if not whole or not per_step:
        return
    total, each = float(whole[1]), float(per_step[1])
    steps = round(total / each) if each and total == total and abs(total / each) < 1e15 else None
    if steps and abs(total / each - steps) < 2e-5 * steps:
        trace.entries["steps", ()] = TraceEntry((float(steps),))
        trace.entries["I_before_scaling", ()] = TraceEntry((each * steps,), _significant(10)(per_step[1]) * steps)
    elif total == 0:
        trace.entries["I_before_scaling", ()] = TraceEntry((0.0,))


# --- numbers --------------------------------------------------------------------------------------------


def _search(trace: EngineTrace, name: str, index: Place, pattern: str, text: str,
            resolution: Callable[[str], float]) -> None:
    match = re.search(pattern, text, re.MULTILINE)
    if match:
        _enter(trace, name, index, match.groups(), resolution)


def _enter(trace: EngineTrace, name: str, index: Place, words: Sequence[str], resolution: Callable[[str], float],
           scale: float = 1) -> None:
    """Enter numbers given as words; a line that holds none is no factor."""
    try:
        numbers = tuple(float(word) * scale for word in words)
    except ValueError:
        return
    if numbers:
        finest = max(resolution(word) for word in words) * scale
        trace.entries[name, index] = TraceEntry(numbers, finest)


def _negated(word: str) -> str:
    return word[1:] if word.startswith("-") else f"-{word}"


def _significant(digits: int) -> Callable[[str], float]:
    """Half a unit of the last of so many significant digits of a number."""

    def resolution(word: str) -> float:
        _mantissa, _, exponent = f"{abs(float(word)):.1e}".partition("e")
        return 0.0 if not exponent or float(word) == 0 else 0.5 * 10.0 ** (int(exponent) - digits + 1)

    return resolution


def _decimals(count: int) -> Callable[[str], float]:
    return lambda word: 0.5 * 10.0 ** -count

