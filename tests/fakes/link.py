"""An engine that leaves a link to another image instead of an image."""
import os

from _image import option, pixels, write

write(pixels(), "elsewhere.bin")
os.symlink("elsewhere.bin", option("-floatfile"))
