"""A reference that depends on its number of threads: one pixel in a thousandth of itself for each beyond the first."""
import os

from _image import pixels, write

values = pixels()
values[5] *= 1 + 1e-3 * (int(os.environ.get("OMP_NUM_THREADS", "1")) - 1)
write(values)
