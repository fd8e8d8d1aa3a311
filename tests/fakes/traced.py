"""An engine that also prints what a pixel is made of: two phi steps, F_latt twice as large for the second.

-deaf flux makes it ignore -flux; -wrong F_latt doubles F_latt of the second step, -wrong third adds a phi step.
"""
import sys
from array import array

from _image import option, write

SIZE = 8


def given(name, default, count=1):
    return option(name, count) if name in sys.argv else default


deaf, wrong = given("-deaf", ""), given("-wrong", "")
fluence = float(given("-flux", 1.0)) * 1e6 if deaf != "flux" else 1.25e29
steps = 3 if wrong == "third" else 2
F_latt = [10.0 * (phi + 1) * (2 if wrong == "F_latt" and phi == 1 else 1) for phi in range(steps)]
terms = [100.0 * value ** 2 for value in F_latt]
scale = 7.94e-30 * fluence * sum(terms) / steps
write(array("f", [scale * (i + 1) for i in range(SIZE * SIZE)]))
if "-trace_pixel" in sys.argv:
    slow, fast = map(int, option("-trace_pixel", 2))
    share = slow * SIZE + fast + 1
    lines = {"pixel": f"{slow} {fast}", "pix0_m": "0.1 0.2 0.3", "solid_angle_sr[0,0,0]": share}
    for phi in range(steps):
        at = f"[0,0,0,0,{phi},0]"
        lines |= {f"hkl{at}": "1.1 2.2 3.3", f"F_cell{at}": 10, f"F_latt{at}": F_latt[phi], f"I_term{at}": terms[phi]}
    lines |= {"steps": steps, "I_before_scaling": sum(terms), "r_e_squared_m2": 7.94e-30, "fluence_per_m2": fluence,
              "solid_angle_sr": share, "intensity": scale * share}
    print(*(f"TRACE {name}={value}" for name, value in lines.items()), sep="\n")
