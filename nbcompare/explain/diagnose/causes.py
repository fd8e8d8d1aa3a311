"""Every cause that can be given: its id, its class, and the sentence that says it. An id never changes.

An id that is not in ``CATALOGUE`` cannot be given as an answer, so that ``nb-compare diagnose --list`` and
docs/causes.md are complete. The ids of mistakes with an option's value follow from the table of options: its topic and
the mistake.
"""

from __future__ import annotations

from dataclasses import dataclass

from nbcompare.case.arguments.emulations import registered
from nbcompare.case.arguments.options import all_options
from nbcompare.explain.diagnose.topics import TOPICS

CLASSES = ("scale", "geometry", "physics", "data", "echo")


@dataclass(frozen=True)
class CatalogueEntry:
    """One cause. ``topic`` is the part of the experiment it is about, in the words of the table of options."""

    id: str
    kind: str
    sentence: str
    topic: str = ""


CATALOGUE: dict[str, CatalogueEntry] = {}


def _entry(id: str, kind: str, sentence: str, topic: str = "") -> str:
    """One row of the catalogue below. Returns the id."""
    if kind not in CLASSES or id in CATALOGUE:
        raise ValueError(f"{id}: entered twice, or {kind} is no class of causes")
    CATALOGUE[id] = CatalogueEntry(id, kind, sentence, topic)
    return id


def entries() -> list[CatalogueEntry]:
    """The catalogue by class and id."""
    return sorted(CATALOGUE.values(), key=lambda entry: (entry.kind, entry.id))


# --- values of pixels ------------------------------------------------------------------------------------------------

NAN_PIXELS = _entry("nan-pixels", "data", "Pixels of the subject are NaN or infinite.")
ZERO_IMAGE = _entry("zero-image", "data", "The subject is zero everywhere.")
CONSTANT_IMAGE = _entry("constant-image", "data", "The subject holds one value everywhere.")
CLIPPED = _entry("clipped", "data", "The subject is clipped (saturated) at a highest value.")
FLOORED = _entry("floored", "data", "The subject is clipped at a lowest value.")
SMALL_VALUES_LOST = _entry("small-values-lost", "data", "Values below a limit are zero in the subject.")
INTEGER_OVERFLOW = _entry("integer-overflow", "data", "The subject's values wrap around at a power of two.")
SIGN_FLIPPED = _entry("sign-flipped", "data", "The subject is the reference with its sign changed.")
POWER_LAW = _entry("power-law", "data", "The subject is a power of the reference (F for F^2, a square root, a square).")
LOGARITHM = _entry("logarithm", "data", "The subject is the logarithm of the reference.")
BACKGROUND_OFFSET = _entry("background-offset", "data", "A constant was added to every pixel.")
SCALE_AND_OFFSET = _entry("scale-and-offset", "data", "Every pixel was scaled and a constant was added.")
SINGLE_PIXELS = _entry("single-pixels", "data", "A few single pixels hold other values; all the rest is the same.")

# --- rounding --------------------------------------------------------------------------------------------------------

FLOAT16_ROUNDING = _entry("float16-rounding", "data", "The subject was rounded to half precision (float16).")
BFLOAT16_ROUNDING = _entry("bfloat16-rounding", "data", "The subject was rounded to bfloat16, 8 bits of mantissa.")
MANTISSA_ROUNDING = _entry("mantissa-rounding", "data",
                           "The subject's mantissas were cut to fewer bits than float32 has.")
INTEGER_ROUNDING = _entry("integer-rounding", "data", "The subject was rounded to whole numbers.")
QUANTISED = _entry("quantised", "data", "The subject's values are multiples of one step.")
INTEGER_IMAGE = _entry("integer-image", "data",
                       "The subject is the scaled integer image (scale and adc) given as float.")
TEXT_DIGITS = _entry("text-digits", "data", "The subject's values were written as text with few digits.")

# --- noise -----------------------------------------------------------------------------------------------------------

