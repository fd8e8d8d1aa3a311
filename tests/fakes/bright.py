"""An engine whose image is the good one times 125,932: default fluence instead of flux."""
from _image import pixels, write

write(pixels(scale=125932.0))
