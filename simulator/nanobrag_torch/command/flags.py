"""The table of options: names, values, units, defaults, help. It drives parsing (argv.py), ``-h`` and docs/flags.md,
and the tables of the C reference and of the harness are written from it (``make docs``).

One row is one option; to add an option, add a field to a component of config.py (or to ``Outputs`` in
options.py) and a row here. ``c`` are the words by which the C program knows the option, which it
searches inside each token; a word with a leading "=" must be the whole token.
"""

from __future__ import annotations

from collections.abc import Sequence

from nanobrag_torch.command.flag import Flag, meaning_of

_group = ""
_rows: list[Flag] = []


def _begin(group: str) -> None:
    global _group  # noqa: PLW0603 (the heading under which the rows that follow stand)
    _group = group


def _row(names: str, topic: str, kind: str, fields: str, unit: str, default: str, text: str, *, c: str | None = None,
         meaning: str = "", sets: Sequence[tuple[str, object]] = (), convention: str | None = None,
         pivot: str | None = None, same: bool = False, mistaken: str = "", only_here: bool = False) -> None:
    words, targets = tuple(names.split()), tuple(fields.split())
    like_c = tuple((words[0] if c is None else c).split())
    meaning = meaning or meaning_of(kind, _group, targets, unit, same, convention)
    _rows.append(Flag(words, topic, kind, targets, unit, default, text, _group, like_c, meaning, tuple(sets),
                      convention, pivot, same, tuple(mistaken.split()), only_here))


def _switch(names: str, topic: str, text: str, *, sets: Sequence[tuple[str, object]] = (), c: str | None = None,
            meaning: str = "", convention: str | None = None, pivot: str | None = None,
            only_here: bool = False) -> None:
    _row(names, topic, "nothing", "", "", "", text, sets=sets, c=c, meaning=meaning, convention=convention, pivot=pivot,
         only_here=only_here)


def _axis(names: str, topic: str, stem: str, text: str, *, mistaken: str = "") -> None:
    _row(names, topic, "real", f"{stem}[0] {stem}[1] {stem}[2]", "", "by convention", text, convention="custom",
         mistaken=mistaken)


# --- the table ------------------------------------------------------------------------------------------

_begin("headers")
_row("-img -imgfile", "img-header", "input", "img_file", "", "none", "SMV image whose header gives the geometry")
_row("-mask -maskfile", "mask", "input", "mask_file", "", "none",
     "SMV image: its header, and 0 where nothing is rendered")

_begin("crystal")
_row("-Na", "cells", "integer", "Na", "", "1", "cells along a")
_row("-Nb", "cells", "integer", "Nb", "", "1", "cells along b")
_row("-Nc", "cells", "integer", "Nc", "", "1", "cells along c")
_row("-N", "cells", "integer", "Na Nb Nc", "", "1", "cells along a, b and c", same=True, c="=-N")
_row("-cell", "cell", "cell", "cell", "", "none",
     "a b c (A) and angles (deg): one to six values, up to the next option")
_row("-mat -matrix", "matrix", "input", "matrix_file", "", "none",
     "orientation matrix: wavelength times a*, b*, c* as columns")
_row("-misset", "misset", "misset", "misset", "deg", "none", "rotation about lab x, y, z, or the word random")
_row("-misset_seed", "misset-seed", "integer", "misset_seed", "", "-seed", "seed of -misset random", meaning="seed")
_row("-samplesize -sample_size -xtalsize -xtal_size", "sample-size", "real", "sample_x_m sample_y_m sample_z_m", "mm",
     "0", "sample size along x, y and z", same=True, c="-samplesize -sample_size -xtalsize -xtal_size")
_row("-sample_thick -sample_x -xtal_thick -xtal_x -sample_thickness -xtal_thickness", "sample-size", "real",
     "sample_x_m", "mm", "0", "sample size along x, gives Na", c="-sample_thick -sample_x -xtal_thick -xtal_x")
_row("-sample_width -sample_y -xtal_width -xtal_y -width", "sample-size", "real", "sample_y_m", "mm", "0",
     "sample size along y, gives Nb", c="-sample_width -sample_y -xtal_width -xtal_y -width")
