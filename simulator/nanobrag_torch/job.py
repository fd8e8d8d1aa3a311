"""One run from components to files: build the scene, render it, say what was done, write every output.

All names of outputs are checked before rendering, and each file appears whole or not at all. The float image lies in
its file from the start and is read back a few rows at a time. All appear together when the last is complete, or none.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from nanobrag_torch.blocks import not_finite
from nanobrag_torch.command.load import DUMP_BY_DEFAULT, LoadedCommand
from nanobrag_torch.errors import ArgumentError, InputFileError
from nanobrag_torch.io.atomic import Place, Together, atomic_output
from nanobrag_torch.io.floatfile import FloatImage, float_image
from nanobrag_torch.io.pgm import write_pgm
from nanobrag_torch.io.smv import write_int_image
from nanobrag_torch.output import echo
from nanobrag_torch.output.noise import check_means
from nanobrag_torch.output.printout import printout_lines
from nanobrag_torch.output.statistics import image_statistics
from nanobrag_torch.render.build_scene import build_scene
from nanobrag_torch.render.choose import RenderPath, choose_path, render_image
from nanobrag_torch.render.plain import true_solid_angle, whole_percent
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.trace import check_traced, trace_pixel
from nanobrag_torch.render.workers import aside, wait_for_ended
from nanobrag_torch.version import PROGRAM_NAME, VERSION, default_threads, version_line

SPHERE_SR = 4.0 * math.pi


def render_and_write(command: LoadedCommand, components: tuple) -> None:
    """Run a loaded command. Raises UsageError or InputFileError before anything is written."""
    try:
        _render_and_write(command, components)
    finally:
        wait_for_ended()


def _render_and_write(command: LoadedCommand, components: tuple) -> None:
    torch.set_num_threads(_workers(command))
    asked = command.program.dtype
    scene = build_scene(*components, emulate=command.emulate, device=command.program.device,
                        dtype=torch.float64 if asked == "auto" else getattr(torch, asked), warn=command.options.warn,
                        force=command.program.force)
    check_outputs(command, scene)
    path = choose_path(scene, command.program)
    print(version_line(command.program, command.emulate, path))
    echo.echo_setup(command, scene)
    paths, shape = output_paths(command), (scene.geometry.slow_pixels, scene.geometry.fast_pixels)
    with Together() as together, float_image(together.place(paths["float"]), shape) as image:
        render_to(image, scene, command, path)
        if command.outputs.write_noise and "noise-truncation" not in command.emulate:
            check_means(image)
        if not command.emulate.names:
            _refuse_infinite(image)
        write_others(command, scene, image, together)
        if command.outputs.trace_pixel is not None:
            write_trace(command, command.outputs.trace_pixel, scene, together)


# --- before ---------------------------------------------------------------------------------------------


def output_paths(command: LoadedCommand) -> dict[str, Path]:
    """Every file that this run will write, by what it is."""
    wanted, folder = command.outputs, command.write_to
    paths = {"float": folder / wanted.float_file, "int": folder / wanted.int_file}
    if wanted.write_pgm:
        paths["pgm"] = folder / wanted.pgm_file
    if wanted.write_noise:
        paths["noise"] = folder / wanted.noise_file
    if wanted.trace_pixel is not None and wanted.trace_json is not None:
        paths["trace"] = folder / wanted.trace_json
    return paths


def check_outputs(command: LoadedCommand, scene: Scene) -> None:
    """Refuse now what could only fail after the rendering."""
    seen: dict[Path, str] = {}
    for path in output_paths(command).values():
        if path in seen and not str(path).startswith("/dev/"):
            raise ArgumentError(f"{path}: two outputs have this name")
        seen[path] = ""
        if path.is_dir():
            raise InputFileError("cannot be written: it is a folder", path)
        if not os.access(path.parent if not path.exists() else path, os.W_OK):
            reason = "it is read-only" if path.exists() else "its folder is missing or read-only"
            raise InputFileError(f"cannot be written: {reason}", path)
    check_traced(command.outputs.trace_pixel, scene)


# --- rendering ------------------------------------------------------------------------------------------


def render_to(image: FloatImage, scene: Scene, command: LoadedCommand, path: RenderPath) -> None:
    """Render a scene into an image of zeros; progress and solid angle are printed."""
    if command.outputs.printout:
        for line in printout_lines(scene, command.outputs.printout_pixel):
            print(line)
    shown = command.outputs.progress and not command.outputs.printout
    rows, percent = scene.roi[3] - scene.roi[2] + 1, 0

    def progress(done: int) -> None:
        nonlocal percent
        now = whole_percent(done, rows)
        if shown and now > percent:
            percent = now
            print(f"{percent}% done", flush=True)

    _, omega_sum = render_image(scene, path, _workers(command), progress, image)
    progress(rows)
    omega = true_solid_angle(scene, omega_sum)
    print(f"solid angle subtended by detector = {omega:g} steradian ( {100.0 * omega / SPHERE_SR:g}% sphere)")


def _workers(command: LoadedCommand) -> int:
    return command.program.threads or default_threads()


def _refuse_infinite(image: FloatImage) -> None:
    """Nothing is written of an image that no reader could use; the C program writes it, and so does an emulation."""
    bad = not_finite(image)
    if bad:
        raise ArgumentError(f"{bad} of {image.size} pixels are not finite float32 numbers (fluence, F or crystal size "
                            "too large?); nothing was written")


# --- writing --------------------------------------------------------------------------------------------


def write_others(command: LoadedCommand, scene: Scene, image: FloatImage, together: Together) -> None:
    """The dump, and what is derived from the float image, each with its line on stdout."""
    wanted, workers = command.outputs, _workers(command)
    paths = {what: together.place(path) for what, path in output_paths(command).items()}
    if command.files.hkl_file is not None:
        _write_dump(command)
    print(f"writing {wanted.float_file} as {image.size} {image.dtype.itemsize}-byte floats")
    with aside(workers) as begin:
        flushed = begin(image.flush)
        statistics = image_statistics(scene, image, workers)
        flushed()
        echo.echo_statistics(statistics)
        scale = statistics.int_scale(wanted.int_scale)
        print(f"intfile_scale = {scale:g}")
        print(f"writing {wanted.int_file} as 2-byte integers")
        written = begin(write_int_image, paths["int"], scene, image, scale, wanted.adc_offset)
        if wanted.write_pgm:
            grey = statistics.pgm_scale(wanted.pgm_scale, scale)
            print(f"pgm_scale = {grey:g}")
            print(f"writing {wanted.pgm_file} as 1-byte integers")
            write_pgm(paths["pgm"], image, grey)
        written()
    if wanted.write_noise:
        _write_noise(command, scene, image, paths["noise"])


def _write_noise(command: LoadedCommand, scene: Scene, image: FloatImage, path: Place) -> None:
    from nanobrag_torch.output.noise import write_noise_image

    noise = write_noise_image(path, scene, image, command.outputs.adc_offset, command.options.given["seed"])
    print(f"{noise.photons:.0f} photons on noise image ({noise.overloads} overloads)")
    print(f"writing {command.outputs.noise_file} as 2-byte integers")


def _write_dump(command: LoadedCommand) -> None:
    """The grid of structure factors for a next run; going on without it where it cannot be written."""
    from nanobrag_torch.io.dump import write_dump

    name = command.files.dump_file or DUMP_BY_DEFAULT
    print(f"writing dump file for next time: {name}")
    try:
        write_dump(command.write_to / name, command.options.given["reflections"])
    except InputFileError as fault:
        command.options.warn(f"{fault}; going on without a dump")


def write_trace(command: LoadedCommand, pixel: Sequence[int], scene: Scene, together: Together) -> None:
    """Print every factor of one pixel (slow, fast), and write them as JSON where asked."""
    slow, fast = pixel
    x0, x1, y0, y1 = scene.roi
    masked = scene.mask is not None and not bool(scene.mask[slow, fast])
    if masked or not (x0 <= fast <= x1 and y0 <= slow <= y1):
        command.options.warn(f"-trace_pixel: pixel {slow} {fast} is not rendered; its intensity in the image is 0")
    with torch.no_grad():
        trace = trace_pixel(scene, slow, fast)
    for line in trace.lines():
        print(line)
    if command.outputs.trace_json is not None:
        mode = f"emulating {command.emulate}" if command.emulate.names else "physics"
        with atomic_output(together.place(command.write_to / command.outputs.trace_json)) as stream:
            stream.write(trace.json_text(PROGRAM_NAME, VERSION, mode).encode())
