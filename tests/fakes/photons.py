"""An engine whose image is a fixed pattern times flux * exposure / beamsize^2, and which knows -roi and -batch.

-broken flux: deaf to -flux. -broken pair: half the image when both -phi and -osc are there. -broken beam: a wrong
pixel where -Xbeam and -Ybeam point. -broken crash: dies when -mosaic is there. -broken batch: deaf to -flux in a
batch only. -broken third: half the image at -exposure 3 -adc 20 -phi 1. -broken dark: nothing in the upper half.
-broken high: dies when rows above the middle are asked for. -nap S: takes S seconds longer.
"""
import json
import os
import sys
import time
from array import array


def render(argv, folder, batched):
    def after(name, count=1, default=None):
        if name not in argv:
            return default
        at = len(argv) - 1 - argv[::-1].index(name)
        return argv[at + 1] if count == 1 else argv[at + 1:at + 1 + count]

    time.sleep(float(after("-nap", default=0)))
    broken, square = after("-broken", default=""), after("-detpixels", default=8)
    fast, slow = (int(after(f"-detpixels_{axis}", default=square)) for axis in "xy")
    deaf = broken == "flux" or (broken == "batch" and batched)
    flux = float(after("-flux", default=0)) if not deaf else 0.0
    area = float(after("-beamsize", default=0.1)) ** 2
    scale = flux * float(after("-exposure", default=1)) / area if flux else 1e9
    if "pair" in broken and "-phi" in argv and "-osc" in argv:
        scale /= 2
    if broken == "third" and (after("-exposure"), after("-adc"), after("-phi")) == ("3", "20", "1"):
        scale /= 2
    if broken == "high" and "-roi" in argv and int(after("-roi", 4)[3]) >= slow // 2:
        return 9
    if broken == "crash" and "-mosaic" in argv:
        return 9
    x0, x1, y0, y1 = map(int, after("-roi", 4, (0, fast - 1, 0, slow - 1)))
    pixels = array("f", [scale * (1 + (7 * x + 3 * y) % 11) if x0 <= x <= x1 and y0 <= y <= y1 else 0.0
                         for y in range(slow) for x in range(fast)])
    if "beam" in broken and "-Xbeam" in argv and "-Ybeam" in argv:
        pixels[int(float(after("-Ybeam"))) * fast + int(float(after("-Xbeam")))] *= 50
    if broken == "dark":
        pixels[:fast * (slow // 2)] = array("f", [0.0] * (fast * (slow // 2)))
    with open(os.path.join(folder, after("-floatfile")), "wb") as stream:
        stream.write(pixels.tobytes())
    return 0


if "-version" in sys.argv:
    print("photons 1.0")
elif "-batch" in sys.argv:
    for line in sys.stdin:
        request = json.loads(line)
        code = 0 if "-version" in request["argv"] else render(request["argv"], request["folder"], True)
        print(json.dumps({"exit_code": code, "stdout": "", "stderr": "", "seconds": 0.0}), flush=True)
else:
    sys.exit(render(sys.argv[1:], ".", False))
