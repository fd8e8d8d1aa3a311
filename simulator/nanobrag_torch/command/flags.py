"""The table of flags: names, values, units, defaults, help. It drives parsing (argv.py), ``-h`` and docs/flags.md.

One row is one option; to add an option, add a field to a component of config.py (or to ``Outputs`` in
options.py) and a row here. ``like_c`` are the words by which the C program knows the option, which it
searches inside each token; a word with a leading "=" must be the whole token.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from nanobrag_torch.units import unit_name


@dataclass(frozen=True)
class Flag:
    """One option. ``fields`` receive the values in SI units; ``sets`` are (field, value) stored besides;
    ``convention`` and ``pivot`` are selected by the option's mere presence."""

    names: tuple[str, ...]
    kind: str
    fields: tuple[str, ...]
    unit: str
    default: str
    help: str
    group: str
    like_c: tuple[str, ...]
    sets: tuple[tuple[str, object], ...] = ()
    convention: str | None = None
    pivot: str | None = None
    same: bool = False

    @property
    def count(self) -> int:
        """How many values follow the option (0 for the kinds that decide themselves)."""
        if self.kind in ("nothing", "cell", "misset", "perhaps"):
            return 0
        return 1 if self.same else len(self.fields)

    @property
    def synopsis(self) -> str:
        """The option's values as words for help."""
        many = {1: "x", 2: "x y", 3: "x y z", 4: "x0 x1 y0 y1"}
        own = {"nothing": "", "text": "file", "word": "word", "cell": "a [b c al be ga]", "misset": "x y z | random",
               "perhaps": "", "attenuation": "x | inf", "pivot": "beam | sample"}
        if self.kind == "integer" and self.count == 1:
            return "n"
        return own.get(self.kind, many.get(self.count, ""))


_group = ""
_rows: list[Flag] = []


def _begin(group: str) -> None:
    global _group  # noqa: PLW0603 (the heading under which the rows that follow stand)
    _group = group


def _row(names: str, kind: str, fields: str, unit: str, default: str, text: str, *, c: str | None = None,
         sets=(), convention=None, pivot=None, same: bool = False) -> None:
    words = tuple(names.split())
    like_c = tuple((words[0] if c is None else c).split())
    _rows.append(Flag(words, kind, tuple(fields.split()), unit, default, text, _group, like_c, tuple(sets), convention,
                      pivot, same))


def _switch(names: str, text: str, *, sets=(), c: str | None = None, **also) -> None:
    _row(names, "nothing", "", "", "", text, sets=sets, c=c, **also)


def _axis(names: str, stem: str, text: str, c: str | None = None) -> None:
    _row(names, "real", f"{stem}[0] {stem}[1] {stem}[2]", "", "by convention", text, c=c, convention="custom")


# --- the table ------------------------------------------------------------------------------------------

_begin("headers")
_row("-img", "text", "img_file", "", "none", "SMV image whose header gives the geometry")
_row("-mask", "text", "mask_file", "", "none", "SMV image: its header, and 0 where nothing is rendered")

_begin("crystal")
_row("-Na", "integer", "Na", "", "1", "cells along a")
_row("-Nb", "integer", "Nb", "", "1", "cells along b")
_row("-Nc", "integer", "Nc", "", "1", "cells along c")
_row("-N", "integer", "Na Nb Nc", "", "1", "cells along a, b and c", same=True, c="=-N")
_row("-cell", "cell", "cell", "", "none", "a b c (A) and angles (deg): one to six values, up to the next option")
_row("-mat -matrix", "text", "matrix_file", "", "none", "orientation matrix: wavelength times a*, b*, c* as columns")
_row("-misset", "misset", "misset", "deg", "none", "rotation about lab x, y, z, or the word random")
_row("-misset_seed", "integer", "misset_seed", "", "-seed", "seed of -misset random")
_row("-samplesize -sample_size -xtalsize -xtal_size", "real", "sample_x_m sample_y_m sample_z_m", "mm", "0",
     "sample size along x, y and z", same=True, c="-samplesize -sample_size -xtalsize -xtal_size")
