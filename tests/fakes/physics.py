"""A subject without that defect, which can show it: -emulate defect, none, half or crash.

With -deaf it is 125,932 times too bright."""
import sys

from _image import option, pixels, write

values = pixels(scale=125932.0 if "-deaf" in sys.argv else 1.0)
emulated = option("-emulate") if "-emulate" in sys.argv else "none"
if emulated == "crash":
    sys.exit("there is no emulation of that name")
values[len(values) // 2] *= {"defect": 1.05, "half": 1.025, "none": 1.0}[emulated]
write(values)