_row("-sample_height -sample_heigh -sample_z -xtal_height -xtal_heigh -xtal_z -height -heigh", "sample-size", "real",
     "sample_z_m", "mm", "0", "sample size along z, gives Nc", c="-sample_heigh -sample_z -xtal_heigh -xtal_z -heigh")
_row("-density -sample_den -sample_density", "density", "real", "ignored", "", "1", "no effect on the image",
     c="-density -sample_den")
_row("-MW -molec -molecular_weight", "molecular-weight", "real", "ignored", "", "18", "no effect on the image",
     c="=-MW -molec")
_switch("-square_xtal", "crystal-shape", "parallelepiped crystal (default)", sets=[("shape", "square")])
_switch("-round_xtal", "crystal-shape", "ellipsoidal crystal", sets=[("shape", "round")])
_switch("-gauss_xtal", "crystal-shape", "gaussian crystal", sets=[("shape", "gauss")])
_switch("-binary_spots -tophat_spots", "crystal-shape", "spots with sharp edges", sets=[("shape", "tophat")],
        c="-binary_spots -tophat_spots")
_row("-fudge", "fudge", "real", "fudge", "", "1", "scale of the round, gauss and tophat shapes")
_row("-mosaic -mosaici -mosaicity -mosaic_spr -mosaic_spread", "mosaic-spread", "real", "mosaic_spread_rad", "deg", "0",
     "mosaic spread", c="=-mosaic -mosaici -mosaic_spr")
_row("-mosaic_dom -mosaic_domains", "mosaic-domains", "integer", "mosaic_domains", "", "auto", "mosaic domains")
_row("-mosaic_seed", "mosaic-seed", "integer", "mosaic_seed", "", "12345678", "seed of the mosaic domains",
     meaning="seed")
_row("-water", "water", "real", "water_size_m", "um of water", "0", "size of a cube of water in the beam")

_begin("structure factors")
_row("-hkl -hklfile", "hkl", "input", "hkl_file", "", "none", "text of h k l F")
_row("-default_F", "default-F", "real", "default_F", "", "0", "F of every reflection that is not listed")
_row("-dump -dumpfile", "dump", "dump", "dump_file", "", "Fdump.bin", "dump to write (with -hkl) or to read (without)")
_row("-dmin", "dmin", "real", "d_min_m", "A of d", "0", "highest resolution rendered; 0 is no limit")
_row("-stol -4stol -Q", "stol", "input", "stol_file", "", "none", "read and checked, not used", c="=-stol =-4stol =-Q",
     meaning="ignored")
_row("-stolout", "stol", "output", "ignored", "", "output.stol", "no effect", meaning="ignored")
_switch("-interpolate", "interpolation", "tricubic interpolation of F", sets=[("interpolate", True)])
_switch("-nointerpolate", "interpolation", "nearest F", sets=[("interpolate", False)])

_row("-allow", "reading", "word", "allow", "", "none",
     "comments, columns or comments,columns: what text files may hold besides their numbers", c="", meaning="reading")

_begin("detector")
_switch("-mosflm", "convention", "convention (default)", convention="mosflm", pivot="beam")
_switch("-adxv", "convention", "convention", convention="adxv", pivot="beam")
_switch("-denzo", "convention", "convention", convention="denzo", pivot="beam")
_switch("-xds", "convention", "convention", convention="xds", pivot="sample")
_switch("-dials", "convention", "convention", convention="dials", pivot="beam")
_row("-pivot", "pivot", "pivot", "pivot", "", "beam", "beam or sample; counts only with vectors of your own")
_axis("-fdet_vector", "fast-axis", "fast_axis", "detector fast axis", mistaken="-xdet_vector")
_axis("-sdet_vector", "slow-axis", "slow_axis", "detector slow axis", mistaken="-ydet_vector")
_axis("-odet_vector", "normal-axis", "normal_axis",
      "detector normal; replaced by fast x slow unless exactly of length 1", mistaken="-zdet_vector")