_row("-sample_thick -sample_x -xtal_thick -xtal_x -sample_thickness -xtal_thickness", "real", "sample_x_m", "mm", "0",
     "sample size along x, gives Na", c="-sample_thick -sample_x -xtal_thick -xtal_x")
_row("-sample_width -sample_y -xtal_width -xtal_y -width", "real", "sample_y_m", "mm", "0",
     "sample size along y, gives Nb", c="-sample_width -sample_y -xtal_width -xtal_y -width")
_row("-sample_height -sample_heigh -sample_z -xtal_height -xtal_heigh -xtal_z -height -heigh", "real", "sample_z_m",
     "mm", "0", "sample size along z, gives Nc", c="-sample_heigh -sample_z -xtal_heigh -xtal_z -heigh")
_row("-density -sample_den -sample_density", "real", "ignored", "", "1", "no effect on the image",
     c="-density -sample_den")
_row("-MW -molec -molecular_weight", "real", "ignored", "", "18", "no effect on the image", c="=-MW -molec")
_switch("-square_xtal", "parallelepiped crystal (default)", sets=[("shape", "square")])
_switch("-round_xtal", "ellipsoidal crystal", sets=[("shape", "round")])
_switch("-gauss_xtal", "gaussian crystal", sets=[("shape", "gauss")])
_switch("-binary_spots -tophat_spots", "spots with sharp edges", sets=[("shape", "tophat")],
        c="-binary_spots -tophat_spots")
_row("-fudge", "real", "fudge", "", "1", "scale of the round, gauss and tophat shapes")
_row("-mosaic -mosaici -mosaicity -mosaic_spr -mosaic_spread", "real", "mosaic_spread_rad", "deg", "0",
     "mosaic spread", c="=-mosaic -mosaici -mosaic_spr")
_row("-mosaic_dom -mosaic_domains", "integer", "mosaic_domains", "", "auto", "mosaic domains")
_row("-mosaic_seed", "integer", "mosaic_seed", "", "12345678", "seed of the mosaic domains")
_row("-water", "real", "water_size_m", "um of water", "0", "size of a cube of water in the beam")

_begin("structure factors")
_row("-hkl -hklfile", "text", "hkl_file", "", "none", "text of h k l F")
_row("-default_F", "real", "default_F", "", "0", "F of every reflection that is not listed")
_row("-dump -dumpfile", "text", "dump_file", "", "Fdump.bin", "dump to write (with -hkl) or to read (without)")
_row("-dmin", "real", "d_min_m", "A of d", "0", "highest resolution rendered; 0 is no limit")
_row("-stol", "text", "stol_file", "", "none", "read and checked, not used", c="=-stol")
_row("-4stol", "text", "stol_file", "", "none", "as -stol", c="=-4stol")
_row("-Q", "text", "stol_file", "", "none", "as -stol", c="=-Q")
_row("-stolout", "text", "ignored", "", "output.stol", "no effect")
_switch("-interpolate", "tricubic interpolation of F", sets=[("interpolate", True)])
_switch("-nointerpolate", "nearest F", sets=[("interpolate", False)])

