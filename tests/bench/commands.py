"""The commands that are timed, in groups: each is one row of the tables."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.programs import CASE, case_command

MEGAPIXEL = 1024
OPTIONS = (f"-mat A.mat -hkl scaled.hkl -lambda 0.9768 -distance 231 -pixel 0.3 -detpixels {MEGAPIXEL} -N 30 "
           "-oversample 1 -nointerpolate -nonoise -nopgm -noprogress")
SCAN = "-phi 1 -osc 0.1 -phisteps 4"


XFEL = "10 wavelengths x 10 mosaic domains, a hundredth of an XFEL still"
CARRIED = "phi-carryover:threads={threads}"
ALL = f"all,{CARRIED}"
"""Every emulation: what a comparison against the real program may be run with, whatever the command."""


@dataclass(frozen=True)
class Command:
    """One row: a name, the arguments, and the emulations without which nanoBragg C computes something else."""

    name: str
    argv: tuple[str, ...]
    emulate: str = ""


def _command(name: str, text: str, emulate: str = "") -> Command:
    return Command(name, tuple(text.split()), emulate)


def supervisor() -> Command:
    """The supervisor case, as cases/supervisor.yaml has it."""
    return Command(f"{CASE.stem}: 2463 x 2527 pixels, 10 phi steps", (*case_command(), "-noprogress"), CARRIED)


def option_paths() -> list[Command]:
    """Every shape, interpolation and sampling, on one megapixel. Of spots by which the real program makes too little of
    the crystal's size, those of a small one: with 30 cells on a side there are none on the detector."""
    rows = [
        ("square crystal, 4 phi steps", SCAN, ""),
        ("square crystal, still", "-phi 1", ""),
        ("square crystal, 4 phi steps of 1 degree", "-phi 1 -osc 4 -phisteps 4", ""),
        ("4 phi steps from 0 on, the first as the one before left it", "-phi 0 -osc 0.1 -phisteps 4", CARRIED),
        ("round crystal, 4 phi steps", f"{SCAN} -round_xtal", ""),
        ("gaussian crystal, 4 phi steps", f"{SCAN} -gauss_xtal -N 8", "gauss-tophat-width"),
        ("tophat spots, 4 phi steps", f"{SCAN} -binary_spots -N 5", "gauss-tophat-width"),
        ("tricubic interpolation, 2 phi steps", "-interpolate -phi 1 -osc 0.1 -phisteps 2", ""),
        ("4 mosaic domains", "-mosaic 0.5 -mosaic_dom 4 -phi 1", ""),
        ("2 mosaic domains, 4 phi steps", f"{SCAN} -mosaic 0.5 -mosaic_dom 2", ""),
        ("9 sources of a divergent beam", "-divergence 2 -divsteps 3 -square_div -phi 1", ""),
        ("4 wavelengths", "-dispersion 0.5 -dispsteps 4 -phi 1", ""),
        (XFEL, "-dispersion 0.5 -dispsteps 10 -mosaic 0.5 -mosaic_dom 10 -phi 1", ""),
        ("2 x 2 sub-pixels", "-oversample 2 -phi 1", ""),
        ("2 x 2 sub-pixels, each with its own solid angle", "-oversample 2 -oversample_omega -phi 1",
         "running-product"),
        ("thick detector of 3 layers", "-detector_thick 300 -detector_abs 200 -thicksteps 3 -phi 1",
         "last-layer-capture"),
        ("polarized beam", f"{SCAN} -polar 0.99", ""),
        ("resolution limit", f"{SCAN} -dmin 2", ""),
        ("water background", f"{SCAN} -water 20 -fluence 1e24", "water-scaling"),
        ("curved detector", f"{SCAN} -curved_det 1", "curved-lab-axes"),
    ]
    return [_command(name, f"{OPTIONS} {text}", emulate) for name, text, emulate in rows]


def memory() -> list[Command]:
    """More and more pixels, phi steps, mosaic domains and sources."""
    return [_command(name, f"{OPTIONS} -phi 1 {text}") for name, text in (
        ("1 Mpixel, still", ""), ("4 Mpixel", "-detpixels 2048 -pixel 0.15"),
        ("16 Mpixel", "-detpixels 4096 -pixel 0.075"), ("1 Mpixel, 100 phi steps", "-osc 1 -phisteps 100"),
        ("1 Mpixel, 25 mosaic domains", "-mosaic 0.5 -mosaic_dom 25"),
        ("1 Mpixel, 10 wavelengths x 10 mosaic domains",
         "-dispersion 0.5 -dispsteps 10 -mosaic 0.5 -mosaic_dom 10"),
        ("1 Mpixel, 25 sources", "-divergence 2 -divsteps 5 -square_div"))]


STEPS, SIDES = (1, 10, 100), (1024, 2048, 4096)
"""Phi steps, and pixels along a side: one, four and sixteen megapixels, the last about an Eiger 16M."""


def growth(steps: int, side: int) -> Command:
    """Phi steps of 0.01 degree on the same detector in finer and finer pixels."""
    return _command(f"{steps} phi steps, {side} x {side} pixels",
                    f"{OPTIONS} -detpixels {side} -pixel {0.3 * MEGAPIXEL / side:g} -phi 1 -osc {steps * 0.01:g} "
                    f"-phisteps {steps}")