POISSON_NOISE = _entry("poisson-noise", "data", "Photon (Poisson) noise was added to the subject.")
GAUSSIAN_NOISE = _entry("gaussian-noise", "data", "Noise of constant width was added to the subject.")
LINES_REPEATED = _entry("lines-repeated", "data", "Rows or columns hold once more what the one beside them holds.")
PANEL_GAIN = _entry("panel-gain", "data", "One part of the detector, a panel, has another gain than the rest.")
GAIN_NOISE = _entry("gain-noise", "data", "Noise in proportion to the value was added to the subject.")

# --- the layout of the file ------------------------------------------------------------------------------------------

TRUNCATED = _entry("truncated", "data", "The tail of the subject's file is missing or zero.")
HEAD_LOST = _entry("head-lost", "data", "The head of the subject's file is zero.")
LINES_LOST = _entry("lines-lost", "data", "Whole rows or columns of the subject are zero.")
HOLE = _entry("hole", "data", "A block of the subject is zero.")
ROI_ONLY = _entry("roi-only", "data", "The subject holds only a region; outside it is zero.", "roi")
ROI_OFF_BY_ONE = _entry("roi-off-by-one", "data", "The region rendered by the subject is off at its edges.", "roi")
ROI_IGNORED = _entry("roi-ignored", "data", "The subject rendered pixels outside the -roi region.", "roi")
MASK_IGNORED = _entry("mask-ignored", "data", "The subject rendered pixels that the -mask file excludes.", "mask")
MASK_INVERTED = _entry("mask-inverted", "data",
                       "The subject rendered what the -mask file excludes, and only that.", "mask")
MASK_WRONG = _entry("mask-wrong", "data", "The subject's zero pixels are not those of the -mask file.", "mask")
WRONG_ENDIAN = _entry("wrong-endian", "data", "The subject's bytes are in the other order.")
HEADER_BYTES = _entry("header-bytes", "data",
                      "Bytes of a header stand in the subject's data, or data was skipped as one.")
WRONG_STRIDE = _entry("wrong-stride", "data", "The subject was written or read with another row length (shape).")
FLOAT64_BYTES = _entry("float64-bytes", "data", "The subject's bytes are doubles read as floats.")
INTEGER_BYTES = _entry("integer-bytes", "data", "The subject's bytes are integers read as floats.")

# --- the size of the file --------------------------------------------------------------------------------------------

TRAILING_BYTES = _entry("trailing-bytes", "data", "The subject's file goes on after the image.")
SHAPE_DIFFERS = _entry("shape-differs", "data", "The subject's file holds an image of another shape.")

# --- where pixels lie ------------------------------------------------------------------------------------------------

TRANSPOSED = _entry("transposed", "geometry", "Fast and slow axis are exchanged.")
FLIPPED_FAST = _entry("flipped-fast", "geometry", "The image is mirrored along the fast axis.")
FLIPPED_SLOW = _entry("flipped-slow", "geometry", "The image is mirrored along the slow axis.")
ROTATED_180 = _entry("rotated-180", "geometry", "The image is turned by 180 degrees.")
ROTATED_90 = _entry("rotated-90", "geometry", "The image is turned by 90 degrees.")
ROTATED_270 = _entry("rotated-270", "geometry", "The image is turned by 270 degrees.")
ANTI_TRANSPOSED = _entry("anti-transposed", "geometry", "The image is mirrored about its other diagonal.")
PIXEL_SHIFT = _entry("pixel-shift", "geometry", "The image array is shifted by whole pixels.")
SUB_PIXEL_SHIFT = _entry("sub-pixel-shift", "geometry",
                         "The image array is shifted by a part of a pixel (interpolated).")
BLURRED = _entry("blurred", "geometry", "The image is convolved with a small kernel (smoothed).")
BEAM_CENTRE_ONE_PIXEL = _entry("beam-centre-one-pixel", "geometry",
                               "The beam centre is one pixel off (index origin 0 or 1).", "beam-centre")
BEAM_CENTRE_HALF_PIXEL = _entry("beam-centre-half-pixel", "geometry",
                                "The beam centre is half a pixel off (centre or corner).", "beam-centre")
BEAM_CENTRE_VALUE = _entry("beam-centre-value", "geometry", "The beam centre has another value.", "beam-centre")

# --- where the detector stands ---------------------------------------------------------------------------------------