_begin("detector")
_switch("-mosflm", "convention (default)", convention="mosflm", pivot="beam")
_switch("-adxv", "convention", convention="adxv", pivot="beam")
_switch("-denzo", "convention", convention="denzo", pivot="beam")
_switch("-xds", "convention", convention="xds", pivot="sample")
_switch("-dials", "convention", convention="dials", pivot="beam")
_row("-pivot", "pivot", "pivot", "", "beam", "beam or sample; counts only with vectors of your own")
_axis("-fdet_vector", "fast_axis", "detector fast axis")
_axis("-sdet_vector", "slow_axis", "detector slow axis")
_axis("-odet_vector", "normal_axis", "detector normal; replaced by fast x slow unless exactly of length 1")
_axis("-beam_vector", "direction", "direction in which the photons travel")
_axis("-polar_vector", "polarization_axis", "polarization axis")
_axis("-spindle_axis", "spindle_axis", "rotation axis of phi")
_axis("-twotheta_axis", "twotheta_axis", "rotation axis of -twotheta")
_row("-pix0_vector -pix0_vector_mm", "real", "pix0_m[0] pix0_m[1] pix0_m[2]", "", "none",
     "selects the custom convention; the numbers are not used", convention="custom")
_row("-Xbeam", "real", "beam_x_m", "mm", "centre", "beam centre", pivot="beam")
_row("-Ybeam", "real", "beam_y_m", "mm", "centre", "beam centre", pivot="beam")
_row("-Xclose", "real", "close_x_m", "mm", "centre", "point nearest to the sample", pivot="sample")
_row("-Yclose", "real", "close_y_m", "mm", "centre", "point nearest to the sample", pivot="sample")
_row("-ORGX", "real", "origin_x_pixels", "", "centre", "point nearest to the sample, in pixels", pivot="sample")
_row("-ORGY", "real", "origin_y_pixels", "", "centre", "point nearest to the sample, in pixels", pivot="sample")
_row("-distance", "real", "distance_m", "mm", "100", "along the beam", pivot="beam")
_row("-close_distance", "real", "close_distance_m", "mm", "none", "along the detector normal", pivot="sample")
_row("-twotheta", "real", "twotheta_rad", "deg", "0", "detector swing", pivot="sample")
_row("-detector_rotx", "real", "rotation_x_rad", "deg", "0", "detector rotation about lab x")
_row("-detector_roty", "real", "rotation_y_rad", "deg", "0", "detector rotation about lab y")
_row("-detector_rotz", "real", "rotation_z_rad", "deg", "0", "detector rotation about lab z")
_row("-detsize", "real", "fast_size_m slow_size_m", "mm", "102.4", "detector size, both axes", same=True, c="=-detsize")
_row("-detsize_f", "real", "fast_size_m", "mm", "102.4", "detector size, fast axis")
_row("-detsize_s", "real", "slow_size_m", "mm", "102.4", "detector size, slow axis")
_row("-detpixels", "integer", "fast_pixels slow_pixels", "", "by size", "pixels, both axes", same=True, c="=-detpixels")
_row("-detpixels_f -detpixels_x", "integer", "fast_pixels", "", "by size", "pixels, fast axis",
     c="-detpixels_f -detpixels_x")
_row("-detpixels_s -detpixels_y", "integer", "slow_pixels", "", "by size", "pixels, slow axis",
     c="-detpixels_s -detpixels_y")
_row("-pixel -pixelsize -pixel_size", "real", "pixel_size_m", "mm", "0.1", "pixel size")
_row("-detector_abs -detector_absorb", "attenuation", "attenuation_depth_m", "um", "thickness",
     "attenuation depth of the sensor, or inf")
_row("-detector_thick", "real", "thickness_m thickness_like_c_m", "um", "0", "sensor thickness", same=True,
     c="=-detector_thick")
_row("-detector_thicksteps -thicksteps", "integer", "layers", "", "auto", "layers of the sensor",
     c="-detector_thicksteps -thicksteps")
_row("-curved_det", "perhaps", "", "", "", "every pixel at the same distance", sets=[("curved", True)])
_switch("-point_pixel", "solid angle 1/R^2: no pixel area, no obliquity", sets=[("point_pixel", True)])

