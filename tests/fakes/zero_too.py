"""Another engine whose image is all zero."""
from _image import pixels, write

write(pixels(scale=0.0))
