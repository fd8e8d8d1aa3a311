"""An engine that prints every variable it was given."""
import os

from _image import pixels, write

write(pixels())
print(*(f"{name}={value}" for name, value in os.environ.items()), sep="\n")