DISTANCE_VALUE = _entry("distance-value", "geometry", "The distance has another value.", "distance")
PIXEL_SIZE_VALUE = _entry("pixel-size-value", "geometry", "The pixel size has another value.", "pixel-size")
DETECTOR_ROTATION_VALUE = _entry("detector-rotation-value", "geometry",
                                 "The detector's rotation angles have other values.", "detector-rotation")

# --- scale -----------------------------------------------------------------------------------------------------------

FLUENCE_DEFAULT = _entry("fluence-default", "scale", "The default fluence is used instead of the one given.", "fluence")
FLUENCE_NOT_FROM_FLUX = _entry("fluence-not-from-flux", "scale",
                               "-fluence is used although -flux decides, or the reverse.", "fluence")
FLUX_TERM_LOST = _entry("flux-term-lost", "scale", "The flux is not a factor of the fluence.", "flux")
EXPOSURE_IGNORED = _entry("exposure-ignored", "scale",
                          "The exposure is not a factor of the fluence, or is one twice.", "exposure")
BEAMSIZE_DEFAULT = _entry("beamsize-default", "scale",
                          "The default beam size is used instead of the one given.", "beamsize")
BEAMSIZE_UNIT = _entry("beamsize-unit", "scale", "The beam size is taken in another unit (mm, m, um).", "beamsize")
BEAMSIZE_NOT_SQUARED = _entry("beamsize-not-squared", "scale",
                              "The beam size enters with another power than two.", "beamsize")
BEAM_AREA = _entry("beam-area", "scale",
                   "The beam's area is that of a circle, or of half or twice its size.", "beamsize")
ELECTRON_RADIUS = _entry("electron-radius", "scale",
                         "The classical electron radius squared is missing, or applied twice.")
STEPS_NOT_DIVIDED = _entry("steps-not-divided", "scale", "The sum is not divided by the steps (or is twice).")
PHI_STEPS_NOT_DIVIDED = _entry("phi-steps-not-divided", "scale",
                               "The sum is not divided by the phi steps (or is twice).", "phi-steps")
MOSAIC_DOMAINS_NOT_DIVIDED = _entry("mosaic-domains-not-divided", "scale",
                                    "The sum is not divided by the mosaic domains (or is twice).")
SOURCES_NOT_DIVIDED = _entry("sources-not-divided", "scale", "The sum is not divided by the sources (or is twice).")
OVERSAMPLE_NOT_DIVIDED = _entry("oversample-not-divided", "scale",
                                "The sum is not divided by oversample^2 (or is twice).")
LAYERS_DIVIDED = _entry("layers-divided", "scale", "The sum is divided by the sensor layers.")
STEPS_OFF_BY_ONE = _entry("steps-off-by-one", "scale", "The sum is divided by one step too many or too few.")
PIXEL_AREA = _entry("pixel-area", "scale", "The pixel area is missing, not squared, or in another unit.")
DISTANCE_SQUARED = _entry("distance-squared", "scale",
                          "The squared distance is missing, applied twice, or in another unit.")
AMPLITUDE_NOT_SQUARED = _entry("amplitude-not-squared", "scale", "F is used for F^2, or F^2 is squared again.")
CELLS_NORMALISED = _entry("cells-normalised", "scale", "The image is divided or multiplied by the number of cells.")
WAVELENGTH_POWER = _entry("wavelength-power", "scale", "A power of the wavelength is missing or too many.")
POWER_OF_TEN = _entry("power-of-ten", "scale", "The factor is a power of ten: a unit.")
POWER_OF_TWO = _entry("power-of-two", "scale", "The factor is a power of two.")
CIRCLE_CONSTANT = _entry("circle-constant", "scale", "The factor is pi, or a simple multiple of it.")
SCALE_PRODUCT = _entry("scale-product", "scale", "The factor is a product of two such ratios.")
SCALE_FACTOR = _entry("scale-factor", "scale", "One factor explains everything; it is no ratio of this command line.")

# --- factors over the image ------------------------------------------------------------------------------------------

POLARIZATION_MISSING = _entry("polarization-missing", "physics", "The polarization factor is left out.", "polarization")
POLARIZATION_ADDED = _entry("polarization-added", "physics",
                            "A polarization factor is applied in spite of -nopolar.", "polarization")
