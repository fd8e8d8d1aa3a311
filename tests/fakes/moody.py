"""An engine that works, unless it is given two threads."""
import os
import sys

from _image import pixels, write

if os.environ.get("OMP_NUM_THREADS") == "2":
    sys.exit(5)
write(pixels())