_axis("-beam_vector", "beam-vector", "direction", "direction in which the photons travel")
_axis("-polar_vector", "polarization-axis", "polarization_axis", "polarization axis")
_axis("-spindle_axis", "spindle-axis", "spindle_axis", "rotation axis of phi")
_axis("-twotheta_axis", "twotheta-axis", "twotheta_axis", "rotation axis of -twotheta")
_row("-pix0_vector -pix0_vector_mm", "pix0", "real", "pix0_m[0] pix0_m[1] pix0_m[2]", "", "none",
     "selects the custom convention; the numbers are not used", convention="custom")
_row("-Xbeam", "beam-centre", "real", "beam_x_m", "mm", "centre", "beam centre", pivot="beam")
_row("-Ybeam", "beam-centre", "real", "beam_y_m", "mm", "centre", "beam centre", pivot="beam")
_row("-Xclose", "close-point", "real", "close_x_m", "mm", "centre", "point nearest to the sample", pivot="sample")
_row("-Yclose", "close-point", "real", "close_y_m", "mm", "centre", "point nearest to the sample", pivot="sample")
_row("-ORGX", "close-point", "real", "origin_x_pixels", "", "centre", "point nearest to the sample, in pixels",
     pivot="sample", meaning="pixels")
_row("-ORGY", "close-point", "real", "origin_y_pixels", "", "centre", "point nearest to the sample, in pixels",
     pivot="sample", meaning="pixels")
_row("-distance", "distance", "real", "distance_m", "mm", "100", "along the beam", pivot="beam")
_row("-close_distance", "close-distance", "real", "close_distance_m", "mm", "none", "along the detector normal",
     pivot="sample")
_row("-twotheta", "twotheta", "real", "twotheta_rad", "deg", "0", "detector swing", pivot="sample")
_row("-detector_rotx", "detector-rotation", "real", "rotation_x_rad", "deg", "0", "detector rotation about lab x")
_row("-detector_roty", "detector-rotation", "real", "rotation_y_rad", "deg", "0", "detector rotation about lab y")
_row("-detector_rotz", "detector-rotation", "real", "rotation_z_rad", "deg", "0", "detector rotation about lab z")
_row("-detsize", "detector-size", "real", "fast_size_m slow_size_m", "mm", "102.4", "detector size, both axes",
     same=True, c="=-detsize", meaning="size")
_row("-detsize_f", "detector-size", "real", "fast_size_m", "mm", "102.4", "detector size, fast axis", meaning="size",
     mistaken="-detsize_x")
_row("-detsize_s", "detector-size", "real", "slow_size_m", "mm", "102.4", "detector size, slow axis", meaning="size",
     mistaken="-detsize_y")
_row("-detpixels", "detector-size", "integer", "fast_pixels slow_pixels", "", "by size", "pixels, both axes", same=True,
     c="=-detpixels", meaning="size")
_row("-detpixels_f -detpixels_x", "detector-size", "integer", "fast_pixels", "", "by size", "pixels, fast axis",
     c="-detpixels_f -detpixels_x", meaning="size")
_row("-detpixels_s -detpixels_y", "detector-size", "integer", "slow_pixels", "", "by size", "pixels, slow axis",
     c="-detpixels_s -detpixels_y", meaning="size")
_row("-pixel -pixelsize -pixel_size", "pixel-size", "real", "pixel_size_m", "mm", "0.1", "pixel size")
_row("-detector_abs -detector_absorb", "absorption", "attenuation", "attenuation_depth_m", "um", "thickness",
     "attenuation depth of the sensor, or inf")
_row("-detector_thick", "sensor-thickness", "real", "thickness_m thickness_like_c_m", "um", "0", "sensor thickness",
     same=True, c="=-detector_thick")
_row("-detector_thicksteps -thicksteps", "layers", "integer", "layers", "", "auto", "layers of the sensor",
     c="-detector_thicksteps -thicksteps")
_row("-curved_det", "curved-detector", "perhaps", "", "", "", "every pixel at the same distance",
     sets=[("curved", True)])
_switch("-point_pixel", "point-pixel", "solid angle 1/R^2: no pixel area, no obliquity", sets=[("point_pixel", True)])