POLARIZATION_VALUE = _entry("polarization-value", "physics",
                            "The Kahn polarization factor has another value.", "polarization")
POLARIZATION_ROTATED = _entry("polarization-rotated", "physics", "The polarization axis is turned.", "polarization")
POLARIZATION_TWICE = _entry("polarization-twice", "physics",
                            "The polarization factor is applied twice.", "polarization")
POLARIZATION_FORMULA = _entry("polarization-formula", "physics",
                              "The polarization factor is calculated by another formula.", "polarization")
OBLIQUITY_MISSING = _entry("obliquity-missing", "physics",
                           "The solid angle lacks the obliquity cosine, or has it twice.")
SOLID_ANGLE_MISSING = _entry("solid-angle-missing", "physics",
                             "The solid angle of the pixels is left out, or applied twice.")
INVERSE_SQUARE_MISSING = _entry("inverse-square-missing", "physics", "The solid angle is the same for all pixels.")
SOLID_ANGLE_FORMULA = _entry("solid-angle-formula", "physics",
                             "The solid angle goes with another power of the distance, or with another cosine.")
POINT_PIXEL = _entry("point-pixel", "physics",
                     "The solid angle is that of a point pixel, 1/R^2, or is not.", "point-pixel")
ABSORPTION_MISSING = _entry("absorption-missing", "physics", "The sensor's absorption is left out.", "absorption")
ABSORPTION_VALUE = _entry("absorption-value", "physics",
                          "The sensor's thickness or attenuation has another value.", "absorption")
LORENTZ_FACTOR = _entry("lorentz-factor", "physics", "A Lorentz factor 1/sin(2 theta) is applied.")
TEMPERATURE_FACTOR = _entry("temperature-factor", "physics",
                            "Intensities fall with resolution as by a temperature factor, exp(-2 B s^2).")
DMIN_VALUE = _entry("dmin-value", "physics", "The resolution limit (dmin) is another one.", "dmin")
RADIAL_PATTERN = _entry("radial-pattern", "physics", "The ratio of the images changes smoothly with resolution.")
AZIMUTHAL_PATTERN = _entry("azimuthal-pattern", "physics", "The ratio of the images changes smoothly around the beam.")

# --- the look of spots -----------------------------------------------------------------------------------------------

SPOTS_WIDER = _entry("spots-wider", "physics",
                     "The subject's spots are wider: fewer cells, more mosaic spread, divergence.")
SPOTS_NARROWER = _entry("spots-narrower", "physics", "The subject's spots are narrower: more cells, less spread.")
SPOT_INTENSITIES = _entry("spot-intensities", "physics",
                          "The spots are in place but of other intensities: phi, F or orientation.")
UNRELATED_IMAGE = _entry("unrelated-image", "data",
                         "The subject shows another pattern: a stale file, or another crystal or orientation.")

# --- reflections -----------------------------------------------------------------------------------------------------

REFLECTION_MISSING = _entry("reflection-missing", "physics", "Some reflections are missing in the subject.", "hkl")
REFLECTION_EXTRA = _entry("reflection-extra", "physics", "Some reflections are only in the subject.", "hkl")
REFLECTION_CHANGED = _entry("reflection-changed", "physics", "Some reflections have other structure factors.", "hkl")
HKL_FRIEDEL = _entry("hkl-friedel", "physics",
                     "The subject uses F(-h,-k,-l) (Friedel mates, sign of the indices).", "hkl")
HKL_SIGN = _entry("hkl-sign", "physics", "The subject uses indices with one or two signs changed.", "hkl")
HKL_ORDER = _entry("hkl-order", "physics", "The subject uses the Miller indices in another order.", "hkl")
HKL_OFF_BY_ONE = _entry("hkl-off-by-one", "physics", "The subject uses indices one off.", "hkl")
DEFAULT_F_VALUE = _entry("default-F-value", "physics",
                         "Reflections that are not listed have another F (-default_F).", "default-F")
HKL_FRIEDEL_MERGED = _entry("hkl-friedel-merged", "physics", "Friedel mates have one F, their mean.", "hkl")
HKL_ROUNDED = _entry("hkl-rounded", "physics", "The F of the list are whole numbers.", "hkl")
HKL_TRUNCATED = _entry("hkl-truncated", "physics", "The list of structure factors is read in part only.", "hkl")

