"""An engine whose image has three bytes too many."""
from _image import option, pixels, write

write(pixels())
with open(option("-floatfile"), "ab") as stream:
    stream.write(b"abc")
