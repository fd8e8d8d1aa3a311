"""The registry of emulations: single defects of the C program that can be switched on by name.

Without any, the simulator does what is physically right. Each emulation is a small branch beside the
physics it bends, asked for as ``"name" in emulate``; here stand only their names, what they mean and when
they can change a pixel.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from nanobrag_torch.errors import ArgumentError


@dataclass(frozen=True)
class Emulation:
    """One defect: its name, one line of meaning, and the condition under which it can change a pixel."""

    name: str
    meaning: str
    condition: str


EMULATIONS = {entry.name: entry for entry in (
    Emulation("phi-carryover", "a step at phi 0 keeps the crystal as the step before left it",
              "some phi step is exactly 0 and another is not"),
    Emulation("running-product", "oversample factors multiply the running sum, not each term",
              "an -oversample_thick/_polar/_omega flag with more than one term, or with water"),
    Emulation("cell-triclinic", "c*_z = V/(a b c) c* / sin gamma* in the default orientation",
              "-cell with two or more angles that are not right"),
    Emulation("curved-lab-axes", "the curved detector bends by lab y and z, exchanged",
              "-curved_det"),
    Emulation("last-layer-capture", "all layers share the last one's absorption, and are spaced T/(n-1)",
              "-detector_thick, or -oversample_thick"),
    Emulation("water-scaling", "the water background is scaled like a spot: fluence twice, over steps, culled by dmin",
              "-water"),
    Emulation("misset-radians", "random orientations use 90 as radians, and ignore -seed",
              "-misset random"),
    Emulation("sticky-interpolation", "the first point out of range ends interpolation for the rest of the image",
              "interpolation with a point nearer than 2 to the edge of the hkl grid"),
    Emulation("nopolar-oversample", "-oversample_polar polarizes in spite of -nopolar",
              "-nopolar with -oversample_polar"),
    Emulation("twotheta-axis-raw", "the two-theta axis is used at the length given",
              "-twotheta_axis not of length 1, with -twotheta"),
    Emulation("twotheta-report", "reported distance and beam centre ignore two-theta",
              "-twotheta with -curved_det, or with automatic oversampling"),
    Emulation("gauss-tophat-width", "gauss and tophat widths go with (Na Nb Nc)^2 and 1/A^2",
              "-gauss_xtal or -binary_spots"),
    Emulation("source-weights", "the weights of listed sources are ignored",
              "-sourcefile with unequal weights"),
    Emulation("interpolation-before-size", "interpolation is decided before -xtalsize is applied",
              "-xtalsize without -interpolate or -nointerpolate"),
    Emulation("header-substring",
              "header keys are found inside other keys, sizes are cut to whole numbers; TWOTHETA is ignored; OSC_RANGE "
              "0 is a scan", "-img or -mask"),
    Emulation("mask-16-bit", "the pixels of a mask are taken for 16 bits, whatever its header declares",
              "-mask with a header that declares pixels of other than 16 bits"),
    Emulation("fdump-reuse", "a left-over Fdump.bin is read without -hkl, and white space after its header is skipped",
              "no -hkl, and a dump in the folder or a first value that begins with a white-space byte"),
    Emulation("hkl-columns", "hkl text is read four numbers at a time, whatever the lines",
              "an hkl file with other than four columns, or with text"),
    Emulation("source-file-lines", "source lines without a plain line end lose columns, stol files may hold text",
              "-sourcefile with CRLF, comments, or no final newline"),
    Emulation("smv-overflow", "a long SMV header shifts the data, while HEADER_BYTES says 512",
              "an SMV header of more than 512 bytes (the float image never)"),
    Emulation("noise-truncation", "the noise image truncates instead of rounding",
              "a noise image with values above 1e6 (the float image never)"),
    Emulation("printed-solid-angle", "the printed solid angle is divided by the steps and multiplied by the layers",
              "more than one step or layer (the float image never)"),
    Emulation("masked-rmsd", "rmsd counts masked pixels as zeros",
              "-mask (the float image never, the PGM image through its scale)"),
    Emulation("argv", "the command line is read as the C program reads it: substrings, silent typos",
              "any option that is not spelled or valued as in the table of flags"),
)}


@dataclass(frozen=True)
class Emulations:
    """A set of emulations in force; ``threads`` is the number of C threads whose rows carry phi over."""

    names: frozenset[str] = frozenset()
    threads: int = 1

    def __contains__(self, name: str) -> bool:
        if name not in EMULATIONS:
            raise KeyError(name)
        return name in self.names

    def __str__(self) -> str:
        if not self.names:
            return "none"
        return ",".join(name + (f":threads={self.threads}" if name == "phi-carryover" and self.threads > 1 else "")
                        for name in EMULATIONS if name in self.names)


NO_EMULATION = Emulations()


def parse_emulations(text: str | None) -> Emulations:
    """``NAME[,NAME...]`` or ``all``; phi-carryover takes ``:threads=T``. Raises UsageError for an unknown name."""
    if not text:
        return NO_EMULATION
    names: set[str] = set()
    threads = 1
    for word in text.split(","):
        name, colon, setting = word.partition(":")
        if colon:
            found = re.fullmatch(r"threads=([1-9][0-9]{0,5})", setting)
            if name not in ("phi-carryover", "all") or not found:
                raise ArgumentError(f"-emulate: {word!r}; only phi-carryover:threads=T takes a setting")
            threads = int(found.group(1))
        if name == "all":
            names.update(EMULATIONS)
        elif name in EMULATIONS:
            names.add(name)
        else:
            close = difflib.get_close_matches(name, EMULATIONS, n=1, cutoff=0.0)[0]
            raise ArgumentError(f"-emulate: there is no emulation {name!r}; did you mean {close!r}? (-emulate list)")
    return Emulations(frozenset(names), threads)


def list_text() -> str:
    """What ``-emulate list`` prints."""
    return "".join(f"{entry.name}\n    {entry.meaning}\n    can change a pixel with: {entry.condition}\n"
                   for entry in EMULATIONS.values())
