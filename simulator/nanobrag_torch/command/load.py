"""From a command line and the files it names to the components that are simulated.

Everything that can be wrong with a command or a file is found here or in ``scene.build_scene``, before anything
is rendered or written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nanobrag_torch.command.argv import parse, parse_like_c
from nanobrag_torch.config import Beam, Crystal, Detector, Sampling, Scan
from nanobrag_torch.emulation import Emulations, parse_emulations
from nanobrag_torch.errors import ArgumentError, InputFileError
from nanobrag_torch.limits import check_inputs
from nanobrag_torch.options import Files, Options, Outputs, Program
from nanobrag_torch.units import to_si

DUMP_BY_DEFAULT = "Fdump.bin"
RIGHT_ANGLE_DEG = 90.0
LONGEST_WAVELENGTH_M = 1e-6
"""A longer one in a list of sources was meant in another unit."""


@dataclass(frozen=True)
class LoadedCommand:
    """A command line as read: what was asked for, which files, what to write, how to run. Relative input names
    are looked up in ``read_from``; a left-over dump (emulation fdump-reuse) and all outputs are in ``write_to``."""

    options: Options
    files: Files
    outputs: Outputs
    program: Program
    emulate: Emulations
    read_from: Path
    write_to: Path

    @property
    def reads_files(self) -> bool:
        """Whether there is anything to read for its components."""
        return bool(_inputs(self.files, self.read_from)) or "fdump-reuse" in self.emulate


def read_command(tokens: Sequence[str], read_from: Path = Path(), write_to: Path = Path()) -> LoadedCommand:
    """Parse a command line on top of the image headers it names: the mask's first, then the image's.

    Raises UsageError for a bad option, InputFileError for a bad header.
    """
    emulate = parse_emulations(_emulation_words(tokens))
    reader = parse_like_c if "argv" in emulate else parse
    first = reader(tokens)
    if first.component(Program).show_help or first.component(Program).show_version:
        return _command(first, emulate, read_from, write_to)
    files, options = first.component(Files), Options()
    if not first.component(Program).force:
        check_inputs(_inputs(files, read_from))
    named: dict[Literal["mask", "img"], str | None] = {"mask": files.mask_file, "img": files.img_file}
    for kind, name in named.items():
        if name is not None:
            from nanobrag_torch.io.smv import apply_header

            apply_header(read_from / name, kind, options, emulate)
    return _command(reader(tokens, options), emulate, read_from, write_to)


def _inputs(files: Files, folder: Path) -> list[tuple[str, Path]]:
    """The files that a command reads, by the name it gives them."""
    read = [files.mask_file, files.img_file, files.stol_file, files.hkl_file, files.matrix_file, files.source_file]
    read += [files.dump_file] if files.hkl_file is None else []
    return [(name, folder / name) for name in read if name is not None]


def _emulation_words(tokens: Sequence[str]) -> str | None:
    """The value of the last -emulate, needed before the rest can be read. ``list`` asks for no emulation."""
    given = [tokens[i + 1] for i, token in enumerate(tokens[:-1]) if token == "-emulate"]
    return given[-1] if given and given[-1] != "list" else None


def _command(options: Options, emulate, read_from: Path, write_to: Path) -> LoadedCommand:
    return LoadedCommand(options, options.component(Files), options.component(Outputs), options.component(Program),
                         emulate, read_from, write_to)


def load_components(command: LoadedCommand) -> tuple[Beam, Crystal, Detector, Scan, Sampling]:
    """The components of a command, with the contents of its files in them.

    Raises InputFileError for a file that cannot be read or understood.
    """
    given, files, options = command.options.given, command.files, command.options
    _allowed(command)
    _draw_seeds(command)
    if files.stol_file is not None:
        from nanobrag_torch.io.stol import check_stol

        check_stol(command.read_from / files.stol_file, like_c="source-file-lines" in command.emulate)
    _complete_cell(given)
    if "last-layer-capture" in command.emulate:  # where -detector_abs inf takes away only a thickness given before
        given["thickness_m"] = given.get("thickness_like_c_m", 0.0)
    given["reflections"] = _reflections(command)
    if files.matrix_file is not None:
        from nanobrag_torch.io.matrix import read_matrix

        given["matrix"] = read_matrix(command.read_from / files.matrix_file, _allowed(command)).tolist()
    detector, scan = options.component(Detector), options.component(Scan)
    _warn_pivot(options)
    if files.mask_file is not None:
        given["mask"] = _mask(command.read_from / files.mask_file, detector, command.emulate)
    if files.source_file is not None:
        given["sources"] = _sources(command, files.source_file, options.component(Beam), detector, scan)
    return options.component(Beam), options.component(Crystal), detector, scan, options.component(Sampling)


def _draw_seeds(command: LoadedCommand) -> None:
    """Seeds that were not given are drawn and told, so that the run can be repeated."""
    from nanobrag_torch.physics.random_stream import fresh_seed

    given, warn = command.options.given, command.options.warn
    seed = None if "misset-radians" in command.emulate else given.get("seed")
    if given.get("misset_random") and given.get("misset_seed", seed) is None:
        given["misset_seed"] = fresh_seed()
        warn(f"-misset random without a seed: {given['misset_seed']} was drawn (-misset_seed repeats it)")
    if command.outputs.write_noise and not command.outputs.describe and given.get("seed") is None:
        given["seed"] = fresh_seed()
        warn(f"the noise image without a seed: {given['seed']} was drawn (-seed repeats it)")


def _complete_cell(given: dict) -> None:
    """Lengths that are missing or not positive become a, angles 90 degrees."""
    cell = given.get("cell")
    if cell is None:
        return
    if not cell[0] > 0 and any(value > 0 for value in cell[:3]):
        raise ArgumentError(f"-cell: the length of a must be positive, not {cell[0]:g} A")
    given["cell_lengths_A"] = tuple(cell[:3])
    given["cell_angles_rad"] = tuple(to_si("deg", angle if angle > 0 else RIGHT_ANGLE_DEG) for angle in cell[3:])


def _reflections(command: LoadedCommand):
    """The grid of -hkl, or of a dump; None where every reflection has the default."""
    files, emulate = command.files, command.emulate
    if files.hkl_file is not None:
        from nanobrag_torch.io.hkl import read_hkl

        columns = "stream" if "hkl-columns" in emulate else "strict"
        default_F = command.options.given.get("default_F", 0.0)
        return read_hkl(command.read_from / files.hkl_file, default_F, columns, _allowed(command))
    path = command.read_from / files.dump_file if files.dump_file else command.write_to / DUMP_BY_DEFAULT
    if files.dump_file is None and not ("fdump-reuse" in emulate and path.is_file()):
        return None
    if "fdump-reuse" in emulate and not path.is_file():
        return None
    from nanobrag_torch.io.dump import read_dump

    return read_dump(path, emulate)


def _warn_pivot(options: Options) -> None:
    from nanobrag_torch.physics.detector import forced_pivot

    forced = forced_pivot(options.convention)
    if options.pivot_by_name and forced not in (None, options.pivot):
        options.warn(f"-pivot has no effect: the convention pivots about the {forced}")


def _mask(path: Path, detector: Detector, emulate: Emulations):
    from nanobrag_torch.io.smv import read_mask
    from nanobrag_torch.physics.detector import detector_size

    mask, size = read_mask(path, emulate), detector_size(detector)
    if mask.shape[0] < size["slow_pixels"] or mask.shape[1] < size["fast_pixels"]:
        raise InputFileError(f"a mask of {mask.shape[1]} x {mask.shape[0]} pixels for a detector of "
                             f"{size['fast_pixels']} x {size['slow_pixels']}", path)
    return mask


def _sources(command: LoadedCommand, source_file: str, beam: Beam, detector: Detector, scan: Scan):
    from nanobrag_torch.io.sourcefile import read_sources
    from nanobrag_torch.physics.detector import convention_frame

    direction = convention_frame(beam, detector, scan, command.emulate).beam
    path = command.read_from / source_file
    table = read_sources(path, beam.wavelength_m, direction, command.emulate, _allowed(command))
    longest = max((float(wavelength) for wavelength in table.wavelengths_m), default=0.0)
    if longest > LONGEST_WAVELENGTH_M:
        command.options.warn(f"{path}: a wavelength of {longest:g} m; the fifth column is in metres (1 A is 1e-10)")
    return table


def _allowed(command: LoadedCommand):
    from nanobrag_torch.io.text import parse_allowed

    return parse_allowed(command.files.allow, command.options.warn)