_begin("beam")
_row("-lambda -wave -wavelength", "real", "wavelength_m", "A", "1", "wavelength", c="-lambda -wave")
_row("-energy", "real", "wavelength_m", "eV", "", "photon energy, gives the wavelength")
_row("-fluence", "real", "fluence_per_m2", "", "1.259e+29", "photons/m^2")
_row("-flux", "real", "flux_per_s", "", "0", "photons/s; with exposure and beam size gives the fluence")
_row("-exposure", "real", "exposure_s", "", "1", "s")
_row("-beamsize", "real", "beam_size_m", "mm", "0.1", "beam size; also clips the sample")
_row("-polar", "real", "polarization", "", "0", "Kahn polarization factor", sets=[("no_polarization", False)],
     c="=-polar")
_switch("-nopolar", "polarization factor 1", sets=[("no_polarization", True)])
_row("-divergence", "real", "hdiv_range_rad vdiv_range_rad", "mrad", "0", "divergence, both directions", same=True)
_row("-hdivrange", "real", "hdiv_range_rad", "mrad", "0", "horizontal divergence")
_row("-vdivrange", "real", "vdiv_range_rad", "mrad", "0", "vertical divergence")
_row("-hdivstep", "real", "hdiv_step_rad", "mrad", "auto", "horizontal divergence step", c="=-hdivstep")
_row("-vdivstep", "real", "vdiv_step_rad", "mrad", "auto", "vertical divergence step", c="=-vdivstep")
_row("-divsteps", "integer", "hdiv_steps vdiv_steps", "", "auto", "divergence steps, both directions", same=True)
_row("-hdivsteps", "integer", "hdiv_steps", "", "auto", "horizontal divergence steps")
_row("-vdivsteps", "integer", "vdiv_steps", "", "auto", "vertical divergence steps")
_switch("-round_div", "leave out the corners of the divergence (default)", sets=[("round_divergence", True)])
_switch("-square_div", "keep the corners of the divergence", sets=[("round_divergence", False)])
_row("-dispersion", "real", "dispersion", "%", "0", "spread of the wavelength")
_row("-dispsteps", "integer", "dispersion_steps", "", "auto", "wavelengths")
_row("-sourcefile", "text", "source_file", "", "none", "x y z weight wavelength(m) of each source")
_switch("-coherent", "no effect on the image")

_begin("spindle")
_row("-phi", "real", "phi_rad", "deg", "0", "start of the rotation", c="=-phi")
_row("-osc -oscillation", "real", "oscillation_rad", "deg", "0", "range of the rotation")
_row("-phistep", "real", "phi_step_rad", "deg", "auto", "step of the rotation", c="=-phistep")
_row("-phisteps", "integer", "phi_steps", "", "auto", "steps of the rotation")

_begin("sampling")
_row("-oversample", "integer", "oversample", "", "auto", "sub-pixels per pixel and axis")
_switch("-oversample_thick", "absorption of each sub-pixel", sets=[("oversample_thick", True)])
_switch("-oversample_polar", "polarization of each sub-pixel", sets=[("oversample_polar", True)])
_switch("-oversample_omega", "solid angle of each sub-pixel", sets=[("oversample_omega", True)])
_row("-roi", "integer", "roi[0] roi[1] roi[2] roi[3]", "", "whole", "xmin xmax ymin ymax: pixels to render, inclusive")

_begin("outputs")
_row("-floatfile -floatimage", "text", "float_file", "", "floatimage.bin", "float32 image", c="-floatfile -floatimage")
_row("-intfile -intimage", "text", "int_file", "", "intimage.img", "SMV image", c="-intfile -intimage")
_row("-scale", "real", "int_scale", "", "auto", "scale of the SMV image")
_row("-adc", "real", "adc_offset", "", "40", "offset of the SMV and noise images")
_row("-pgmfile -pgmimage", "text", "pgm_file", "", "image.pgm", "PGM image", sets=[("write_pgm", True)],
     c="-pgmfile -pgmimage")
