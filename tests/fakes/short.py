"""An engine whose image lacks the last pixel."""
from _image import pixels, write

write(pixels()[:-1])