# --- input files -----------------------------------------------------------------------------------------------------

MATRIX_TRANSPOSED = _entry("matrix-transposed", "physics",
                           "The orientation matrix is read in rows for columns.", "matrix")
MATRIX_WAVELENGTH = _entry("matrix-wavelength", "physics",
                           "The matrix is not divided by the wavelength, or is twice.", "matrix")
MATRIX_SIGN = _entry("matrix-sign", "physics", "Axes of the orientation matrix have the opposite sign.", "matrix")
MATRIX_ORDER = _entry("matrix-order", "physics", "Axes of the orientation matrix are exchanged.", "matrix")
HKL_MATES_ADDED = _entry("hkl-mates-added", "physics",
                         "Friedel mates that are not listed get the F of those that are.", "hkl")
SOURCES_LOST = _entry("sources-lost", "physics", "Sources of the source file are left out.", "sources")
SOURCES_WAVELENGTH = _entry("sources-wavelength", "physics",
                            "The wavelengths of the source file are not used.", "sources")
SOURCES_DIRECTION = _entry("sources-direction", "physics",
                           "The directions of the source file are not used.", "sources")
SOURCES_SIGN = _entry("sources-sign", "physics", "The directions of the source file are reversed.", "sources")
SOURCES_WEIGHT = _entry("sources-weight", "physics",
                        "The weights of the source file count as they are, not as shares of their mean.", "sources")
MATRIX_VALUE = _entry("matrix-value", "physics",
                      "The orientation matrix (-mat) has other values: scale or rotation.", "matrix")

# --- the detector ----------------------------------------------------------------------------------------------------

BEAM_CENTRE_SWAPPED = _entry("beam-centre-swapped", "geometry",
                             "X and Y of the beam centre are exchanged.", "beam-centre")
BEAM_CENTRE_KIND = _entry("beam-centre-kind", "geometry",
                          "The beam centre is taken as the near point, or the reverse.", "beam-centre")
DISTANCE_KIND = _entry("distance-kind", "geometry",
                       "The distance is taken along the normal, or the reverse.", "distance")
DETECTOR_AXES_SWAPPED = _entry("detector-axes-swapped", "geometry",
                               "The fast and the slow axis of the detector are exchanged.", "fast-axis")
DETECTOR_ROTATION_ORDER = _entry("detector-rotation-order", "geometry",
                                 "Detector rotations belong to other axes.", "detector-rotation")

# --- crystal and beam ------------------------------------------------------------------------------------------------

MOSAIC_SPREAD_WIDTH = _entry("mosaic-spread-width", "physics",
                             "The mosaic spread is taken as another width (FWHM, sigma).", "mosaic-spread")
DIVERGENCE_SWAPPED = _entry("divergence-swapped", "physics",
                            "Horizontal and vertical divergence are exchanged.", "divergence")

MISSET_SEED_ANGLES = _entry("misset-seed-angles", "physics",
                            "The seed of the random misset is read as its angles.", "misset-seed")

# --- the rotation ----------------------------------------------------------------------------------------------------

PHI_MIDPOINT = _entry("phi-midpoint", "physics", "Phi steps are taken at their middle, not at their start.", "phi")
PHI_ONE_STEP_OFF = _entry("phi-one-step-off", "physics", "Phi starts one step too late or too early.", "phi")
PHI_FENCE_POST = _entry("phi-fence-post", "physics",
                        "The last or the first phi step is missing, or there is one too many.", "phi")
PHI_END_INCLUDED = _entry("phi-end-included", "physics",
                          "Phi steps reach the end of the range (step = range / (n - 1)).", "phi")
PHI_SINGLE_STEP = _entry("phi-single-step", "physics",
                         "The rotation is ignored: a still at the start or in the middle.", "phi")

# --- the whole command -----------------------------------------------------------------------------------------------