_row("-pgmscale", "real", "pgm_scale", "", "auto", "scale of the PGM image", sets=[("write_pgm", True)])
_switch("-nopgm", "write no PGM image", sets=[("write_pgm", False)])
_row("-noisefile -noiseimage", "text", "noise_file", "", "noiseimage.img", "SMV image with photon noise",
     sets=[("write_noise", True)], c="-noisefile -noiseimage")
_switch("-nonoise", "write no noise image", sets=[("write_noise", False)])
_row("-seed", "integer", "seed", "", "none", "seed of the noise, and of -misset random without -misset_seed")
_switch("-noprogress", "no percentages on stdout", sets=[("progress", False)])
_switch("-progress", "percentages on stdout (default)", sets=[("progress", True)])
_switch("-printout", "print a block of factors for every pixel", sets=[("printout", True)])
_row("-printout_pixel", "integer", "printout_pixel[0] printout_pixel[1]", "", "all",
     "fast slow: the one pixel to print", sets=[("printout", True)])
_row("-trace_pixel", "integer", "trace_pixel[0] trace_pixel[1]", "", "none",
     "slow fast: print every factor of one pixel", c="")
_row("-trace_json", "text", "trace_json", "", "none", "write the trace as JSON too", c="")

_begin("this program")
_row("-dtype", "word", "dtype", "", "auto",
     "float64, float32, or auto: float32 for the lattice factor alone, where that is exact to 1e-6 of the peak", c="")
_row("-render", "word", "render", "", "auto", "auto, plain, fast or compiled: the path of rendering", c="")
_row("-device", "word", "device", "", "cpu", "cpu, cuda or cuda:N", c="")
_row("-threads", "integer", "threads", "", "auto", "threads of the renderer", c="")
_row("-emulate", "word", "emulate", "", "none", "defects of the C program to switch on: NAME,...  |  all  |  list",
     c="")
_switch("-batch", "read one JSON command line per line of stdin, answer one JSON line each", sets=[("batch", True)],
        c="")
_switch("-compile", "build the compiled step for this machine into the cache folder, and leave",
        sets=[("compile_step", True)], c="")
_switch("-version", "print the version and leave", sets=[("show_version", True)], c="")
_switch("-h -help --help", "print this and leave", sets=[("show_help", True)], c="")

FLAGS: tuple[Flag, ...] = tuple(_rows)
BY_NAME: dict[str, Flag] = {name: flag for flag in FLAGS for name in flag.names}


def nearest(word: str) -> str:
    """The known option most like a word."""
    found = difflib.get_close_matches(word, BY_NAME, n=1, cutoff=0.0)
    return found[0]


def help_text() -> str:
    """The table for a terminal."""
    lines = ["usage: python -m nanobrag_torch [options]", "",
             "Simulates the diffraction image of a small crystal. Needs a cell (-mat or -cell) and structure",
             "factors (-hkl, -dump or -default_F)."]
    for group in dict.fromkeys(flag.group for flag in FLAGS):
        lines += ["", f"{group}:"]
        for flag in (flag for flag in FLAGS if flag.group == group):
            head = f"  {' '.join(flag.names)} {flag.synopsis}".rstrip()
            lines += [head] if len(head) > 40 else []
            lines.append(f"{head if len(head) <= 40 else '':<42}{_described(flag)}")
    return "\n".join(lines) + "\n"


def _described(flag: Flag) -> str:
    unit = f", {unit_name(flag.unit)}" if flag.unit else ""
    return f"{flag.help}{unit}" + (f" [{flag.default}]" if flag.default else "")


def markdown_table() -> str:
    """The table as docs/flags.md shows it."""
    lines = ["| Option | Values | Unit | Default | Meaning |", "|---|---|---|---|---|"]
    for flag in FLAGS:
        names = " ".join(f"`{name}`" for name in flag.names)
        synopsis = flag.synopsis.replace("|", "\\|")
        lines.append(f"| {names} | {synopsis} | {unit_name(flag.unit)} | {flag.default} | "
                     f"{flag.help.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"
