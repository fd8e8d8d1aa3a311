"""What a run says on stdout about itself; harnesses read these lines, so their wording is that of the C program."""

from __future__ import annotations

from collections.abc import Iterator

from nanobrag_torch.command.load import DUMP_BY_DEFAULT, LoadedCommand
from nanobrag_torch.output.statistics import Statistics
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.detector import dials_origin_mm
from nanobrag_torch.physics.vectors import cross, dot
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.units import ANGSTROM_PER_METRE, AVOGADRO_PER_MOL, DEGREES_PER_RADIAN, PROTEIN_G_PER_CM3

UM_PER_METRE = 1e6
CM3_PER_A3 = 1e-24
SHAPES = {"square": "parallelpiped", "round": "ellipsoidal", "gauss": "gaussian", "tophat": "tophat-spot"}


def g(*values) -> str:
    """Numbers as C's ``%g`` prints them, separated by blanks."""
    return " ".join(f"{number(value):g}" for value in values)


def echo_setup(command: LoadedCommand, scene: Scene) -> None:
    """Print what was understood and what follows from it, in the order of the calculation."""
    print("\n".join(setup_lines(command, scene)))


def echo_statistics(statistics: Statistics) -> None:
    """Print the figures of the finished image."""
    s = statistics
    print(f"max_I = {g(s.max)}  at {g(s.max_fast_m, s.max_slow_m)}")
    print(f"mean= {g(s.mean)} rms= {g(s.rms)} rmsd= {g(s.rmsd)}")


def setup_lines(command: LoadedCommand, scene: Scene) -> Iterator[str]:
    """The lines of echo_setup."""
    if command.emulate.names:
        yield f"emulating: {command.emulate}"
    yield from _convention(scene)
    yield from _cell(command, scene)
    yield from _size(scene)
    yield from _files(command, scene)
    yield from _scans(command, scene)
    yield from _beam(scene)
    yield from _detector(scene)
    yield from _sampling(command, scene)


# --- geometry and crystal -------------------------------------------------------------------------------


def _convention(scene: Scene) -> Iterator[str]:
    d, b = scene.geometry, scene.illumination.direction
    yield f"{d.convention} convention selected."
    yield f"pivoting detector around {'direct beam spot' if d.pivot == 'beam' else 'sample'}"
    yield f"XDS incident beam: {g(dot(b, d.fast), dot(b, d.slow), dot(b, d.normal))}"
    if not scene.interpolation_chosen:
        chosen = "tricubic interpolation of structure factors" if scene.F.interpolate else "no interpolation"
        yield f"auto-selected {chosen}"


def _rows(vectors, factor: float) -> Iterator[str]:
    for axis, name in enumerate("XYZ"):
        yield f"{name}: " + " ".join(f"{number(v[axis]) * factor:11.8f}" for v in vectors)


def _cell(command: LoadedCommand, scene: Scene) -> Iterator[str]:
    lattice = scene.lattice
    if command.files.matrix_file is not None:
        yield f"reading {command.files.matrix_file}"
    if lattice.misset_drawn:
        angles = " ".join(f"{number(angle) * DEGREES_PER_RADIAN:f}" for angle in lattice.misset)
        yield f"random orientation misset angles: {angles} deg"
    for name, cell in (("Unit", lattice.cell), ("Recp", lattice.reciprocal_cell)):
        yield f"{name} Cell: {g(*cell[:3], *(number(angle) * DEGREES_PER_RADIAN for angle in cell[3:]))}"
    yield f"volume = {g(lattice.volume_A3)} A^3"
    yield "real-space cell vectors (Angstrom):"
    yield "     a           b           c         "
    yield from _rows(lattice.real_m, ANGSTROM_PER_METRE)
    yield "reciprocal-space cell vectors (Angstrom^-1):"
    yield "     a_star      b_star      c_star    "
    yield from _rows(lattice.reciprocal_per_A, 1.0)


def _size(scene: Scene) -> Iterator[str]:
    lattice = scene.lattice
    x, y, z = (number(size) * UM_PER_METRE for size in lattice.size_m)
    yield f"crystal is {g(x)} x {g(y)} x {g(z)} microns"
    if not scene.oversample_chosen:
        yield f"auto-selected {scene.oversample}-fold oversampling"
    a, b, c = (number(length) for length in lattice.cell[:3])
    yield f"approximate MW = {g(PROTEIN_G_PER_CM3 * AVOGADRO_PER_MOL * CM3_PER_A3 * a * b * c)}"


def _files(command: LoadedCommand, scene: Scene) -> Iterator[str]:
    files = command.files
    if files.hkl_file is not None:
        yield f"counting entries in {files.hkl_file}"
        yield f"re-reading {files.hkl_file}"
    elif scene.F.count:
        yield f"reading Fs from {files.dump_file or DUMP_BY_DEFAULT}"
    if files.stol_file is not None:
        yield f"reading {files.stol_file}"