_begin("beam")
_row("-lambda -wave -wavelength", "wavelength", "real", "wavelength_m", "A", "1", "wavelength", c="-lambda -wave")
_row("-energy", "wavelength", "real", "wavelength_m", "eV", "", "photon energy, gives the wavelength")
_row("-fluence", "fluence", "real", "fluence_per_m2", "", "125932015286227086360700780544", "photons/m^2",
     meaning="scale")
_row("-flux", "flux", "real", "flux_per_s", "", "0", "photons/s; with exposure and beam size gives the fluence",
     meaning="scale")
_row("-exposure", "exposure", "real", "exposure_s", "", "1", "s", meaning="scale")
_row("-beamsize", "beamsize", "real", "beam_size_m", "mm", "0.1", "beam size; also clips the sample", meaning="scale")
_row("-polar", "polarization", "real", "polarization", "", "0", "Kahn polarization factor",
     sets=[("no_polarization", False)], c="=-polar")
_switch("-nopolar", "polarization", "polarization factor 1", sets=[("no_polarization", True)])
_row("-divergence", "divergence", "real", "hdiv_range_rad vdiv_range_rad", "mrad", "0", "divergence, both directions",
     same=True)
_row("-hdivrange", "divergence", "real", "hdiv_range_rad", "mrad", "0", "horizontal divergence", mistaken="-hdiv")
_row("-vdivrange", "divergence", "real", "vdiv_range_rad", "mrad", "0", "vertical divergence", mistaken="-vdiv")
_row("-hdivstep", "divergence-step", "real", "hdiv_step_rad", "mrad", "auto", "horizontal divergence step",
     c="=-hdivstep")
_row("-vdivstep", "divergence-step", "real", "vdiv_step_rad", "mrad", "auto", "vertical divergence step",
     c="=-vdivstep")
_row("-divsteps", "divergence-steps", "integer", "hdiv_steps vdiv_steps", "", "auto",
     "divergence steps, both directions", same=True)
_row("-hdivsteps", "divergence-steps", "integer", "hdiv_steps", "", "auto", "horizontal divergence steps")
_row("-vdivsteps", "divergence-steps", "integer", "vdiv_steps", "", "auto", "vertical divergence steps")
_switch("-round_div", "divergence-corners", "leave out the corners of the divergence (default)",
        sets=[("round_divergence", True)])
_switch("-square_div", "divergence-corners", "keep the corners of the divergence", sets=[("round_divergence", False)])
_row("-dispersion", "dispersion", "real", "dispersion", "%", "0", "spread of the wavelength")
_row("-dispsteps", "dispersion-steps", "integer", "dispersion_steps", "", "auto", "wavelengths", mistaken="-dispstep")
_row("-sourcefile", "sources", "input", "source_file", "", "none", "x y z weight wavelength(m) of each source")
_switch("-coherent", "coherent", "no effect on the image", meaning="ignored")

_begin("spindle")
_row("-phi", "phi", "real", "phi_rad", "deg", "0", "start of the rotation", c="=-phi")
_row("-osc -oscillation", "oscillation", "real", "oscillation_rad", "deg", "auto", "range of the rotation")
_row("-phistep", "phi-step", "real", "phi_step_rad", "deg", "auto", "step of the rotation", c="=-phistep")
_row("-phisteps", "phi-steps", "integer", "phi_steps", "", "auto", "steps of the rotation")

_begin("sampling")
_row("-oversample", "oversample", "integer", "oversample", "", "auto", "sub-pixels per pixel and axis")
_switch("-oversample_thick", "oversample-thick", "absorption of each sub-pixel", sets=[("oversample_thick", True)])
_switch("-oversample_polar", "oversample-polar", "polarization of each sub-pixel", sets=[("oversample_polar", True)])
_switch("-oversample_omega", "oversample-omega", "solid angle of each sub-pixel", sets=[("oversample_omega", True)])
_row("-roi", "roi", "integer", "roi[0] roi[1] roi[2] roi[3]", "", "whole",
     "xmin xmax ymin ymax: pixels to render, inclusive")

