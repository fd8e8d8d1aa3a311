"""An engine that leaves an image of an hour ago."""
import os
import time

from _image import option, pixels, write

write(pixels())
os.utime(option("-floatfile"), (time.time() - 3600,) * 2)
