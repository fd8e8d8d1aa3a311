"""The options of nanoBragg as diagnosis reads them: names, how many values follow, and what a value is.

The table knows nothing about images. ``topic`` is the word that ids of causes are made of; ``kind`` decides
which mistakes can be made with a value: a length can lose its unit, an angle its degrees, a count be one off.
"""

from __future__ import annotations

from dataclasses import dataclass

CELL, MISSET, PERHAPS = -1, -2, -3
"""Counts of the options that decide themselves how many values they take."""

REFERENCE, SUBJECT = "reference", "subject"

PREFIX = {REFERENCE: "c", SUBJECT: "py"}
"""What the files of each role are called in a bundle."""

FLOAT_FILE = "float.bin"

FILE_OPTIONS = ("-mat", "-matrix", "-hkl", "-img", "-mask", "-sourcefile", "-stol", "-4stol", "-Q")
"""Options whose value is a file the program reads."""

FLOAT_FILE_OPTIONS = ("-floatfile", "-floatimage")


@dataclass(frozen=True)
class Option:
    """One option. ``count`` values follow; ``default`` is what holds without it (None: no single value)."""

    names: tuple[str, ...]
    count: int
    topic: str
    kind: str
    default: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        return self.names[0]


def _option(names: str, count: int, topic: str, kind: str, default: str | None = None) -> Option:
    return Option(tuple(names.split()), count, topic, kind, tuple(default.split()) if default is not None else None)


