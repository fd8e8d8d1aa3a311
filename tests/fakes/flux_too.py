"""The same as flux.py, as another program."""
import sys

from _image import option, pixels, write

given = "-flux" in sys.argv and "-deaf" not in sys.argv
write(pixels(scale=(float(option("-flux")) if given else 2e18) / 1e18))