OPTION_REPEATED = _entry("option-repeated", "physics", "Of a repeated option the first value is used, not the last.")
FLOAT32_ARITHMETIC = _entry("float32-arithmetic", "physics", "The lattice arithmetic was done in single precision.")
ARGUMENTS_DIFFER = _entry("arguments-differ", "physics", "The subject was given other arguments than the reference.")
_entry("cells-order", "physics", "The numbers of cells along a, b and c are exchanged.", "cells")
STALE_IMAGE = _entry("stale-image", "data",
                     "The subject's image is the output of another experiment, left over or copied.")


# --- defects of the C program -----------------------------------------------------------------------------------------

EMULATION_NAMES = tuple(registered())
"""The emulations of the bundled simulator, each a defect of the C program."""

for _name in EMULATION_NAMES:
    _entry(_name, "physics", f"The defect of the C program known as {_name} is in one image and not in the other.")


# --- what both engines print ------------------------------------------------------------------------------------------

ECHOED = {
    "convention": "the convention",
    "pivot": "the pivot",
    "beam-direction": "the XDS incident beam",
    "cell": "the unit cell",
    "crystal-size": "the crystal's size",
    "sources": "the number of sources",
    "mosaic-domains": "the number of mosaic domains",
    "reflections": "the number of reflections",
    "cells": "crystal shape and cells",
    "wavelength": "the wavelength",
    "polarization": "the polarization",
    "fluence": "the incident fluence",
    "detector": "distance and pixels",
    "sensor": "the sensor",
    "beam-centre": "the beam centre (Fbeam, Sbeam)",
    "fast-axis": "the fast axis",
    "slow-axis": "the slow axis",
    "spindle": "the spindle axis",
    "detector-origin": "the detector origin",
    "roi": "the region rendered",
    "mosaic": "the mosaic spread",
    "phi": "the phi steps",
    "oversample": "the oversampling",
}
"""The parameters that both engines print: the key of each, and its words."""


def echo_id(key: str) -> str:
    """The id of a difference in a parameter that both engines print."""
    return f"echo-{key}"


for _key, _words in ECHOED.items():
    _entry(echo_id(_key), "echo", f"The engines print different values of {_words}.")


# --- mistakes with an option's value ----------------------------------------------------------------------------------

GEOMETRY_TOPICS = {"beam-centre", "close-point", "distance", "close-distance", "twotheta", "detector-rotation",
                   "pixel-size", "fast-axis", "slow-axis", "normal-axis", "twotheta-axis", "pix0", "pivot"}
"""Topics whose options leave the diffracted rays alone."""

_GEOMETRY = GEOMETRY_TOPICS | {"convention", "beam-vector", "curved-detector"}
_SENTENCES = {
    "ignored": "{} is ignored; the default is used.",
    "sign": "{} has the opposite sign.",
    "unit": "{} is taken in another unit.",
    "factor-two": "{} is doubled or halved.",
    "off-by-one": "{} is one too many or too few.",
    "order": "{} has its components exchanged.",
    "value": "{} has another value.",
}
MISTAKES = {
    "length": ("ignored", "sign", "unit", "factor-two", "value"),
    "angle": ("ignored", "sign", "unit", "factor-two", "value"),
    "real": ("ignored", "sign", "unit", "factor-two", "value"), "pixels": ("ignored", "value"),
    "count": ("ignored", "off-by-one", "factor-two", "value"), "vector": ("ignored", "sign", "order", "value"),
    "switch": ("ignored", "value"), "convention": ("ignored", "value"), "word": ("ignored", "value"),
    "cell": ("ignored", "unit", "order", "value"), "misset": ("ignored", "sign", "unit", "order", "value"),
    "seed": ("ignored", "sign", "value"), "file": ("ignored",),
}
"""The mistakes that can be made with an option's value, by its kind; an option of another kind has none."""


def mistake_id(topic: str, mistake: str) -> str:
    """The id of a mistake (a key of ``_SENTENCES``) with an option's value."""
    return f"{topic}-{mistake}"


for _option in all_options():
    for _mistake in MISTAKES.get(_option.kind, ()):
        _id = mistake_id(_option.topic, _mistake)
        if _id not in CATALOGUE:
            _what = TOPICS[_option.topic]
            _entry(_id, "geometry" if _option.topic in _GEOMETRY else "physics",
                   _SENTENCES[_mistake].format(_what[0].upper() + _what[1:]), _option.topic)
