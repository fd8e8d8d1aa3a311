"""What a command line and the image headers ask for: component fields by name, files, and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from nanobrag_torch.config import Detector
from nanobrag_torch.version import DEFAULT_DEVICE, DEFAULT_DTYPE

Component = TypeVar("Component")


@dataclass(frozen=True)
class Files:
    """The files to read, and what may be passed over in those that are text."""

    img_file: str | None = None
    mask_file: str | None = None
    matrix_file: str | None = None
    hkl_file: str | None = None
    dump_file: str | None = None
    stol_file: str | None = None
    source_file: str | None = None
    allow: str | None = None


@dataclass(frozen=True)
class Outputs:
    """What to write, print and report. ``describe_pixel`` holds fast and slow of each pixel, one after the other."""

    float_file: str = "floatimage.bin"
    int_file: str = "intimage.img"
    pgm_file: str = "image.pgm"
    noise_file: str = "noiseimage.img"
    write_pgm: bool = True
    write_noise: bool = True
    int_scale: float = 0.0
    pgm_scale: float = 0.0
    adc_offset: float = 40.0
    progress: bool = True
    printout: bool = False
    printout_pixel: Sequence[int] | None = None
    trace_pixel: Sequence[int] | None = None
    trace_json: str | None = None
    describe: bool = False
    describe_pixel: Sequence[int] = ()
    describe_phistep: int = 0


@dataclass(frozen=True)
class Program:
    """How to run: not a word about the image."""

    dtype: str = DEFAULT_DTYPE
    render: str = "auto"
    device: str = DEFAULT_DEVICE
    threads: int | None = None
    emulate: str | None = None
    batch: bool = False
    force: bool = False
    compile_step: bool = False
    show_version: bool = False
    show_help: bool = False


@dataclass
class Options:
    """The fields that were given, by name, with the last token's convention and pivot; what was not given is absent."""

    given: dict[str, Any] = field(default_factory=dict)
    convention: str = "mosflm"
    pivot: str = "beam"
    pivot_by_name: bool = False
    warnings: list[str] = field(default_factory=list)

    def component(self, kind: type[Component]) -> Component:
        """The dataclass ``kind`` made of the fields that were given and its own defaults."""
        names = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]  # every component is a dataclass
        chosen = {name: _frozen(value) for name, value in self.given.items() if name in names}
        if kind is Detector:
            chosen |= {"convention": self.convention, "pivot": self.pivot}
        return kind(**chosen)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)


def _frozen(value):
    return tuple(value) if isinstance(value, list) else value
