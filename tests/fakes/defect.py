"""A reference with a known defect: the brightest pixel is 5 % too high, unless -phi is given and not 0."""
import sys

from _image import option, pixels, write

values = pixels()
if "-phi" not in sys.argv or float(option("-phi")) == 0:
    values[len(values) // 2] *= 1.05
write(values)
