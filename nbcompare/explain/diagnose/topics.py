"""The words for each part of an experiment, as the table of options divides it, in sentences about mistakes with it."""

from __future__ import annotations

TOPICS = {
    "cells": "the number of cells (Na, Nb, Nc)", "cell": "the unit cell", "matrix": "the orientation matrix (-mat)",
    "misset": "the misset rotation", "misset-seed": "the seed of the random misset", "sample-size": "the sample size",
    "crystal-shape": "the crystal's shape", "fudge": "-fudge", "mosaic-spread": "the mosaic spread",
    "mosaic-domains": "the number of mosaic domains", "mosaic-seed": "the seed of the mosaic domains",
    "water": "the water background", "hkl": "the list of structure factors (-hkl)", "default-F": "-default_F",
    "dump": "the dump file", "dmin": "the resolution limit -dmin", "interpolation": "the interpolation of F",
    "convention": "the convention", "pivot": "the pivot", "fast-axis": "the fast axis", "slow-axis": "the slow axis",
    "normal-axis": "the detector normal", "beam-vector": "the beam direction",
    "polarization-axis": "the polarization axis", "spindle-axis": "the spindle axis",
    "twotheta-axis": "the two-theta axis", "pix0": "-pix0_vector", "beam-centre": "the beam centre",
    "close-point": "the near point (Xclose, ORGX)", "distance": "the distance", "close-distance": "the close distance",
    "twotheta": "two-theta", "detector-rotation": "a detector rotation", "pixel-size": "the pixel size",
    "absorption": "the attenuation depth", "sensor-thickness": "the sensor thickness", "layers": "the sensor layers",
    "curved-detector": "the curved detector", "point-pixel": "-point_pixel", "wavelength": "the wavelength",
    "polarization": "the polarization", "divergence": "the divergence", "divergence-step": "the divergence step",
    "divergence-steps": "the divergence steps", "divergence-corners": "the trimming of divergence corners",
    "dispersion": "the dispersion", "dispersion-steps": "the number of wavelengths", "sources": "the source file",
    "phi": "the start angle phi", "oscillation": "the oscillation range", "phi-step": "the phi step",
    "phi-steps": "the number of phi steps", "oversample": "the oversampling",
    "oversample-thick": "-oversample_thick", "oversample-polar": "-oversample_polar",
    "oversample-omega": "-oversample_omega", "img-header": "the -img header", "mask": "the mask",
}
