"""SMV images: headers and masks read, 16-bit images written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nanobrag_torch.blocks import part_of_region, row_blocks
from nanobrag_torch.config import Detector
from nanobrag_torch.emulation import NO_EMULATION
from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.atomic import atomic_output
from nanobrag_torch.io.text import leading_real, read_bytes, real
from nanobrag_torch.options import Options
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.detector import dials_origin_mm
from nanobrag_torch.units import DEGREES_PER_RADIAN, to_si

HEADER_BLOCK = 512
LARGEST_PIXEL = 65535.0
PIXEL_BYTES = {"unsigned_char": 1, "signed_char": 1, "unsigned_short": 2, "signed_short": 2, "unsigned_long": 4,
               "signed_long": 4, "unsigned char": 1, "signed char": 1, "unsigned short int": 2, "short int": 2,
               "unsigned long int": 4, "long int": 4}
"""Bytes of a pixel by the type that a header declares: TYPE of SMV, Data_type of d*TREK."""

_HEADER_START = b"{\nHEADER_BYTES="
_MOST_PIXELS_PER_AXIS = 10**9
_ITEMS = (
    ("PIXEL_SIZE", "pixel_size_m", "mm"), ("DISTANCE", "distance_m", "mm"),
    ("CLOSE_DISTANCE", "close_distance_m", "mm"), ("WAVELENGTH", "wavelength_m", "A"),
    ("BEAM_CENTER_X", "beam_x_m", "mm"), ("BEAM_CENTER_Y", "beam_y_m", "mm"),
    ("ORGX", "origin_x_pixels", ""), ("ORGY", "origin_y_pixels", ""), ("PHI", "phi_rad", "deg"),
    ("OSC_RANGE", "oscillation_rad", "deg"), ("TWOTHETA", "twotheta_rad", "deg"))
"""Header key, field of a component and unit, of every key that is used besides the sizes."""


# --- headers read ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Header:
    """The text of a header. ``substring`` finds a key inside other keys too (emulation header-substring)."""

    path: object
    text: str
    substring: bool = False

    def number(self, key: str) -> float | None:
        """The number after the last ``key =``, None when there is none."""
        return self._loose_number(key) if self.substring else self._strict_number(key)

    def _strict_number(self, key: str) -> float | None:
        matches = list(re.finditer(rf"(?<![A-Za-z0-9_]){key}[ \t]*=[ \t]*([^; \t\r\n}}]*)", self.text))
        if not matches:
            return None
        found = matches[-1]
        line = self.text.count("\n", 0, found.start()) + 1
        try:
            return real(found.group(1), self.path, line)
        except InputFileError:
            raise InputFileError(f"header item {key}: {found.group(1)!r} is not a number", self.path, line,
                                 found.group(1)) from None

    def _loose_number(self, key: str) -> float | None:
        at = self.text.rfind(key)
        if at < 0:
            return None
        equals = self.text.find("=", at + len(key))
        return 0.0 if equals < 0 else leading_real(self.text[equals + 1 :])

    def pixel_bytes(self) -> int:
        """Bytes of a pixel by the declared type; which byte comes first does not matter to what is 0."""
        for key in ("TYPE", "Data_type"):
            matches = re.findall(rf"(?<![A-Za-z0-9_]){key}[ \t]*=[ \t]*([^;\r\n}}]*)", self.text)
            if matches:
                declared = matches[-1].rstrip(" \t")
                if declared not in PIXEL_BYTES:
                    raise InputFileError(f"header item {key}: pixels of type {declared!r} are not read as a mask; "
                                         "unsigned_short, signed_long and their like are", self.path)
                return PIXEL_BYTES[declared]
        return PIXEL_BYTES["unsigned_short"]

    def size(self, key: str) -> int:
        """A number of pixels, 0 when it is not given; emulated, what stands behind a point is cut off."""
        value = self.number(key) or 0.0
        value = float(math.trunc(value)) if self.substring and math.isfinite(value) else value
        if not (0 <= value < _MOST_PIXELS_PER_AXIS and value == math.floor(value)):
            raise InputFileError(f"header item {key}: {value:g} is not a number of pixels", self.path, None,
                                 f"{value:g}")
        return int(value)

    def shape(self) -> tuple[int, int]:
        """Pixels along slow and fast; (0, 0) when they are not given."""
        fast, slow = self.size("SIZE1"), self.size("SIZE2")
        if fast == 0:
            fast = slow = self.size("DETECTOR_DIMENSIONS")
        return (slow, fast) if fast and slow else (0, 0)


def _read_header(path, substring: bool = False) -> tuple[Header, bytes]:
    """The header of an SMV file, and the data after it."""
    raw = read_bytes(path)
    if len(raw) < HEADER_BLOCK:
        raise InputFileError(f"{len(raw)} bytes are too few for an SMV header of {HEADER_BLOCK}", path)
    if not raw.startswith(_HEADER_START):
        raise InputFileError("this is no SMV image (it does not start with '{', newline, 'HEADER_BYTES=')", path)
    size = Header(path, _text(raw[:HEADER_BLOCK])).number("HEADER_BYTES") or 0.0
    if not (HEADER_BLOCK <= size <= len(raw) and size == math.floor(size)):
        raise InputFileError(f"header item HEADER_BYTES: {size:g} bytes in a file of {len(raw)}", path, 2, f"{size:g}")
    return Header(path, _text(raw[: int(size)]), substring), raw[int(size) :]


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("latin-1")


def apply_header(path, kind: Literal["mask", "img"], options: Options, emulate) -> None:
    """Put what a header says among the options, in SI units, for the command line to override.

    A mask counts the beam centre along y from the other edge of the detector, with the pixel size known by
    then. An oscillation of 0 is a still. Emulation header-substring finds keys inside other keys (DISTANCE is
    CLOSE_DISTANCE), ignores TWOTHETA and takes an oscillation of 0 as given. Raises InputFileError for a file
    that is no SMV image or holds no number where one is expected.
    """
    like_c = "header-substring" in emulate
    header, _ = _read_header(path, substring=like_c)
    slow, fast = header.shape()
    if fast:
        options.given |= {"fast_pixels": fast, "slow_pixels": slow}
    for key, field, unit in _ITEMS:
        value = header.number(key)
        unused = key == "TWOTHETA" if like_c else key == "OSC_RANGE" and value == 0.0
        if value is not None and not unused:
            options.given[field] = to_si(unit, value)
    if kind == "mask" and header.number("BEAM_CENTER_Y") is not None:
        pixel_size_m: Any = options.given.get("pixel_size_m", Detector.pixel_size_m)
        options.given["beam_y_m"] = pixel_size_m * slow - options.given["beam_y_m"]


def read_mask(path, emulate=NO_EMULATION) -> np.ndarray:
    """The pixels of a mask, bool [slow, fast], False where nothing is to be rendered.

    Pixels are as wide as the header says (TYPE, or Data_type), 16 bits where it says nothing; emulation mask-16-bit
    takes them for 16 bits whatever it says. Raises InputFileError for a file that is no SMV image, declares pixels of
    another kind, or does not hold all its pixels.
    """
    header, data = _read_header(path, substring="header-substring" in emulate)
    width = 2 if "mask-16-bit" in emulate else header.pixel_bytes()
    slow, fast = header.shape()
    if not fast:
        raise InputFileError("a mask needs its size: no SIZE1 and SIZE2 in its header", path)
    if len(data) < width * slow * fast:
        raise InputFileError(f"{fast} x {slow} pixels need {width * slow * fast} bytes, {len(data)} found", path)
    return np.frombuffer(data, dtype=f"<u{width}", count=slow * fast).reshape(slow, fast) != 0


# --- images written -------------------------------------------------------------------------------------


def smv_header(scene) -> bytes:
    """The header of an image: as many blocks of 512 bytes as it needs, ended by ``}``, form feed and blanks.

    Emulation smv-overflow always states 512 bytes, and lets a longer text push the pixels back.
    """
    size = HEADER_BLOCK
    text = _header_text(scene, size)
    while len(text) > size and "smv-overflow" not in scene.emulate:
        size += HEADER_BLOCK
        text = _header_text(scene, size)
    return text.encode("ascii").ljust(size)


def _header_text(scene, header_bytes: int) -> str:
    entries = "".join(f"{key}={value};\n" for key, value in _entries(scene, header_bytes))
    dials = ",".join(f"{number(x):g}" for x in dials_origin_mm(scene.geometry))
    return "{\n" + entries.replace("XDS_ORGX=", f"DIALS_ORIGIN={dials}\nXDS_ORGX=", 1) + "}\f"


def _entries(scene, header_bytes: int) -> list[tuple[str, str]]:
    d, spindle = scene.geometry, scene.spindle
    px, fast_beam, slow_beam = number(d.pixel_size), number(d.fast_beam), number(d.slow_beam)

    def mm(length_m) -> str:
        return f"{number(length_m) * 1000.0:g}"

    def degrees(angle_rad) -> str:
        return f"{number(angle_rad) * DEGREES_PER_RADIAN:g}"

    return [("HEADER_BYTES", str(header_bytes)), ("DIM", "2"), ("BYTE_ORDER", "little_endian"),
            ("TYPE", "unsigned_short"), ("SIZE1", str(d.fast_pixels)), ("SIZE2", str(d.slow_pixels)),
            ("PIXEL_SIZE", mm(px)), ("DISTANCE", mm(d.distance)),
            ("WAVELENGTH", f"{number(scene.illumination.wavelength) * 1e10:g}"),
            ("BEAM_CENTER_X", mm(d.x_beam)), ("BEAM_CENTER_Y", mm(d.y_beam)),
            ("ADXV_CENTER_X", mm(fast_beam)), ("ADXV_CENTER_Y", mm(number(d.slow_size) - slow_beam)),
            ("MOSFLM_CENTER_X", mm(slow_beam - 0.5 * px)), ("MOSFLM_CENTER_Y", mm(fast_beam - 0.5 * px)),
            ("DENZO_X_BEAM", mm(slow_beam)), ("DENZO_Y_BEAM", mm(fast_beam)),
            ("XDS_ORGX", f"{number(d.fast_close) / px + 0.5:g}"), ("XDS_ORGY", f"{number(d.slow_close) / px + 0.5:g}"),
            ("CLOSE_DISTANCE", mm(d.close_distance)), ("PHI", degrees(spindle.start)),
            ("OSC_START", degrees(spindle.start)), ("OSC_RANGE", degrees(spindle.oscillation)),
            ("TWOTHETA", degrees(d.twotheta)), ("DETECTOR_SN", "000"),
            ("BEAMLINE", "fake")]


def int_pixels(scene, image, scale: float, adc: float) -> Iterator[np.ndarray]:
    """floor(x*scale + adc + 0.5) as uint16 [n, fast], a block of rows after the other, after clamping x*scale + adc to
    0..65535; 0 outside the region of interest. The argument of floor is rounded to float32 first, as the C program's
    floorf has it."""
    for rows in row_blocks(image.shape):
        pixels = np.zeros((rows.stop - rows.start, image.shape[1]), dtype="<u2")
        inside = part_of_region(rows, scene.roi)
        with np.errstate(invalid="ignore"):
            values = np.multiply(image[rows][inside], scale, dtype=np.float64)
            values += adc
        np.fmax(values, 0.0, out=values)  # 0 for what is no number, too
        np.fmin(values, LARGEST_PIXEL, out=values)
        values += 0.5
        pixels[inside] = np.floor(values.astype(np.float32))
        yield pixels


def write_smv(path, scene, blocks: Iterable[np.ndarray]) -> None:
    """Write uint16 pixels, blocks of rows [n, fast], with their header, whole or not at all. Raises InputFileError."""
    with atomic_output(path) as stream:
        stream.write(smv_header(scene))
        for pixels in blocks:
            stream.write(np.ascontiguousarray(pixels, dtype="<u2").data)


def write_int_image(path, scene, image, scale: float, adc: float) -> None:
    """Write the int image: photons [slow, fast] times ``scale`` plus ``adc``. Raises InputFileError."""
    write_smv(path, scene, int_pixels(scene, image, scale, adc))
