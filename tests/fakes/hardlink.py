"""An engine whose image has a second name."""
import os

from _image import option, pixels, write

write(pixels(), "elsewhere.bin")
os.link("elsewhere.bin", option("-floatfile"))
