"""An engine that writes a good image and then admits failure."""
import sys

from _image import pixels, write

write(pixels())
print("something went wrong", file=sys.stderr)
sys.exit(7)
