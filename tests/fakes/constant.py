"""An engine whose pixels are all one."""
from array import array

from _image import pixels, write

write(array("f", [1.0] * len(pixels())))