# --- scans ----------------------------------------------------------------------------------------------


def _scans(command: LoadedCommand, scene: Scene) -> Iterator[str]:
    d, light = scene.geometry, scene.illumination
    for layer in range(d.layers):
        yield f"thick{layer} = {g(number(d.layer_thickness) * layer * UM_PER_METRE)} um"
    for step in range(scene.spindle.steps):
        yield f"phi{step} = {g(number(scene.phi(step)) * DEGREES_PER_RADIAN)}"
    if command.files.source_file is None:
        for source in light.sources[:: light.dispersion.count]:
            yield f"divergence deviation: {g(source.hdiv, source.vdiv)}"
        for step, source in enumerate(light.sources[: light.dispersion.count]):
            yield f"lambda{step} = {number(source.wavelength):.15g}"
    yield f"  created a total of {len(light.sources)} sources:"
    for source in light.sources:
        yield f"{g(*source.position)}   {g(source.printed_weight, source.wavelength)}"
    yield f"  created a total of {scene.domains} mosaic domains"


# --- summary --------------------------------------------------------------------------------------------


def _beam(scene: Scene) -> Iterator[str]:
    light = scene.illumination
    yield f"  {scene.F.count} initialized hkls (all others ={g(scene.F.default_F)})"
    yield f"  {SHAPES[scene.shape]} xtal: {'x'.join(str(count) for count in scene.lattice.cells)} cells"
    yield (f"  wave={g(light.wavelength)} meters +/- {g(light.dispersion.range * 100.0)}% in "
           f"{light.dispersion.count} steps")
    if light.no_polarization:
        yield "  polarization effect disabled"
    else:
        yield f"  Kahn polarization factor: {number(light.polarization):f}"
    if scene.geometry.point_pixel:
        yield "  pixel obliquity effect disabled"
    yield f"  incident fluence: {g(light.fluence)} photons/m^2"


def _detector(scene: Scene) -> Iterator[str]:
    d, light, roi = scene.geometry, scene.illumination, scene.roi_printed
    yield (f"  distance={g(d.distance)} detsize={g(d.fast_size)}x{g(d.slow_size)}  pixel={g(d.pixel_size)} meters "
           f"({d.fast_pixels}x{d.slow_pixels} pixels)")
    yield f"  sensor is {g(d.thickness)} m thick in {d.layers} layers with mu= {g(d.attenuation)}"
    yield f"  Xbeam={g(d.x_beam)} Ybeam={g(d.y_beam)}"
    yield f"  Fbeam={g(d.fast_beam)} Sbeam={g(d.slow_beam)}"
    yield f"  Xclose={g(d.x_close)} Yclose={g(d.y_close)}"
    yield f"  Fclose={g(d.fast_close)} Sclose={g(d.slow_close)}"
    axes = {"DIRECTION_OF_DETECTOR_X-AXIS": d.fast, "DIRECTION_OF_DETECTOR_Y-AXIS": d.slow,
            "DIRECTION_OF_DETECTOR_Z-AXIS": d.normal, "INCIDENT_BEAM_DIRECTION": light.direction,
            "spindle ROTATION_AXIS": scene.spindle.axis,
            "POLARIZATION_PLANE_NORMAL": cross(light.direction, light.polarization_axis)}
    for name, axis in axes.items():
        yield f"  {name}= {g(*axis)}"
    yield f"  dials origin= {g(*dials_origin_mm(d))}"
    yield f"  roi: {roi[0]} < x < {roi[1]} && {roi[2]} < y < {roi[3]}"


def _sampling(command: LoadedCommand, scene: Scene) -> Iterator[str]:
    light, spindle = scene.illumination, scene.spindle
    start, end = spindle.start, spindle.start + spindle.oscillation
    flags = (("+thick", scene.oversample_thick), ("+polar", scene.oversample_polar),
             ("+omega", scene.oversample_omega))
    yield f"  hdivrange={g(light.hdiv.range)} hdivstep={g(light.hdiv.step)}  radians"
    yield f"  vdivrange={g(light.vdiv.range)} vdivstep={g(light.vdiv.step)}  radians"
    yield f"  {light.divergence_steps} divergence steps"
    yield f"  {len(light.sources)} sources"
    yield (f"  {scene.domains} mosaic domains over mosaic spread of "
           f"{g(number(scene.mosaic_spread) * DEGREES_PER_RADIAN)} degrees")
    yield (f"  {spindle.steps} phi steps from {g(number(start) * DEGREES_PER_RADIAN)} to "
           f"{g(number(end) * DEGREES_PER_RADIAN)} degrees")
    yield (f"  {scene.oversample}x{scene.oversample} pixel oversample steps"
           + "".join(f" {name}" for name, chosen in flags if chosen))
    if scene.mask is not None:
        yield f"  skipping zero-flagged pixels in {command.files.mask_file}"
    yield ""