_begin("outputs")
_row("-floatfile -floatimage", "output", "output", "float_file", "", "floatimage.bin", "float32 image",
     c="-floatfile -floatimage")
_row("-intfile -intimage", "output", "output", "int_file", "", "intimage.img", "SMV image", c="-intfile -intimage")
_row("-scale", "output", "real", "int_scale", "", "auto", "scale of the SMV image")
_row("-adc -adcoffset", "output", "real", "adc_offset", "", "40", "offset of the SMV and noise images")
_row("-pgmfile -pgmimage", "output", "output", "pgm_file", "", "image.pgm", "PGM image", sets=[("write_pgm", True)],
     c="-pgmfile -pgmimage")
_row("-pgmscale", "output", "real", "pgm_scale", "", "auto", "scale of the PGM image", sets=[("write_pgm", True)])
_switch("-nopgm", "output", "write no PGM image", sets=[("write_pgm", False)])
_row("-noisefile -noiseimage", "output", "output", "noise_file", "", "noiseimage.img", "SMV image with photon noise",
     sets=[("write_noise", True)], c="-noisefile -noiseimage")
_switch("-nonoise", "output", "write no noise image", sets=[("write_noise", False)])
_row("-seed", "noise", "integer", "seed", "", "none", "seed of the noise, and of -misset random without -misset_seed",
     meaning="noise seed")
_switch("-noprogress", "output", "no percentages on stdout", sets=[("progress", False)])
_switch("-progress", "output", "percentages on stdout (default)", sets=[("progress", True)])
_switch("-printout", "output", "print a block of factors for every pixel", sets=[("printout", True)])
_row("-printout_pixel", "output", "integer", "printout_pixel[0] printout_pixel[1]", "", "all",
     "fast slow: the one pixel to print", sets=[("printout", True)])
_row("-trace_pixel", "output", "integer", "trace_pixel[0] trace_pixel[1]", "", "none",
     "slow fast: print every factor of one pixel", c="")
_row("-trace_json", "output", "output", "trace_json", "", "none", "write the trace as JSON too", c="")
_switch("-describe", "output", "print everything that follows from the arguments as JSON; render nothing",
        sets=[("describe", True)], c="")
_row("-describe_pixel", "output", "pixel", "describe_pixel", "", "none",
     "fast slow: describe this pixel too; may be given many times", sets=[("describe", True)], c="")
_row("-describe_phistep", "output", "integer", "describe_phistep", "", "0",
     "the phi step at which pixels are described", c="")

_begin("this program")
_row("-dtype", "program", "word", "dtype", "", "auto",
     "float64, float32, or auto: float32 for the lattice factor alone, where that is exact to 1e-6 of the peak", c="",
     meaning="precision", only_here=True)
_row("-render", "program", "word", "render", "", "auto", "auto, plain, fast or compiled: the path of rendering", c="",
     meaning="precision", only_here=True)
_row("-device", "program", "word", "device", "", "cpu", "cpu, cuda or cuda:N", c="", only_here=True)
_row("-threads", "program", "integer", "threads", "", "auto", "threads of the renderer", c="", only_here=True)
_row("-emulate", "emulation", "word", "emulate", "", "none",
     "defects of the C program to switch on: NAME,...  |  all  |  list", c="", meaning="emulation", only_here=True)
_switch("-force", "program", "go on where a run would be larger than the stated limits of work and memory",
        sets=[("force", True)], c="")
_switch("-batch", "program", "read one JSON command line per line of stdin, answer one JSON line each",
        sets=[("batch", True)], c="", only_here=True)
_switch("-compile", "program", "build the compiled step for this machine into the cache folder, and leave",
        sets=[("compile_step", True)], c="", only_here=True)
_switch("-version --version", "program", "print the version and leave", sets=[("show_version", True)], c="")
_switch("-h -help --help", "program", "print this and leave", sets=[("show_help", True)], c="")

FLAGS: tuple[Flag, ...] = tuple(_rows)
BY_NAME: dict[str, Flag] = {name: flag for flag in FLAGS for name in flag.names}
