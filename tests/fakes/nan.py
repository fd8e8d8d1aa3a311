"""An engine with one NaN among its pixels."""
from _image import pixels, write

values = pixels()
values[3] = float("nan")
write(values)
