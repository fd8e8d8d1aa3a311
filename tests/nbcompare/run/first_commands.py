"""Twelve command lines as nanoBragg's README and its description show them, with inputs of ours and few pixels."""

from pathlib import Path

SMALL = "-detpixels 32 -pixel 0.75 "
FIRST_COMMANDS = {
    "readme-first": SMALL + "-hkl P1.hkl -matrix A.mat -lambda 6.2 -N 10",
    "readme-water": SMALL + "-hkl P1.hkl -matrix A.mat -lambda 6.2 -N 10 -fluence 2e22 -water 4",
    "readme-saxs": "-mat A.mat -hkl P1.hkl -lambda 1 -dispersion 0 -distance 1000 -detsize 100 -pixel 4 "
                   "-hdiv 0 -vdiv 0 -fluence 1e32 -N 1",
    "cell-and-misset": SMALL + "-hkl P1.hkl -cell 78 78 38 90 90 90 -misset 10 20 30 -lambda 1 -N 5",
    "random-orientation": SMALL + "-default_F 100 -cell 70 80 90 75 85 95 -misset random -lambda 1 -N 4",
    "oscillation": SMALL + "-hkl P1.hkl -mat A.mat -lambda 1 -N 8 -phi 10 -osc 1 -phisteps 5",
    "mosaic": SMALL + "-hkl P1.hkl -mat A.mat -lambda 1 -N 8 -mosaic 0.5 -mosaic_dom 6",
    "divergence-and-dispersion": SMALL + "-hkl P1.hkl -mat A.mat -lambda 1 -N 6 -divergence 4 -hdivsteps 3 -vdivsteps "
                                         "3 -dispersion 1 -dispsteps 3",
    "thick-tilted-detector": SMALL + "-hkl P1.hkl -mat A.mat -lambda 1 -N 6 -detector_abs 500 -detector_thick 450 "
                                     "-detector_thicksteps 3 -detector_rotx 5 -twotheta 10 -distance 80",
    "adxv-and-beam-centre": SMALL + "-hkl P1.hkl -mat A.mat -lambda 1 -N 6 -adxv -Xbeam 20 -Ybeam 27",
    "gauss-and-oversample": SMALL + "-hkl P1.hkl -mat A.mat -lambda 1 -Na 6 -Nb 5 -Nc 9 -gauss_xtal -oversample 2",
    "interpolated-roi": SMALL + "-hkl P1.hkl -mat A.mat -lambda 1 -N 2 -interpolate -roi 6 26 8 29 -polar 0.9",
}


def write_inputs(folder: Path) -> None:
    """P1.hkl with every reflection to the twelfth order, and A.mat of a cell of about 90 x 80 x 50 A."""
    orders = range(-12, 13)
    lines = (f"{h} {k} {l} {100 + (h * 37 + k * 91 + l * 53) % 211}\n" for h in orders for k in orders for l in orders)
    (folder / "P1.hkl").write_text("".join(lines))
    (folder / "A.mat").write_text("0.011 0.002 0.001\n-0.002 0.0125 0.0008\n0.0005 -0.001 0.0205\n")