OPTIONS: tuple[Option, ...] = (
    _option("-img", 1, "img-header", "file"),
    _option("-mask", 1, "mask", "file"),
    _option("-Na", 1, "cells", "count", "1"),
    _option("-Nb", 1, "cells", "count", "1"),
    _option("-Nc", 1, "cells", "count", "1"),
    _option("-N", 1, "cells", "count", "1"),
    _option("-cell", CELL, "cell", "cell"),
    _option("-mat -matrix", 1, "matrix", "file"),
    _option("-misset", MISSET, "misset", "misset"),
    _option("-misset_seed", 1, "misset-seed", "seed"),
    _option("-samplesize -sample_size -xtalsize -xtal_size", 1, "sample-size", "length", "0"),
    _option("-sample_thick -sample_x -xtal_thick -xtal_x -sample_thickness -xtal_thickness", 1, "sample-size",
            "length", "0"),
    _option("-sample_width -sample_y -xtal_width -xtal_y -width", 1, "sample-size", "length", "0"),
    _option("-sample_height -sample_heigh -sample_z -xtal_height -xtal_heigh -xtal_z -height -heigh", 1,
            "sample-size", "length", "0"),
    _option("-density -sample_den -sample_density", 1, "density", "ignored"),
    _option("-MW -molec -molecular_weight", 1, "molecular-weight", "ignored"),
    _option("-square_xtal", 0, "crystal-shape", "switch"),
    _option("-round_xtal", 0, "crystal-shape", "switch"),
    _option("-gauss_xtal", 0, "crystal-shape", "switch"),
    _option("-binary_spots -tophat_spots", 0, "crystal-shape", "switch"),
    _option("-fudge", 1, "fudge", "real", "1"),
    _option("-mosaic -mosaici -mosaicity -mosaic_spr -mosaic_spread", 1, "mosaic-spread", "angle", "0"),
    _option("-mosaic_dom -mosaic_domains", 1, "mosaic-domains", "count"),
    _option("-mosaic_seed", 1, "mosaic-seed", "seed", "12345678"),
    _option("-water", 1, "water", "length", "0"),
    _option("-hkl -hklfile", 1, "hkl", "file"),
    _option("-default_F", 1, "default-F", "real", "0"),
    _option("-dump -dumpfile", 1, "dump", "file"),
    _option("-dmin", 1, "dmin", "length", "0"),
    _option("-stol", 1, "stol", "ignored"),
    _option("-4stol", 1, "stol", "ignored"),
    _option("-Q", 1, "stol", "ignored"),
    _option("-stolout", 1, "stol", "ignored"),
    _option("-interpolate", 0, "interpolation", "switch"),
    _option("-nointerpolate", 0, "interpolation", "switch"),
    _option("-mosflm", 0, "convention", "convention"),
    _option("-adxv", 0, "convention", "convention"),
    _option("-denzo", 0, "convention", "convention"),
    _option("-xds", 0, "convention", "convention"),
    _option("-dials", 0, "convention", "convention"),
    _option("-pivot", 1, "pivot", "word", "beam"),
    _option("-fdet_vector", 3, "fast-axis", "vector"),
    _option("-sdet_vector", 3, "slow-axis", "vector"),
    _option("-odet_vector", 3, "normal-axis", "vector"),
    _option("-beam_vector", 3, "beam-vector", "vector"),
    _option("-polar_vector", 3, "polarization-axis", "vector"),
    _option("-spindle_axis", 3, "spindle-axis", "vector"),
    _option("-twotheta_axis", 3, "twotheta-axis", "vector"),
    _option("-pix0_vector -pix0_vector_mm", 3, "pix0", "vector"),
    _option("-Xbeam", 1, "beam-centre", "length"),
    _option("-Ybeam", 1, "beam-centre", "length"),
    _option("-Xclose", 1, "close-point", "length"),
    _option("-Yclose", 1, "close-point", "length"),
    _option("-ORGX", 1, "close-point", "pixels"),
    _option("-ORGY", 1, "close-point", "pixels"),
    _option("-distance", 1, "distance", "length", "100"),
    _option("-close_distance", 1, "close-distance", "length"),
    _option("-twotheta", 1, "twotheta", "angle", "0"),
    _option("-detector_rotx", 1, "detector-rotation", "angle", "0"),
    _option("-detector_roty", 1, "detector-rotation", "angle", "0"),
    _option("-detector_rotz", 1, "detector-rotation", "angle", "0"),
    _option("-detsize", 1, "detector-size", "size", "102.4"),
    _option("-detsize_f", 1, "detector-size", "size", "102.4"),
    _option("-detsize_s", 1, "detector-size", "size", "102.4"),
    _option("-detpixels", 1, "detector-size", "size"),
    _option("-detpixels_f -detpixels_x", 1, "detector-size", "size"),
    _option("-detpixels_s -detpixels_y", 1, "detector-size", "size"),
    _option("-pixel -pixelsize -pixel_size", 1, "pixel-size", "length", "0.1"),
    _option("-detector_abs -detector_absorb", 1, "absorption", "length"),
    _option("-detector_thick", 1, "sensor-thickness", "length", "0"),
    _option("-detector_thicksteps -thicksteps", 1, "layers", "count"),
    _option("-curved_det", PERHAPS, "curved-detector", "switch"),
    _option("-point_pixel", 0, "point-pixel", "switch"),
    _option("-lambda -wave -wavelength", 1, "wavelength", "length", "1"),
    _option("-energy", 1, "wavelength", "real"),
    _option("-fluence", 1, "fluence", "scale", "125932015286227086360700780544"),
    _option("-flux", 1, "flux", "scale", "0"),
    _option("-exposure", 1, "exposure", "scale", "1"),
    _option("-beamsize", 1, "beamsize", "scale", "0.1"),
    _option("-polar", 1, "polarization", "real", "0"),
    _option("-nopolar", 0, "polarization", "switch"),
    _option("-divergence", 1, "divergence", "angle", "0"),
    _option("-hdivrange", 1, "divergence", "angle", "0"),
    _option("-vdivrange", 1, "divergence", "angle", "0"),
    _option("-hdivstep", 1, "divergence-step", "angle"),
    _option("-vdivstep", 1, "divergence-step", "angle"),
    _option("-divsteps", 1, "divergence-steps", "count"),
    _option("-hdivsteps", 1, "divergence-steps", "count"),
    _option("-vdivsteps", 1, "divergence-steps", "count"),
    _option("-round_div", 0, "divergence-corners", "switch"),
    _option("-square_div", 0, "divergence-corners", "switch"),
    _option("-dispersion", 1, "dispersion", "real", "0"),
    _option("-dispsteps", 1, "dispersion-steps", "count"),
    _option("-sourcefile", 1, "sources", "file"),
    _option("-coherent", 0, "coherent", "ignored"),
    _option("-phi", 1, "phi", "angle", "0"),
    _option("-osc -oscillation", 1, "oscillation", "angle"),
    _option("-phistep", 1, "phi-step", "angle"),
    _option("-phisteps", 1, "phi-steps", "count"),
    _option("-oversample", 1, "oversample", "count"),
    _option("-oversample_thick", 0, "oversample-thick", "switch"),
    _option("-oversample_polar", 0, "oversample-polar", "switch"),
    _option("-oversample_omega", 0, "oversample-omega", "switch"),
    _option("-roi", 4, "roi", "roi"),
    *(_option(names, 1, "output", "output") for names in (
        "-floatfile -floatimage", "-intfile -intimage", "-scale", "-adc", "-pgmfile -pgmimage", "-pgmscale",
        "-noisefile -noiseimage", "-seed", "-dtype", "-device", "-threads", "-trace_json")),
    *(_option(names, 0, "output", "output") for names in (
        "-nopgm", "-nonoise", "-noprogress", "-progress", "-printout", "-batch")),
    _option("-printout_pixel", 2, "output", "output"),
    _option("-trace_pixel", 2, "output", "output"),
    _option("-emulate", 1, "emulation", "emulation"),
)

BY_NAME: dict[str, Option] = {name: option for option in OPTIONS for name in option.names}
