"""An engine whose image is in proportion to -flux (1e18 when not given). With -deaf it does not listen; -colour does
nothing in any engine; without -detpixels_x it fails."""
import sys

from _image import option, pixels, write

flux = float(option("-flux")) if "-flux" in sys.argv and "-deaf" not in sys.argv else 2e18
write(pixels(scale=flux / 1e18))
