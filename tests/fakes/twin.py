"""A second engine that works: other bytes than good.py, the same image."""
import sys

from _image import pixels, write

if "-version" in sys.argv:
    print("twin engine 1.0 dtype=float64 device=cpu threads=1")
else:
    write(pixels())
    print("100% done")
